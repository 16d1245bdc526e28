/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/pages.h"
#include "vmm/manager/text/guid.h"
#include "vmm/rt/channel.h"

/* The kinds of events of VMs, named as in docs/manager/channel.md. */
enum vm_event {
	EVENT_CREATED,
	EVENT_STARTED,
	EVENT_PAUSED,
	EVENT_RESUMED,
	EVENT_RESET,
	EVENT_STOPPED,
	EVENT_CRASHED,
	EVENT_DESTROYED,
	EVENT_CONFIGURATION, /* keys of the VM have changed */
	/*
	 * a stream or terminal that may write to the VM's console was attached; the reason says
	 * whose
	 */
	EVENT_CONSOLE_ATTACHED,
	/* a network's port was blocked or freed; the event has no VM if an uplink has the port */
	EVENT_NETWORK,
	EVENT_SNAPSHOT, /* a snapshot had to be dropped; the reason says which and why */
	/* a clone's overlay has no more room for writes; the reason names the disk */
	EVENT_DISK_FULL,
	EVENT_BACKUP_DONE,   /* a backup is complete; the reason says which */
	EVENT_BACKUP_FAILED, /* a backup failed or was cancelled; the reason says which, why */
	/* a scrub has found data of a store that the disk has spoiled; the event has no VM */
	EVENT_STORE_DAMAGED,
	VM_EVENT_COUNT
};

#define VM_EVENTS_KEPT 1024u

struct vm_event_record {
	u64 time_ns; /* when the event was added, in ns since the kernel started */
	enum vm_event event;
	char name[CHANNEL_NAME_BYTES];
	char uuid[GUID_TEXT_BYTES];
	char reason[sizeof(((struct vm_channel *)NULL)->reason)];
};

/* Adds an event, for every subscriber. `reason` may be "". */
void vm_event(const char *name, const char *uuid, enum vm_event event, const char *reason);
const char *vm_event_name(enum vm_event event);

/*
 * Return the number of the last event, and of the oldest that is still kept (1 if there is none).
 * Events are numbered from 1.
 */
u64 vm_event_last(void);
u64 vm_event_first(void);

/*
 * Returns the next event for a subscriber, or NULL. The cursor is the number of the last event that
 * it has seen, 0 before the first. The oldest events are dropped; *lost grows by how many of them
 * the subscriber has not seen.
 */
const struct vm_event_record *vm_event_next(u64 *cursor, u64 *lost);
