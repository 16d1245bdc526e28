/* SPDX-License-Identifier: MIT */
/* How the manager takes what a VM's monitor reports, and the monitor's end. */
#include "tests/unit/vm_fixture.h"

/* Resets that nobody asked for count as crashes for the limit, whichever monitor saw them. */
static void test_unasked_resets(void **state)
{
	struct vm *vm = create(ON_CRASH_RESTART);

	(void)state;
	assert_true(act(vm, ACTION_START));
	settle(vm);
	channel.reset_count = 5;
	channel.unasked_resets = 5;
	monitor_reports(vm, VM_CRASHED, "triple fault, 5 times within 60 s");
	settle(vm);
	assert_int_equal(vm->state, VM_CRASHED);
	assert_non_null(strstr(noticed, "not restarted"));
	assert_int_equal(groups, 1);
	/*
	 * After three such resets and a crash the VM is started again. The next crash is the fifth.
	 */
	vm = create(ON_CRASH_RESTART);
	assert_true(act(vm, ACTION_START));
	settle(vm);
	channel.unasked_resets = 3;
	monitor_reports(vm, VM_CRASHED, "bad");
	settle(vm);
	assert_int_equal(vm->state, VM_RUNNING);
	monitor_reports(vm, VM_CRASHED, "bad");
	settle(vm);
	assert_int_equal(vm->state, VM_CRASHED);
}

/* The text of a command's answer is not shown above the prompt as well. */
static void test_said_once(void **state)
{
	struct vm *vm = in_state(VM_RUNNING);

	(void)state;
	noticed[0] = '\0';
	vm->answered = true;
	monitor_reports(vm, VM_CRASHED, "bad");
	assert_string_equal(noticed, "");
	vm = in_state(VM_RUNNING);
	monitor_reports(vm, VM_CRASHED, "bad");
	assert_string_equal(noticed, "alpha: crashed: bad\n");
	/* the answer will be how it has fared since */
	vm = create(ON_CRASH_RESTART);
	assert_true(act(vm, ACTION_START));
	settle(vm);
	noticed[0] = '\0';
	vm->answered = true;
	monitor_reports(vm, VM_CRASHED, "bad");
	assert_string_equal(noticed, "alpha: crashed: bad\n");
}

static void test_fresh_boot(void **state)
{
	struct vm *vm = in_state(VM_STOPPED);

	(void)state;
	assert_int_equal(groups, 0);
	assert_string_equal(vm->reason, "off");
	assert_true(act(vm, ACTION_START));
	assert_string_equal(vm->reason, "");
	assert_true(vm_busy(vm));
	assert_false(act(vm, ACTION_START));
	settle(vm);
	assert_false(vm_busy(vm));
	assert_int_equal(groups, 1);
	/*
	 * There is no memory for the next start: the VM has crashed, with the reason, and nothing
	 * is left behind.
	 */
	monitor_reports(vm, VM_STOPPED, "off");
	settle(vm);
	build_works = false;
	assert_false(act(vm, ACTION_START));
	settle(vm);
	assert_int_equal(vm->state, VM_CRASHED);
	assert_string_equal(vm->reason, "no memory");
	assert_int_equal(groups, 0);
}

/* Between a monitor that is ready and the start that waits for it nobody may think it is done. */
static void test_ready_before_told(void **state)
{
	struct vm *vm = in_state(VM_STOPPED);

	(void)state;
	monitor_sets_up = false;
	assert_true(act(vm, ACTION_START));
	monitor_sets_up = true;
	channel.ready = 1;
	assert_true(vm_busy(vm));
	vm_report_take(vm);
	assert_int_equal(channel.command, VM_COMMAND_START);
	assert_true(vm_busy(vm));
	settle(vm);
	assert_false(vm_busy(vm));
}

