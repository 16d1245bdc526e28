/* SPDX-License-Identifier: MIT */
/* The boss: plays the patterns one after the other, and prints what the others lost by each. */
#include "lib/bits.h"
#include "kernel/abi/pages.h"
#include "lib/string.h"
#include "tests/thief/boss.h"
#include "vmm/rt/memory.h"
#include "vmm/rt/status_text.h"

/* loops of two instructions for each signal of the attacker's channel */
#define WORK_LOOPS    2500u
#define SETTLE_TICKS  5000000ul /* the ticks until all attackers have begun */
#define PREPARE_TICKS 600000000ul
#define GIVE_UP_TICKS 400000000ul /* the attack goes on for these after the measurement */
#define BIG_BYTES     (64 * MIB)
#define TURN_NS	      (25 * NS_PER_MS) /* a turn longer than the others' turns */
#define LOOK_TICKS    200000ul
#define CPUS_SHOWN    4u

enum key { KEY_RING = 1, KEY_ASKED, KEY_ENDED };

handle_t boss_queue;
handle_t boss_channel;

static const struct kernel_page *kernel;
static handle_t silent_queue;
static u64 answer_max; /* the longest answer in ticks */
static u64 rung;
static bool ended;
static u64 baseline; /* the victim's count per 10^9 ticks without an attack */

static void work(void)
{
	u32 loops = WORK_LOOPS;

	__asm__ volatile("1: dec %0; jnz 1b" : "+r"(loops)::"cc");
}

static void answered(u64 since)
{
	answer_max = MAX(answer_max, clock_tsc() - since);
}

/*
 * Waits for signals, as the manager does, and handles each, until the deadline. Who takes a signal
 * works for its sender until it waits again: what the boss does next must be its own.
 */
static void serve(u64 deadline)
{
	u64 key;

	while (sys_queue_wait(boss_queue, deadline, &key) == STATUS_OK) {
		shared->boss_turns++;
		if (key == KEY_RING) {
			work();
			rung++;
		} else if (key == KEY_ASKED) {
			answered(shared->asked_tsc);
			shared->asked_tsc = 0;
		} else {
			ended = true;
		}
		if (clock_tsc() >= deadline)
			break;
	}
	(void)!sys_queue_wait(silent_queue, 0, &key);
	shared->boss_turns++;
	answered(deadline);
}

static void serve_for(u64 ticks)
{
	serve(clock_tsc() + ticks);
}

struct place {
	u64 tsc;
	u64 count;
	struct cpu_counters cpu[CPUS_SHOWN];
};

/* Returns where the victim stands: if it takes turns, at the beginning of its next turn. */
static struct place where(void)
{
	u64 began = clock_tsc();
	u64 limit = began + clock_ns_to_tsc(TURN_NS);
	struct place place;

	while (shared->victim.back_tsc < began && clock_tsc() < limit)
		serve_for(LOOK_TICKS);
	place.tsc = shared->victim.back_tsc;
	place.count = shared->victim.back_count;
	if (place.tsc < began) {
		place.tsc = clock_tsc();
		place.count = shared->victim.count;
	}
	for (u32 i = 0; i < kernel->cpu_count && i < CPUS_SHOWN; i++)
		place.cpu[i] = kernel->cpu[i];
	return place;
}

static u64 rate(const struct place *from, const struct place *to)
{
	u64 ticks = MAX((to->tsc - from->tsc) / 1000000, 1ul);

	return (to->count - from->count) * 1000 / ticks;
}

struct effort {
	u64 calls;
	u64 ticks;
};

/*
 * Destroys a party. Each call makes one step; between two of them the boss answers, as the manager
 * does.
 */
static struct effort destroy(struct party *party)
{
	struct effort effort = {0};
	u64 began = clock_tsc();
	enum status status;

