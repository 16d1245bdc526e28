/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * All locks, in the order in which a CPU may take them: while it holds one, it may take only later
 * ones, and never two of one rank. DEBUG=1 checks this at every acquisition and counts the
 * acquisitions that had to wait.
 */
enum lock_rank {
	LOCK_LONG, /* the lock of kernel/object/long_lock.h */
	/*
	 * the lock that a CPU holds while it has the object lock alone: kernel/object/object_lock.h
	 */
	LOCK_OBJECTS,
	/* no lock, but the rank of a CPU that shares the object lock with other CPUs */
	LOCK_SHARED,
	LOCK_IRQ,   /* the lock in struct irq */
	LOCK_QUEUE, /* the lock of struct queue and of the signals bound to it */
	LOCK_RUN,   /* the lock in struct cpu: run queue and sleepers */
	LOCK_GROUP, /* the lock in struct run_group */
	LOCK_LAYER, /* layer_lock, the lock of memory objects' layers: mm/layer.h */
	LOCK_SPACE,
	LOCK_IOMMU,  /* the lock in struct iommu, one for each IOMMU */
	LOCK_IOAPIC, /* the lock of an I/O APIC's registers, arch/x86_64/cpu/ioapic.c */
	LOCK_MEMORY,
	LOCK_QUOTA, /* the lock of struct quota and of the slabs charged to it */
	/* tlb_lock, the lock of the pages that wait to be freed and their epochs: mm/tlb.c */
	LOCK_DEFERRED,
	LOCK_PAGES, /* the lock of the page allocator, mm/buddy.c */
	LOCK_RANKS
};

/* A ticket lock: first come, first served. A lock of all zeros is free. */
struct lock {
	u32 next;    /* the ticket that the next CPU to want the lock takes */
	u32 serving; /* the ticket of the CPU that holds the lock */
};

#ifdef DEBUG
void lock_check_acquire(enum lock_rank rank, bool waited);
void lock_check_release(enum lock_rank rank);
#else
#define lock_check_acquire(rank, waited) ((void)(rank), (void)(waited))
#define lock_check_release(rank)	 ((void)(rank))
#endif

static inline void lock_acquire(struct lock *lock, enum lock_rank rank)
{
	u32 ticket = __atomic_fetch_add(&lock->next, 1, __ATOMIC_RELAXED);
	bool waited = false;

	/* Pairs with the release store in lock_release. */
	while (unlikely(__atomic_load_n(&lock->serving, __ATOMIC_ACQUIRE) != ticket)) {
		waited = true;
		__builtin_ia32_pause();
	}
	lock_check_acquire(rank, waited);
}

static inline void lock_release(struct lock *lock, enum lock_rank rank)
{
	lock_check_release(rank);
	/* Only the holder writes `serving`. */
	__atomic_store_n(&lock->serving, lock->serving + 1, __ATOMIC_RELEASE);
}
