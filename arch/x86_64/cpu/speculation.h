/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/hw/speculation.h"
#include "lib/types.h"

/* Saves every register that it uses: assembly calls it. */
#define PRESERVING __attribute__((no_caller_saved_registers))

/* What is done about it; docs/threat-model.md has the table. */
struct speculation {
	u64 spec_ctrl; /* IA32_SPEC_CTRL, set once on each CPU and in force in guests too */
	u64 done;      /* enum host_speculation */
};

/* After a VM exit, before any RET: returns and branches go nowhere that the guest has chosen. */
void speculation_exited(void) PRESERVING;
/* Overwrites the history of branches. */
void speculation_forget(void) PRESERVING;
/* IBPB, if there is one: what branch predictors learnt before is not used from now on. */
void speculation_barrier(void);
/*
 * Clears what other domains have left in CPU buffers, if this CPU needs it: before an entry, and
 * before ring 3 of another group.
 */
void speculation_clear(void) PRESERVING;
extern const u16 speculation_selector; /* what VERW is given for that */
