/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/hw/speculation.h"
#include "lib/types.h"

/* What is done about it; docs/threat-model.md has the table. */
struct speculation {
	u64 spec_ctrl;     /* IA32_SPEC_CTRL, set once on each CPU and in force in guests too */
	bool auto_ibrs;    /* EFER.AIBRSE, likewise */
	bool ibrs_on_exit; /* VMX: SPEC_CTRL is written again at every exit */
	bool ibpb;         /* before a CPU runs another vCPU or process */
	bool clear;        /* buffers are cleared before an entry, and another process, by VERW */
	bool l1d_flush;    /* VMX: or by flushing the L1 cache, which clears them as well */
	u64 shown;         /* enum host_speculation */
};

/* The decision, which depends on its argument alone. */
struct speculation speculation_decide(const struct speculation_cpu *cpu);

/* Sets, on the running CPU, whatever is set only once. */
void speculation_enable(const struct speculation *speculation);
/* IBPB, if there is one: what branch predictors learnt before is not used from now on. */
void speculation_barrier(void);
/* Clears what other domains have left in the CPU's buffers, and the L1 cache. */
void speculation_clear(const struct speculation *speculation);
extern const u16 speculation_selector; /* what VERW is given for that */
