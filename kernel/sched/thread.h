/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/cpu/trap_frame.h"
#include "kernel/run_queue/run_queue.h"
#include "lib/list.h"
#include "lib/status.h"
#include "mm/object.h"

struct cpu;
struct group;
struct process;
struct queue;
struct vcpu;

#define RAN_NOTHING (~0ull) /* for `ran_closed`: no handle table has closed so many handles */

enum thread_state {
	THREAD_READY,	/* the thread runs, or waits in a run queue for its CPU */
	THREAD_WAITING, /* parked in SYS_QUEUE_WAIT */
	THREAD_DEAD,
};

struct thread {
	struct object object;
	struct process *process; /* the thread's process, which frees its threads before itself */
	struct list sibling;
	u64 serial; /* the thread's number, from 1, which is never reused */
	/* the registers of the thread in ring 3, while they are not loaded on a CPU */
	struct trap_frame frame;
	enum thread_state state;
	struct vcpu *guest; /* the vCPU that the thread runs in SYS_VCPU_RUN, else NULL */

	/*
	 * The vCPU of the thread's last SYS_VCPU_RUN: saves looking its handle up as long as the
	 * process closes no handle.
	 */
	struct vcpu *ran; /* the vCPU that the thread ran last, with a reference */
	u64 ran_handle;
	/* `closed` of the process's handle table at that run; RAN_NOTHING: `ran` is NULL */
	u64 ran_closed;
	const u64 *closed; /* the count `closed` of handles closed in the process's handle table */

	/* the thread's home CPU, where it runs and is woken; guarded by the object lock */
	struct cpu *cpu;
	struct run_entity run; /* the thread's place in the run queue cpu->queue */
	/* the CPU to which the thread must move (sched_move); NULL: the thread stays */
	struct cpu *wanted;
	/* TSC when the thread last moved to another CPU to balance the load */
	u64 moved_tsc;
	u64 ready_tsc;	/* TSC when the thread began to wait for the CPU, if it waits */
	u64 waited_tsc; /* TSC cycles that the thread has waited for a CPU in total */
	/* the thread's part of the group's reserved_permille, in 1/1000 of a CPU */
	u64 reserved_permille;
	/*
	 * the group that the thread serves, and to which its CPU time is charged too (sched_serve),
	 * with a reference; NULL: none
	 */
	struct group *served;

	/*
	 * the queue that the thread waits on; guarded by that queue's lock, and without a
	 * reference, as a queue ends the wait before it is freed
	 */
	struct queue *waits_for;
	/* the thread's place in cpu->sleeping while it waits with a deadline */
	struct list sleep_node;
	u64 wake_tsc;

	/* The result of the thread's wait, which goes to its registers when it runs again. */
	bool has_result;
	enum status result;
	u64 result_value;
};

/*
 * Makes the running thread wait: its CPU continues with another thread as soon as it chooses anew,
 * after the queue's lock is released, unless the thread is woken first. deadline_tsc ~0: no
 * deadline. The caller holds the queue's lock.
 */
void thread_wait(struct thread *thread, struct queue *queue, u64 deadline_tsc);
/*
 * Ends a wait with the result of its system call. The caller holds the lock of the queue that the
 * thread waits for, or has the object lock alone.
 */
void thread_wake(struct thread *thread, enum status status, u64 value);
/* Ends the thread: takes it off the run queue and the queue that it waits on, for good. */
void thread_end(struct thread *thread);
/* Frees the thread once no CPU holds it; returns STATUS_AGAIN until then. */
enum status thread_free(struct thread *thread);
/* Makes the CPU drop a dead thread whose registers it still has loaded. */
void thread_forget_dead(struct cpu *cpu);
/* Saves the registers of the thread and its vCPU, so that another CPU may load them. */
void thread_unload(struct cpu *cpu, struct thread *thread);

/*
 * Makes the CPU's TSS allow the I/O ports of the thread's process; to be called again after VM
 * exits.
 */
void thread_ports_load(struct cpu *cpu, struct thread *thread);

/*
 * Issues an IBPB if another thread ran on the CPU last; called before the CPU runs the thread or
 * its guest.
 */
void thread_isolate(struct cpu *cpu, const struct thread *thread);

/*
 * Leaves nothing of other groups in the registers that ring 3 can read, nor in the FPU registers,
 * which CR0.TS hides only from some CPUs (LazyFP). Called before ring 3 runs, if a guest or another
 * process has run since it last did.
 */
void thread_clear(struct cpu *cpu);

/* Loads the thread's registers and address space on the CPU. */
void thread_load(struct cpu *cpu, struct thread *thread);
