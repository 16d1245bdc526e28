/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/vcpu.h"
#include "vmm/rt/query.h"

struct vcpu;

/*
 * What the last exits of a vCPU were and what they cost: a ring, and sums by reason. Only exits
 * that reach the monitor are here. An entry is written in a few dozen instructions and read when no
 * vCPU is in the guest.
 */
struct trace {
	u32 count; /* entries ever written */
	bool open; /* the last one's cost is not known yet */
	struct query_trace_entry entry[QUERY_TRACE_ENTRIES];
	struct query_cost cost[EXIT_REASON_COUNT];
};

/* An exit has come, as the page says. */
void trace_exit(struct trace *trace, const struct vcpu_page *page);
/* It is settled: the guest goes on, or has nothing to do. */
void trace_settled(struct trace *trace);
