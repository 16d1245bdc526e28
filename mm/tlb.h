/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/cpu/tlb_arch.h"
#include "kernel/abi/pages.h"
#include "lib/types.h"

struct space;
struct quota;

/*
 * TLB invalidation without waiting. Unmapping raises the space's generation and kicks the CPUs that
 * run on the space. The unmapped pages go to a list, and from there to the allocator once every CPU
 * has passed, which means gone through its loop (tlb_cpu_passed). After a pass a CPU compares the
 * generation that it has used with the space's before it enters the space.
 */

/*
 * Reports that something was unmapped from the space. Once a CPU has noticed its kick, it uses none
 * of the translations removed before this call; no device does once the call returns.
 */
void tlb_flush_space(struct space *space);

/*
 * Does what tlb_flush_space does, for a guest's space, if only the running CPU may have used what
 * was unmapped: this CPU compares the space's generation with the one it last used before it enters
 * the space. Returns false if other CPUs may have used it too.
 */
bool tlb_flush_alone(struct space *space);
/* Returns true if a CPU runs on the space, or has its tables loaded. */
bool tlb_space_runs(const struct space *space);

/*
 * Records that a CPU begins or stops running on the space; in between tlb_flush_space kicks the
 * CPU. The CPU must call tlb_space_enter before tlb_must_flush, lest it miss a kick.
 */
void tlb_space_enter(struct space *space, u32 cpu);
void tlb_space_leave(struct space *space, u32 cpu);
/*
 * Adds the CPUs that tlb_flush_space has just kicked to `cpus`, a set of CPU_MAX bits, for a caller
 * that must itself know when no CPU uses the unmapped pages any more.
 */
void tlb_await(const struct space *space, u64 *cpus);
/*
 * Removes from the set of CPUs those that have noticed their kick since, and the running CPU: all
 * of them compare the space's generation with the one they last used before they enter the space.
 * Returns true if no CPU is left.
 */
bool tlb_rest_passed(u64 *cpus) MUST_CHECK; /* the slow path */
static inline bool tlb_all_passed(u64 *cpus)
{
	u64 left = 0;

	for (u32 word = 0; word < CPU_MAX / 64; word++)
		left |= cpus[word];
	return likely(left == 0) || tlb_rest_passed(cpus);
}
/*
 * Returns true if a vCPU must flush its TLB entries before it enters the guest, because something
 * was unmapped from the space since. *seen keeps the space's generation at the vCPU's last entry.
 */
bool tlb_must_flush(const struct space *space, u64 *seen) MUST_CHECK;

/*
 * Makes the CPU run on a process's space; loads CR3 if that is another space than before, or
 * something was unmapped from it.
 */
void tlb_process_enter(struct space *space, u32 cpu);
/* Makes the CPU run on the kernel's own tables in place of a process's space, if it has one. */
void tlb_process_leave(u32 cpu);

/*
 * Makes the CPU take part in the epochs of page freeing from now on, as all CPUs with lower numbers
 * do. The CPU runs on the kernel's own tables.
 */
void tlb_cpu_online(u32 cpu);
/*
 * Records that a CPU passes, which means goes through its loop; called each time. If something was
 * unmapped from the CPU's loaded space, flushes the TLB if the running thread uses the space
 * (`used`), otherwise leaves the space, so that the CPU is not kicked for it again; also leaves a
 * space that is being destroyed. Frees some of the pages that no CPU can reach any more.
 */
void tlb_cpu_passed(u32 cpu, bool used);
/*
 * Records that a CPU becomes idle or stops being idle. An idle CPU runs on the kernel's own tables
 * and no epoch of page freeing waits for it.
 */
void tlb_cpu_idle(u32 cpu, bool idle);

/*
 * The least length in ms of an epoch, in which every CPU passes through its loop, with several
 * CPUs; and the least time before a CPU is kicked because it has not passed by itself. So a process
 * that unmaps all the time does not interrupt the other CPUs all the time.
 */
#define TLB_EPOCH_MS 2
#define TLB_EPOCH_NS (TLB_EPOCH_MS * NS_PER_MS)

/*
 * Puts a block on the list of those that are freed once every CPU has passed (gone through its
 * loop). The charge to `quota`, if any, ends at once, but until the block is free it counts against
 * the quota's limit (quota_release).
 */
void tlb_page_free(hpa_t hpa, struct quota *quota);
/* The number of pages that wait to be freed until every CPU has gone through its loop. */
extern u64 tlb_waiting;
static inline u64 tlb_pages_waiting(void)
{
	return __atomic_load_n(&tlb_waiting, __ATOMIC_RELAXED);
}
/*
 * Returns true if other CPUs wait for this CPU to pass through its loop, or for the end of the
 * epoch, which its pass may bring.
 */
bool tlb_cpu_behind(u32 cpu);
/*
 * Returns true if pages wait to be freed and this CPU has yet to go through its loop before they
 * can be.
 */
static inline bool tlb_cpu_must_pass(u32 cpu)
{
	return unlikely(tlb_pages_waiting() != 0) && tlb_cpu_behind(cpu);
}
/*
 * tlb_pages_mark returns a mark: a number that stands for the place in the list behind all pages
 * that now wait to be freed; tlb_pages_freed returns true once all pages before a mark are free.
 */
u64 tlb_pages_mark(void);
bool tlb_pages_freed(u64 mark);
