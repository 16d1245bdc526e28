/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/disk/store.h"
#include "vmm/manager/vm/vm_operation.h"

struct vm;

/*
 * A volume that a running or paused VM writes to gets another key: disk/rekey.c copies it in
 * rounds, and here its guest is held for the last one, after which its monitor is renewed with the
 * new key.
 */
enum vm_rekey_phase {
	VM_REKEY_NONE,
	VM_REKEY_COPIES,     /* the guest runs while its volume is copied */
	VM_REKEY_STANDS,     /* the VM's monitor is being renewed, and the guest stands still */
	VM_REKEY_RETURNS,    /* the new monitor has failed, and the volume gets its old key back */
	VM_REKEY_CONTINUING, /* the old monitor is asked to continue the guest */
};

/*
 * The volume that is to get the key of that name; `number` is then the rekey's, for rekey_ended().
 */
struct vm_rekey_wish {
	struct store *store;
	const struct store_volume *volume;
	const char *key;
	u32 *number;
};

/* Returns the VM that writes to that volume, or NULL. */
struct vm *vm_rekey_user(const struct store *store, u64 volume);
/*
 * Begins the rekey of a volume that the VM writes to. Returns false, with the reason in `problem`,
 * if that is not possible.
 */
bool vm_rekey(struct vm *vm, const struct vm_rekey_wish *wish, char *problem, size_t size);
extern const struct vm_operation_ops vm_rekey_ops;
