/* SPDX-License-Identifier: MIT */
/* The long lock and the object lock: who has which, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define CPUS 2u
#include "tests/unit/fake_cpus.h"

#include "kernel/object/long_lock.c"
#include "kernel/object/object_lock.c"

void (*const object_release[OBJECT_TYPE_COUNT])(struct object *object);

static void assert_held(bool long_one, bool object_one)
{
	assert_int_equal(long_lock_first.next - long_lock_first.serving, long_one);
	assert_int_equal(object_turn.next - object_turn.serving, object_one);
	assert_int_equal(object_alone, object_one);
}

static void test_both(void **state)
{
	(void)state;
	long_lock();
	assert_held(true, true);
	assert_false(long_is_aside());
	long_unlock();
	assert_held(false, false);
}

/* Work done aside keeps nobody waiting for the object lock; only the CPU itself is aside. */
static void test_aside(void **state)
{
	(void)state;
	long_lock();
	long_aside();
	assert_held(true, false);
	assert_true(long_is_aside());
	here = 1;
	assert_false(long_is_aside());
	here = 0;
	long_back();
	assert_held(true, true);
	assert_false(long_is_aside());
	long_unlock();
	assert_held(false, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both),
		cmocka_unit_test(test_aside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
