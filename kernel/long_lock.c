/* SPDX-License-Identifier: MIT */
#include "kernel/long_lock.h"
#include "arch/x86_64/cpu/instructions.h"
#include "mm/object_lock.h"

static struct lock long_lock_first;
/* Guarded by it. */
static u64 long_lock_taken;
static u64 long_lock_others; /* until then the object lock is for others */

void long_lock(void)
{
	lock_acquire(&long_lock_first, LOCK_LONG);
	while (rdtsc() < long_lock_others)
		pause();
	lock_acquire(&object_lock, LOCK_OBJECTS);
	long_lock_taken = rdtsc();
}

void long_unlock(void)
{
	u64 now = rdtsc();

	long_lock_others = lock_wanted(&object_lock) ? now + (now - long_lock_taken) : 0;
	lock_release(&object_lock, LOCK_OBJECTS);
	lock_release(&long_lock_first, LOCK_LONG);
}
