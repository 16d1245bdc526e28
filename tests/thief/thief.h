/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/syscall.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

/*
 * Time thieves. The image of tests/thief is the product's kernel with this program in place of both
 * manager and monitor. The boss holds the root and stands for the console. The victim counts as
 * fast as it can, the light neighbour sleeps for a millisecond at a time; each attacker has what a
 * monitor has, and makes calls in one pattern to take the others' time.
 */
enum role { ROLE_VICTIM, ROLE_LIGHT, ROLE_ATTACKER };

enum parameter {
	PARAMETER_ROLE,
	PARAMETER_PATTERN,
	PARAMETER_SEED,
	PARAMETER_GUEST, /* the victim counts in a guest */
};

#define THIEVES 256u /* threads of an attacker */

struct counter {
	volatile u64 count;
	/* The count when the thread last got the CPU back after others had it for `gap` ticks. */
	volatile u64 back_tsc;
	volatile u64 back_count;
	u64 gap;
};

/* The memory in which the boss and the others tell each other everything. */
struct shared {
	struct counter victim;
	struct counter thief; /* the count of the attacker's guest */
	/* the light neighbour's */
	volatile u64 wakes;
	volatile u64 late_max; /* the longest delay in ticks */
	/* the tick at which the victim asked the console; 0: it was answered */
	volatile u64 asked_tsc;
	/* the attacker's */
	volatile u64 ready;
	volatile u64 go;
	volatile u64 stop_tsc;	/* the tick at which the attacker gives up */
	volatile u64 threads;	/* the number of threads that the attacker got */
	volatile u64 reserved;	/* the number of reservations that were given */
	volatile u64 budget_ns; /* the budget of the last reservation */
	volatile u64 period_ns; /* the period of the last reservation */
	volatile u64 steps;
	volatile u64 calls;
	volatile u64 call_max; /* ticks; the longest call that was not interrupted */
	volatile u64 boss_turns;
};
extern struct shared *shared;

extern handle_t own_self, own_space, own_group;

/* A thread of the attacker. */
struct thief {
	u64 random;
	u32 number;
	handle_t queue;
	handle_t memory; /* the memory that unmap_prepare has made */
	u64 round;
};

struct pattern {
	const char *name;
	u32 threads;
	u32 reservable_permille;
	/* the boss destroys a large group during the pattern */
	bool big;
	/* is called by each thread before the pattern begins */
	void (*prepare)(struct thief *self);
	void (*step)(struct thief *self); /* what the thread does all the time */
};
extern const struct pattern patterns[];
extern const u32 pattern_count;

u64 draw(struct thief *self);
/* Makes one step of a call, whose time is noted. */
u64 timed(u64 number, const u64 argument[6], u64 *value);

/* Patterns of patterns_time.c: reservations, sleepers, yields, signals, kicks. */
void reserve_prepare(struct thief *self);
void busy_step(struct thief *self);
void nap_step(struct thief *self);
void burst_step(struct thief *self);
void stagger_step(struct thief *self);
void crowd_step(struct thief *self);
void wave_step(struct thief *self);
void yield_step(struct thief *self);
void yield_vcpu_step(struct thief *self);
void ring_step(struct thief *self);
void kick_prepare(struct thief *self);
void kick_step(struct thief *self);
void kick_event_step(struct thief *self);

/* Patterns of patterns_objects.c: they make memory and objects. */
void unmap_prepare(struct thief *self);
void unmap_step(struct thief *self);
void touch_step(struct thief *self);
void teardown_step(struct thief *self);
void hoard_step(struct thief *self);
void again_step(struct thief *self);

/* A vCPU whose guest counts. In guest.c. */
struct guest {
	handle_t vcpu, queue, event;
	struct vcpu_page *page;
};
bool guest_make(struct guest *guest, struct counter *counter);
/* Makes one run of the guest; signals in its queue are taken. */
void guest_run(struct guest *guest);

NORETURN void count_for_ever(struct counter *counter);

NORETURN void boss_main(void);
NORETURN void victim_main(void);
NORETURN void light_main(void);
NORETURN void attacker_main(void);
