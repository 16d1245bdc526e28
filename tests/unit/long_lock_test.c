/* SPDX-License-Identifier: MIT */
/* The object lock for long: one at a time, and a pause as long if others had to wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define rdtsc rdtsc_of_cpu
#define pause pause_of_cpu
#include "arch/x86_64/cpu/instructions.h"
#undef rdtsc
#undef pause

static u64 now;

static u64 rdtsc(void)
{
	return now;
}

static void pause(void)
{
	now += 10;
}

#include "kernel/long_lock.c"

struct lock object_lock;

/* Holds the lock for 100 ticks; `waiters` CPUs come meanwhile, are served, and go. */
static void hold(u32 waiters)
{
	long_lock();
	assert_int_equal(object_lock.next, object_lock.serving + 1);
	now += 100;
	object_lock.next += waiters;
	long_unlock();
	object_lock.serving += waiters;
}

static void test_alone(void **state)
{
	(void)state;
	now = 1000;
	hold(0);
	hold(0);
	assert_int_equal(now, 1200);
	assert_int_equal(object_lock.next, object_lock.serving);
	assert_int_equal(long_lock_first.next, long_lock_first.serving);
}

/* The lock is free for as long as it was held; afterwards nobody has to stay away. */
static void test_others(void **state)
{
	(void)state;
	now = 1000;
	hold(2);
	long_lock();
	assert_in_range(now, 1200, 1209);
	long_unlock();
	long_lock();
	assert_in_range(now, 1200, 1209);
	long_unlock();
	hold(1);
	now += 300; /* nobody wanted it */
	long_lock();
	assert_in_range(now, 1600, 1609);
	long_unlock();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alone),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
