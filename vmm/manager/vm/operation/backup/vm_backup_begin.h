/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/operation/backup/vm_backup.h"

/*
 * Part of vm_backup.c: the work before the guest is held. Returns false, with the reason in
 * `problem`, if no backup may begin.
 */

bool vm_backup_may_begin(struct vm *vm, const struct vm_backup_wish *wish, char *problem,
			 size_t size);
/* Makes memory and links for the chosen disks. What a failed call leaves has to be given back. */
bool vm_backup_prepare(struct vm *vm, char *problem, size_t size);
