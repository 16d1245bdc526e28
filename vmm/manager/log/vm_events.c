/* SPDX-License-Identifier: MIT */
/*
 * Keeps the last events of VMs for subscribers, who each read at their own pace. Called by vm/,
 * disk/, net/ and the console to add, and by the machine channels and `events since` to read. Owns
 * the ring of records.
 */
#include "vmm/manager/log/vm_events.h"
#include "lib/string.h"
#include "vmm/manager/host/machine.h"

static struct vm_event_record records[VM_EVENTS_KEPT];
static u64 written; /* number of events ever added to the ring */

const char *vm_event_name(enum vm_event event)
{
	/* clang-format off */
	static const char names[VM_EVENT_COUNT][20] = {
		[EVENT_CREATED] = "created", [EVENT_STARTED] = "started",
		[EVENT_PAUSED] = "paused",   [EVENT_RESUMED] = "resumed",
		[EVENT_RESET] = "reset",     [EVENT_STOPPED] = "stopped",
		[EVENT_CRASHED] = "crashed", [EVENT_DESTROYED] = "destroyed",
		[EVENT_CONFIGURATION] = "configuration",
		[EVENT_CONSOLE_ATTACHED] = "console_attached",
		[EVENT_NETWORK] = "network",
		[EVENT_SNAPSHOT] = "snapshot_dropped",
		[EVENT_DISK_FULL] = "disk_full",
		[EVENT_BACKUP_DONE] = "backup_done",
		[EVENT_BACKUP_FAILED] = "backup_failed",
		[EVENT_STORE_DAMAGED] = "store_damaged",
	};
	/* clang-format on */

	return names[event];
}

void vm_event(const char *name, const char *uuid, enum vm_event event, const char *reason)
{
	struct vm_event_record *record = &records[written++ % VM_EVENTS_KEPT];

	record->time_ns = machine_time_ns();
	record->event = event;
	string_copy(record->name, sizeof(record->name), name);
	string_copy(record->uuid, sizeof(record->uuid), uuid);
	string_copy(record->reason, sizeof(record->reason), reason);
}

u64 vm_event_last(void)
{
	return written;
}

u64 vm_event_first(void)
{
	return written > VM_EVENTS_KEPT ? written - VM_EVENTS_KEPT + 1 : 1;
}

const struct vm_event_record *vm_event_next(u64 *cursor, u64 *lost)
{
	if (written - *cursor > VM_EVENTS_KEPT) {
		*lost += written - VM_EVENTS_KEPT - *cursor;
		*cursor = written - VM_EVENTS_KEPT;
	}
	return *cursor < written ? &records[(*cursor)++ % VM_EVENTS_KEPT] : NULL;
}
