/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct machine;
struct vcpu;

/*
 * CPU time that the kernel guarantees to each vCPU. Every vCPU's thread asks for its own, in a
 * round; when one of them is refused, all go back to what they had, in a second round. Everything
 * is under the machine's lock.
 */
struct reserve_time {
	u64 budget_ns; /* 0: none */
	u64 period_ns;
};

struct reserve {
	struct reserve_time wanted;
	struct reserve_time kept; /* what every vCPU has */
	u32 round;		  /* grows with each change of `wanted` */
	u32 waiting;		  /* vCPUs that have not asked in this round */
	bool refused;
	u32 refused_vcpu;
	u64 left_permille; /* of a CPU, which the kernel could have granted */
};

/* Starts the first round, with what the manager has handed over. */
void reserve_start(struct machine *machine);
/* Starts a round; every vCPU is woken. */
void reserve_change(struct machine *machine, u64 budget_ns, u64 period_ns);
bool reserve_under_way(const struct machine *machine);
/* The vCPU's thread asks for itself if it has not done so. */
void reserve_ask(struct vcpu *vcpu);
