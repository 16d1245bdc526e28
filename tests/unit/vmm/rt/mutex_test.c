/* SPDX-License-Identifier: MIT */
/* The mutex over a kernel made of condition variables: it excludes, and no waiter is forgotten. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

#include "vmm/rt/mutex.c"

#define THREADS 8u
#define ROUNDS	20000u

static struct mutex mutex;
static u64 inside;
static u64 total;

/* Handle n is both thread n's event and the queue it waits in. */
static struct queue {
	pthread_mutex_t lock;
	pthread_cond_t raised;
	bool signal;
} queues[THREADS];

enum status sys_event_signal(handle_t event)
{
	struct queue *queue = &queues[event];

	pthread_mutex_lock(&queue->lock);
	queue->signal = true;
	pthread_cond_signal(&queue->raised);
	pthread_mutex_unlock(&queue->lock);
	return STATUS_OK;
}

enum status sys_queue_wait(handle_t handle, u64 deadline_tsc, u64 *key)
{
	struct queue *queue = &queues[handle];
	struct timespec limit;
	int error = 0;

	(void)deadline_tsc, (void)key;
	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += 20;
	pthread_mutex_lock(&queue->lock);
	while (!queue->signal && error == 0)
		error = pthread_cond_timedwait(&queue->raised, &queue->lock, &limit);
	queue->signal = false;
	pthread_mutex_unlock(&queue->lock);
	return error == 0 ? STATUS_OK : STATUS_TIMED_OUT;
}

void rt_fail(const char *text)
{
	(void)text;
	abort(); /* a waiter was never woken */
}

static void *work(void *argument)
{
	u32 self = (u32)(uintptr_t)argument;

	for (u32 i = 0; i < ROUNDS; i++) {
		mutex_lock(&mutex, self, self);
		if (inside++ != 0)
			abort();
		if (i % 64 == 0)
			sched_yield(); /* the holder is not running */
		total++;
		inside--;
		mutex_unlock(&mutex);
		if (i % 128 == self)
			sys_event_signal((self + 1) % THREADS); /* a signal for another reason */
	}
	return NULL;
}

static void test_contention(void **state)
{
	pthread_t thread[THREADS];

	(void)state;
	for (u32 i = 0; i < THREADS; i++) {
		pthread_mutex_init(&queues[i].lock, NULL);
		pthread_cond_init(&queues[i].raised, NULL);
		mutex.event[i] = i;
	}
	for (u32 i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, work, (void *)(uintptr_t)i);
	for (u32 i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(total, (u64)THREADS * ROUNDS);
	assert_int_equal(mutex.held, 0);
	assert_int_equal(mutex.waiting, 0);
}

/* A stale wake-up, of a thread that has had the lock since, does not keep the next from one. */
static void test_late_call(void **state)
{
	(void)state;
	mutex = (struct mutex){.held = 1, .woken = 1 + 1, .waiting = BIT(2), .event = {0, 1, 2}};
	queues[2].signal = false;
	mutex_unlock(&mutex);
	assert_true(queues[2].signal);
	assert_int_equal(mutex.woken, 2 + 1);
	mutex.held = 1;
	queues[2].signal = false;
	mutex_unlock(&mutex);
	assert_false(queues[2].signal); /* the thread is woken already */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_contention),
		cmocka_unit_test(test_late_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
