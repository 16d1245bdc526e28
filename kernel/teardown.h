/* SPDX-License-Identifier: MIT */
#pragma once

#include "mm/object.h"

/*
 * One bounded step of freeing what unreferenced objects held. False: nothing was left to do. Needs
 * the object lock. For SYS_OBJECT_DESTROY, idle CPUs, and busy ones at their timer interrupts.
 */
bool teardown_step(void);
/* Whether there is something to do; may be asked without the lock. */
extern struct list teardown_list;
static inline bool teardown_waiting(void)
{
	return !list_empty(&teardown_list);
}
