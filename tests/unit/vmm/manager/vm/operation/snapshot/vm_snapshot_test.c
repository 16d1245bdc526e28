/* SPDX-License-Identifier: MIT */
/* Snapshots: what is kept and charged, what a failure leaves behind, who may end. */
#include "tests/unit/vm_snapshot_fixture.h"

/* The group gets what the layer takes, and its tables, not more. */
static void keeps(void **state)
{
	struct vm *vm = ready_in(VM_RUNNING);
	u64 tables = 4 * MIB / PAGE_SIZE / TABLES_SHARE;

	(void)state;
	taken(vm, "one");
	assert_int_equal(vm->quota_pages, 2000 + 2 + 300 + tables);
	assert_int_equal(quota, vm->quota_pages);
	assert_true(vm_snapshot_on_top(vm, vm_snapshot_find(vm, "one")));
	/* nothing was written since: the layer is the same */
	layer_pages = 0;
	taken(vm, "two");
	assert_int_equal(vm->quota_pages, 2000 + 4 + 300 + tables);
	assert_true(vm_snapshot_on_top(vm, vm_snapshot_find(vm, "one")));
	layer_pages = 10;
	taken(vm, "three");
	assert_false(vm_snapshot_on_top(vm, vm_snapshot_find(vm, "two")));
	assert_true(vm_snapshot_on_top(vm, vm_snapshot_find(vm, "three")));
	assert_true(vm_snapshot_drop(vm, vm_snapshot_find(vm, "two"), problem, sizeof(problem)));
	assert_int_equal(states, 2);
	assert_int_equal(closed, 1);
	assert_int_equal(vm->quota_pages, quota);
	assert_int_equal(quota, 2000 + 4 + 310 + 2 * tables);
	assert_null(vm_snapshot_find(vm, "two"));
}

/* The kernel gives back in its own time, and a layer is a layer though less is used than before. */
static void is_a_layer(void **state)
{
	struct vm *vm = ready_in(VM_RUNNING);

	(void)state;
	taken(vm, "one");
	layer_pages = 3;
	late_pages = 10;
	taken(vm, "two");
	assert_false(vm_snapshot_on_top(vm, vm_snapshot_find(vm, "one")));
	assert_false(set_back(vm, "one"));
}

static void assert_nothing_changed(struct vm *vm)
{
	monitor_does(vm, VM_COMMAND_CONTINUE);
	assert_false(vm_busy(vm));
	assert_int_equal(states, 0);
	assert_int_equal(vm->quota_pages, 2000);
	assert_int_equal(quota, 2000);
	assert_null(vm_snapshot_find(vm, "one"));
}

static void not_taken(void **state)
{
	struct vm *vm = ready_in(VM_RUNNING);

	(void)state;
	assert_true(take(vm, "one"));
	channel.state_used = 0;
	string_copy(channel.handover_problem, sizeof(channel.handover_problem), "disk 3 \033");
	monitor_does(vm, VM_COMMAND_SAVE);
	assert_nothing_changed(vm);
	assert_string_equal(vm->operation[OPERATION_SNAPSHOT].problem, "disk 3 ?");
	vm = ready_in(VM_RUNNING);
	assert_true(take(vm, "one"));
	channel.state_used = 2 * PAGE_SIZE + 1;
	monitor_does(vm, VM_COMMAND_SAVE);
	assert_nothing_changed(vm);
	vm = ready_in(VM_RUNNING);
	assert_true(take(vm, "one"));
	available = 600; /* the VM has 602 resident pages, and tables */
	channel.state_used = 5000;
	monitor_does(vm, VM_COMMAND_SAVE);
	assert_nothing_changed(vm);
	assert_non_null(strstr(vm->operation[OPERATION_SNAPSHOT].problem, "are missing"));
	for (enum status status = STATUS_OK + 1; status < STATUS_COUNT; status++) {
		if (status == STATUS_AGAIN)
			continue;
		vm = ready_in(VM_RUNNING);
		assert_true(take(vm, "one"));
		ram_status = status;
		channel.state_used = 5000;
		monitor_does(vm, VM_COMMAND_SAVE);
		assert_nothing_changed(vm);
		assert_string_not_equal(vm->operation[OPERATION_SNAPSHOT].problem, "");
	}
	vm = ready_in(VM_RUNNING);
	assert_true(take(vm, "one"));
	assert_int_equal(vm_deadline(), vm->operation[OPERATION_SNAPSHOT].until_tsc);
	now += 6 * NS_PER_S;
	vm_step();
	assert_nothing_changed(vm);
	assert_string_equal(vm->operation[OPERATION_SNAPSHOT].problem,
			    "its monitor does not save it");
}

