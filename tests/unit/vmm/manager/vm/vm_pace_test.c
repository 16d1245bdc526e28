/* SPDX-License-Identifier: MIT */
/* How often the manager hears a monitor that signals without end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "vmm/manager/vm/vm_pace.c"

#define RING	 7u
#define INTERVAL VM_PACE_NS

static u64 now;
static bool bound;
static enum status mute_answer;

u64 clock_tsc(void)
{
	return now;
}

u64 clock_ns_to_tsc(u64 ns)
{
	return ns;
}

enum status events_mute(handle_t handle)
{
	assert_int_equal(handle, RING);
	if (mute_answer == STATUS_OK)
		bound = false;
	return mute_answer;
}

enum status events_bind(handle_t handle, enum event_source source, u32 number)
{
	assert_int_equal(handle, RING);
	assert_int_equal(source, EVENT_CHANNEL);
	assert_int_equal(number, 3);
	bound = true;
	return STATUS_OK;
}

static struct vm start(void)
{
	now = 1000 * INTERVAL;
	bound = true;
	mute_answer = STATUS_OK;
	return (struct vm){.id = 3, .monitor.ring = RING};
}

/* Signals whenever the manager hears it, for this time; returns how often it was heard. */
static u32 flood(struct vm *vm, u64 ns)
{
	u64 end = now + ns;
	u32 heard = 0;

	for (; now < end; now += INTERVAL / 50) {
		vm_pace_step(vm, now);
		if (bound) {
			heard++;
			vm_pace_signalled(vm);
		}
	}
	return heard;
}

static void test_flood(void **state)
{
	struct vm vm = start();

	(void)state;
	assert_in_range(flood(&vm, 1000 * INTERVAL), 1000, 1000 + VM_PACE_BURST + 1);
	/* After a pause the monitor has its burst again. */
	now += 100 * INTERVAL;
	vm_pace_step(&vm, now);
	assert_true(bound);
	assert_in_range(flood(&vm, INTERVAL), VM_PACE_BURST, VM_PACE_BURST + 1);
}

/* A monitor that keeps to the pace never waits. */
static void test_polite(void **state)
{
	struct vm vm = start();

	(void)state;
	for (u32 n = 0; n < 1000; n++, now += INTERVAL) {
		vm_pace_signalled(&vm);
		vm_pace_step(&vm, now);
		assert_true(bound);
	}
	for (u32 n = 0; n < VM_PACE_BURST - 1; n++) {
		vm_pace_signalled(&vm);
		assert_true(bound);
	}
}

/* A new monitor does not pay for the one before; without an event there is nothing to mute. */
static void test_ends(void **state)
{
	struct vm vm = start();

	(void)state;
	(void)flood(&vm, 10 * INTERVAL);
	assert_false(bound);
	vm_pace_reset(&vm);
	bound = true;
	assert_in_range(flood(&vm, INTERVAL), VM_PACE_BURST, VM_PACE_BURST + 1);
	vm = start();
	vm.monitor.ring = HANDLE_NONE;
	for (u32 n = 0; n < 100; n++)
		vm_pace_signalled(&vm);
	assert_int_equal(vm.deaf_until_tsc, 0);
	/* Where the kernel refuses, the monitor goes on being heard. */
	vm = start();
	mute_answer = STATUS_NO_MEMORY;
	for (u32 n = 0; n < 100; n++)
		vm_pace_signalled(&vm);
	assert_int_equal(vm.deaf_until_tsc, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_polite),
		cmocka_unit_test(test_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
