/* SPDX-License-Identifier: MIT */
/* Snapshots of a VM that writes to disks: what happens in which order, what a failure leaves. */
#include "tests/unit/vm_snapshot_fixture.h"

/* The guest goes on when the disks' drivers keep what it overwrites, or without a snapshot. */
static void disks_are_kept(void **state)
{
	struct vm *vm = ready_in(VM_RUNNING);

	(void)state;
	assert_true(take(vm, "one"));
	disks.keep_state = DISK_UNDO_PENDING;
	channel.state_used = 5000;
	monitor_does(vm, VM_COMMAND_SAVE);
	assert_int_equal(channel.command, VM_COMMAND_SAVE);
	assert_true(disks.kept);
	disks.keep_state = DISK_UNDO_DONE;
	vm_step();
	monitor_does(vm, VM_COMMAND_CONTINUE);
	assert_string_equal(vm->operation[OPERATION_SNAPSHOT].problem, "");
	for (u32 late = 0; late < 2; late++) {
		assert_true(take(vm, "two"));
		disks.keep_state = late != 0 ? DISK_UNDO_PENDING : DISK_UNDO_FAILED;
		monitor_does(vm, VM_COMMAND_SAVE);
		now += late * 6 * NS_PER_S;
		vm_step();
		monitor_does(vm, VM_COMMAND_CONTINUE);
		assert_string_equal(vm->operation[OPERATION_SNAPSHOT].problem,
				    "disk data: not kept");
		assert_null(vm_snapshot_find(vm, "two"));
	}
	/* the blocks kept for the first snapshot are gone, and nothing can be gone back to */
	assert_false(vm_snapshot_on_top(vm, vm_snapshot_find(vm, "one")));
	vm_step();
	assert_true(disks.forgotten);
}

/* Disks are back before the RAM is; one that is not leaves a VM that nobody lets go on. */
static void disks_go_back(void **state)
{
	struct vm *vm = ready_in(VM_RUNNING);

	(void)state;
	taken(vm, "one");
	assert_true(set_back(vm, "one"));
	disks.back_state = DISK_UNDO_PENDING;
	channel.held = 1;
	calls = 0;
	monitor_does(vm, VM_COMMAND_HOLD);
	assert_int_equal(vm->operation[OPERATION_SNAPSHOT].phase, SNAPSHOT_PUTTING_BACK);
	for (u32 i = 0; i < 10; i++) { /* going back has time as long as it moves */
		now += PUT_BACK_NS / 2;
		disks.moved++;
		vm_step();
		assert_int_equal(vm->operation[OPERATION_SNAPSHOT].phase, SNAPSHOT_PUTTING_BACK);
	}
	assert_false(disks.goes_on);
	disks.back_state = DISK_UNDO_DONE;
	while (vm_step())
		;
	assert_true(disks.goes_on);
	monitor_does(vm, VM_COMMAND_LOAD);
	assert_string_equal(vm->operation[OPERATION_SNAPSHOT].problem, "");
	for (u32 late = 0; late < 2; late++) {
		disks.back_state = late != 0 ? DISK_UNDO_PENDING : DISK_UNDO_FAILED;
		assert_true(set_back(vm, "one"));
		monitor_does(vm, VM_COMMAND_HOLD);
		now += late * PUT_BACK_NS;
		vm_step();
		assert_int_equal(channel.command, VM_COMMAND_HOLD);
		assert_int_equal(vm->state, VM_CRASHED);
		assert_string_equal(vm->reason, "disk data: not back");
		/* going back can be tried again */
		disks.back_state = DISK_UNDO_DONE;
		assert_true(set_back(vm, "one"));
		monitor_does(vm, VM_COMMAND_HOLD);
		monitor_does(vm, VM_COMMAND_LOAD);
		assert_int_equal(vm->state, VM_RUNNING);
	}
}

