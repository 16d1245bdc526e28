/* SPDX-License-Identifier: MIT */
/*
 * Queues and signals: raising a signal, and waiting for one. Events, interrupts, ends of processes
 * and the log raise signals; SYS_QUEUE_WAIT waits. It owns a queue's list of raised signals and its
 * waiter, guarded by the queue's lock, and takes run-queue locks after that one to wake threads.
 */
#include "kernel/sched/queue.h"
#include "arch/x86_64/cpu/instructions.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/vcpu_load.h"

#define QUEUE_STEP 64u /* the most signals that a run of a vCPU takes */

struct signal signal_root;

/*
 * Sets `signalled` of the queue's vCPU, whose guest must not run while the queue holds a signal; a
 * run checks only this flag.
 */
static void signal_mark_vcpu(struct queue *queue)
{
	if (queue->vcpu != NULL)
		queue->vcpu->signalled = !list_empty(&queue->pending);
}

/*
 * Takes the oldest signal off the queue for the thread; returns false if the queue is empty. The
 * caller holds the queue's lock, as for the next two functions.
 */
static bool queue_take(struct queue *queue, struct thread *thread, u64 *key)
{
	struct signal *signal;

	if (list_empty(&queue->pending))
		return false;
	signal = LIST_ENTRY(queue->pending.next, struct signal, node);
	list_remove(&signal->node);
	signal->raised = false;
	*key = signal->key;
	signal_mark_vcpu(queue);
	sched_serve(thread, signal->group);
	return true;
}

/*
 * Hands a new signal in the queue to its waiting thread at once, or kicks its running vCPU so that
 * the monitor takes the signal.
 */
static void queue_deliver(struct queue *queue)
{
	struct thread *waiter = queue->waiter;
	u64 key;

	if (waiter != NULL && queue_take(queue, waiter, &key))
		thread_wake(waiter, STATUS_OK, key);
	else if (queue->vcpu != NULL)
		vcpu_kick(queue->vcpu);
}

void queue_empty(struct queue *queue)
{
	lock_acquire(&queue->lock, LOCK_QUEUE);
	/* QUEUE_STEP at most, as interrupts are off meanwhile */
	for (u32 i = 0; i < QUEUE_STEP && !list_empty(&queue->pending); i++) {
		LIST_ENTRY(queue->pending.next, struct signal, node)->raised = false;
		list_remove(queue->pending.next);
	}
	signal_mark_vcpu(queue);
	lock_release(&queue->lock, LOCK_QUEUE);
}

static enum status queue_wait_locked(struct queue *queue, struct thread *thread, u64 deadline_tsc,
				     u64 *key)
{
	if (queue_take(queue, thread, key))
		return STATUS_OK;
	sched_serve(thread, NULL);
	if (rdtsc() >= deadline_tsc)
		return STATUS_TIMED_OUT;
	if (queue->waiter != NULL)
		return STATUS_IN_USE;
	thread_wait(thread, queue, deadline_tsc);
	return STATUS_OK;
}

enum status queue_wait(struct queue *queue, struct thread *thread, u64 deadline_tsc, u64 *key)
{
	enum status status;

	lock_acquire(&queue->lock, LOCK_QUEUE);
	status = queue_wait_locked(queue, thread, deadline_tsc, key);
	lock_release(&queue->lock, LOCK_QUEUE);
	return status;
}

void queue_expire(struct queue *queue, const struct thread *thread)
{
	lock_acquire(&queue->lock, LOCK_QUEUE);
	if (queue->waiter == thread)
		thread_wake(queue->waiter, STATUS_TIMED_OUT, 0);
	lock_release(&queue->lock, LOCK_QUEUE);
}

void queue_end(struct queue *queue)
{
	if (queue->waiter != NULL)
		thread_wake(queue->waiter, STATUS_BAD_HANDLE, 0);
}

void signal_raise(struct signal *signal)
{
	struct queue *queue = signal->queue;

	if (queue == NULL) {
		__atomic_store_n(&signal->early, true, __ATOMIC_RELAXED);
		return;
	}
	lock_acquire(&queue->lock, LOCK_QUEUE);
	if (!signal->raised && !queue->object.dead) {
		signal->raised = true;
		list_push_back(&queue->pending, &signal->node);
		signal_mark_vcpu(queue);
		queue_deliver(queue);
	}
	lock_release(&queue->lock, LOCK_QUEUE);
}

void signal_unbind(struct signal *signal)
{
	if (signal->queue == NULL)
		return;
	if (signal->raised)
		list_remove(&signal->node);
	signal->raised = false;
	signal_mark_vcpu(signal->queue);
	object_put(&signal->queue->object);
	signal->queue = NULL;
}

void signal_bind(struct signal *signal, struct queue *queue, u64 key)
{
	bool raise = signal->early || signal->raised;

	signal_unbind(signal);
	object_get(&queue->object);
	signal->queue = queue;
	signal->key = key;
	signal->early = false;
	if (raise)
		signal_raise(signal);
}
