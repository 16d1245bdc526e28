/* SPDX-License-Identifier: MIT */
/*
 * Allocates memory objects of the process's own group and maps them. Called by the heap, thread
 * stacks, the manager's rings and the monitor; waits at most a second for pages that other
 * processes give back (syscall.h).
 */
#include "vmm/rt/memory.h"
#include "vmm/rt/start.h"

enum status memory_take(u64 bytes, u32 flags, handle_t *memory, u64 *at)
{
	enum status status = sys_memory_create(start_handle(START_GROUP), bytes, flags, memory);

	if (status != STATUS_OK)
		return status;
	status = sys_space_map(start_handle(START_SPACE), 0, *memory, 0, bytes,
			       RIGHT_READ | RIGHT_WRITE, at);
	if (status != STATUS_OK)
		sys_handle_close(*memory);
	return status;
}

enum status memory_map(u64 bytes, u64 *at)
{
	handle_t memory;
	enum status status = memory_take(bytes, 0, &memory, at);

	if (status == STATUS_OK)
		sys_handle_close(memory);
	return status;
}

void memory_give_back(handle_t memory, u64 at, u64 bytes)
{
	sys_space_unmap(start_handle(START_SPACE), at, bytes);
	sys_handle_close(memory);
}
