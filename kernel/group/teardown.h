/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/list.h"

struct group;

/*
 * The resources of unreferenced objects are freed in bounded steps, group by group: a group that
 * creates and destroys objects all the time delays no other group's end. The steps are made by the
 * destroyer of the group, by the system calls of its own threads, and by idle CPUs. The callers of
 * the next two functions hold the object lock.
 */

/*
 * Makes one step of freeing a group's dead objects; NULL: those charged to no group. Returns false
 * if there was nothing to do.
 */
bool teardown_step(struct group *group);
/*
 * Makes one step of freeing the dead objects of the next group in turn. Returns false if there was
 * nothing to do.
 */
bool teardown_step_any(void);

/*
 * teardown_waiting returns true if an object waits to be freed; it may be called without the object
 * lock.
 */
extern struct list teardown_groups;
static inline bool teardown_waiting(void)
{
	return !list_empty(&teardown_groups);
}
