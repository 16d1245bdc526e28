/* SPDX-License-Identifier: MIT */
/*
 * A client's part of a link to a driver: kernel objects that outlast the link when the client goes
 * over to another driver. Called by driver_link.c, and by disk.c where no such driver is found.
 */
#include "vmm/manager/driver/link_ends.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

enum status link_ends_make(handle_t group, u64 bytes, struct link_ends *ends)
{
	enum status status = sys_memory_create(group, bytes, 0, &ends->memory);
	u64 at = 0;

	/*
	 * the client's memory group pays for the events: the driver's work for the client's signals
	 * is charged to the client
	 */
	if (status == STATUS_OK)
		status = sys_event_create(group, &ends->doorbell);
	if (status == STATUS_OK)
		status = sys_event_create(group, &ends->bell);
	if (status == STATUS_OK)
		status = sys_space_map(start_handle(START_SPACE), 0, ends->memory, 0, PAGE_SIZE,
				       RIGHT_READ | RIGHT_WRITE, &at);
	ends->at = (struct link_memory *)(uintptr_t)at;
	return status;
}

void link_ends_forget_server(struct link_ends *ends)
{
	struct link_line *line = &ends->at->line[LINK_SERVER];

	/* clear the generation first, without which the client ignores all other fields */
	__atomic_store_n(&line->generation, 0, __ATOMIC_SEQ_CST);
	memset(line, 0, sizeof(*line));
}

void link_ends_close(struct link_ends *ends)
{
	const handle_t events[] = {ends->doorbell, ends->bell};

	if (ends->at != NULL)
		sys_space_unmap(start_handle(START_SPACE), (u64)(uintptr_t)ends->at, PAGE_SIZE);
	if (ends->memory != HANDLE_NONE)
		sys_handle_close(ends->memory);
	for (u32 i = 0; i < ARRAY_COUNT(events); i++) {
		if (events[i] == HANDLE_NONE)
			continue;
		sys_object_destroy(events[i]);
		sys_handle_close(events[i]);
	}
	*ends = (struct link_ends){.memory = HANDLE_NONE};
}
