/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct machine;
struct vcpu;

/* Starts the first round, with what the manager has handed over. */
void reserve_start(struct machine *machine);
/* Starts a round for another budget and period; wakes every vCPU. */
void reserve_change(struct machine *machine, u64 budget_ns, u64 period_ns);
bool reserve_under_way(const struct machine *machine);
/*
 * Asks for the reservation of the calling thread's vCPU, unless the vCPU has asked in this round.
 */
void reserve_ask(struct vcpu *vcpu);