	party_end(party);
	do {
		status = sys_object_destroy(party->group);
		effort.calls++;
		serve(clock_tsc());
	} while (status == STATUS_AGAIN);
	if (status != STATUS_OK)
		say("THIEF FAIL destroy: %s\n", status_text(status));
	effort.ticks = clock_tsc() - began;
	return effort;
}

/* A group with much memory, all of it populated. */
static bool make_big(struct party *party)
{
	u64 at;

	*party = (struct party){0};
	if (sys_group_create(start_handle(START_ROOT), BIG_BYTES / PAGE_SIZE + 1024, 256,
			     &party->group) != STATUS_OK ||
	    sys_memory_create(party->group, BIG_BYTES, MEMORY_GUEST | MEMORY_SMALL, &party->ram) !=
		    STATUS_OK ||
	    sys_space_map(own_space, 0, party->ram, 0, BIG_BYTES, RIGHT_READ | RIGHT_WRITE, &at) !=
		    STATUS_OK)
		return false;
	for (u64 i = 0; i < BIG_BYTES; i += PAGE_SIZE)
		*(volatile u8 *)(at + i) = 1;
	return sys_space_unmap(own_space, at, BIG_BYTES) == STATUS_OK;
}

static void tell_cpus(const struct place *from, const struct place *to)
{
	u64 ms = MAX(clock_tsc_to_ns(to->tsc - from->tsc) / NS_PER_MS, 1ul);

	for (u32 i = 0; i < kernel->cpu_count && i < CPUS_SHOWN; i++)
		say(" cpu%u=%lu/%lu/%lu", i,
		    (to->cpu[i].interrupts - from->cpu[i].interrupts) * 1000 / ms,
		    (to->cpu[i].exits - from->cpu[i].exits) * 1000 / ms,
		    (to->cpu[i].ipis - from->cpu[i].ipis) * 1000 / ms);
}

static void prepare(const struct pattern *pattern)
{
	u64 limit = clock_tsc() + PREPARE_TICKS;

	while (!ended && clock_tsc() < limit &&
	       (shared->threads == 0 || shared->ready < shared->threads))
		serve_for(SETTLE_TICKS / 5);
	if (ended || shared->threads == 0 || shared->ready < shared->threads)
		say("THIEF FAIL %s: %lu threads, %lu ready\n", pattern->name, shared->threads,
		    shared->ready);
}

/* Starts the attacker; its threads wait until all of them are ready. */
static bool begin(const struct pattern *pattern, u32 number, struct party *attacker)
{
	shared->ready = shared->go = shared->threads = shared->steps = 0;
	shared->reserved = shared->budget_ns = shared->period_ns = shared->call_max = 0;
	ended = false;
	if (!party_make(attacker, ROLE_ATTACKER, number, pattern->reservable_permille) ||
	    sys_object_bind(attacker->out, boss_queue, KEY_RING) != STATUS_OK ||
	    sys_object_bind(attacker->process, boss_queue, KEY_ENDED) != STATUS_OK ||
	    !party_start(attacker))
		return false;
	prepare(pattern);
	return true;
}

struct figures {
	struct place from, to;
	u64 late, answer;
	struct effort attacker, big;
};

/* Lets the attack go on for so long. */
static void watch(struct figures *figures, u64 ms)
{
	u64 ticks = clock_ns_to_tsc(ms * NS_PER_MS);

	shared->stop_tsc = clock_tsc() + ticks + GIVE_UP_TICKS;
	shared->go = 1;
	serve_for(SETTLE_TICKS);
	shared->late_max = answer_max = rung = 0;
	figures->from = where();
	serve_for(ticks);
	figures->to = where();
	figures->late = shared->late_max;
	if (shared->asked_tsc != 0)
		answered(shared->asked_tsc);
}

