/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"

#define MUTEX_THREADS 64

/*
 * A lock for up to 64 threads. A thread that finds it held spins a little and then waits in the
 * kernel, on its own queue. The wait takes signals out of that queue: a thread that gets the lock
 * must check whether the signalled events have happened. Not recursive, no order among waiters; all
 * zeros: free.
 */
struct mutex {
	u32 held;
	/*
	 * the number, plus 1, of the thread that was woken and has yet to try to take the lock; 0:
	 * there is none
	 */
	u32 woken;
	u64 waiting; /* threads that wait to be woken, a bit each */
	/*
	 * for each thread, the event that wakes it, bound to the queue in which that thread waits
	 */
	handle_t event[MUTEX_THREADS];
};

void mutex_lock(struct mutex *mutex, u32 thread, handle_t queue);
/*
 * Tries to take the lock; returns false if it is held. Never waits, and so takes no signal out of
 * the thread's queue.
 */
static inline bool mutex_try(struct mutex *mutex)
{
	/* compiles to a single BTS */
	return (__atomic_fetch_or(&mutex->held, 1, __ATOMIC_SEQ_CST) & 1) == 0;
}
/* Wakes one of the threads that wait for the lock, if there is any. */
void mutex_pass_on(struct mutex *mutex);
static inline void mutex_unlock(struct mutex *mutex)
{
	__atomic_store_n(&mutex->held, 0, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&mutex->waiting, __ATOMIC_SEQ_CST) != 0)
		mutex_pass_on(mutex);
}
