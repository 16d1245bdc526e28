/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/operation/backup/vm_backup.h"

/*
 * The part of vm_backup.c that is done before the guest is held. Returns false, with the reason in
 * `problem`, if no backup may begin.
 */

bool vm_backup_may_begin(struct vm *vm, const struct vm_backup_wish *wish, char *problem,
			 size_t size);
/*
 * Makes memory and links for the backup's disks. After a failure the caller has to free the parts
 * that were made.
 */
bool vm_backup_prepare(struct vm *vm, char *problem, size_t size);
/*
 * Makes the list of changed blocks of the VM's disk at index `place` where there is none yet, or
 * where the disk has outgrown it; for a rekey, too.
 */
bool vm_backup_prepare_changes(struct vm *vm, u32 place, char *problem, size_t size);
