/* SPDX-License-Identifier: MIT */
#include "vmm/manager/events.h"
#include "lib/bits.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

#define KEY_SOURCE_SHIFT 32

static handle_t queue;

enum status events_init(void)
{
	return sys_queue_create(start_handle(START_GROUP), &queue);
}

enum status events_bind(handle_t handle, enum event_source source, u32 number)
{
	return sys_object_bind(handle, queue, (u64)source << KEY_SOURCE_SHIFT | number);
}

bool events_wait(u64 deadline_tsc, struct event *event)
{
	u64 key;

	if (sys_queue_wait(queue, deadline_tsc, &key) != STATUS_OK)
		return false;
	event->source = (enum event_source)(key >> KEY_SOURCE_SHIFT);
	event->number = (u32)key;
	return true;
}
