/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/pages.h"
#include "kernel/queue.h"
#include "kernel/run_queue.h"
#include "kernel/teardown.h"
#include "lib/list.h"
#include "lib/status.h"
#include "mm/object.h"
#include "mm/quota.h"

struct memory;
struct thread;

/*
 * The most threads of a group. The time to end a process grows with its threads; so does the time
 * of a timed wait on their CPU, and the time until the last thread is served of those whose waits
 * end together.
 */
#define GROUP_THREADS_MAX 256u

/* The unit of account, one per VM: pays for pages and for CPU time. */
struct group {
	struct object object;
	struct quota quota;
	struct list members; /* the objects charged to it, by object.node, processes first */
	struct list ended;   /* members that group_end has already ended */
	struct teardown teardown;
	struct run_group run;	 /* weight and cap */
	u32 thread_count;	 /* threads that exist, dead ones included until they are freed */
	u64 affinity;		 /* CPUs 0 to 63 that its threads may use, a bit each */
	u64 reservable_permille; /* in 1/1000 of a CPU: what its threads may reserve together */
	u64 tag;		 /* GROUP_TAG: shown by CPUs that run its threads */
	struct group_page *page; /* its counts, which the holder of a handle may read */
	struct memory *page_memory;
	struct signal starved; /* raised when group_starve stops a thread */
	u64 pages_mark; /* while the group ends: tlb_pages_mark() after its last page was freed */
};

/*
 * Creates a group. The caller keeps a reference until the group is destroyed: its members must not
 * outlive it. STATUS_NO_MEMORY.
 */
enum status group_create(u64 quota_pages, u64 weight, struct group **group) MUST_CHECK;

/* Makes the object a member, so that destroying the group ends the object. */
void group_adopt(struct group *group, struct object *object);

/* Ends every member that is a process, with this exit code. */
void group_kill(struct group *group, u64 code);

/*
 * Ends the group's processes first, then a bounded number of members per call: handles of ended
 * objects become stale. Returns true if there is more to do.
 */
bool group_end(struct group *group);

/*
 * Stops the running thread, whose group has no page left for it, until group_feed lets it try
 * again, and signals whoever has bound the group. Returns false, without effect, if nobody has. The
 * function takes the object lock.
 */
bool group_starve(struct thread *thread);
/* Lets the threads that group_starve has stopped try again. With the objects alone. */
void group_feed(struct group *group);

/* Frees the group when its last reference goes; for object_release. */
void group_release(struct object *object);
