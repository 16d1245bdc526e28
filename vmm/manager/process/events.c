/* SPDX-License-Identifier: MIT */
/*
 * The manager's queue of signals, and a second queue that no thread waits on. Called by the event
 * loop and by all code that binds kernel objects to a queue. Owns both queues.
 */
#include "vmm/manager/process/events.h"
#include "lib/bits.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

#define KEY_SOURCE_SHIFT 32

static handle_t queue;
static handle_t mute; /* a queue that no thread waits on, for signals that are to be ignored */

enum status events_init(void)
{
	enum status status = sys_queue_create(start_handle(START_GROUP), &queue);

	return status == STATUS_OK ? sys_queue_create(start_handle(START_GROUP), &mute) : status;
}

enum status events_bind(handle_t handle, enum event_source source, u32 number)
{
	return sys_object_bind(handle, queue, (u64)source << KEY_SOURCE_SHIFT | number);
}

enum status events_mute(handle_t handle)
{
	return sys_object_bind(handle, mute, 0);
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
