/* SPDX-License-Identifier: MIT */
#include "vmm/monitor/trace.h"

#include "vmm/rt/clock.h"

void trace_exit(struct trace *trace, const struct vcpu_page *page)
{
	const struct vcpu_exit *exit = &page->exit;
	struct query_trace_entry *entry = &trace->entry[trace->count++ % QUERY_TRACE_ENTRIES];

	entry->tsc = exit->tsc;
	entry->rip = page->rip;
	entry->reason = exit->reason;
	entry->rax = (u32)page->gpr[GPR_RAX];
	entry->rcx = (u32)page->gpr[GPR_RCX];
	entry->io_port = exit->io_port;
	entry->io_size = exit->io_size;
	entry->io_flags = exit->io_flags;
	entry->gpa = exit->gpa;
	entry->access = exit->access;
	entry->vector = exit->vector;
	entry->qualification = exit->qualification;
	entry->spent = 0;
	trace->open = true;
}

void trace_settled(struct trace *trace)
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
