/* SPDX-License-Identifier: MIT */
/*
 * Records a vCPU's last exits and sums their costs. Fed through trace.h as vCPUs exit; read by
 * query.c. Owns a ring of entries for each vCPU.
 */
#include "vmm/monitor/vcpu/trace.h"

#include "lib/string.h"

static u32 trace_here(const struct trace *trace)
{
	return (u32)(trace->next - trace->entry) - 1;
}

void trace_init(struct trace *trace)
{
	trace->next = &trace->entry[1];
	/* not 0: before the first exit there is none whose cost in cycles is still to be noted */
	trace->entry[0].spent = 1;
}

static void trace_add_costs(struct query_cost *cost, const struct query_trace_entry *entry,
			    u32 count)
{
	for (; count > 0; count--, entry++) {
		u32 reason = MIN(entry->reason, (u32)EXIT_REASON_COUNT - 1);

		if (entry->spent == 0)
			continue;
		cost[reason].tsc += entry->spent;
		cost[reason].count++;
	}
}

/*
 * Adds up the costs (TSC cycles) of the exits in the full ring and begins it anew. `spent` of entry
 * 0 is set, as the cost of the last exit is noted already.
 */
void trace_turn(struct trace *trace)
{
	trace_add_costs(trace->cost, &trace->entry[1], QUERY_TRACE_ENTRIES);
	trace->filled++;
	trace->entry[0].spent = 1;
	trace->next = &trace->entry[1];
}

u32 trace_copy(const struct trace *trace, struct query_trace_entry to[QUERY_TRACE_ENTRIES])
{
	u32 young = trace_here(trace);
	u32 old = trace->filled > 0 ? QUERY_TRACE_ENTRIES - young : 0;

	memcpy(to, &trace->entry[1 + young], old * sizeof(*to));
	memcpy(to + old, &trace->entry[1], young * sizeof(*to));
	return old + young;
}

u64 trace_count(const struct trace *trace)
{
	return trace->filled * QUERY_TRACE_ENTRIES + trace_here(trace);
}

void trace_costs(const struct trace *trace, struct query_cost cost[EXIT_REASON_COUNT])
{
	for (u32 i = 0; i < EXIT_REASON_COUNT; i++) {
		cost[i].count += trace->cost[i].count;
		cost[i].tsc += trace->cost[i].tsc;
	}
	trace_add_costs(cost, &trace->entry[1], trace_here(trace));
}
