/* SPDX-License-Identifier: MIT */
#pragma once

#include "mm/object.h"

/*
 * One bounded step of giving back what unreferenced objects held. False when nothing is left to
 * do. Called under the object lock, from SYS_OBJECT_DESTROY and by an idle CPU.
 */
bool teardown_step(void);
/* Whether there is something to do; may be asked without the lock. */
extern struct list teardown_list;
static inline bool teardown_waiting(void)
{
	return !list_empty(&teardown_list);
}