/* A process that the manager ended has not crashed; one that ended otherwise has. */
static void test_process_end(void **state)
{
	struct vm *vm = in_state(VM_STOPPED);

	(void)state;
	vm_process_ended(vm);
	assert_int_equal(vm->state, VM_STOPPED);
	vm = in_state(VM_RUNNING);
	vm_process_ended(vm);
	assert_int_equal(vm->state, VM_CRASHED);
	settle(vm);
	assert_int_equal(groups, 0);
	/* A monitor that reported a crash is kept for inspection until it goes. */
	vm = in_state(VM_CRASHED);
	assert_int_equal(groups, 1);
	vm_process_ended(vm);
	settle(vm);
	assert_int_equal(groups, 0);
	assert_string_equal(vm->reason, "bad");
	/* The last report of a VM counts. */
	vm = in_state(VM_RUNNING);
	channel.state = VM_STOPPED;
	vm_process_ended(vm);
	assert_int_equal(vm->state, VM_STOPPED);
}

static void test_on_crash(void **state)
{
	struct vm *vm = create(ON_CRASH_RESTART);

	(void)state;
	assert_true(act(vm, ACTION_START));
	settle(vm);
	for (u32 i = 1; i < VM_CRASH_LIMIT; i++) {
		now += 10 * NS_PER_S;
		vm_process_ended(vm);
		settle(vm);
		assert_int_equal(vm->state, VM_RUNNING);
	}
	now += 10 * NS_PER_S;
	vm_process_ended(vm);
	settle(vm);
	assert_int_equal(vm->state, VM_CRASHED);
	assert_non_null(strstr(noticed, "not restarted"));
	/* Five crashes in more than a minute are not a loop. */
	now += 30 * NS_PER_S;
	assert_true(act(vm, ACTION_START));
	settle(vm);
	vm_process_ended(vm);
	settle(vm);
	assert_int_equal(vm->state, VM_RUNNING);
	vm = create(ON_CRASH_DESTROY);
	assert_true(act(vm, ACTION_START));
	settle(vm);
	monitor_reports(vm, VM_CRASHED, "bad");
	settle(vm);
	assert_int_equal(vm->id, 0);
	assert_int_equal(groups, 0);
}

/* Back to the last save, unless there is none or it crashes again and again. */
static void test_crash_restores(void **state)
{
	struct vm *vm = create(ON_CRASH_RESTORE);

	(void)state;
	assert_true(act(vm, ACTION_START));
	settle(vm);
	restores = true;
	for (u32 i = 1; i < VM_CRASH_LIMIT; i++) {
		vm_process_ended(vm);
		settle(vm);
		assert_int_equal(vm->state, VM_RUNNING);
		assert_int_equal(restored, i);
	}
	vm_process_ended(vm);
	settle(vm);
	assert_int_equal(vm->state, VM_CRASHED);
	assert_non_null(strstr(noticed, "not restored, it crashed 5 times within 60 s"));
	now += 100 * NS_PER_S;
	assert_true(act(vm, ACTION_START));
	settle(vm);
	restores = false;
	vm_process_ended(vm);
	settle(vm);
	assert_int_equal(vm->state, VM_CRASHED);
	assert_int_equal(restored, VM_CRASH_LIMIT);
	assert_non_null(strstr(noticed, "not restored, there is none"));
}

/* A monitor gone bad: invalid states, a reason that is not terminated and has control bytes. */
static void test_hostile_monitor(void **state)
{
	struct vm *vm = in_state(VM_RUNNING);

	(void)state;
	channel.state = 77;
	vm_report_take(vm);
	assert_int_equal(vm->state, VM_CRASHED);
	vm = in_state(VM_RUNNING);
	channel.state = VM_CREATED;
	vm_report_take(vm);
	assert_int_equal(vm->state, VM_CRASHED);
	vm = in_state(VM_RUNNING);
	memset(channel.reason, 0x1b, sizeof(channel.reason));
	channel.state = VM_CRASHED;
	vm_report_take(vm);
	assert_int_equal(strlen(vm->reason), sizeof(vm->reason) - 1);
	assert_null(strchr(vm->reason, 0x1b));
	/* A later report changes nothing. */
	channel.state = VM_RUNNING;
	vm_report_take(vm);
	assert_int_equal(vm->state, VM_CRASHED);
}

