/* SPDX-License-Identifier: MIT */
/*
 * Finds a VM's snapshots by name or layer, and counts the clones that began there. Called by the
 * operations on VMs and by the snapshot commands. Only reads the list.
 */
#include "vmm/manager/log/vm_events.h"
#include "vmm/manager/vm/vm_snapshot_list.h"
#include "vmm/rt/format.h"

struct vm_snapshot *vm_snapshot_find(struct vm *vm, const char *name)
{
	VM_SNAPSHOT_FOR_EACH(vm, snapshot) {
		if (snapshot->name[0] != '\0' && string_equal(snapshot->name, name))
			return snapshot;
	}
	return NULL;
}

bool vm_snapshot_was_dropped(const struct vm *vm, const char *name, char *why, size_t size)
{
	char begin[CONFIG_NAME_BYTES + sizeof(VM_SNAPSHOT_DROPPED)];
	size_t length = format(begin, sizeof(begin), VM_SNAPSHOT_DROPPED, name);
	const struct vm_event_record *record;
	u64 cursor = 0;
	u64 lost = 0;
	bool found = false;

	while (length < sizeof(begin) && (record = vm_event_next(&cursor, &lost)) != NULL) {
		if (record->event != EVENT_SNAPSHOT || !string_equal(record->uuid, vm->uuid) ||
		    memcmp(record->reason, begin, length) != 0)
			continue;
		string_copy(why, size, record->reason + length);
		found = true;
	}
	return found;
}

void vm_snapshot_names(const struct vm *vm, char *text, size_t size)
{
	size_t length = 0;

	for (u32 i = 0; i < VM_SNAPSHOT_MAX && length < size; i++)
		if (vm->snapshots.list[i].name[0] != '\0')
			length += format(text + length, size - length, "%s%s",
					 length > 0 ? ", " : "", vm->snapshots.list[i].name);
	if (length == 0)
		format(text, size, "none");
}

bool vm_snapshot_on_top(const struct vm *vm, const struct vm_snapshot *snapshot)
{
	return snapshot->layer == vm->snapshots.layer;
}

u32 vm_snapshot_clones(const struct vm *vm, const struct vm_snapshot *snapshot)
{
	u32 count = 0;

	VM_FOR_EACH(clone)
		count += clone->clone_of == vm->id &&
			 (snapshot == NULL || clone->clone_layer == snapshot->layer);
	return count;
}

bool vm_snapshot_may_end(const struct vm *vm, char *problem, size_t size)
{
	size_t length = 0;

	VM_FOR_EACH(clone) {
		if (clone->clone_of != vm->id)
			continue;
		if (length == 0)
			length = format(problem, size,
					"its memory is that of its clones; first destroy or stop");
		if (length < size)
			length +=
				format(problem + length, size - length, " %s", clone->config.name);
	}
	return length == 0;
}

/* Forgets the VM's snapshots; their handles end with the VM's memory group. */
void vm_snapshot_forget(struct vm *vm)
{
	memset(vm->snapshots.list, 0, sizeof(vm->snapshots.list));
	vm->snapshots.layer = 0;
	vm->snapshots.depth = 0;
}
