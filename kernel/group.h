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
 * The time to end a process grows with its threads, as do that of a timed wait on their CPUs and
 * that until the last of those is served whose waits end at the same time.
 */
#define GROUP_THREADS_MAX 256u

/* The unit of account, one per VM: who pays for pages and for CPU time. */
struct group {
	struct object object;
	struct quota quota;
	struct list members;     /* the objects charged to it, by object.node, processes first */
	struct list ended;       /* members that group_end has already ended */
	struct teardown teardown;
	struct run_group run;    /* weight and cap */
	u32 thread_count;        /* threads that are not yet freed */
	u64 affinity;            /* CPUs 0 to 63 that its threads may use, a bit each */
	u64 reservable_permille; /* of one CPU: what its threads may reserve together */
	u64 tag;                 /* GROUP_TAG: shown by CPUs that run its threads */
	struct group_page *page; /* shown to the holder of the handle */
	struct memory *page_memory;
	struct signal starved; /* raised for each thread that group_starve has stopped */
	u64 pages_mark; /* while it ends: tlb_pages_mark() after its last page was freed */
};

/* The caller keeps a reference until the group is destroyed: its members must not outlive it. */
enum status group_create(u64 quota_pages, u64 weight, struct group **group) MUST_CHECK;

/* Makes the object a member, so that destroying the group ends the object. */
void group_adopt(struct group *group, struct object *object);

/* Ends every member that is a process, with this exit code. */
void group_kill(struct group *group, u64 code);

/*
 * Ends the processes first, then a bounded number of members per call: their handles become stale.
 * True: there is more to do.
 */
bool group_end(struct group *group);

/*
 * The running thread finds no page left to its group. If somebody listens he is told, and it waits
 * until group_feed has it try again; else false.
 */
bool group_starve(struct thread *thread);
void group_feed(struct group *group);

void group_release(struct object *object);
