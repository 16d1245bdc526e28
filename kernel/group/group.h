/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/group/group_types.h"
#include "lib/status.h"

struct thread;

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
/* Lets the threads that group_starve has stopped try again. The caller has the object lock alone.
 */
void group_feed(struct group *group);

/* Frees the group when its last reference goes; for object_release. */
void group_release(struct object *object);
