/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct space;
struct quota;

/*
 * Invalidation without waiting. Unmapping raises the space's generation and kicks the CPUs that run
 * on it; the pages go to a list and back to the allocator when every CPU has passed its loop since.
 * Between passing and entering anything a CPU compares generations.
 */

/* Unmapped something: translations of the space made before this call must not be used again. */
void tlb_flush_space(struct space *space);

/*
 * A CPU begins or ends running a guest on the space: whether tlb_flush_space kicks it. Begins
 * before tlb_must_flush is asked, lest a kick be missed.
 */
void tlb_space_enter(struct space *space, u32 cpu);
void tlb_space_leave(struct space *space, u32 cpu);
/*
 * For who enters a space with a tagged TLB (a vCPU on its second stage) and remembers in *seen what
 * it entered with: true when it must flush its tag first.
 */
bool tlb_must_flush(const struct space *space, u64 *seen) MUST_CHECK;

/* Puts a process's space on this CPU: loads CR3 when it is another one or has changed. */
void tlb_process_enter(struct space *space, u32 cpu);
/* Leaves it for the kernel's own tables. */
void tlb_process_leave(u32 cpu);

/* A CPU takes part from now on; it runs on the kernel's own tables. */
void tlb_cpu_online(u32 cpu);
/*
 * To be called once in each turn of a CPU's loop. Leaves a space that is being destroyed, flushes
 * one that has changed and frees some of the pages that no CPU can reach any more.
 */
void tlb_cpu_passed(u32 cpu);
/*
 * An idle CPU runs on the kernel's own tables and is not waited for. A CPU should not go idle
 * while tlb_pages_waiting() is not 0.
 */
void tlb_cpu_idle(u32 cpu, bool idle);

/* Frees a block when every CPU has passed. Its quota charge, if any, ends at once. */
void tlb_page_free(hpa_t hpa, struct quota *quota);
/* Pages that wait to be freed. */
extern u64 tlb_waiting;
static inline u64 tlb_pages_waiting(void)
{
	return __atomic_load_n(&tlb_waiting, __ATOMIC_RELAXED);
}
/* A mark behind all that wait now, and whether they are free. */
u64 tlb_pages_mark(void);
bool tlb_pages_freed(u64 mark);

/* The processor's part, given by the kernel. */
void tlb_arch_load_root(hpa_t root); /* writes CR3, which flushes all but global entries */
void tlb_arch_kick(u32 cpu);         /* makes a CPU, perhaps this one, pass its loop soon */
u64 tlb_arch_clock_ms(void);