/* A VM pauses and resumes on command; if it reports either by itself it has crashed. */
static void test_flips(void **state)
{
	struct vm *vm = in_state(VM_RUNNING);

	(void)state;
	lines = 0;
	for (u32 i = 0; i < 1000; i++)
		monitor_reports(vm, i % 2 == 0 ? VM_PAUSED : VM_RUNNING, "");
	assert_int_equal(lines, 1);
	assert_int_equal(event_count[EVENT_PAUSED], 0);
	assert_int_equal(vm->state, VM_CRASHED);
	assert_string_equal(vm->reason, "its monitor reported an impossible state");
	vm = in_state(VM_PAUSED);
	monitor_reports(vm, VM_RUNNING, "");
	assert_int_equal(vm->state, VM_CRASHED);
	/* A new monitor starts afresh. */
	assert_true(act(vm, ACTION_START));
	settle(vm);
	assert_int_equal(vm->state, VM_RUNNING);
	monitor_reports(vm, VM_PAUSED, "");
	assert_int_equal(vm->state, VM_CRASHED);
}

/* The commands of a turn know what the monitor has done, even if its signal comes later. */
static void test_late_signals(void **state)
{
	struct vm *vm = in_state(VM_RUNNING);

	(void)state;
	for (u32 i = 0; i < 3; i++) {
		assert_true(act(vm, ACTION_PAUSE));
		channel.state = VM_PAUSED;
		channel.done_sequence = channel.command_sequence;
		vm_step();
		assert_true(act(vm, i == 0 ? ACTION_RESUME : ACTION_RESET));
		vm_report_take(vm); /* the VM is still paused */
		assert_int_equal(vm->state, VM_PAUSED);
		channel.state = VM_RUNNING;
		channel.done_sequence = channel.command_sequence;
		vm_step();
	}
	/* A guest that reset itself when it was to pause runs on. */
	assert_true(act(vm, ACTION_PAUSE));
	channel.reset_count++;
	channel.done_sequence = channel.command_sequence;
	vm_report_take(vm);
	assert_int_equal(vm->state, VM_RUNNING);
	assert_true(act(vm, ACTION_PAUSE));
	settle(vm);
	assert_int_equal(vm->state, VM_PAUSED);
	assert_true(act(vm, ACTION_STOP));
	settle(vm);
	assert_int_equal(vm->state, VM_STOPPED);
}

/* Reset events are limited like log lines; one for a requested reset always comes. */
static void test_reset_flood(void **state)
{
	struct vm *vm = in_state(VM_RUNNING);

	(void)state;
	lines_left = 10;
	for (u32 i = 0; i < 1000; i++) {
		channel.reset_count++;
		vm_report_take(vm);
	}
	assert_int_equal(event_count[EVENT_RESET], 10);
	assert_true(act(vm, ACTION_RESET));
	settle(vm);
	assert_int_equal(event_count[EVENT_RESET], 11);
	channel.reset_count++;
	vm_report_take(vm);
	assert_int_equal(event_count[EVENT_RESET], 11);
	assert_int_equal(vm->state, VM_RUNNING);
}

/* A monitor that crashed before it did what `vm set` asked for does not block a start. */
static void test_crash_owes(void **state)
{
	struct vm *vm = in_state(VM_CRASHED);

	(void)state;
	vm->operation[OPERATION_CHANGE] = (struct vm_operation){CHANGE_RESERVE, ~0ull, ""};
	assert_true(act(vm, ACTION_START));
	settle(vm);
	assert_int_equal(vm->state, VM_RUNNING);
}

static void test_uptime(void **state)
{
	struct vm *vm = in_state(VM_RUNNING);

	(void)state;
	now += 500;
	assert_int_equal(vm_uptime_ns(vm), 500);
	assert_true(act(vm, ACTION_PAUSE));
	channel.running_tsc = 500;
	channel.started_tsc = 0;
	monitor_obeys(vm);
	now += 1000;
	assert_int_equal(vm_uptime_ns(vm), 500);
	vm_process_ended(vm);
	settle(vm);
	now += 1000;
	assert_int_equal(vm_uptime_ns(vm), 500);
}

