/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/pages.h"
#include "kernel/sched/queue.h"
#include "kernel/run_queue/run_queue.h"
#include "mm/quota.h"

struct memory;

/*
 * A group's objects that wait to be freed, and its place in the list of groups with such objects
 * (teardown_groups).
 */
struct teardown {
	struct list objects; /* the dead objects to be freed, the oldest first */
	struct list node;
};

/*
 * The most threads of a group. Three durations grow with the number of threads: to end their
 * process, to begin a wait with a deadline on their CPU, and to wake the last of those threads
 * whose waits end together.
 */
#define GROUP_THREADS_MAX 256u

/* The unit of account, one per VM: pays for pages and for CPU time. */
struct group {
	struct object object;
	struct quota quota;
	/* the objects charged to the group, linked by object.node, processes first */
	struct list members;
	struct list ended; /* the members that group_end has ended already, linked the same way */
	struct teardown teardown;
	struct run_group run; /* weight and cap */
	/* number of the group's threads, dead ones included until they are freed */
	u32 thread_count;
	u64 affinity; /* CPUs 0 to 63 that the group's threads may use, a bit each */
	/* the CPU time that the group's threads may reserve together, in 1/1000 of a CPU */
	u64 reservable_permille;
	/* the value of GROUP_TAG, shown by CPUs that run the group's threads */
	u64 tag;
	struct group_page *page; /* the group's counters, which the holder of a handle may read */
	struct memory *page_memory;
	struct signal starved; /* raised when group_starve stops a thread */
	/*
	 * while the group ends: the mark (tlb_pages_mark) behind its last page in the list of pages
	 * to be freed
	 */
	u64 pages_mark;
};
