/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/hw/speculation.h"
#include "lib/types.h"

/* Makes a function save every register that it uses, as assembly calls it. */
#define PRESERVING __attribute__((no_caller_saved_registers))

/* The mitigations in force on all CPUs; docs/threat-model.md lists them. */
struct speculation {
	/* IA32_SPEC_CTRL, set once on each CPU at its start and in force in guests too */
	u64 spec_ctrl;
	u64 done; /* enum host_speculation */
};

/*
 * Called after a VM exit, before any RET: afterwards no return or branch of the host goes where the
 * guest has trained it to go.
 */
void speculation_exited(void) PRESERVING;
/* Overwrites the CPU's history of branches. */
void speculation_forget(void) PRESERVING;
/*
 * Issues an IBPB, if the CPU has it: nothing that the branch predictors learnt before is used from
 * now on.
 */
void speculation_barrier(void);
/*
 * Clears data of other security domains in CPU buffers, if this CPU needs that; called before a
 * guest's entry, and before ring 3 of another group runs.
 */
void speculation_clear(void) PRESERVING;
extern const u16 speculation_selector; /* the operand of VERW */
