/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/bits.h"
#include "lib/format.c"
#include "lib/string.c"
#include "lib/text.c"
#include "vmm/manager/vm.c"
#include "vmm/manager/vm_life.c"
#include "vmm/manager/vm_table.c"

/* The kernel, the monitor and the console as the life cycle sees them. */
static struct vm_channel channel;
static u64 now;
static bool build_works;
static bool monitor_sets_up = true;
static u32 groups;        /* that exist */
static u32 channels;      /* that exist */
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

/* What a subscriber has been told about the VM; each event must follow from the one before. */
static enum vm_event last_event = EVENT_DESTROYED;
static u32 event_count[VM_EVENT_COUNT];

void vm_event(const char *name, enum vm_event event, const char *reason)
{
	static const u32 before[VM_EVENT_COUNT] = {
		[EVENT_CREATED] = BIT(EVENT_DESTROYED),
		[EVENT_STARTED] = BIT(EVENT_CREATED) | BIT(EVENT_STOPPED) | BIT(EVENT_CRASHED),
		[EVENT_PAUSED] = BIT(EVENT_STARTED) | BIT(EVENT_RESUMED) | BIT(EVENT_RESET),
		[EVENT_RESUMED] = BIT(EVENT_PAUSED),
		[EVENT_RESET] = BIT(EVENT_STARTED) | BIT(EVENT_PAUSED) | BIT(EVENT_RESUMED) |
				BIT(EVENT_RESET),
		[EVENT_STOPPED] = BIT(EVENT_STARTED) | BIT(EVENT_PAUSED) | BIT(EVENT_RESUMED) |
				  BIT(EVENT_RESET),
		[EVENT_CRASHED] = (u32)~(BIT(EVENT_DESTROYED)),
		[EVENT_DESTROYED] = (u32)~(BIT(EVENT_DESTROYED)),
	};

	assert_string_equal(name, "alpha");
	assert_non_null(reason);
	if ((before[event] & BIT(last_event)) == 0)
		fail_msg("event %d after %d", event, last_event);
	last_event = event;
	event_count[event]++;
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
	channels += vm->channel == NULL;
	vm->channel = &channel;
	vm->command_sequence = 0;
	vm->resets_told = 0;
	vm->unasked_told = 0;
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
	channels -= vm->channel != NULL;
	vm->channel = NULL;
}

