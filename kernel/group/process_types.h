/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/sched/queue.h"

struct group;
struct handle_table;
struct space;

/* A ring-3 program: an address space, a table of handles and threads. */
struct process {
	struct object object;
	struct group *group;
	struct space *space;
	struct handle_table *handles;
	struct list threads; /* the process's threads, linked by struct thread.sibling */
	u64 image_base;
	u64 entry; /* address at which the process's first thread begins */
	u8 *ports; /* bitmap of IO_BITMAP_BYTES, charged to the group; NULL: no ports */
	/*
	 * identifies the bits in `ports`: every change of any process's bitmap takes the next
	 * number
	 */
	u32 ports_version;
	/* number of the process's threads, dead ones included until they are freed */
	u32 thread_count;
	struct signal ended;
	u64 exit_code;
	bool started;
	/* started and not yet ended: while so, the process holds a reference to itself */
	bool running;
};