/* The guest is not held before its disks' devices reach its RAM no more. */
static void lets_go(void **state)
{
	struct vm *vm = ready_in(VM_RUNNING);

	(void)state;
	disks.reached = true;
	assert_true(take(vm, "one"));
	vm_step();
	assert_true(vm_busy(vm));
	assert_int_equal(vm_deadline(), vm->operation[OPERATION_SNAPSHOT].until_tsc);
	assert_int_not_equal(channel.command, VM_COMMAND_SAVE);
	disks.reached = false;
	vm_step();
	assert_int_equal(channel.command, VM_COMMAND_SAVE);
	assert_int_equal(disks.again, 0);
	vm = ready_in(VM_RUNNING);
	disks.reached = true;
	assert_true(take(vm, "one"));
	now += 41 * NS_PER_S;
	vm_step();
	assert_false(vm_busy(vm));
	assert_int_equal(quota, 2000);
	assert_null(vm_snapshot_find(vm, "one"));
	assert_int_equal(disks.again, 1);
	assert_non_null(
		strstr(vm->operation[OPERATION_SNAPSHOT].problem, "does not take its device"));
}

static void refused_words(void **state)
{
	struct vm *vm = ready_in(VM_STOPPED);

	(void)state;
	assert_false(take(vm, "one"));
	assert_string_equal(problem,
			    "it is stopped; only a running or paused VM can have a snapshot taken");
	vm = ready_in(VM_RUNNING);
	assert_false(take(vm, "-"));
	assert_non_null(strstr(problem, "use 1 to 31 letters"));
	disks.refusal = "disk data: no memory";
	assert_false(take(vm, "one"));
	assert_string_equal(problem, "disk data: no memory");
	disks.refusal = NULL;
	available = 1;
	assert_false(take(vm, "one"));
	assert_non_null(strstr(problem, "it takes 8 KiB, so 4 KiB are missing"));
	available = 5000;
	taken(vm, "one");
	assert_false(take(vm, "one"));
	assert_non_null(strstr(problem, "there is a snapshot one already"));
	layer_pages = 0;
	for (char name[2] = "a"; name[0] < 'a' + (char)VM_SNAPSHOT_MAX - 1; name[0]++)
		taken(vm, name);
	assert_false(take(vm, "more"));
	assert_string_equal(problem, "there are 8 snapshots already; drop one first");
	assert_int_equal(states, VM_SNAPSHOT_MAX);
}

static void goes_back(void **state)
{
	(void)state;
	for (enum vm_state in = VM_RUNNING; in < VM_STATE_COUNT; in++) {
		struct vm *vm = ready_in(VM_RUNNING);

		if (in == VM_STOPPED)
			continue;
		taken(vm, "one");
		if (in == VM_PAUSED)
			assert_true(act(vm, ACTION_PAUSE));
		if (in == VM_CRASHED)
			monitor_reports(vm, VM_CRASHED, "bad");
		settle(vm);
		assert_int_equal(vm->state, in);
		calls = 100;
		assert_true(set_back(vm, "one"));
		assert_false(set_back(vm, "one"));
		channel.held = 1;
		monitor_does(vm, VM_COMMAND_HOLD);
		assert_int_equal(channel.command, VM_COMMAND_LOAD);
		assert_int_equal(channel.state_size, 5000);
		channel.state = in == VM_PAUSED ? VM_PAUSED : VM_RUNNING;
		monitor_does(vm, VM_COMMAND_LOAD);
		assert_false(vm_busy(vm));
		assert_int_equal(vm->state, channel.state);
		assert_int_equal(states, 1);
	}
}

