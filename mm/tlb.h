/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/cpu/tlb_arch.h"
#include "kernel/abi/pages.h"
#include "lib/types.h"

struct space;
struct quota;

/*
 * TLB invalidation without waiting. Unmapping raises the space's generation and kicks the CPUs that
 * run on it. The pages go to a list, and to the allocator once every CPU has since passed: gone
 * through its loop (tlb_cpu_passed). After a pass a CPU compares generations before it enters.
 */

/* Something was unmapped: the space's translations made before this call must not be used again. */
void tlb_flush_space(struct space *space);

/*
 * For a guest's space, as far as the CPU itself may have used what was unmapped: it compares
 * generations before it enters. False: others may have used it too.
 */
bool tlb_flush_alone(struct space *space);

/*
 * A CPU begins or stops running a guest on the space; in between tlb_flush_space kicks it. It must
 * begin before it asks tlb_must_flush, lest a kick be missed.
 */
void tlb_space_enter(struct space *space, u32 cpu);
void tlb_space_leave(struct space *space, u32 cpu);
/*
 * For who must know when nobody uses what was unmapped, instead of freeing it in time. After
 * tlb_flush_space: adds the CPUs that it kicked to a set of CPU_MAX bits.
 */
void tlb_await(const struct space *space, u64 *cpus);
/*
 * Removes those that have noticed their kick since, and so compare generations before they enter;
 * as does the caller's. True: none is left.
 */
bool tlb_rest_passed(u64 *cpus) MUST_CHECK; /* where some are left */
static inline bool tlb_all_passed(u64 *cpus)
{
	u64 left = 0;

	for (u32 word = 0; word < CPU_MAX / 64; word++)
		left |= cpus[word];
	return likely(left == 0) || tlb_rest_passed(cpus);
}
/*
 * For whoever enters a space with a tagged TLB (a vCPU on its second stage): true if it must flush
 * its tag first. *seen remembers the generation it last entered with.
 */
bool tlb_must_flush(const struct space *space, u64 *seen) MUST_CHECK;

/* Puts a process's space on this CPU; loads CR3 if it is not the current one or has changed. */
void tlb_process_enter(struct space *space, u32 cpu);
/* Leaves it for the kernel's own tables. */
void tlb_process_leave(u32 cpu);

/* The CPU takes part from now on, as all before it do; it runs on the kernel's own tables. */
void tlb_cpu_online(u32 cpu);
/*
 * To be called in each pass of a CPU through its loop. Leaves a space that is being destroyed, or
 * that has changed and that nobody here uses (`used`: the running thread does), so that it is not
 * kicked for it again; flushes one that is used and has changed. Frees some of the pages that no
 * CPU can reach any more.
 */
void tlb_cpu_passed(u32 cpu, bool used);
/* An idle CPU runs on the kernel's own tables and is not waited for. */
void tlb_cpu_idle(u32 cpu, bool idle);

/*
 * With several CPUs epochs end no sooner than this after they began, and one that has not passed of
 * its own accord is kicked no sooner: who unmaps all the time does not stop others all the time.
 */
#define TLB_EPOCH_MS 2
#define TLB_EPOCH_NS (TLB_EPOCH_MS * NS_PER_MS)

/*
 * Frees a block once every CPU has passed. Its quota charge, if any, ends at once, but until the
 * block is free it counts against the quota's limit (quota_release).
 */
void tlb_page_free(hpa_t hpa, struct quota *quota);
/* Pages that wait to be freed. */
extern u64 tlb_waiting;
static inline u64 tlb_pages_waiting(void)
{
	return __atomic_load_n(&tlb_waiting, __ATOMIC_RELAXED);
}
/* Whether a pass of this CPU, or the end of the epoch that it may bring, is waited for. */
bool tlb_cpu_behind(u32 cpu);
static inline bool tlb_cpu_must_pass(u32 cpu)
{
	return unlikely(tlb_pages_waiting() != 0) && tlb_cpu_behind(cpu);
}
/* A mark after all pages that wait now; and whether all pages before a mark are free. */
u64 tlb_pages_mark(void);
bool tlb_pages_freed(u64 mark);
