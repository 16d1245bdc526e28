/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/list.h"
#include "lib/lock.h"
#include "lib/status.h"
#include "mm/object.h"

struct group;
struct thread;
struct vcpu;

/*
 * The only kind of object that threads wait on: a FIFO of signals. A signal is in a queue at most
 * once, so raising one takes no memory, and a reader that is slow misses only repetitions of a
 * signal.
 */
struct queue {
	struct object object;
	struct vcpu *vcpu; /* the vCPU that a signal in the queue kicks out of its guest, or NULL */
	/* guards the queue's fields below, and `node` and `raised` of the signals bound to it */
	struct lock lock;
	struct list pending;   /* raised signals (struct signal), the oldest first */
	struct thread *waiter; /* the thread that waits in SYS_QUEUE_WAIT, or NULL */
};

/* Embedded in every structure that can be bound to a queue. All zeros: unbound. */
struct signal {
	/* the queue to which the signal is bound, with a reference; NULL: it is not bound */
	struct queue *queue;
	/* the group for which a thread works that takes the signal (sched_serve); NULL: none */
	struct group *group;
	u64 key;
	struct list node; /* the signal's place in queue->pending while it is raised */
	bool raised;
	bool early; /* the signal was raised before it was bound */
};

struct event {
	struct object object;
	struct signal signal;
};

/* The root object's signal, raised after the kernel's log has grown. */
extern struct signal signal_root;

/*
 * Binds the signal to the queue with this key, and ends its binding to a former queue. A signal
 * that was raised while unbound is delivered now. The caller has the object lock alone, as
 * signal_unbind.
 */
void signal_bind(struct signal *signal, struct queue *queue, u64 key);
void signal_unbind(struct signal *signal);
/*
 * Ends the wait of a thread on the queue, if one waits, with STATUS_BAD_HANDLE. The caller has the
 * object lock alone.
 */
void queue_end(struct queue *queue);

/* The functions below are called with the object lock shared. */

/*
 * Raises the signal: a waiting thread gets it, or it stays in the queue until it is taken. Raising
 * it again has no further effect. A signal that is not bound yet is delivered when it is.
 */
void signal_raise(struct signal *signal);

/*
 * Takes signals, 64 at most, without their keys: any signal ends the run of a vCPU, and one that is
 * left ends the next run.
 */
void queue_empty(struct queue *queue);
/*
 * Carries out SYS_QUEUE_WAIT for the running thread. It takes the oldest signal, returns its key,
 * and charges the thread's time to that signal's group too from now on: a server's work for a
 * client is the client's CPU time. STATUS_TIMED_OUT; STATUS_IN_USE: another thread waits. If there
 * is no signal yet, STATUS_OK is returned and the thread waits; the code that wakes the thread sets
 * its result.
 */
enum status queue_wait(struct queue *queue, struct thread *thread, u64 deadline_tsc, u64 *key);
/*
 * Ends the wait of a thread whose deadline has passed with STATUS_TIMED_OUT, if the thread still
 * waits on the queue. Called by the thread's home CPU.
 */
void queue_expire(struct queue *queue, const struct thread *thread);
