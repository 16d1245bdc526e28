/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct vm;

/* The process that copies disks for vm_backup.c: see vmm/io/copier_page.h. */

/* Returns the pages that the copying process and its links take for that many disks. */
u64 vm_backup_copier_pages(u32 disks);
/*
 * Starts the process with links to the chosen disks' old contents. Returns false, with the reason
 * in `problem`, if it could not be started.
 */
bool vm_backup_copier_start(struct vm *vm, char *problem, size_t size);
/* Ends the copying process and frees the memory shared with it; the links stay. */
void vm_backup_copier_end(struct vm *vm);
