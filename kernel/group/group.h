/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/group/group_types.h"
#include "lib/status.h"

struct thread;

/*
 * Creates a group. The caller keeps the group's first reference until the group is destroyed: its
 * members must not outlive it. STATUS_NO_MEMORY.
 */
enum status group_create(u64 quota_pages, u64 weight, struct group **group) MUST_CHECK;

/* Makes the object a member of the group, so that destroying the group ends the object. */
void group_adopt(struct group *group, struct object *object);

/* Ends every process of the group, with this exit code. */
void group_kill(struct group *group, u64 code);

/*
 * Ends the group's processes first, then its other members, a bounded number per call: handles of
 * ended objects become stale. Returns true if there is more to do.
 */
bool group_end(struct group *group);

/*
 * Stops the running thread, whose group has no page left for it, until group_feed lets the thread
 * try again, and signals the queue to which the group is bound. Returns false, without effect, if
 * the group is bound to none. The function takes the object lock.
 */
bool group_starve(struct thread *thread);
/*
 * Lets the threads that group_starve has stopped try again to take a page. The caller has the
 * object lock alone.
 */
void group_feed(struct group *group);

/* Frees the group when its last reference goes; for object_release. */
void group_release(struct object *object);
