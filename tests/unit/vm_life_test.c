/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/format.c"
#include "lib/string.c"
#include "lib/text.c"
#include "vmm/manager/vm.c"

/* The kernel, the monitor and the console as the life cycle sees them. */
static struct vm_channel channel;
static u64 now;
static bool build_works;
static bool monitor_sets_up = true;
static u32 groups;        /* that exist */
static u32 release_steps; /* that taking one back needs besides the last */
static u32 steps_left;
static char notice[256];

u64 clock_tsc(void)
{
	return now;
}

u64 clock_tsc_to_ns(u64 tsc)
{
	return tsc;
}

u64 clock_ns_to_tsc(u64 ns)
{
	return ns;
}

enum status sys_event_signal(handle_t event)
{
	(void)event;
	return STATUS_OK;
}

void console_notice(const char *pattern, ...)
{
	va_list arguments;

	va_start(arguments, pattern);
	format_va(notice, sizeof(notice), pattern, arguments);
	va_end(arguments);
}

void log_message(enum log_level level, enum log_category category, const char *vm,
		 const char *pattern, ...)
{
	(void)level;
	(void)category;
	(void)vm;
	(void)pattern;
}

void vm_event(const char *name, enum vm_event event, const char *reason)
{
	(void)name;
	(void)event;
	(void)reason;
}

void vm_log_take(struct vm *vm)
{
	(void)vm;
}

void vm_share_step(struct vm *vm)
{
	(void)vm;
}

void vm_share_abandon(struct vm *vm)
{
	(void)vm;
}

bool vm_build(struct vm *vm, char *problem, size_t size)
{
	if (!build_works) {
		format(problem, size, "no memory");
		return false;
	}
	assert_int_equal(vm->group, HANDLE_NONE);
	memset(&channel, 0, sizeof(channel));
	channel.exit_code = -1;
	channel.ready = monitor_sets_up;
	vm->channel = &channel;
	vm->command_sequence = 0;
	vm->group = 7;
	vm->wake = 8;
	groups++;
	steps_left = release_steps;
	return true;
}

bool vm_release_step(struct vm *vm)
{
	if (vm->group == HANDLE_NONE)
		return true;
	if (steps_left > 0) {
		steps_left--;
		return false;
	}
	vm->group = HANDLE_NONE;
	vm->wake = HANDLE_NONE;
	groups--;
	return true;
}

void vm_release_channel(struct vm *vm)
{
	vm->channel = NULL;
}

/* The monitor does what it was told. */
static void monitor_obeys(struct vm *vm)
{
	if (channel.done_sequence == channel.command_sequence)
		return;
	switch (channel.command) {
	case VM_COMMAND_START:
	case VM_COMMAND_RESUME:
	case VM_COMMAND_RESET:
		channel.state = VM_RUNNING;
		channel.started_tsc = now;
		break;
	case VM_COMMAND_PAUSE:
		channel.state = VM_PAUSED;
		break;
	}
	channel.done_sequence = channel.command_sequence;
	vm_channel_signalled(vm);
}

static void settle(struct vm *vm)
{
	for (u32 i = 0; i < 100; i++) {
		bool more = vm_step();

		if (vm->id != 0 && vm->group != HANDLE_NONE && !vm->dying)
			monitor_obeys(vm);
		if (!more)
			return;
	}
	fail();
}

static void monitor_reports(struct vm *vm, enum vm_state state, const char *reason)
{
	string_copy(channel.reason, sizeof(channel.reason), reason);
	channel.state = state;
	vm_channel_signalled(vm);
}

static char problem[256];

static bool act(struct vm *vm, enum vm_action action)
{
	problem[0] = '\0';
	return vm_act(vm, action, problem, sizeof(problem));
}

static struct vm *create(u64 on_crash)
{
	struct vm_config config;
	struct vm *vm;

	memset(vms, 0, sizeof(vms));
	groups = 0;
	release_steps = 2;
	build_works = true;
	now = 1000;
	config_vm_init(&config);
	string_copy(config.name, sizeof(config.name), "alpha");
	config.on_crash = on_crash;
	vm = vm_create(&config, problem, sizeof(problem));
	assert_non_null(vm);
	return vm;
}

static struct vm *in_state(enum vm_state state)
{
	struct vm *vm = create(ON_CRASH_HOLD);

	if (state == VM_CREATED)
		return vm;
	assert_true(act(vm, ACTION_START));
	settle(vm);
	if (state == VM_PAUSED)
		assert_true(act(vm, ACTION_PAUSE));
	else if (state == VM_STOPPED)
		monitor_reports(vm, VM_STOPPED, "off");
	else if (state == VM_CRASHED)
		monitor_reports(vm, VM_CRASHED, "bad");
	settle(vm);
	assert_int_equal(vm->state, state);
	return vm;
}

void config_vm_init(struct vm_config *vm)
{
	*vm = (struct vm_config){.stop_timeout_ns = 30 * NS_PER_S};
}

