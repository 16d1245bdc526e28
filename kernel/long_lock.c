/* SPDX-License-Identifier: MIT */
#include "kernel/long_lock.h"
#include "arch/x86_64/cpu/percpu.h"
#include "kernel/object_lock.h"
#include "lib/lock.h"

static struct lock long_lock_first;
/* Changed by who has that lock, read by all: only this CPU finds itself there. */
static struct cpu *long_lock_aside;

void long_lock(void)
{
	lock_acquire(&long_lock_first, LOCK_LONG);
	object_lock();
}

void long_unlock(void)
{
	object_unlock();
	lock_release(&long_lock_first, LOCK_LONG);
}

void long_aside(void)
{
	__atomic_store_n(&long_lock_aside, this_cpu(), __ATOMIC_RELAXED);
	object_unlock();
}

void long_back(void)
{
	object_lock();
	__atomic_store_n(&long_lock_aside, NULL, __ATOMIC_RELAXED);
}

bool long_is_aside(void)
{
	return __atomic_load_n(&long_lock_aside, __ATOMIC_RELAXED) == this_cpu();
}