/* Lets the monitor do what it was asked for; the next step comes after that, and one more. */
static void monitor_did(void)
{
	channel.done_sequence = channel.command_sequence;
	(void)vm_step();
	(void)vm_step();
}

/*
 * Pages of the VM's group come and go for ever, or its memory is written to for ever: the snapshot
 * has limits.
 */
static void gives_up(void **state)
{
	struct vm *vm = ready_in(VM_RUNNING);

	(void)state;
	calls = ~0u;
	assert_true(take(vm, "one"));
	channel.state_used = 5000;
	monitor_did();
	assert_int_equal(vm->operation[OPERATION_SNAPSHOT].phase, SNAPSHOT_FREEZING);
	assert_true(calls >= ~0u - 2 * VM_TURN_STEPS); /* others have their turn */
	now += VM_HANDOVER_NS;
	(void)vm_step();
	assert_int_equal(channel.command, VM_COMMAND_CONTINUE);
	monitor_does(vm, VM_COMMAND_CONTINUE);
	assert_false(vm_busy(vm));
	assert_int_equal(vm->state, VM_RUNNING);
	assert_int_equal(quota, 2000);
	assert_null(vm_snapshot_find(vm, "one"));
	assert_non_null(strstr(vm->operation[OPERATION_SNAPSHOT].problem, "keep being given back"));

	calls = 0;
	taken(vm, "one");
	calls = ~0u;
	assert_true(set_back(vm, "one"));
	channel.held = 1;
	monitor_did();
	assert_int_equal(vm->operation[OPERATION_SNAPSHOT].phase, SNAPSHOT_RESETTING);
	assert_true(calls >= ~0u - 4 * VM_TURN_STEPS);
	now += VM_HANDOVER_NS;
	(void)vm_step();
	assert_int_equal(vm->state, VM_CRASHED);
	calls = 0;
}

/* A crashed guest is set back, and powers off before anybody has looked. */
static void goes_back_and_ends(void **state)
{
	struct vm *vm = ready_in(VM_RUNNING);

	(void)state;
	taken(vm, "one");
	monitor_reports(vm, VM_CRASHED, "bad");
	assert_true(set_back(vm, "one"));
	channel.held = 1;
	monitor_does(vm, VM_COMMAND_HOLD);
	string_copy(channel.reason, sizeof(channel.reason), "guest powered off");
	channel.state = VM_STOPPED;
	monitor_does(vm, VM_COMMAND_LOAD);
	assert_string_equal(vm->operation[OPERATION_SNAPSHOT].problem, "");
	assert_int_equal(vm->state, VM_STOPPED);
	assert_string_equal(vm->reason, "guest powered off");
}

/* The monitor says that a paused guest runs: what ends for that does not run again. */
static void goes_back_and_lies(void **state)
{
	struct vm *vm = ready_in(VM_PAUSED);

	(void)state;
	taken(vm, "one");
	vm->config.on_crash = ON_CRASH_RESTART;
	assert_true(set_back(vm, "one"));
	channel.held = 1;
	monitor_does(vm, VM_COMMAND_HOLD);
	channel.state = VM_RUNNING;
	channel.done_sequence = channel.command_sequence;
	assert_false(vm_report_after_reset(vm));
	assert_int_equal(vm->state, VM_CRASHED);
	assert_true(vm_is_ending(vm));
}