/* The monitor does what it was told. */
static void monitor_obeys(struct vm *vm)
{
	if (channel.done_sequence == channel.command_sequence)
		return;
	switch (channel.command) {
	case VM_COMMAND_RESET:
		channel.reset_count++;
		/* fallthrough */
	case VM_COMMAND_START:
	case VM_COMMAND_RESUME:
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
	memset(event_count, 0, sizeof(event_count));
	last_event = EVENT_DESTROYED;
	groups = 0;
	channels = 0;
	release_steps = 2;
	build_works = true;
	now = 1000;
	config_vm_init(&config);
	string_copy(config.name, sizeof(config.name), "alpha");
	config.on_crash = on_crash;
	vm = vm_create(&config, problem, sizeof(problem));
	assert_non_null(vm);
	vm_channel_signalled(vm);
	assert_int_equal(last_event, EVENT_CREATED);
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

/* What docs/manager.md draws: the state reached, -1 for a refusal, -2 for the end. */
static const int expected[VM_STATE_COUNT][ACTION_COUNT] = {
	[VM_CREATED] = {VM_RUNNING, -1, -1, -1, -1, -2},
	[VM_RUNNING] = {-1, VM_PAUSED, -1, VM_RUNNING, VM_STOPPED, -2},
	[VM_PAUSED] = {-1, -1, VM_RUNNING, VM_RUNNING, VM_STOPPED, -2},
	[VM_STOPPED] = {VM_RUNNING, -1, -1, -1, -1, -2},
	[VM_CRASHED] = {VM_RUNNING, -1, -1, -1, -1, -2},
};

/* Every action in every state leads where it should, or says why not and changes nothing. */
static void test_table(void **state)
{
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

/*
 * Every action in every state, and a second one before the first has come about: each is done or
 * says why not, the VM ends in a state of the table, and nothing is left when it is destroyed.
 */
static void test_pairs(void **state)
{
	(void)state;
	for (int from = 0; from < VM_STATE_COUNT; from++) {
		for (int pair = 0; pair < ACTION_COUNT * ACTION_COUNT; pair++) {
			struct vm *vm = in_state((enum vm_state)from);
			enum vm_action first = (enum vm_action)(pair / ACTION_COUNT);
			enum vm_action second = (enum vm_action)(pair % ACTION_COUNT);
			bool done = act(vm, first);

			assert_true(done == (expected[from][first] != -1));
			assert_true(done == (problem[0] == '\0'));
			done = act(vm, second);
			assert_true(done == (problem[0] == '\0'));
			if (first == ACTION_DESTROY)
				assert_non_null(strstr(problem, "alpha is being destroyed, "));
			else
				assert_true(done || second != ACTION_DESTROY);
			settle(vm);
			if (vm->id != 0)
				assert_true(act(vm, ACTION_DESTROY));
			settle(vm);
			assert_int_equal(vm->id, 0);
			assert_int_equal(groups, 0);
			assert_int_equal(channels, 0);
			assert_int_equal(last_event, EVENT_DESTROYED);
			assert_int_equal(event_count[EVENT_CREATED], 1);
			assert_int_equal(event_count[EVENT_DESTROYED], 1);
		}
	}
}

/* One thing that may happen to a VM, of all that may. */
static void anything(struct vm *vm)
{
	static const char reasons[3][4] = {"", "off", "bad"};
	enum vm_action action = (enum vm_action)(rand() % ACTION_COUNT);

	if (action == ACTION_DESTROY && rand() % 8 != 0)
		action = ACTION_RESUME;

	switch (rand() % 30) {
	case 0:
		vm_process_ended(vm);
		break;
	case 1:
		if (vm->channel != NULL)
			monitor_reports(vm, (enum vm_state)(rand() % (VM_STATE_COUNT + 1)),
					reasons[rand() % 3]);
		break;
	case 2:
		channel.reset_count += (u32)rand() % 3;
		channel.unasked_resets += (u32)rand() % 3;
		vm_channel_signalled(vm);
		break;
	case 3:
		channel.ready = 1;
		vm_channel_signalled(vm);
		break;
	case 4:
		now += (u64)(rand() % 40) * NS_PER_S;
		break;
	case 5 ... 9:
		settle(vm);
		break;
	case 10 ... 13:
		vm_step();
		break;
	default:
		assert_true(act(vm, action) == (problem[0] == '\0'));
		break;
	}
}

/* A hundred thousand things at random; what there is of a VM at any time is one of each at most. */
static void test_random(void **state)
{
	struct vm_config config = {.name = "alpha", .stop_timeout_ns = 30 * NS_PER_S};
	struct vm *vm = create(ON_CRASH_HOLD);

	(void)state;
	srand(4);
	for (u32 i = 0; i < 100000; i++) {
		build_works = rand() % 20 != 0;
		monitor_sets_up = rand() % 4 != 0;
		release_steps = (u32)rand() % 5;
		if (vm->id != 0) {
			anything(vm);
		} else {
			config.on_crash = (u64)(rand() % 3);
			vm_create(&config, problem, sizeof(problem));
		}
		assert_true(groups <= 1 && channels <= 1);
		assert_int_equal(vm->group != HANDLE_NONE, groups);
		assert_true(vm->id != 0 || (groups == 0 && channels == 0));
		assert_true(vm->state < VM_STATE_COUNT);
	}
	for (u32 i = 0; i < VM_EVENT_COUNT; i++)
		assert_in_range(event_count[i], 100, 100000);
	act(vm, ACTION_DESTROY);
	settle(vm);
	assert_int_equal(vm->id, 0);
	assert_int_equal(groups + channels, 0);
	assert_int_equal(event_count[EVENT_CREATED], event_count[EVENT_DESTROYED]);
	monitor_sets_up = true;
}

/* Resets that nobody asked for are crashes for the limit, whichever monitor saw them. */
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
	assert_non_null(strstr(notice, "held"));
	assert_int_equal(groups, 1);
	/* Three of them and one crash: started again. The next crash is the fifth. */
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

	/* It is ready, is started and runs before the manager has looked once. */
	vm = vm_create(&config, problem, sizeof(problem));
	channel.ready = 1;
	assert_true(act(vm, ACTION_START));
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
		cmocka_unit_test(test_table),		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_random),		cmocka_unit_test(test_unasked_resets),
		cmocka_unit_test(test_fresh_boot),
		cmocka_unit_test(test_process_end),	cmocka_unit_test(test_on_crash),
		cmocka_unit_test(test_hostile_monitor), cmocka_unit_test(test_uptime),
		cmocka_unit_test(test_destroy_during),	cmocka_unit_test(test_set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
