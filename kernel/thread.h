/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/cpu/trap_frame.h"
#include "kernel/run_queue.h"
#include "lib/list.h"
#include "lib/status.h"
#include "mm/object.h"

struct cpu;
struct process;
struct queue;
struct vcpu;

#define RAN_NOTHING (~0ull) /* no table has had as many handles */

enum thread_state {
	THREAD_READY,   /* runs, or waits in the ready queue */
	THREAD_WAITING, /* parked in SYS_QUEUE_WAIT */
	THREAD_DEAD,
};

struct thread {
	struct object object;
	struct process *process;   /* which ends its threads before it goes */
	struct list sibling;
	u64 serial;                /* no other thread ever had it; from 1 */
	struct trap_frame frame;   /* while it is not loaded on a CPU */
	enum thread_state state;
	struct vcpu *guest;        /* in SYS_VCPU_RUN: the vCPU it runs, else NULL */

	/* What SYS_VCPU_RUN has found last: saves the lookup while no handle was closed since. */
	struct vcpu *ran;          /* holds a reference */
	u64 ran_handle;
	u64 ran_closed;            /* of the handle table, then; RAN_NOTHING */
	const u64 *closed;         /* of the handle table, now */

	struct cpu *cpu; /* its home: where it runs and is woken; the object lock guards it */
	struct run_entity run;     /* in cpu->queue */
	struct cpu *wanted;        /* where it goes when it next leaves the CPU; NULL: it stays */
	u64 moved_tsc;             /* when it was last handed over */
	u64 ready_tsc;             /* since when it waits, where it waits for the CPU */
	u64 waited_tsc;            /* in all */
	u64 missed_shown;          /* of run.reservation.missed_count, in the group's page */

	struct queue *waits_for;
	struct list sleep_node;    /* in cpu->sleeping */
	u64 wake_tsc;

	/* What a wait ended with, for the registers when it runs again. */
	bool has_result;
	enum status result;
	u64 result_value;
};

/* Parks the thread; the CPU loop goes on with another. deadline_tsc ~0: none. */
void thread_wait(struct thread *thread, struct queue *queue, u64 deadline_tsc);
/* Ends a wait with the result of its system call. */
void thread_wake(struct thread *thread, enum status status, u64 value);
/* Takes the thread out of every queue for good. */
void thread_end(struct thread *thread);
/* Gives the struct back once no CPU holds the thread; STATUS_AGAIN until then. */
enum status thread_free(struct thread *thread);
/* The CPU forgets a dead thread whose registers it still has. */
void thread_forget_dead(struct cpu *cpu);
/* The CPU puts away what it has of the thread's and its vCPU's registers: another may load them. */
void thread_unload(struct cpu *cpu, struct thread *thread);

/* Makes the TSS allow the ports of the thread's process; needed again after each VM exit. */
void thread_ports_load(struct cpu *cpu, struct thread *thread);

/* The CPU turns to the thread or its guest: nothing of what another one ran steers its guesses. */
void thread_isolate(struct cpu *cpu, const struct thread *thread);

/* Makes the thread's registers and address space those of the CPU. */
void thread_load(struct cpu *cpu, struct thread *thread);
