/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * A ticket lock: first come, first served. All zero is an open lock. Holders never wait for
 * anything but a later lock of the order given in mm/object.h.
 */
struct lock {
	u32 next;    /* the ticket handed out next */
	u32 serving; /* the ticket that holds the lock */
};

static inline void lock_acquire(struct lock *lock)
{
	u32 ticket = __atomic_fetch_add(&lock->next, 1, __ATOMIC_RELAXED);

	/* Pairs with the release below. */
	while (__atomic_load_n(&lock->serving, __ATOMIC_ACQUIRE) != ticket)
		__builtin_ia32_pause();
}

static inline void lock_release(struct lock *lock)
{
	/* Only the holder writes `serving`. */
	__atomic_store_n(&lock->serving, lock->serving + 1, __ATOMIC_RELEASE);
}
