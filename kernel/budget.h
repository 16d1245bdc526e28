/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * The most CPU time that a group gets: a budget per period, shared by all CPUs. It is a clock that
 * advances by the number of the group's running entities. What is overrun (by the latency of
 * timers, or for a reservation, which comes first) is taken from the next period.
 */
struct budget_cap {
	u64 budget; /* ticks per period; 0: no cap */
	u64 period;
	u64 period_end;
	u64 spent;   /* of this period's budget, and overrun before */
	u64 updated; /* the tick for which `spent` is true */
	u64 running; /* entities that spend it now */
};

/* percent of one CPU; 0: no cap. Begins a new period, period_ticks long. */
void budget_cap_set(struct budget_cap *cap, u64 percent, u64 period_ticks, u64 now);
/* So many more entities spend it from now on, or fewer, modulo 2^64. */
void budget_cap_run(struct budget_cap *cap, u64 change, u64 now);
/* Ticks until it is spent; 0: stop until cap->period_end. ~0: there is no cap. */
u64 budget_cap_left(struct budget_cap *cap, u64 now);

/*
 * The CPU time that an entity is promised: `budget` in every `period`, by a constant-bandwidth
 * server (Abeni and Buttazzo, 1998) whose budget is renewed at its deadline and not before.
 */
struct budget_reservation {
	u64 budget; /* ticks; 0: no reservation */
	u64 period;
	u64 remaining; /* until the deadline */
	u64 deadline;
	u64 missed_count; /* deadlines that passed with budget left, though it wanted to run */
};

/* Its share of a CPU in 10^-9; of a period of 0 more than there is. */
u64 budget_reservation_share(u64 budget, u64 period);
/* The entity was asleep: may it go on with its old deadline? */
void budget_reservation_wake(struct budget_reservation *reservation, u64 now);
/* Begins the period that `now` lies in. Call it at the deadline or later. */
void budget_reservation_renew(struct budget_reservation *reservation, u64 now);
/* Takes up to `ran` ticks that ended now, of a budget there is; returns those it did not cover. */
u64 budget_reservation_charge(struct budget_reservation *reservation, u64 ran, u64 now);
