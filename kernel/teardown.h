/* SPDX-License-Identifier: MIT */
#pragma once

#include "mm/object.h"

struct group;

/*
 * What unreferenced objects held is freed in bounded steps, group by group: a group that makes and
 * destroys objects all the time delays no other's end. The steps are done by whoever destroys the
 * group, by the system calls of its own threads, and by idle CPUs. Both need the object lock.
 */

/* One step for a group's objects; NULL: those charged to nobody. False: there was nothing to do. */
bool teardown_step(struct group *group);
/* One step for any group: each has its turn. */
bool teardown_step_any(void);

/* The objects of one group that wait, and its place among the groups that have any. */
struct teardown {
	struct list objects; /* oldest first */
	struct list node;
};

/* Whether there is something to do; may be asked without the lock. */
extern struct list teardown_groups;
static inline bool teardown_waiting(void)
{
	return !list_empty(&teardown_groups);
}
