/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct vm;

/* The process that copies disks for vm_backup.c: vmm/io/copier_page.h. */

/* Pages that it and its links take, for so many disks. */
u64 vm_backup_copier_pages(u32 disks);
/* With links to what the chosen disks held. False: `problem` says why there is none. */
bool vm_backup_copier_start(struct vm *vm, char *problem, size_t size);
/* Ends it and gives back what it shared; links stay. */
void vm_backup_copier_end(struct vm *vm);
