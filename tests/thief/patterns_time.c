/* SPDX-License-Identifier: MIT */
/* Patterns on the CPU's time itself: reservations, sleepers, yields, signals, kicks. */
#include "lib/bits.h"
#include "tests/thief/thief.h"

#define BUDGET_NS     100u
#define BUDGET_MAX_NS NS_PER_MS
#define NAP_NS	      (50 * NS_PER_US)
#define BURST_NS      (50 * NS_PER_US)
#define STAGGER_NS    (50 * NS_PER_US)
#define CROWD_NS      (5 * NS_PER_MS)
#define WAVE_NS	      (100 * NS_PER_MS)
#define WAVE_STEPS    50u
#define BUSY_LOOPS    10000u
#define CALLS	      32u /* the calls of a step between looks at the clock */

static struct guest guest;
static volatile bool has_guest;

/* Reserves a permille of a CPU in the smallest budgets that there are; each thread wants one. */
void reserve_prepare(struct thief *self)
{
	u64 left;

	(void)self;
	for (u64 budget = BUDGET_NS; budget <= BUDGET_MAX_NS; budget *= 2) {
		enum status status = sys_thread_reserve(HANDLE_NONE, budget, budget * 1000, &left);

		if (status == STATUS_BAD_ARGUMENT)
			continue;
		if (status != STATUS_OK)
			return;
		__atomic_fetch_add(&shared->reserved, 1, __ATOMIC_RELAXED);
		shared->budget_ns = budget;
		shared->period_ns = budget * 1000;
		return;
	}
}

void busy_step(struct thief *self)
{
	u32 loops = BUSY_LOOPS;

	(void)self;
	__asm__ volatile("1: dec %0; jnz 1b" : "+r"(loops)::"cc");
}

static void sleep_until(struct thief *self, u64 deadline)
{
	u64 key;

	(void)!sys_queue_wait(self->queue, deadline, &key);
}

void nap_step(struct thief *self)
{
	sleep_until(self, clock_tsc() + clock_ns_to_tsc(NAP_NS));
}

/* Lets all threads wake at the same time, again and again. */
void burst_step(struct thief *self)
{
	u64 period = clock_ns_to_tsc(BURST_NS);

	sleep_until(self, (clock_tsc() / period + 1) * period);
}

void stagger_step(struct thief *self)
{
	sleep_until(self, clock_tsc() + clock_ns_to_tsc(1 + draw(self) % STAGGER_NS));
}

/* Lets all threads wake at the same time, and then each wants the CPU for a while. */
void crowd_step(struct thief *self)
{
	u64 period = clock_ns_to_tsc(CROWD_NS);

	sleep_until(self, (clock_tsc() / period + 1) * period);
	busy_step(self);
}

/*
 * Lets threads sleep long enough to be owed something when they wake up; then they want all of it.
 */
void wave_step(struct thief *self)
{
	u64 period = clock_ns_to_tsc(WAVE_NS);

	sleep_until(self, (clock_tsc() / period + 1) * period);
	for (u32 i = 0; i < WAVE_STEPS; i++)
		busy_step(self);
}

void yield_step(struct thief *self)
{
	(void)self;
	for (u32 i = 0; i < CALLS; i++)
		(void)!sys_thread_yield(HANDLE_NONE);
}

/* The first thread runs the guest of all. */
void kick_prepare(struct thief *self)
{
	if (self->number == 0)
		has_guest = guest_make(&guest, &shared->thief);
}

static bool runs_guest(const struct thief *self)
{
	if (!has_guest)
		return true; /* without a pattern nobody does anything */
	if (self->number == 0)
		guest_run(&guest);
	return self->number == 0;
}

void yield_vcpu_step(struct thief *self)
{
	if (runs_guest(self))
		return;
	for (u32 i = 0; i < CALLS; i++)
		(void)!sys_thread_yield(i % 2 != 0 ? guest.vcpu : HANDLE_NONE);
}

void kick_step(struct thief *self)
{
	if (runs_guest(self))
		return;
	for (u32 i = 0; i < CALLS; i++)
		(void)sys_vcpu_kick(guest.vcpu);
}

void kick_event_step(struct thief *self)
{
	if (runs_guest(self))
		return;
	for (u32 i = 0; i < CALLS; i++)
		(void)sys_event_signal(guest.event);
}

void ring_step(struct thief *self)
{
	(void)self;
	for (u32 i = 0; i < CALLS; i++)
		(void)sys_event_signal(start_handle(START_CHANNEL_OUT));
}