/* A VM is destroyed during a restart, and twice. */
static void test_destroy_during(void **state)
{
	struct vm *vm = in_state(VM_CRASHED);

	(void)state;
	assert_true(act(vm, ACTION_START));
	assert_true(vm_is_ending(vm));
	assert_true(act(vm, ACTION_DESTROY));
	assert_false(act(vm, ACTION_DESTROY));
	assert_false(act(vm, ACTION_START));
	settle(vm);
	assert_int_equal(vm->id, 0);
	assert_int_equal(groups, 0);
	assert_null(vm_find("alpha"));
}

/* Commands wait for the monitor's set-up; a VM that cannot be set up is removed. */
static void test_set_up(void **state)
{
	struct vm_config config = {.name = "alpha"};
	char problem[64];
	struct vm *vm;
	u32 id;

	(void)state;
	build_works = true;
	monitor_sets_up = false;
	vm = vm_create(&config, problem, sizeof(problem));
	assert_non_null(vm);
	assert_true(act(vm, ACTION_START));
	assert_false(act(vm, ACTION_START));
	assert_true(vm_busy(vm));
	assert_int_equal(channel.command_sequence, 0);
	channel.ready = 1;
	vm_report_take(vm);
	assert_int_equal(channel.command, VM_COMMAND_START);
	settle(vm);
	assert_int_equal(vm->state, VM_RUNNING);
	assert_true(act(vm, ACTION_DESTROY));
	settle(vm);

	/* The monitor is ready, is started and runs before the manager has checked once. */
	vm = vm_create(&config, problem, sizeof(problem));
	channel.ready = 1;
	assert_true(act(vm, ACTION_START));
	vm_step();
	assert_int_equal(channel.command, VM_COMMAND_START);
	monitor_reports(vm, VM_RUNNING, "");
	settle(vm);
	assert_int_equal(vm->state, VM_RUNNING);
	assert_true(act(vm, ACTION_DESTROY));
	settle(vm);

	vm = vm_create(&config, problem, sizeof(problem));
	id = vm->id;
	assert_true(act(vm, ACTION_START));
	monitor_reports(vm, VM_CRASHED, "nothing left");
	settle(vm);
	assert_int_equal(vm->id, 0);
	assert_int_equal(groups, 0);
	assert_string_equal(vm_refusal(id), "nothing left");
	assert_string_equal(vm_refusal(id + 1), "it was destroyed meanwhile");
	assert_non_null(strstr(noticed, "error: VM alpha: nothing left"));

	/* The monitor has failed before it is to be started, and the VM is not yet removed. */
	vm = vm_create(&config, problem, sizeof(problem));
	string_copy(channel.reason, sizeof(channel.reason), "nothing left either");
	channel.state = VM_CRASHED;
	vm_report_take(vm);
	assert_false(vm_act(vm, ACTION_START, problem, sizeof(problem)));
	assert_string_equal(problem, "nothing left either");
	settle(vm);
	assert_int_equal(vm->id, 0);

	/* A VM that existed before is kept, for inspection. */
	monitor_sets_up = true;
	vm = in_state(VM_STOPPED);
	monitor_sets_up = false;
	assert_true(act(vm, ACTION_START));
	monitor_reports(vm, VM_CRASHED, "nothing left");
	settle(vm);
	assert_int_equal(vm->state, VM_CRASHED);
	monitor_sets_up = true;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unasked_resets),
		cmocka_unit_test(test_fresh_boot),
		cmocka_unit_test(test_ready_before_told),
		cmocka_unit_test(test_said_once),
		cmocka_unit_test(test_process_end),
		cmocka_unit_test(test_on_crash),
		cmocka_unit_test(test_crash_restores),
		cmocka_unit_test(test_hostile_monitor),
		cmocka_unit_test(test_flips),
		cmocka_unit_test(test_late_signals),
		cmocka_unit_test(test_reset_flood),
		cmocka_unit_test(test_crash_owes),
		cmocka_unit_test(test_uptime),
		cmocka_unit_test(test_destroy_during),
		cmocka_unit_test(test_set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
