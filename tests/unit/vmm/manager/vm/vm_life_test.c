/* SPDX-License-Identifier: MIT */
/* What an operator may do to a VM, in each state and in any order. */
#include "tests/unit/vm_fixture.h"

/*
 * The life cycle of docs/manager/life-cycle.md: the state reached, -1 for a refusal, -2 for the
 * end.
 */
static const int expected[VM_STATE_COUNT][ACTION_COUNT] = {
	[VM_CREATED] = {VM_RUNNING, -1, -1, -1, -1, -1, -2},
	[VM_RUNNING] = {-1, VM_PAUSED, -1, VM_RUNNING, VM_STOPPED, VM_STOPPED, -2},
	[VM_PAUSED] = {-1, -1, VM_RUNNING, VM_RUNNING, VM_STOPPED, VM_STOPPED, -2},
	[VM_STOPPED] = {VM_RUNNING, -1, -1, -1, -1, -1, -2},
	[VM_CRASHED] = {VM_RUNNING, -1, -1, -1, -1, -1, -2},
};

/* Every action in every state leads to the right state, or says why not and changes nothing. */
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
				assert_int_equal(vm_deadline(), now + VM_PRESS_AGAIN_NS);
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
 * Every action in every state, and a second one before the first has taken effect: each is done
 * or says why not, the VM ends in a state of the table, and destroying it leaves nothing behind.
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

/* A guest that boots may not hear the button: it is pressed again, until the guest is ended. */
static void test_pressed_again(void **state)
{
	struct vm *vm = in_state(VM_RUNNING);
	u32 pressed;

	(void)state;
	assert_true(act(vm, ACTION_STOP));
	settle(vm);
	pressed = vm->command_sequence;
	for (u32 i = 1; i < 6; i++) {
		now += VM_PRESS_AGAIN_NS - 1;
		settle(vm);
		assert_int_equal(vm->command_sequence, pressed + i - 1);
		now++;
		settle(vm);
		assert_int_equal(vm->command_sequence, pressed + i);
		assert_int_equal(channel.command, VM_COMMAND_POWER_BUTTON);
	}
	/* a paused guest cannot hear it, and pressing it would not let it go on */
	assert_true(act(vm, ACTION_PAUSE));
	settle(vm);
	now += VM_PRESS_AGAIN_NS - 1;
	settle(vm);
	assert_int_equal(channel.command, VM_COMMAND_PAUSE);
	now++;
	settle(vm);
	assert_int_equal(vm->state, VM_STOPPED);
	assert_int_equal(vm_deadline(), ~0ull);
	assert_true(act(vm, ACTION_DESTROY));
	assert_int_equal(vm_deadline(), 0); /* there is work, whoever asked for it */
	settle(vm);
}

/* Makes one random event of all that may happen to a VM. */
static void anything(struct vm *vm)
{
	static const char reasons[3][4] = {"", "off", "bad"};
	enum vm_action action = (enum vm_action)(rand() % ACTION_COUNT);

	if ((action == ACTION_DESTROY || action == ACTION_KILL) && rand() % 8 != 0)
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
		vm_report_take(vm);
		break;
	case 3:
		channel.ready = 1;
		vm_report_take(vm);
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

/* A hundred thousand random events: a VM never has more than one group or channel. */
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
	for (u32 i = 0; i <= EVENT_DESTROYED; i++)
		assert_in_range(event_count[i], 100, 100000);
	act(vm, ACTION_DESTROY);
	settle(vm);
	assert_int_equal(vm->id, 0);
	assert_int_equal(groups + channels, 0);
	assert_int_equal(event_count[EVENT_CREATED], event_count[EVENT_DESTROYED]);
	monitor_sets_up = true;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_pressed_again),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
