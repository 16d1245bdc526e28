/* SPDX-License-Identifier: MIT */
/* The object lock on CPUs that are the host's threads: alone or together, and last references. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define CPUS   4u
#define ROUNDS 200u
#include "tests/unit/fake_cpus.h"

/* Pauses give the processor away, as there may be fewer processors than threads. */
#define __builtin_ia32_pause sched_yield
#include "kernel/object/object_lock.c"

static u32 inside; /* CPUs that share the objects */
static u32 released;
/* equal for all readers; they differ only while one CPU changes them alone */
static volatile u64 first, second;

/* Releases an object: what the last reference leads to is done by one CPU alone. */
static void release(struct object *object)
{
	(void)object;
	assert_true(object_alone);
	assert_int_equal(inside, 0);
	released++;
}

void (*const object_release[OBJECT_TYPE_COUNT])(struct object *object) = {
	[OBJECT_GROUP] = release,
};

static void change_alone(void)
{
	object_lock();
	assert_int_equal(__atomic_load_n(&inside, __ATOMIC_SEQ_CST), 0);
	first++;
	sched_yield();
	second++;
	object_unlock();
}

static void look_together(void)
{
	object_share();
	__atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST);
	assert_int_equal(first, second);
	sched_yield();
	assert_int_equal(first, second);
	__atomic_sub_fetch(&inside, 1, __ATOMIC_SEQ_CST);
	object_unshare();
}

static void *work(void *id)
{
	here = (u32)(size_t)id;
	for (u32 round = 0; round < ROUNDS; round++) {
		if (round % CPUS == here)
			change_alone();
		else
			look_together();
	}
	return NULL;
}

static void alone_or_together(void **state)
{
	pthread_t threads[CPUS];

	(void)state;
	first = second = 0;
	for (size_t id = 0; id < CPUS; id++)
		assert_int_equal(pthread_create(&threads[id], NULL, work, (void *)id), 0);
	for (size_t id = 0; id < CPUS; id++)
		assert_int_equal(pthread_join(threads[id], NULL), 0);
	assert_int_equal(first, CPUS * (ROUNDS / CPUS));
	assert_int_equal(second, first);
}

/* Two CPUs are inside at once: neither waits for the other. */
static void together(void **state)
{
	(void)state;
	here = 0;
	object_share();
	here = 1;
	object_share();
	assert_true(cpus[0].shares && cpus[1].shares);
	object_unshare();
	here = 0;
	object_unshare();
	assert_false(cpus[0].shares || cpus[1].shares);
	object_lock();
	object_unlock();
}

static void last_references(void **state)
{
	struct object object;

	(void)state;
	released = 0;
	list_init(&cpus[0].dropped);
	object_init(&object, OBJECT_GROUP);
	object_get(&object);
	object_share();
	object_drop(&object);
	object_unshare();
	assert_int_equal(object.references, 1);
	assert_int_equal(cpus[0].pending, 0);
	object_share();
	object_drop(&object);
	object_unshare();
	assert_int_equal(cpus[0].pending, PENDING_DROPPED);
	assert_int_equal(released, 0);
	object_put_dropped(&cpus[0]);
	assert_int_equal(released, 1);
	assert_true(list_empty(&cpus[0].dropped));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alone_or_together),
		cmocka_unit_test(together),
		cmocka_unit_test(last_references),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