static void does_not_go_back(void **state)
{
	struct vm *vm = ready_in(VM_RUNNING);

	(void)state;
	taken(vm, "one");
	assert_true(set_back(vm, "one"));
	channel.held = 0;
	string_copy(channel.handover_problem, sizeof(channel.handover_problem), "a debugger");
	monitor_does(vm, VM_COMMAND_HOLD);
	monitor_does(vm, VM_COMMAND_CONTINUE);
	assert_string_equal(vm->operation[OPERATION_SNAPSHOT].problem, "a debugger");
	assert_non_null(vm_snapshot_find(vm, "one"));
	taken(vm, "two");
	assert_false(set_back(vm, "one"));
	assert_non_null(strstr(problem, "go back to the last"));
	/* the effects of a state that cannot be loaded */
	assert_true(set_back(vm, "two"));
	channel.held = 1;
	monitor_does(vm, VM_COMMAND_HOLD);
	string_copy(channel.reason, sizeof(channel.reason), "its state cannot be loaded");
	channel.state = VM_CRASHED;
	monitor_does(vm, VM_COMMAND_LOAD);
	vm_report_take(vm);
	assert_int_equal(vm->state, VM_CRASHED);
	assert_string_equal(vm->operation[OPERATION_SNAPSHOT].problem,
			    "its state cannot be loaded");
}

static struct vm *clone_of_first_layer(const struct vm *vm)
{
	struct vm *clone = vm_free_slot();

	memset(clone, 0, sizeof(*clone));
	clone->id = 99;
	string_copy(clone->config.name, sizeof(clone->config.name), "beta");
	clone->clone_of = vm->id;
	clone->clone_layer = 1;
	return clone;
}

/* A VM on whose RAM a clone's lies can stop, and no more. */
static void clones(void **state)
{
	struct vm *vm = ready_in(VM_RUNNING);
	struct vm *clone;

	(void)state;
	taken(vm, "one");
	clone = clone_of_first_layer(vm);
	clone->phase = VM_PHASE_NEW;
	assert_int_equal(vm_snapshot_clones(vm, vm_snapshot_find(vm, "one")), 1);
	assert_false(vm_snapshot_drop(vm, vm_snapshot_find(vm, "one"), problem, sizeof(problem)));
	assert_string_equal(problem, "its clone beta still reads it, try again");
	assert_false(act(vm, ACTION_DESTROY));
	assert_non_null(strstr(problem, "its clones; first destroy or stop "
					"beta"));
	assert_true(act(vm, ACTION_KILL));
	assert_false(act(vm, ACTION_START));
	clone->clone_of = 0;
	assert_true(act(vm, ACTION_DESTROY));
	clone->id = 0;
}

/* A layer that nobody needs is taken up, in steps, and then all is as before. */
static void merges_layers(void **state)
{
	struct vm *vm = ready_in(VM_RUNNING);
	u64 tables = 4 * MIB / PAGE_SIZE / TABLES_SHARE;

	(void)state;
	taken(vm, "one");
	taken(vm, "two");
	assert_int_equal(vm->snapshots.layer, 2);
	assert_true(vm_snapshot_drop(vm, vm_snapshot_find(vm, "one"), problem, sizeof(problem)));
	assert_false(vm_busy(vm)); /* the other snapshot is above this one */
	calls = 200;
	assert_true(vm_snapshot_drop(vm, vm_snapshot_find(vm, "two"), problem, sizeof(problem)));
	assert_true(vm_busy(vm));
	assert_false(take(vm, "three"));
	merged_pages = layer_pages;
	assert_true(vm_step());
	assert_int_equal(merges, 0);
	while (vm_step())
		;
	assert_false(vm_busy(vm));
	assert_int_equal(merges, 2);
	assert_int_equal(vm->snapshots.layer, 0);
	assert_int_equal(disks.again, 1);
	assert_int_equal(vm->quota_pages, 2000);
	assert_int_equal(quota, 2000);
	/* pages that were below come back later */
	taken(vm, "one");
	merged_pages = 0;
	account.used_pages = 2100;
	assert_true(vm_snapshot_drop(vm, vm_snapshot_find(vm, "one"), problem, sizeof(problem)));
	while (vm_step())
		;
	assert_int_equal(vm->snapshots.layer, 0);
	assert_int_equal(vm->quota_pages, 2000 + 300 + tables);
	assert_int_not_equal(vm_deadline(), ~0ull);
	account.used_pages = 1500;
	now += 10 * NS_PER_MS;
	(void)vm_step();
	assert_int_equal(vm->quota_pages, 2000);
	assert_int_equal(vm_deadline(), ~0ull);
}