/* There was no room for an old block: only what needs the block goes. */
static void disks_are_full(void **state)
{
	struct vm *vm = ready_in(VM_RUNNING);
	char why[200];

	(void)state;
	taken(vm, "one");
	taken(vm, "two");
	layer_pages = 0;
	taken(vm, "three");
	disks.problem = "disk data: full";
	while (vm_step())
		;
	assert_int_equal(event_count[EVENT_SNAPSHOT], 2);
	assert_non_null(vm_snapshot_find(vm, "one"));
	assert_null(vm_snapshot_find(vm, "two"));
	assert_null(vm_snapshot_find(vm, "three"));
	/* an operator who looks later is told, and one at the console at once */
	assert_string_equal(noticed, "alpha: snapshot three dropped: disk data: full\n");
	assert_true(vm_snapshot_was_dropped(vm, "three", why, sizeof(why)));
	assert_string_equal(why, "disk data: full");
	assert_false(vm_snapshot_was_dropped(vm, "thre", why, sizeof(why)));
	assert_false(vm_snapshot_was_dropped(vm, "one", why, sizeof(why)));
	assert_true(disks.forgotten);
	assert_int_equal(states, 1);
	assert_int_equal(vm->state, VM_RUNNING);
	/* the room ends while the VM goes back */
	taken(vm, "four");
	assert_true(set_back(vm, "four"));
	disks.problem = "disk data: full";
	channel.held = 1;
	monitor_does(vm, VM_COMMAND_HOLD);
	assert_false(disks.back);
	monitor_does(vm, VM_COMMAND_CONTINUE);
	assert_string_equal(vm->operation[OPERATION_SNAPSHOT].problem, "disk data: full");
	vm_step();
	assert_null(vm_snapshot_find(vm, "four"));
}

/*
 * As long as others see what the disks held at the last snapshot, that snapshot stays, and stays
 * the last.
 */
static void disks_are_viewed(void **state)
{
	struct vm *vm = ready_in(VM_RUNNING);

	(void)state;
	taken(vm, "one");
	taken(vm, "two");
	disks.viewed = true;
	assert_false(take(vm, "three"));
	assert_string_equal(problem, "disk data: viewed");
	assert_false(vm_snapshot_drop(vm, vm_snapshot_find(vm, "two"), problem, sizeof(problem)));
	assert_string_equal(problem, "disk data: viewed");
	assert_true(vm_snapshot_drop(vm, vm_snapshot_find(vm, "one"), problem, sizeof(problem)));
	assert_true(set_back(vm, "two"));
	channel.held = 1;
	monitor_does(vm, VM_COMMAND_HOLD);
	monitor_does(vm, VM_COMMAND_LOAD);
	disks.viewed = false;
	assert_true(vm_snapshot_drop(vm, vm_snapshot_find(vm, "two"), problem, sizeof(problem)));
}

/* A clone's disks are views: what the clone has written is not kept for any snapshot. */
static void disks_are_views(void **state)
{
	struct vm *vm = ready_in(VM_RUNNING);

	(void)state;
	has_views = true;
	assert_false(take(vm, "one"));
	assert_string_equal(problem, "disk data: a clone's");
	assert_false(vm_busy(vm));
	assert_int_equal(states, 0);
	has_views = false;
	taken(vm, "one");
}

/* The guest goes on once its volumes have snapshots too; without them there is no snapshot. */
static void keeps_volumes(void **state)
{
	struct vm *vm;

	(void)state;
	for (u32 fails = 0; fails < 2; fails++) {
		u32 looks = volumes.looks;

		vm = ready_in(VM_RUNNING);
		volumes.state = DISK_UNDO_PENDING;
		channel.state_used = 5000;
		assert_true(take(vm, "one"));
		monitor_does(vm, VM_COMMAND_SAVE);
		assert_int_equal(vm->operation[OPERATION_SNAPSHOT].phase, SNAPSHOT_KEEPING);
		assert_int_not_equal(channel.command, VM_COMMAND_CONTINUE);
		volumes.state = fails != 0 ? DISK_UNDO_FAILED : DISK_UNDO_DONE;
		vm_step();
		assert_int_equal(channel.command, VM_COMMAND_CONTINUE);
		monitor_does(vm, VM_COMMAND_CONTINUE);
		assert_int_equal(vm_snapshot_find(vm, "one") == NULL, fails);
		/* what the store has made nevertheless is looked for */
		assert_int_equal(volumes.looks > looks, fails);
		if (fails != 0)
			assert_string_equal(vm->operation[OPERATION_SNAPSHOT].problem,
					    "store main: it is full");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_volumes),    cmocka_unit_test(disks_are_kept),
		cmocka_unit_test(disks_go_back),    cmocka_unit_test(disks_are_full),
		cmocka_unit_test(disks_are_viewed), cmocka_unit_test(disks_are_views),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
