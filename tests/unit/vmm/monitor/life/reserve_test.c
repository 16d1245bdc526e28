/* SPDX-License-Identifier: MIT */
/* Reservations: each vCPU requests its own, and either all are granted or none. */
#include "tests/unit/monitor_fixture.h"

static int make_three(void **state)
{
	(void)state;
	return fixture_make_many(3);
}

static void round_of(u32 cpu)
{
	u64 deadline_tsc;

	asking = cpu;
	loop_between_runs(&machine.vcpu[cpu], &deadline_tsc);
}

static void rounds(void)
{
	for (u32 i = 0; i < 3; i++)
		round_of(i);
}

static void command(u64 budget_ns, u64 period_ns)
{
	channel.reserve_budget_ns = budget_ns;
	channel.reserve_period_ns = period_ns;
	channel.command = VM_COMMAND_RESERVE;
	channel.command_sequence++;
}

static void expect_reserved(u64 permille)
{
	for (u32 i = 0; i < 3; i++)
		assert_int_equal(reserved_permille[i], permille);
}

/* The manager is answered when the last vCPU has requested, not before. */
static void test_granted(void **state)
{
	(void)state;
	rounds();
	command(2000000, 10000000);
	round_of(1);
	round_of(0);
	assert_int_equal(reserved_permille[1], 200);
	assert_int_equal(reserved_permille[0], 200);
	assert_int_equal(channel.done_sequence, 0);
	assert_true(wakes_sent[2] + kicks_sent[2] > 0);
	round_of(2);
	assert_int_equal(channel.done_sequence, 1);
	assert_int_equal(channel.reserve_refused, 0);
	expect_reserved(200);
	/* none requests a reservation twice */
	reserved_permille[0] = 7;
	rounds();
	assert_int_equal(reserved_permille[0], 7);
}

/* The third vCPU's request is refused: all go back to what they had. */
static void test_refused(void **state)
{
	(void)state;
	command(1000000, 10000000);
	rounds();
	expect_reserved(100);
	command(4000000, 10000000);
	rounds();
	assert_int_equal(channel.done_sequence, 1);
	rounds();
	assert_int_equal(channel.done_sequence, 2);
	assert_int_equal(channel.reserve_refused, 1);
	assert_int_equal(channel.reserve_vcpu, 2);
	assert_int_equal(channel.reserve_left, 150);
	expect_reserved(100);
	/* the next command is independent of it */
	command(3000000, 10000000);
	rounds();
	assert_int_equal(channel.done_sequence, 3);
	assert_int_equal(channel.reserve_refused, 0);
	expect_reserved(300);
	command(0, 0);
	rounds();
	assert_int_equal(channel.done_sequence, 4);
	expect_reserved(0);
}

/* A command that arrives meanwhile waits. */
static void test_order(void **state)
{
	(void)state;
	command(2000000, 10000000);
	round_of(0);
	round_of(1);
	channel.command = VM_COMMAND_PAUSE;
	channel.command_sequence++;
	round_of(0);
	assert_int_equal(machine.state, VM_RUNNING);
	round_of(2);
	rounds();
	assert_int_equal(machine.state, VM_PAUSED);
	expect_reserved(200);
	/* the vCPUs of a paused machine request too */
	command(1000000, 10000000);
	rounds();
	expect_reserved(100);
}

static void new_machine(u64 budget_ns, u64 period_ns)
{
	memset(&machine.reserve, 0, sizeof(machine.reserve));
	memset(reserved_permille, 0, sizeof(reserved_permille));
	for (u32 i = 0; i < 3; i++)
		machine.vcpu[i].reserve_round = 0;
	machine.state = VM_CREATED;
	machine.reported = VM_CREATED;
	channel.ready = 0;
	info.parameter[MONITOR_RESERVE_BUDGET_NS] = budget_ns;
	info.parameter[MONITOR_RESERVE_PERIOD_NS] = period_ns;
	reserve_start(&machine);
}

/* A start is ready once all reservations are granted; otherwise there is no machine at all. */
static void test_start(void **state)
{
	(void)state;
	new_machine(0, 0);
	assert_int_equal(channel.ready, 1);

	new_machine(3000000, 10000000);
	assert_int_equal(channel.ready, 0);
	rounds();
	assert_int_equal(channel.ready, 1);
	assert_int_equal(machine.state, VM_CREATED);
	expect_reserved(300);

	new_machine(4000000, 10000000);
	rounds();
	rounds();
	assert_int_equal(channel.ready, 0);
	assert_int_equal(channel.state, VM_CRASHED);
	assert_non_null(strstr(channel.reason, "150 permille"));
	expect_reserved(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_granted, make_three, fixture_free),
		cmocka_unit_test_setup_teardown(test_refused, make_three, fixture_free),
		cmocka_unit_test_setup_teardown(test_order, make_three, fixture_free),
		cmocka_unit_test_setup_teardown(test_start, make_three, fixture_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