/* Every action in every state leads where contract.md says, or says why not and changes nothing. */
static void test_table(void **state)
{
	static const int expected[VM_STATE_COUNT][ACTION_COUNT] = {
		[VM_CREATED] = {VM_RUNNING, -1, -1, -1, -1, -2},
		[VM_RUNNING] = {-1, VM_PAUSED, -1, VM_RUNNING, VM_STOPPED, -2},
		[VM_PAUSED] = {-1, -1, VM_RUNNING, VM_RUNNING, VM_STOPPED, -2},
		[VM_STOPPED] = {VM_RUNNING, -1, -1, -1, -1, -2},
		[VM_CRASHED] = {VM_RUNNING, -1, -1, -1, -1, -2},
	};

	(void)state;
	for (int from = 0; from < VM_STATE_COUNT; from++) {
		for (int action = 0; action < ACTION_COUNT; action++) {
			struct vm *vm = in_state((enum vm_state)from);
			int to = expected[from][action];

			if (to == -1) {
				assert_false(act(vm, (enum vm_action)action));
				assert_true(strlen(problem) > 20);
				settle(vm);
				assert_int_equal(vm->state, from);
				continue;
			}
			assert_true(act(vm, (enum vm_action)action));
			settle(vm);
			if (action == ACTION_STOP && from == VM_RUNNING) {
				assert_int_equal(vm->state, VM_RUNNING);
				assert_int_equal(vm_deadline(), now + 30 * NS_PER_S);
				assert_false(act(vm, ACTION_STOP));
				now += 30 * NS_PER_S;
				settle(vm);
				assert_int_equal(vm_deadline(), ~0ull);
			}
			if (to == -2)
				assert_int_equal(vm->id, 0);
			else
				assert_int_equal(vm->state, to);
			assert_int_equal(groups, to == VM_RUNNING || to == VM_PAUSED);
		}
	}
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
	/* No memory for the next one: crashed, with the reason, and nothing is left over. */
	monitor_reports(vm, VM_STOPPED, "off");
	settle(vm);
	build_works = false;
	assert_false(act(vm, ACTION_START));
	settle(vm);
	assert_int_equal(vm->state, VM_CRASHED);
	assert_string_equal(vm->reason, "no memory");
	assert_int_equal(groups, 0);
}

/* The end of a process that was ended from here is no crash; any other end is one. */
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
	/* What it said last counts. */
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
	assert_non_null(strstr(notice, "held"));
	/* Five crashes in more than a minute are no loop. */
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

/* A monitor gone bad: states that do not exist, a reason without end and with control bytes. */
static void test_hostile_monitor(void **state)
{
	struct vm *vm = in_state(VM_RUNNING);

	(void)state;
	channel.state = 77;
	vm_channel_signalled(vm);
	assert_int_equal(vm->state, VM_CRASHED);
	vm = in_state(VM_RUNNING);
	channel.state = VM_CREATED;
	vm_channel_signalled(vm);
	assert_int_equal(vm->state, VM_CRASHED);
	vm = in_state(VM_RUNNING);
	memset(channel.reason, 0x1b, sizeof(channel.reason));
	channel.state = VM_CRASHED;
	vm_channel_signalled(vm);
	assert_int_equal(strlen(vm->reason), sizeof(vm->reason) - 1);
	assert_null(strchr(vm->reason, 0x1b));
	/* It takes nothing back. */
	channel.state = VM_RUNNING;
	vm_channel_signalled(vm);
	assert_int_equal(vm->state, VM_CRASHED);
}

static void test_uptime(void **state)
{
	struct vm *vm = in_state(VM_RUNNING);

	(void)state;
	now += 500;
	assert_int_equal(vm_uptime_ns(vm), 500);
	channel.running_tsc = 500;
	channel.started_tsc = 0;
	monitor_reports(vm, VM_PAUSED, "");
	now += 1000;
	assert_int_equal(vm_uptime_ns(vm), 500);
	vm_process_ended(vm);
	settle(vm);
	now += 1000;
	assert_int_equal(vm_uptime_ns(vm), 500);
}

/* Destroyed while it is being restarted, and twice. */
static void test_destroy_during(void **state)
{
	struct vm *vm = in_state(VM_CRASHED);

	(void)state;
	assert_true(act(vm, ACTION_START));
	assert_true(vm->dying);
	assert_true(act(vm, ACTION_DESTROY));
	assert_false(act(vm, ACTION_DESTROY));
	assert_false(act(vm, ACTION_START));
	settle(vm);
	assert_int_equal(vm->id, 0);
	assert_int_equal(groups, 0);
	assert_null(vm_find("alpha"));
}

/* Commands wait for the monitor's set-up; what it cannot set up never comes to be. */
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
	vm_channel_signalled(vm);
	assert_int_equal(channel.command, VM_COMMAND_START);
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
	assert_string_equal(vm_refusal(id + 1), "");
	assert_non_null(strstr(notice, "error: VM alpha: nothing left"));

	/* One that was there before stays, for inspection. */
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
		cmocka_unit_test(test_table),		cmocka_unit_test(test_fresh_boot),
		cmocka_unit_test(test_process_end),	cmocka_unit_test(test_on_crash),
		cmocka_unit_test(test_hostile_monitor), cmocka_unit_test(test_uptime),
		cmocka_unit_test(test_destroy_during),	cmocka_unit_test(test_set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
