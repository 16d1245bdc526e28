/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/vcpu.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/query.h"

/*
 * What the last exits of a vCPU were and what they cost: a ring, and sums by reason. Only exits
 * that reach the monitor are here. Part of every exit, so the commonest is written in two dozen
 * instructions; it is read when no vCPU is in the guest.
 */
struct trace {
	u32 count; /* entries ever written */
	bool open; /* the last one's cost is not known yet */
	struct query_trace_entry entry[QUERY_TRACE_ENTRIES];
	struct query_cost cost[EXIT_REASON_COUNT];
};

/* Neighbours of struct vcpu_exit that are copied as one word. */
static inline void trace_word(void *to, const void *from)
{
	__builtin_memcpy(to, from, sizeof(u64));
}

/* An exit has come, as the page says. */
static inline void trace_exit(struct trace *trace, const struct vcpu_page *page)
{
	const struct vcpu_exit *exit = &page->exit;
	struct query_trace_entry *entry = &trace->entry[trace->count++ % QUERY_TRACE_ENTRIES];

	_Static_assert(offsetof(struct vcpu_exit, io_flags) ==
			       offsetof(struct vcpu_exit, access) + 7,
		       "neighbours");
	entry->tsc = exit->tsc;
	entry->rip = page->rip;
	entry->rax = page->gpr[GPR_RAX];
	trace_word(&entry->reason, &exit->reason);
	trace_word(&entry->access, &exit->access);
	if (exit->reason != EXIT_IO) {
		entry->gpa = exit->gpa;
		entry->qualification = exit->qualification;
		entry->rcx = page->gpr[GPR_RCX];
		trace_word(&entry->vector, &exit->vector);
	}
	trace->open = true;
}

/* It is settled: the guest goes on, or has nothing to do. */
static inline void trace_settled(struct trace *trace)
{
	struct query_trace_entry *entry;
	struct query_cost *cost;

	if (!trace->open)
		return;
	trace->open = false;
	entry = &trace->entry[(trace->count - 1) % QUERY_TRACE_ENTRIES];
	entry->spent = clock_tsc() - entry->tsc;
	cost = &trace->cost[entry->reason < EXIT_REASON_COUNT ? entry->reason : EXIT_UNKNOWN];
	cost->tsc += entry->spent;
	cost->count++;
}