/* Steps that its monitor makes slow: after a few of them others have their turn. */
static void takes_turns(void **state)
{
	u32 fewest = ~0u - (VM_TURN_NS / NS_PER_MS + 1);
	struct vm *vm = ready_in(VM_RUNNING);

	(void)state;
	taken(vm, "one");
	call_ns = NS_PER_MS;
	for (u32 phase = 0; phase < 3; phase++) {
		vm->operation[OPERATION_SNAPSHOT].phase = (const enum vm_snapshot_phase[]){
			SNAPSHOT_FREEZING, SNAPSHOT_RESETTING, SNAPSHOT_MERGING}[phase];
		vm->operation[OPERATION_SNAPSHOT].until_tsc = ~0ull;
		calls = ~0u;
		assert_true(vm_step());
		assert_true(calls >= fewest && calls < ~0u);
	}
	/* a turn makes one step at least, however slow */
	call_ns = NS_PER_S;
	calls = ~0u;
	assert_false(vm_step());
	assert_int_equal(calls, ~0u - 1);
}

/* A clone, or the kernel for now, keeps a layer; it goes later. */
static void merges_later(void **state)
{
	struct vm *vm = ready_in(VM_RUNNING);
	struct vm *clone;

	(void)state;
	taken(vm, "one");
	clone = clone_of_first_layer(vm);
	assert_true(vm_snapshot_drop(vm, vm_snapshot_find(vm, "one"), problem, sizeof(problem)));
	assert_false(vm_busy(vm));
	clone->id = 0;
	ram_status = STATUS_NO_QUOTA;
	while (vm_step())
		;
	assert_false(vm_busy(vm));
	assert_int_equal(vm->snapshots.layer, 1);
	ram_status = STATUS_OK;
	assert_false(vm_step());
	assert_int_equal(vm->snapshots.layer, 1);
	now += NS_PER_S;
	while (vm_step())
		;
	assert_int_equal(vm->snapshots.layer, 0);
}

/* A snapshot that is the last again: its RAM can come back, what its disks held cannot. */
static void is_last_again(void **state)
{
	for (u32 any = 0; any < 2; any++) {
		struct vm *vm = ready_in(VM_RUNNING);

		(void)state;
		disks.any = any != 0;
		taken(vm, "one");
		taken(vm, "two");
		assert_false(vm_snapshot_find(vm, "one")->disks_kept);
		assert_true(vm_snapshot_find(vm, "two")->disks_kept);
		assert_true(vm_snapshot_drop(vm, vm_snapshot_find(vm, "two"), problem,
					     sizeof(problem)));
		while (vm_step())
			;
		assert_int_equal(vm->snapshots.layer, 1);
		assert_int_equal(set_back(vm, "one"), any == 0);
		if (any)
			assert_non_null(strstr(problem, "what its disks held at snapshot one is "
							"no longer kept"));
	}
}

/* The VM ends in the middle. */
static void ends_meanwhile(void **state)
{
	struct vm *vm = ready_in(VM_RUNNING);

	(void)state;
	assert_true(take(vm, "one"));
	assert_true(act(vm, ACTION_KILL));
	assert_string_equal(vm->operation[OPERATION_SNAPSHOT].problem, "alpha has ended meanwhile");
	assert_int_equal(vm->operation[OPERATION_SNAPSHOT].phase, SNAPSHOT_NONE);
	vm_snapshot_forget(vm);
	assert_null(vm_snapshot_find(vm, "one"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps),
		cmocka_unit_test(is_a_layer),
		cmocka_unit_test(not_taken),
		cmocka_unit_test(refused_words),
		cmocka_unit_test(goes_back),
		cmocka_unit_test(goes_back_and_ends),
		cmocka_unit_test(goes_back_and_lies),
		cmocka_unit_test(gives_up),
		cmocka_unit_test(takes_turns),
		cmocka_unit_test(lets_go),
		cmocka_unit_test(clones),
		cmocka_unit_test(does_not_go_back),
		cmocka_unit_test(ends_meanwhile),
		cmocka_unit_test(merges_layers),
		cmocka_unit_test(merges_later),
		cmocka_unit_test(is_last_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
