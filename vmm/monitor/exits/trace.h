/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/vcpu.h"
#include "vmm/rt/query.h"

/*
 * What the last exits of a vCPU were and what they cost: a ring, summed up by reason each time it
 * has been filled. Only exits that reach the monitor are here. Part of every exit, so the commonest
 * is written in few instructions; it is read when no vCPU is in the guest.
 */
struct trace {
	struct query_trace_entry *next; /* where the next exit goes */
	u64 filled;			/* how often the ring has been full */
	struct query_cost cost[EXIT_REASON_COUNT]; /* of those fillings */
	struct query_trace_entry entry[1 + QUERY_TRACE_ENTRIES]; /* the first one is not used */
};

void trace_init(struct trace *trace);
/* The ring is full: sums it up and begins anew. */
void trace_turn(struct trace *trace);
/* The last entries, oldest first; how many. */
u32 trace_copy(const struct trace *trace, struct query_trace_entry to[QUERY_TRACE_ENTRIES]);
u64 trace_count(const struct trace *trace);
/* Adds all that was measured. */
void trace_costs(const struct trace *trace, struct query_cost cost[EXIT_REASON_COUNT]);

/* An exit has come, as the page says. Copies by words what lies together. */
static ALWAYS_INLINE void trace_exit(struct trace *trace, const struct vcpu_page *page)
{
	const struct vcpu_exit *exit = &page->exit;
	struct query_trace_entry *entry = trace->next;
	u64 reason = exit->reason;

	_Static_assert(offsetof(struct vcpu_exit, io_flags) ==
			       offsetof(struct vcpu_exit, access) + 7,
		       "neighbours");
	entry->tsc = exit->tsc;
	entry->rip = page->rip;
	entry->rax = page->gpr[GPR_RAX];
	__builtin_memcpy(&entry->reason, &reason, sizeof(reason)); /* and `spent`: 0 */
	__builtin_memcpy(&entry->access, &exit->access, sizeof(u64));
	if (reason != EXIT_IO) {
		entry->gpa = exit->gpa;
		entry->qualification = exit->qualification;
		entry->vector = exit->vector;
		entry->rcx = (u32)page->gpr[GPR_RCX];
	}
	trace->next = entry + 1;
}

/* It is settled, which was not said yet: the guest goes on, or has nothing to do. */
static ALWAYS_INLINE void trace_just_settled(struct trace *trace)
{
	struct query_trace_entry *entry = trace->next - 1;

	/* modulo 2^32: no exit takes the monitor so long, and none takes it no time */
	entry->spent = (u32)__builtin_ia32_rdtsc() - (u32)entry->tsc;
	if (unlikely(trace->next == &trace->entry[1 + QUERY_TRACE_ENTRIES]))
		trace_turn(trace);
}

/* The same, also of one of which it was said. */
static inline void trace_settled(struct trace *trace)
{
	if (trace->next[-1].spent == 0)
		trace_just_settled(trace);
}
