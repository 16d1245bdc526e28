/* SPDX-License-Identifier: MIT */
/*
 * DEBUG=1: checks that every CPU takes locks in the order of enum lock_rank, and counts how often
 * each rank was taken and was not free. lib/lock.h calls it at each acquisition and release. It
 * touches the running CPU's mask of held locks and the counts in struct kernel_page.
 */
#include "arch/x86_64/cpu/percpu.h"
#include "kernel/machine/machine.h"
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
