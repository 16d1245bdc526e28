/* SPDX-License-Identifier: MIT */
/*
 * The arithmetic of CPU budgets: caps, which limit a group, and reservations, which guarantee time
 * to an entity. kernel/run_queue/run_queue.c alone calls it, under a CPU's run-queue lock for
 * reservations and a group's lock for caps. It touches only the structures it is given and reads no
 * clock; times are TSC ticks.
 */
#include "kernel/run_queue/budget.h"
#include "kernel/run_queue/heap.h"
#include "lib/checked.h"

/*
 * A cap whose budget was not updated for more than this many periods starts afresh, as no entity
 * was spending it.
 */
#define PERIODS_FORGOTTEN 16u

static void budget_cap_advance(struct budget_cap *cap, u64 now)
{
	/* The CPU that updated the cap last may have a clock a little ahead. */
	if (heap_tick_before(now, cap->updated))
		return;
	if (cap->budget != 0 && now - cap->updated > PERIODS_FORGOTTEN * cap->period) {
		cap->spent = 0;
		cap->updated = now;
		cap->period_end = now + cap->period;
	}
	while (cap->budget != 0 && !heap_tick_before(now, cap->period_end)) {
		cap->spent += cap->running * (cap->period_end - cap->updated);
		cap->spent -= MIN(cap->spent, cap->budget);
		cap->updated = cap->period_end;
		cap->period_end += cap->period;
	}
	cap->spent += cap->running * (now - cap->updated);
	cap->updated = now;
}

void budget_cap_set(struct budget_cap *cap, u64 percent, u64 period_ticks, u64 now)
{
	cap->budget = mul_div(period_ticks, percent, 100);
	cap->period = period_ticks;
	cap->period_end = now + period_ticks;
	cap->spent = 0;
	cap->updated = now;
}

void budget_cap_run(struct budget_cap *cap, u64 change, u64 now)
{
	budget_cap_advance(cap, now);
	__atomic_fetch_add(&cap->running, change, __ATOMIC_RELAXED);
}

u64 budget_cap_left(struct budget_cap *cap, u64 now)
{
	u64 running = MAX(cap->running, 1u);

	if (cap->budget == 0)
		return ~0ull;
	budget_cap_advance(cap, now);
	if (cap->spent >= cap->budget)
		return 0;
	return (cap->budget - cap->spent + running - 1) / running;
}

u64 budget_reservation_share(u64 budget, u64 period)
{
	return budget == 0 ? 0 : mul_div(budget, 1000000000u, period);
}

/*
 * Begins the reservation's period that ends at `deadline`. If the entity owes whole budgets, begins
 * as many periods at once, none with budget left, so that no timer interrupt comes for a budget
 * that is spent.
 */
static void budget_begin_period(struct budget_reservation *reservation, u64 deadline)
{
	u64 whole = reservation->owed / reservation->budget;

	reservation->remaining = whole != 0 ? 0 : reservation->budget - reservation->owed;
	reservation->owed = whole != 0 ? reservation->owed % reservation->budget : 0;
	reservation->deadline = deadline + (whole - (whole != 0)) * reservation->period;
}

/* Reduces the entity's debt by the budgets of `periods` periods that passed unused. */
static void budget_repay(struct budget_reservation *reservation, u64 periods)
{
	reservation->owed -= MIN(reservation->owed, periods * reservation->budget);
}

/*
 * Keeps the old deadline and budget if the remaining budget is no more than the reserved share of
 * the time until that deadline; otherwise the entity would get more than it has reserved.
 */
void budget_reservation_wake(struct budget_reservation *reservation, u64 now)
{
	u64 needed = mul_div(reservation->remaining, reservation->period, reservation->budget);

	if (!heap_tick_before(now, reservation->deadline))
		budget_repay(reservation, (now - reservation->deadline) / reservation->period);
	else if (needed <= reservation->deadline - now)
		return;
	budget_begin_period(reservation, now + reservation->period);
}

void budget_reservation_renew(struct budget_reservation *reservation, u64 now)
{
	u64 periods = (now - reservation->deadline) / reservation->period + 1;

	if (reservation->remaining != 0)
		reservation->missed_count++;
	budget_repay(reservation, periods - 1);
	budget_begin_period(reservation, reservation->deadline + periods * reservation->period);
}

void budget_reservation_set(struct budget_reservation *reservation, u64 budget, u64 period, u64 now)
{
	bool lasts = reservation->period != 0 && heap_tick_before(now, reservation->deadline);
	u64 repaid = lasts ? 0 : MIN(reservation->owed, budget);

	reservation->budget = budget;
	reservation->owed -= repaid;
	reservation->remaining = lasts ? 0 : budget - repaid;
	if (budget == 0)
		return;
	reservation->period = period;
	reservation->deadline = now + period;
}

static u64 budget_reservation_consume(struct budget_reservation *reservation, u64 ran)
{
	u64 covered = MIN(ran, reservation->remaining);

	reservation->remaining -= covered;
	return ran - covered;
}

u64 budget_reservation_charge(struct budget_reservation *reservation, u64 ran, u64 now)
{
	u64 late;
	u64 current;

	if (heap_tick_before(now, reservation->deadline))
		return budget_reservation_consume(reservation, ran);

	late = MIN(ran, now - reservation->deadline);
	ran = budget_reservation_consume(reservation, ran - late);
	budget_reservation_renew(reservation, now);
	/* Whole periods in between are left out: an entity that runs that long runs alone. */
	current = MIN(late, now + reservation->period - reservation->deadline);
	return ran + (late - current) + budget_reservation_consume(reservation, current);
}
