/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * A cap: the most CPU time that a group gets, as a budget per period for all CPUs together. `spent`
 * grows in time as many times as fast as the group has running entities. Any overrun (by timer
 * latency, or for a reservation, which has precedence) is taken from the next period.
 */
struct budget_cap {
	u64 budget; /* ticks per period; 0: no cap */
	u64 period;
	u64 period_end;
	/* ticks used of this period's budget, including the excess of earlier periods */
	u64 spent;
	u64 updated; /* the tick up to which `spent` counts */
	u64 running; /* number of entities that spend the budget now */
};

/* Sets a cap in percent of one CPU, 0 for none, and begins a new period of `period_ticks`. */
void budget_cap_set(struct budget_cap *cap, u64 percent, u64 period_ticks, u64 now);
/*
 * Counts `change` more entities that spend the cap's budget now; modulo 2^64, so -1 means one
 * fewer.
 */
void budget_cap_run(struct budget_cap *cap, u64 change, u64 now);
/*
 * Returns the ticks until the cap is spent; 0 if the group must stop until cap->period_end, ~0 if
 * there is no cap.
 */
u64 budget_cap_left(struct budget_cap *cap, u64 now);

/*
 * A reservation: the CPU time that an entity is guaranteed, `budget` in every `period`, by a
 * constant-bandwidth server (Abeni and Buttazzo, 1998) whose budget is renewed at its deadline and
 * not before.
 */
struct budget_reservation {
	u64 budget; /* ticks; 0: no reservation */
	u64 period;
	u64 remaining; /* ticks of the budget left until the deadline */
	/*
	 * tick at which the period ends; if `budget` is 0, that of the last reservation, if there
	 * was one
	 */
	u64 deadline;
	/* ticks that the entity ran beyond its budgets, at other entities' cost */
	u64 owed;
	/* deadlines that passed with budget left, since the scheduler last took this count */
	u64 missed_count;
};

/*
 * Returns the share of a CPU that a reservation takes, in units of 10^-9; more than any CPU has if
 * `period` is 0.
 */
u64 budget_reservation_share(u64 budget, u64 period);
/*
 * Reports that the reservation's entity wakes up: keeps the old deadline and remaining budget if
 * that gives no more than the reserved share, else starts a new period.
 */
void budget_reservation_wake(struct budget_reservation *reservation, u64 now);
/* Starts the reservation's period that contains `now`. The deadline must have been reached. */
void budget_reservation_renew(struct budget_reservation *reservation, u64 now);
/*
 * Replaces a reservation's budget and period; budget 0 ends the reservation. What the entity owes
 * remains owed. While a period lasts the entity gets nothing before the next one: else a thread
 * could have a new budget as often as it asks.
 */
void budget_reservation_set(struct budget_reservation *reservation, u64 budget, u64 period,
			    u64 now);
/*
 * Charges `ran` ticks that end now to a budget that is not 0, and returns the ticks that the budget
 * did not cover. If those were at other entities' cost, the caller adds them to `owed`: later
 * budgets are shorter by that.
 */
u64 budget_reservation_charge(struct budget_reservation *reservation, u64 ran, u64 now);