static void tell(const struct pattern *pattern, const struct figures *figures)
{
	u64 permille = rate(&figures->from, &figures->to) * 1000 / MAX(baseline, 1ul);

	say("THIEF %s permille=%lu late=%lu answer=%lu destroy=%lu destroy_calls=%lu big=%lu "
	    "big_calls=%lu",
	    pattern->name, permille, figures->late, figures->answer, figures->attacker.ticks,
	    figures->attacker.calls, figures->big.ticks, figures->big.calls);
	say(" call=%lu threads=%lu reserved=%lu budget=%lu period=%lu steps=%lu rung=%lu",
	    shared->call_max, shared->threads, shared->reserved, shared->budget_ns,
	    shared->period_ns, shared->steps, rung);
	tell_cpus(&figures->from, &figures->to);
	say("\n");
}

static void measure(u32 number, u64 ms)
{
	const struct pattern *pattern = &patterns[number];
	struct figures figures = {0};
	struct party attacker;
	struct party big;

	if (pattern->big && !make_big(&big))
		say("THIEF FAIL %s: no large group\n", pattern->name);
	if (!begin(pattern, number, &attacker)) {
		say("THIEF FAIL %s: cannot be started\n", pattern->name);
		return;
	}
	watch(&figures, ms);
	if (ended)
		say("THIEF FAIL %s: the attacker ended\n", pattern->name);
	if (number == 0)
		baseline = rate(&figures.from, &figures.to);
	if (pattern->big)
		figures.big = destroy(&big);
	figures.attacker = destroy(&attacker);
	figures.answer = answer_max;
	tell(pattern, &figures);
	serve_for(SETTLE_TICKS);
}

/*
 * Reserves time as the manager does (vmm/manager/main.c); not on several CPUs, since nothing paces
 * signals here and the boss would stay on the victim's CPU.
 */
static void reserve_time(void)
{
	u64 left;

	if (sys_group_set(own_group, GROUP_RESERVABLE_PERMILLE, 50) != STATUS_OK ||
	    sys_thread_reserve(HANDLE_NONE, NS_PER_MS, 20 * NS_PER_MS, &left) != STATUS_OK)
		rt_fail("reservation");
}

static void set_up(void)
{
	const struct start_entry *page = start_find(START_KERNEL_PAGE);
	u64 at;

	if (sys_space_map(own_space, 0, page->handle, 0, align_up(page->value, PAGE_SIZE),
			  RIGHT_READ, &at) != STATUS_OK)
		rt_fail("page");
	kernel = (const struct kernel_page *)(at + page->offset);
	if (kernel->cpu_count == 1)
		reserve_time();
	if (sys_queue_create(own_group, &boss_queue) != STATUS_OK ||
	    sys_queue_create(own_group, &silent_queue) != STATUS_OK ||
	    sys_memory_create(own_group, PAGE_SIZE, 0, &boss_channel) != STATUS_OK ||
	    sys_space_map(own_space, 0, boss_channel, 0, PAGE_SIZE, RIGHT_READ | RIGHT_WRITE,
			  &at) != STATUS_OK)
		rt_fail("channel");
	shared = (struct shared *)at;
	*shared = (struct shared){0};
}

void boss_main(void)
{
	static struct party victim;
	static struct party light;
	u64 ms;

	console_init();
	set_up();
	ms = option_number("ms", 1000);
	say("thief: %.16s, %u CPUs, %lu kHz, %lu ms a pattern, seed %lu\n", start_info->backend,
	    kernel->cpu_count, start_info->tsc_khz, ms, option_number("seed", 1));
	if (!party_make(&victim, ROLE_VICTIM, 0, 0) || !party_start(&victim) ||
	    !party_make(&light, ROLE_LIGHT, 0, 0) ||
	    sys_object_bind(light.out, boss_queue, KEY_ASKED) != STATUS_OK || !party_start(&light))
		say("THIEF FAIL no neighbours\n");
	serve_for(SETTLE_TICKS);
	for (u32 i = 0; i < pattern_count; i++) {
		if (i == 0 || option_names("only", patterns[i].name))
			measure(i, ms);
	}
	say("THIEF DONE\n");
	for (;;)
		serve(~0ull);
}
