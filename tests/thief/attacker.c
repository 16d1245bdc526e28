/* SPDX-License-Identifier: MIT */
/* The attacker's threads: they begin at the same moment, and repeat their pattern's step. */
#include "lib/bits.h"
#include "tests/random.h"
#include "tests/thief/thief.h"

#define MIX	       0x9e3779b97f4a7c15ull
#define GO_TICKS       3000000u
#define FUZZ_NS	       (3 * NS_PER_MS) /* the time of one pattern, on average */
#define HANDLES_SPARED 12u	       /* the handles that are left for what the steps make */

static struct thief thieves[THIEVES];
static const struct pattern *pattern;

static void fuzz_step(struct thief *self);

const struct pattern patterns[] = {
	{"busy", 1, .step = busy_step},
	{"big", 1, .step = busy_step, .big = true},
	{"sleep-burst", THIEVES, .step = burst_step},
	{"sleep-stagger", THIEVES, .step = stagger_step},
	{"threads", THIEVES, .step = crowd_step},
	{"wave", THIEVES, .step = wave_step},
	{"yield", 32, .step = yield_step},
	{"yield-vcpu", 32, .prepare = kick_prepare, .step = yield_vcpu_step},
	{"unmap", 4, .prepare = unmap_prepare, .step = unmap_step},
	{"touch", 4, .step = touch_step, .big = true},
	{"teardown", 4, .step = teardown_step, .big = true},
	{"hoard", 1, .step = hoard_step, .big = true},
	{"ring", 1, .step = ring_step},
	{"kick", 2, .prepare = kick_prepare, .step = kick_step},
	{"kick-event", 2, .prepare = kick_prepare, .step = kick_event_step},
	{"again", 4, .step = again_step, .big = true},
	{"reserve-busy", 60, 60, .prepare = reserve_prepare, .step = busy_step},
	{"reserve-nap", 60, 60, .prepare = reserve_prepare, .step = nap_step},
	{"reserve-more", 90, 90, .prepare = reserve_prepare, .step = nap_step},
	{"fuzz", 24, 60, .prepare = kick_prepare, .step = fuzz_step},
};
const u32 pattern_count = ARRAY_COUNT(patterns);

u64 draw(struct thief *self)
{
	return random_step(&self->random) * 0x2545f4914f6cdd1dull;
}

/* Returns a number that moves on whenever another thread runs; on several CPUs all the time. */
static u64 others(void)
{
	return shared->victim.count + shared->wakes + shared->calls + shared->boss_turns;
}

u64 timed(u64 number, const u64 argument[6], u64 *value)
{
	u64 before = others();
	u64 began = clock_tsc();
	struct syscall_result result = syscall_raw(number, argument);
	u64 took = clock_tsc() - began;

	if (took > shared->call_max && others() == before)
		shared->call_max = took;
	if (value != NULL)
		*value = result.value;
	shared->calls++;
	return result.status;
}

static bool is_on(void)
{
	shared->calls++;
	return clock_tsc() < shared->stop_tsc;
}

/* Runs one of the patterns for a few milliseconds. */
static void fuzz_step(struct thief *self)
{
	static void (*const steps[])(struct thief *) = {
		busy_step,  nap_step,	     burst_step, stagger_step,	crowd_step,
		yield_step, ring_step,	     touch_step, teardown_step, unmap_step,
		kick_step,  kick_event_step, again_step};
	u64 end = clock_tsc() + draw(self) % clock_ns_to_tsc(2 * FUZZ_NS);
	void (*step)(struct thief *) = steps[draw(self) % ARRAY_COUNT(steps)];

	if (step == unmap_step && self->memory == HANDLE_NONE)
		unmap_prepare(self);
	if (draw(self) % 8 == 0)
		reserve_prepare(self);
	while (clock_tsc() < end && is_on())
		step(self);
}

static void play(void *argument)
{
	struct thief *self = argument;
	u64 key;

	if (pattern->prepare != NULL)
		pattern->prepare(self);
	__atomic_fetch_add(&shared->ready, 1, __ATOMIC_RELAXED);
	while (shared->go == 0)
		(void)!sys_queue_wait(self->queue, clock_tsc() + GO_TICKS, &key);
	while (is_on()) {
		pattern->step(self);
		shared->steps++;
	}
	for (;;)
		(void)!sys_queue_wait(self->queue, ~0ull, &key);
}

/* Handles that the steps need must be left. */
static bool spare_handles(void)
{
	static handle_t spare[HANDLES_SPARED];
	u32 made = 0;

	while (made < HANDLES_SPARED && sys_event_create(own_group, &spare[made]) == STATUS_OK)
		made++;
	for (u32 i = 0; i < made; i++)
		(void)sys_handle_close(spare[i]);
	return made == HANDLES_SPARED;
}

void attacker_main(void)
{
	u32 made = 0;

	pattern = &patterns[start_info->parameter[PARAMETER_PATTERN] % pattern_count];
	for (; made < pattern->threads; made++) {
		struct thief *self = &thieves[made];

		self->number = made;
		self->random = start_info->parameter[PARAMETER_SEED] * MIX + made + 1;
		for (u32 i = 0; i < 8; i++)
			(void)draw(self);
		if (!spare_handles() || sys_queue_create(own_group, &self->queue) != STATUS_OK ||
		    (made != 0 && thread_start(play, self) != STATUS_OK))
			break;
	}
	shared->threads = made;
	if (made == 0)
		rt_fail("threads");
	play(&thieves[0]);
	rt_fail("end");
}
