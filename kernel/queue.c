/* SPDX-License-Identifier: MIT */
#include "kernel/queue.h"
#include "kernel/sched.h"
#include "kernel/thread.h"
#include "kernel/vcpu.h"

/* A vCPU whose queue holds a signal must not run; it checks only its own flag, set here. */
static void signal_mark_vcpu(struct queue *queue)
{
	if (queue->vcpu != NULL)
		queue->vcpu->signalled = !list_empty(&queue->pending);
}

bool queue_take(struct queue *queue, struct thread *thread, u64 *key)
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

void queue_end(struct queue *queue)
{
	if (queue->waiter != NULL)
		thread_wake(queue->waiter, STATUS_BAD_HANDLE, 0);
}

/* A waiter takes the signal at once; a running vCPU is kicked so that its monitor looks. */
static void queue_deliver(struct queue *queue)
{
	struct thread *waiter = queue->waiter;
	u64 key;

	if (waiter != NULL && queue_take(queue, waiter, &key))
		thread_wake(waiter, STATUS_OK, key);
	else if (queue->vcpu != NULL)
		vcpu_kick(queue->vcpu);
}

void signal_raise(struct signal *signal)
{
	struct queue *queue = signal->queue;

	if (queue == NULL) {
		signal->early = true;
		return;
	}
	if (signal->raised || queue->object.dead)
		return;
	signal->raised = true;
	list_push_back(&queue->pending, &signal->node);
	signal_mark_vcpu(queue);
	queue_deliver(queue);
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
