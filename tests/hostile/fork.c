/* SPDX-License-Identifier: MIT */
/*
 * Makes processes from a hostile process, with all that it has itself. Called by child.c as one of
 * its moves.
 */
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/hostile/hostile.h"

/* Gives a process all that this one has, with its own process and space in place of this one's. */
static bool give_all(handle_t process, handle_t space, struct start_info *info)
{
	for (u32 i = 0; i < start_info->entry_count; i++) {
		struct start_entry entry = start_info->entry[i];
		handle_t own = entry.kind == START_SELF	   ? process
			       : entry.kind == START_SPACE ? space
							   : entry.handle;

		if (sys_handle_grant(process, own, RIGHT_ALL, &entry.handle) != STATUS_OK)
			return false;
		info->entry[info->entry_count++] = entry;
	}
	return true;
}

void fork_play(struct hostile *self)
{
	handle_t image = start_handle(START_FILE_KERNEL);
	handle_t process = HANDLE_NONE;
	handle_t space = HANDLE_NONE;
	handle_t memory = HANDLE_NONE;
	struct start_info *info;
	u64 at = 0;

	if (image == HANDLE_NONE)
		return;
	shared->forks++;
	if (sys_process_create(own_group, image, 0, &process) == STATUS_OK &&
	    sys_process_space(process, &space) == STATUS_OK &&
	    sys_memory_create(own_group, START_BYTES, 0, &memory) == STATUS_OK &&
	    sys_space_map(own_space, 0, memory, 0, START_BYTES, RIGHT_READ | RIGHT_WRITE, &at) ==
		    STATUS_OK) {
		info = (struct start_info *)at;
		*info = *start_info;
		info->entry_count = 0;
		info->parameter[15] = draw(self);
		if (give_all(process, space, info) &&
		    sys_process_start(process, memory) == STATUS_OK)
			shared->forked++;
	}
	if (at != 0)
		(void)sys_space_unmap(own_space, at, START_BYTES);
	for (u32 i = 0; i < 3; i++) {
		handle_t handle = i == 0 ? process : i == 1 ? space : memory;

		if (handle != HANDLE_NONE && draw(self) % 4 != 0)
			(void)sys_handle_close(handle);
	}
}
