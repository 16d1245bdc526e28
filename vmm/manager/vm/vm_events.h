/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/pages.h"
#include "vmm/manager/config/config.h"
#include "vmm/rt/channel.h"

/* What happened to a VM, in the words of docs/manager.md. */
enum vm_event {
	EVENT_CREATED,
	EVENT_STARTED,
	EVENT_PAUSED,
	EVENT_RESUMED,
	EVENT_RESET,
	EVENT_STOPPED,
	EVENT_CRASHED,
	EVENT_DESTROYED,
	VM_EVENT_COUNT
};

#define VM_EVENTS_KEPT 128u

struct vm_event_record {
	u64 time_ns; /* since the kernel started */
	enum vm_event event;
	char name[CONFIG_NAME_BYTES];
	char reason[sizeof(((struct vm_channel *)NULL)->reason)];
};

/* Tells every subscriber. `reason` may be "". */
void vm_event(const char *name, enum vm_event event, const char *reason);
const char *vm_event_name(enum vm_event event);

/*
 * A subscriber reads by a cursor of its own, 0 for the first time: the next event or NULL. The
 * oldest give way; *lost grows by how many of them the subscriber has not seen.
 */
const struct vm_event_record *vm_event_next(u64 *cursor, u64 *lost);
