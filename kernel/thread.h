/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/cpu/trap_frame.h"
#include "kernel/run_queue.h"
#include "lib/list.h"
#include "lib/status.h"
#include "mm/object.h"

struct cpu;
struct group;
struct process;
struct queue;
struct vcpu;

#define RAN_NOTHING (~0ull) /* no table has ever closed so many handles */

enum thread_state {
	THREAD_READY,   /* runs, or waits in a run queue */
	THREAD_WAITING, /* parked in SYS_QUEUE_WAIT */
	THREAD_DEAD,
};

struct thread {
	struct object object;
	struct process *process;   /* frees its threads before itself */
	struct list sibling;
	u64 serial;                /* unique, never reused; from 1 */
	struct trap_frame frame;   /* while it is not loaded on a CPU */
	enum thread_state state;
	struct vcpu *guest;        /* in SYS_VCPU_RUN: the vCPU it runs, else NULL */

	/* What SYS_VCPU_RUN found last: saves the lookup as long as no handle is closed. */
	struct vcpu *ran;          /* holds a reference */
	u64 ran_handle;
	u64 ran_closed;            /* the handle table's `closed` at that time; RAN_NOTHING */
	const u64 *closed;         /* to the handle table's `closed` */

	struct cpu *cpu; /* its home, where it runs and is woken; guarded by the object lock */
	struct run_entity run;     /* in cpu->queue */
	struct cpu *wanted;        /* where it must move (sched_move); NULL: it stays */
	u64 moved_tsc;             /* when it was last handed over */
	u64 ready_tsc;             /* since when it waits for the CPU, if it does */
	u64 waited_tsc;            /* TSC cycles it has waited for a CPU in total */
	u64 reserved_permille;     /* part of the group's */
	struct group *served;      /* sched_serve; holds a reference, NULL: none */

	struct queue *waits_for;   /* under its lock; no reference: it ends the wait itself */
	struct list sleep_node;    /* in cpu->sleeping */
	u64 wake_tsc;

	/* The result of a wait, for its registers when it runs again. */
	bool has_result;
	enum status result;
	u64 result_value;
};

/*
 * The thread, which runs, waits: its CPU goes on with another once it looks, behind the queue's
 * lock, unless the thread is woken first. deadline_tsc ~0: none. Under the queue's lock.
 */
void thread_wait(struct thread *thread, struct queue *queue, u64 deadline_tsc);
/*
 * Ends a wait with the result of its system call. Under the lock of the queue it waits for, or with
 * the objects alone.
 */
void thread_wake(struct thread *thread, enum status status, u64 value);
/* Takes the thread out of every queue for good. */
void thread_end(struct thread *thread);
/* Gives the struct back once no CPU holds the thread; STATUS_AGAIN until then. */
enum status thread_free(struct thread *thread);
/* The CPU forgets a dead thread whose registers it still has. */
void thread_forget_dead(struct cpu *cpu);
/* The CPU saves what it holds of the thread's and its vCPU's registers: another may load them. */
void thread_unload(struct cpu *cpu, struct thread *thread);

/* Makes the TSS allow the I/O ports of the thread's process; needed again after VM exits. */
void thread_ports_load(struct cpu *cpu, struct thread *thread);

/* Before the CPU runs the thread or its guest: an IBPB if another one ran here last. */
void thread_isolate(struct cpu *cpu, const struct thread *thread);

/*
 * Before ring 3 runs, if others have run since it last did: nothing is left of other groups in the
 * registers that it can read, nor in the FPU's, which CR0.TS hides only from some CPUs (LazyFP).
 */
void thread_clear(struct cpu *cpu);

/* Loads the thread's registers and address space on the CPU. */
void thread_load(struct cpu *cpu, struct thread *thread);
