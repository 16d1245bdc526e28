/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct machine;
struct vcpu;

/* Starts the first round, with what the manager has handed over. */
void reserve_start(struct machine *machine);
/* Starts a round; every vCPU is woken. */
void reserve_change(struct machine *machine, u64 budget_ns, u64 period_ns);
bool reserve_under_way(const struct machine *machine);
/* The vCPU's thread asks for itself if it has not done so. */
void reserve_ask(struct vcpu *vcpu);
