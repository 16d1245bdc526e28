/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/pages.h"
#include "vmm/manager/config/config.h"
#include "vmm/manager/disk/guid.h"
#include "vmm/rt/channel.h"

/* What happened to a VM, in the words of docs/manager/channel.md. */
enum vm_event {
	EVENT_CREATED,
	EVENT_STARTED,
	EVENT_PAUSED,
	EVENT_RESUMED,
	EVENT_RESET,
	EVENT_STOPPED,
	EVENT_CRASHED,
	EVENT_DESTROYED,
	EVENT_CONFIGURATION,	/* its keys have changed */
	EVENT_CONSOLE_ATTACHED, /* somebody may write to its console: who, is the reason */
	EVENT_NETWORK, /* a network's port is blocked, or no longer; of no VM if it is an uplink */
	EVENT_SNAPSHOT, /* one had to be dropped: which and why, is the reason */
	EVENT_DISK_FULL, /* what a clone writes to a disk has no more room: the reason says it */
	EVENT_BACKUP_DONE, /* all of it is on the medium: which, is the reason */
	EVENT_BACKUP_FAILED, /* or was cancelled: which and why, is the reason */
	VM_EVENT_COUNT
};

#define VM_EVENTS_KEPT 1024u

struct vm_event_record {
	u64 time_ns; /* since the kernel started */
	enum vm_event event;
	char name[CONFIG_NAME_BYTES];
	char uuid[GUID_TEXT_BYTES];
	char reason[sizeof(((struct vm_channel *)NULL)->reason)];
};

/* Tells every subscriber. `reason` may be "". */
void vm_event(const char *name, const char *uuid, enum vm_event event, const char *reason);
const char *vm_event_name(enum vm_event event);

/* Events are numbered from 1 on: the last one; the first that is kept, 1 while there is none. */
u64 vm_event_last(void);
u64 vm_event_first(void);

/*
 * A subscriber reads by a cursor of its own, the number of the event it has seen last, 0 for the
 * first time: the next event or NULL. The oldest give way; *lost grows by how many of them the
 * subscriber has not seen.
 */
const struct vm_event_record *vm_event_next(u64 *cursor, u64 *lost);
