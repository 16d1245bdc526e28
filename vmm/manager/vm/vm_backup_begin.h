/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/vm_backup.h"

/* Of vm_backup.c: what comes before the guest stands still. False: `problem` says why not. */

bool vm_backup_may_begin(struct vm *vm, const struct vm_backup_wish *wish, char *problem,
			 size_t size);
/* Memory and links for the disks that were chosen; what there is of them has to be given back. */
bool vm_backup_prepare(struct vm *vm, char *problem, size_t size);
