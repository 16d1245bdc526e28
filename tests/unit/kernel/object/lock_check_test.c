/* SPDX-License-Identifier: MIT */
/*
 * The check of the lock order in DEBUG builds notices locks that are taken or let go in the wrong
 * order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#undef DEBUG
#define DEBUG
#define this_cpu hidden_this_cpu
#include "arch/x86_64/cpu/percpu.h"
#undef this_cpu
#include "kernel/machine/machine.h"

static struct cpu cpu;

static struct cpu *this_cpu(void)
{
	return &cpu;
}

#include "kernel/object/lock_check.c"

struct machine machine;
static struct kernel_page kernel_page;
static jmp_buf target;

NORETURN void panic(const char *text, ...)
{
	(void)text;
	longjmp(target, 1);
}

static bool panics(struct lock *lock, enum lock_rank rank)
{
	if (setjmp(target) != 0)
		return true;
	lock_acquire(lock, rank);
	return false;
}

static void test_order(void **state)
{
	struct lock a = {0}, b = {0}, c = {0};

	(void)state;
	cpu.locks = 0;
	machine.page = NULL; /* the first locks are taken before it exists */
	assert_false(panics(&a, LOCK_RUN));
	assert_false(panics(&b, LOCK_GROUP));
	assert_false(panics(&c, LOCK_PAGES));
	lock_release(&b, LOCK_GROUP);
	lock_release(&c, LOCK_PAGES);
	assert_false(panics(&c, LOCK_QUOTA));
	b = (struct lock){0};
	assert_true(panics(&b, LOCK_GROUP));
	b = (struct lock){0};
	assert_true(panics(&b, LOCK_QUOTA)); /* a second lock of the same kind */
	lock_release(&c, LOCK_QUOTA);
	lock_release(&a, LOCK_RUN);
	assert_int_equal(cpu.locks, 0);
	b = (struct lock){0};
	assert_false(panics(&b, LOCK_OBJECTS));
	lock_release(&b, LOCK_OBJECTS);
}

static bool release_panics(struct lock *lock, enum lock_rank rank)
{
	if (setjmp(target) != 0)
		return true;
	lock_release(lock, rank);
	return false;
}

/* A CPU that lets a lock go twice would let a third CPU in beside the second. */
static void test_release(void **state)
{
	struct lock lock = {0};

	(void)state;
	cpu.locks = 0;
	machine.page = NULL;
	lock_acquire(&lock, LOCK_SPACE);
	assert_true(release_panics(&lock, LOCK_MEMORY));
	assert_false(release_panics(&lock, LOCK_SPACE));
	assert_true(release_panics(&lock, LOCK_SPACE));
	assert_int_equal(lock.serving, 1);
}

static void test_counts(void **state)
{
	struct lock lock = {0};

	(void)state;
	cpu.locks = 0;
	machine.page = &kernel_page;
	for (u32 i = 0; i < 3; i++) {
		lock_acquire(&lock, LOCK_SPACE);
		lock_release(&lock, LOCK_SPACE);
	}
	lock_check_acquire(LOCK_SPACE, true);
	lock_check_release(LOCK_SPACE);
	assert_int_equal(kernel_page.locks[LOCK_SPACE].taken, 4);
	assert_int_equal(kernel_page.locks[LOCK_SPACE].waited, 1);
	assert_int_equal(kernel_page.locks[LOCK_PAGES].taken, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_release),
		cmocka_unit_test(test_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
