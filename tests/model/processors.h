/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * CPUs that take turns: a call into mm/ runs on a stack of its own, and where it takes or lets go a
 * lock another CPU may go on instead, as the dice fall. Between two such places nothing else
 * happens, which is one of the orders in which locks let things happen. To be included before all
 * sources, since it stands in for lib/lock.h.
 */
#include <ucontext.h>

#define lock_acquire real_lock_acquire
#define lock_release real_lock_release
#include "lib/lock.h"
#undef lock_acquire
#undef lock_release
#include "tests/fuzz/fuzz.h"
#include "tests/random.h"

#define PROCESSORS  3u
#define STACK_BYTES (256 * KIB)

static struct processor {
	ucontext_t context;
	/* the call that the CPU makes; NULL: the CPU is in a guest, in ring 3 or asleep */
	void (*call)(u32 cpu);
	const struct lock *waits;
	u32 ranks; /* the ranks of the locks that the CPU's call holds */
} processors[PROCESSORS];

static ucontext_t processor_scheduler;
/* the CPU whose call runs, or that is spoken for: as mm_machine.h has it */
static u32 machine_cpu_id;
static bool processor_in_call;
static u64 processor_dice = RANDOM_SEED;
/* of 256 places where another CPU may go on, the number where one does */
static u32 processor_noise;
/* Lets an idle CPU begin something; what that is depends on the dice. */
static void (*processor_begin)(u32 cpu);
/* Wakes a CPU: a CPU that makes a call does not sleep. */
static void (*processor_wake)(u32 cpu);
/* Does what a CPU does at the end of a call, before it goes back to ring 3 or a guest. */
static void (*processor_leave)(u32 cpu);

static u32 processor_roll(u32 sides)
{
	return (u32)(random_step(&processor_dice) >> 33) % sides;
}

static void processor_yield(void)
{
	struct processor *self = &processors[machine_cpu_id];

	processor_in_call = false;
	swapcontext(&self->context, &processor_scheduler);
	processor_in_call = true;
}

static void processor_perhaps_yield(void)
{
	if (processor_in_call && processor_noise != 0 && processor_roll(256) < processor_noise)
		processor_yield();
}

static bool processor_lock_is_free(const struct lock *lock)
{
	return lock->next == lock->serving;
}

static void lock_acquire(struct lock *lock, enum lock_rank rank)
{
	struct processor *self = &processors[machine_cpu_id];

	processor_perhaps_yield();
	while (!processor_lock_is_free(lock)) {
		CHECK_THAT(processor_in_call);
		self->waits = lock;
		processor_yield();
	}
	self->waits = NULL;
	CHECK_THAT(self->ranks >> rank == 0);
	self->ranks |= 1u << rank;
	lock->next++;
}

static void lock_release(struct lock *lock, enum lock_rank rank)
{
	processors[machine_cpu_id].ranks &= ~(1u << rank);
	lock->serving++;
	processor_perhaps_yield();
}

/* Runs on a CPU's stack: one call after the other. */
static void processor_main(void)
{
	for (;;) {
		struct processor *self = &processors[machine_cpu_id];

		processor_wake(machine_cpu_id);
		self->call(machine_cpu_id);
		processor_leave(machine_cpu_id);
		CHECK_THAT(self->ranks == 0);
		self->call = NULL;
		processor_yield();
	}
}

static void processors_start(void)
{
	static u8 stacks[PROCESSORS][STACK_BYTES] ALIGNED(64);

	memset(processors, 0, sizeof(processors));
	for (u32 cpu = 0; cpu < PROCESSORS; cpu++) {
		struct processor *processor = &processors[cpu];

		getcontext(&processor->context);
		processor->context.uc_stack.ss_sp = stacks[cpu];
		processor->context.uc_stack.ss_size = STACK_BYTES;
		makecontext(&processor->context, processor_main, 0);
	}
	machine_cpu_id = 0;
	processor_in_call = false;
}

static bool processor_can_go_on(const struct processor *processor)
{
	return processor->call != NULL &&
	       (processor->waits == NULL || processor_lock_is_free(processor->waits));
}

static bool processors_busy(void)
{
	bool busy = false;

	for (u32 cpu = 0; cpu < PROCESSORS; cpu++)
		busy |= processors[cpu].call != NULL;
	return busy;
}

/* Lets one CPU, of those that can, go on to where it yields. */
static void processor_turn(void)
{
	u32 first = processor_roll(PROCESSORS);

	for (u32 n = 0; n < PROCESSORS; n++) {
		u32 cpu = (first + n) % PROCESSORS;

		if (processors[cpu].call == NULL && processor_noise != 0 &&
		    processor_roll(2) == 0) {
			machine_cpu_id = cpu;
			processor_begin(cpu);
		}
		if (!processor_can_go_on(&processors[cpu]))
			continue;
		machine_cpu_id = cpu;
		processor_in_call = true;
		swapcontext(&processor_scheduler, &processors[cpu].context);
		processor_in_call = false;
		return;
	}
	fprintf(stderr, "every CPU waits for another one's lock\n");
	abort();
}

/* Runs a call on a CPU that is in none, to its end; others go on in between as there is noise. */
static void processor_run(u32 cpu, void (*call)(u32 cpu))
{
	CHECK_THAT(processors[cpu].call == NULL);
	if (processor_noise == 0 && !processors_busy()) {
		/* no other CPU goes on, so that there is no need of another stack */
		machine_cpu_id = cpu;
		processor_wake(cpu);
		call(cpu);
		processor_leave(cpu);
		return;
	}
	processors[cpu].call = call;
	while (processors[cpu].call != NULL)
		processor_turn();
	machine_cpu_id = cpu;
}

/* Lets all calls come to their ends, and none begin. */
static void processors_settle(void)
{
	u32 noise = processor_noise;

	processor_noise = 0;
	while (processors_busy())
		processor_turn();
	processor_noise = noise;
}
