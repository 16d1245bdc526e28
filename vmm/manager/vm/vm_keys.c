/* SPDX-License-Identifier: MIT */
/*
 * Says which keys of a VM's configuration may be changed in its present state. Called by `vm set`,
 * `vm get` and the completion of command lines. Only reads the VM.
 */
#include "vmm/manager/vm/vm_keys.h"

#include "vmm/manager/config/config_keys.h"

bool vm_keys_at_any_time(struct text key)
{
	struct text rest = TEXT(VM_KEYS_AT_ANY_TIME);
	struct text word;

	while (text_next_word(&rest, &word)) {
		if (word.length == key.length && memcmp(word.start, key.start, key.length) == 0)
			return true;
	}
	return false;
}

bool vm_keys_has_snapshots(const struct vm *vm)
{
	for (u32 i = 0; i < VM_SNAPSHOT_MAX; i++)
		if (vm->snapshots.list[i].name[0] != '\0')
			return true;
	return false;
}

/*
 * Returns whether `vm set` may change a key of the VM now. Keys that cannot change at any time take
 * effect when the VM boots with a new monitor. A word that is no key passes here: config_set
 * refuses it.
 */
bool vm_keys_can_change(const struct vm *vm, struct text key)
{
	return (vm_has_ended(vm) && !vm_keys_has_snapshots(vm)) || vm_keys_at_any_time(key) ||
	       config_key_find(config_vm_keys, key) == NULL;
}
