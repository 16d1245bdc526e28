/* SPDX-License-Identifier: MIT */
#pragma once

/* Records a vCPU's last exits with their costs, for `trace`, `perf report` and `vm stat`. */
#include "vmm/monitor/vcpu/vcpu_types.h"

void trace_init(struct trace *trace);
/* Adds up the costs of the exits in a full ring and begins it anew. */
void trace_turn(struct trace *trace);
/* Copies the ring's entries, those of the last exits, the oldest first; returns how many. */
u32 trace_copy(const struct trace *trace, struct query_trace_entry to[QUERY_TRACE_ENTRIES]);
u64 trace_count(const struct trace *trace);
/* Adds the costs of all exits so far to `cost`, by exit reason. */
void trace_costs(const struct trace *trace, struct query_cost cost[EXIT_REASON_COUNT]);

/* Records the exit that the vCPU page reports. Adjacent fields are copied a word at a time. */
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
	/* this copies 8 bytes, and so sets the 4 bytes of `spent` behind `reason` to 0 */
	__builtin_memcpy(&entry->reason, &reason, sizeof(reason));
	__builtin_memcpy(&entry->access, &exit->access, sizeof(u64));
	if (reason != EXIT_IO) {
		entry->gpa = exit->gpa;
		entry->qualification = exit->qualification;
		entry->vector = exit->vector;
		entry->rcx = (u32)page->gpr[GPR_RCX];
	}
	trace->next = entry + 1;
}

/*
 * Notes the cost (TSC cycles) of handling the last exit, which was not noted yet; called when the
 * guest continues or the vCPU sleeps.
 */
static ALWAYS_INLINE void trace_just_handled(struct trace *trace)
{
	struct query_trace_entry *entry = trace->next - 1;

	/* modulo 2^32 cycles: the handling of an exit takes fewer cycles, and at least one */
	entry->spent = (u32)__builtin_ia32_rdtsc() - (u32)entry->tsc;
	if (unlikely(trace->next == &trace->entry[1 + QUERY_TRACE_ENTRIES]))
		trace_turn(trace);
}

/* As trace_just_handled, but has no effect if the last exit's cost is noted already. */
static inline void trace_handled(struct trace *trace)
{
	if (trace->next[-1].spent == 0)
		trace_just_handled(trace);
}
