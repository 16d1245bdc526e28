/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/syscall.h"
#include "kernel/abi/vcpu.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

/*
 * Ring 3 gone bad. The image of tests/hostile is the product's kernel with this program in place of
 * both manager and monitor. The boss, which holds the root, makes one child after another, each
 * with what a monitor has and a group of its own; meanwhile it makes calls itself, and then it
 * destroys the group. What they do is drawn at random from a seed.
 */
#define THREADS 8u
#define POOL	40u

/* What the kernel must not reveal, or do. */
enum leak_kind {
	LEAK_VALUE = 1, /* a refused call returned something */
	LEAK_ADDRESS,	/* a result lies in the kernel's half */
	LEAK_REGISTER,	/* a register has a kernel address after a call */
	LEAK_STATUS,	/* a status that does not exist */
	LEAK_DUMP,	/* an address of the kernel in a dump of a control structure */
	LEAK_TABLE,	/* SGDT or a similar instruction reveals something */
	LEAK_PLACE,	/* a mapping lies where it may not */
};

/* Shared by the boss and its children, which may write anything to it: it is only printed. */
struct shared {
	volatile u64 calls;
	volatile u64 runs;
	volatile u64 by_status[16];
	volatile u64 exits[EXIT_REASON_COUNT];
	volatile u64 refused[16];      /* runs of a guest, by status */
	volatile u64 plays, played;    /* vCPUs wanted, and made */
	volatile u64 forks, forked;    /* processes wanted, and started */
	volatile u64 touches, touched; /* the touches of addresses anywhere, and those survived */
	volatile u64 leak_count;
	volatile u64 leak[16][3];
};
extern struct shared *shared;

/* The state of a thread: its random numbers, and what it calls with. */
struct hostile {
	u64 random;
	bool boss;
};

extern u64 pool[POOL]; /* the handles to call with, forged ones among them */
extern u32 pool_kept;  /* the first handles of the pool, which are not closed at random */
/* the first of those: nobody else may destroy them, as the boss needs them */
extern u32 pool_own;
extern handle_t own_self, own_space, own_group, own_root;

u64 draw(struct hostile *self);
u64 draw_value(struct hostile *self);

void leak(enum leak_kind kind, u64 where, u64 value);
bool is_kernel_address(u64 value);
bool is_image_address(u64 value);

/* Makes one system call with arguments drawn at random. In call.c. */
void call_random(struct hostile *self);
void pool_close(void); /* closes all handles but those kept */

/*
 * Runs a vCPU with a page full of nonsense, which the other threads rewrite while it runs. In
 * vcpu.c.
 */
void vcpu_play(struct hostile *self, u64 rounds);

/* Executes what ring 3 may not do, which is mostly the end of the process. In instruction.c. */
void instruction_play(struct hostile *self);
void touch_play(struct hostile *self); /* the kernel's addresses, holes, ends */

/* Makes one more process like this one, if the boss has given an image for it. In fork.c. */
void fork_play(struct hostile *self);

/* audit.c; false: the kernel refuses. */
bool audit_set_up(void);
bool audit_play(void (*report)(void *context, const char *text));

NORETURN void boss_main(void);
NORETURN void child_main(void);
