/* SPDX-License-Identifier: MIT */
/*
 * The long lock, which orders the operations that create, change or end objects, one after the
 * other. The system calls, teardown, and the code that ends processes take it, always before the
 * object lock. It owns that lock and notes which CPU has set the object lock aside.
 */
#include "kernel/object/long_lock.h"
#include "arch/x86_64/cpu/percpu.h"
#include "kernel/object/object_lock.h"
#include "lib/lock.h"

static struct lock long_lock_first;
/*
 * The CPU between long_aside and long_back, or NULL. The holder of the long lock writes the
 * pointer; any CPU may read it, and only that CPU finds itself in it.
 */
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
