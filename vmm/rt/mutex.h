/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"

#define MUTEX_THREADS 64

/*
 * Mutual exclusion of up to 64 threads. Whoever finds it held spins a little and then waits in the
 * kernel, on the thread's own queue. That takes signals out of the queue: whoever gets the lock has
 * to look at what they were about. Not recursive, no order among waiters; zero is free.
 */
struct mutex {
	u32 held;
	u32 woken;   /* the number, plus 1, of the thread that was told to try again; 0: none was */
	u64 waiting; /* threads to be told */
	/* the event that wakes each thread, bound to the queue in which that thread waits */
	handle_t event[MUTEX_THREADS];
};

void mutex_lock(struct mutex *mutex, u32 thread, handle_t queue);
/*
 * Tries to take the lock. Never waits, and so takes no signal out of the thread's queue; returns
 * false if the lock is held.
 */
static inline bool mutex_try(struct mutex *mutex)
{
	/* compiles to a single BTS */
	return (__atomic_fetch_or(&mutex->held, 1, __ATOMIC_SEQ_CST) & 1) == 0;
}
/* Calls one of the waiters, if there is any. */
void mutex_pass_on(struct mutex *mutex);
static inline void mutex_unlock(struct mutex *mutex)
{
	__atomic_store_n(&mutex->held, 0, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&mutex->waiting, __ATOMIC_SEQ_CST) != 0)
		mutex_pass_on(mutex);
}
