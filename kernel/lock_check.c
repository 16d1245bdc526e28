/* SPDX-License-Identifier: MIT */
/* DEBUG=1: checks the order of locks and counts how often each was taken and was not free. */
#include "arch/x86_64/cpu/percpu.h"
#include "kernel/machine.h"
#include "arch/x86_64/cpu/panic.h"
#include "lib/lock.h"

#ifdef DEBUG
void lock_check_acquire(enum lock_rank rank, bool waited)
{
	if (this_cpu()->locks >> rank != 0)
		panic("lock %u taken while holding mask %x", rank, this_cpu()->locks);
	this_cpu()->locks |= 1u << rank;
	if (machine.page == NULL)
		return;
	__atomic_fetch_add(&machine.page->locks[rank].taken, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&machine.page->locks[rank].waited, waited, __ATOMIC_RELAXED);
}

void lock_check_release(enum lock_rank rank)
{
	if ((this_cpu()->locks & (1u << rank)) == 0)
		panic("lock %u let go by a CPU that holds mask %x", rank, this_cpu()->locks);
	this_cpu()->locks &= ~(1u << rank);
}
#endif
