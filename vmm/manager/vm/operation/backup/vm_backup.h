/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/operation/backup/vm_backup_types.h"
#include "vmm/manager/vm/vm_operation.h"

struct vm;

/* An operator's request for a backup. */
struct vm_backup_wish {
	enum backup_kind kind;
	bool overwrite; /* the backup may overwrite data on the targets */
	bool chosen[CONFIG_VM_DISK_MAX];
	char target[CONFIG_VM_DISK_MAX][CONFIG_DISK_BYTES]; /* DISK or STORE/VOLUME */
	bool state;	 /* the backup also saves the VM's state at the same moment */
	bool quiesce;	 /* the guest's file systems are to be frozen; not with `state` */
	u32 state_place; /* number, for config_disk, of the disk to which the state is saved */
};

/*
 * Begins a backup; returns false, with the reason in `problem`, if that is not possible. vm_busy()
 * is true until the guest continues; then vm->backup shows the progress, and an event reports the
 * end.
 */
bool vm_backup(struct vm *vm, const struct vm_backup_wish *wish, char *problem, size_t size);
/*
 * Ends the VM's backup under way. Returns false, with the reason in `problem`, if that is not
 * possible.
 */
bool vm_backup_cancel(struct vm *vm, char *problem, size_t size);
/* Tells how many bytes of how many were copied; both are 0 before the copying process begins. */
void vm_backup_progress(const struct vm *vm, u64 *copied, u64 *all);

/* Returns whether the monitor holds the guest for a backup. */
bool vm_backup_holds(const struct vm *vm);
extern const struct vm_operation_ops vm_backup_ops;
/* Notes that the copying process has ended. */
void vm_backup_copier_ended(struct vm *vm);
