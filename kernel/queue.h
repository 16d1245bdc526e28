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
 * The only kind of object that threads wait on: a FIFO of signals. A signal is in it at most once,
 * so raising one costs no memory and a slow reader misses nothing but repetitions.
 */
struct queue {
	struct object object;
	struct vcpu *vcpu;     /* kicked out of its guest when a signal arrives, or NULL */
	struct lock lock;      /* of the following, and of the bound signals' node and raised */
	struct list pending;   /* struct signal, oldest first */
	struct thread *waiter; /* parked in SYS_QUEUE_WAIT, or NULL */
};

/* Embedded in whatever can be bound to a queue. All zeros: unbound. */
struct signal {
	struct queue *queue; /* holds a reference; NULL: unbound */
	struct group *group; /* for which a thread works that takes it; NULL: none */
	u64 key;
	struct list node;    /* in queue->pending while raised */
	bool raised;
	bool early;          /* raised before it was bound */
};

struct event {
	struct object object;
	struct signal signal;
};

/* That which SYS_OBJECT_BIND binds; NULL: nothing. */
struct signal *signal_of(struct object *object);
/*
 * With the objects alone. Unbinds first if it was bound. A signal raised before is delivered now.
 */
void signal_bind(struct signal *signal, struct queue *queue, u64 key);
void signal_unbind(struct signal *signal);
/* With the objects alone: whoever waits on it gets STATUS_BAD_HANDLE. */
void queue_end(struct queue *queue);

/* With the object lock shared: */

void signal_raise(struct signal *signal);

/*
 * SYS_QUEUE_WAIT by the thread, which runs. It takes the oldest signal, whose key is returned, and
 * works for its group from now on: what a server does for those who call it is their own time.
 */
enum status queue_wait(struct queue *queue, struct thread *thread, u64 deadline_tsc, u64 *key);
/* The thread's deadline has passed: STATUS_TIMED_OUT, if it still waits here. By its home CPU. */
void queue_expire(struct queue *queue, const struct thread *thread);
