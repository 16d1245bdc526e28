/* SPDX-License-Identifier: MIT */
#pragma once

/* CPUS CPUs that are nothing but their struct; this_cpu() is cpus[here], of each thread. */
#define this_cpu this_cpu_of_stack
#include "arch/x86_64/cpu/percpu.h"
#undef this_cpu

static struct cpu cpus[CPUS];
static UNUSED _Thread_local u32 here;

static inline struct cpu *this_cpu(void)
{
	return &cpus[here];
}

u32 cpus_count(void)
{
	return CPUS;
}

struct cpu *cpus_get(u32 id)
{
	return &cpus[id];
}

void cpus_pend(struct cpu *to, u64 reasons)
{
	to->pending |= reasons;
}
