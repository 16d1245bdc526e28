/* SPDX-License-Identifier: MIT */
/* A VM's rests after turns that took long, with the operations that make steps for it in turns. */
#include "tests/unit/vm_snapshot_fixture.h"

/*
 * After a step that took long others have the manager for as long; a VM that gives up is not done
 * sooner for it.
 */
static void rests(void **state)
{
	struct vm *vm = ready_in(VM_RUNNING);
	u32 left = 100;

	(void)state;
	taken(vm, "one");
	call_ns = 100 * NS_PER_MS;
	calls = left;
	for (u32 phase = 0; phase < 3; phase++) {
		u64 until_tsc = now + 10 * NS_PER_S;

		vm->operation[OPERATION_SNAPSHOT].phase = (const enum vm_snapshot_phase[]){
			SNAPSHOT_FREEZING, SNAPSHOT_RESETTING, SNAPSHOT_MERGING}[phase];
		vm->operation[OPERATION_SNAPSHOT].until_tsc = until_tsc;
		vm->rest_until_tsc = 0;
		for (u32 turn = 1; turn <= 3; turn++) {
			assert_false(vm_step());
			assert_int_equal(calls, --left);
			assert_int_equal(vm_deadline(), now + call_ns);
			now += call_ns - 1;
			assert_false(vm_step());
			assert_int_equal(calls, left);
			now++;
			assert_int_equal(vm->operation[OPERATION_SNAPSHOT].until_tsc,
					 until_tsc + (phase < 2 ? turn * call_ns : 0));
		}
	}
	/* at once again, when steps are quick */
	call_ns = 0;
	assert_true(vm_step());
}

/* Several VMs with slow steps share the half that such steps may have. */
static void rest_in_turn(void **state)
{
	struct vm *vm = ready_in(VM_RUNNING);
	u64 began = now + NS_PER_S;
	struct vm another = {0};

	(void)state;
	now = began;
	for (u32 round = 0; round < 10; round++) {
		for (u32 i = 0; i < 2; i++) {
			struct vm *each = i == 0 ? vm : &another;
			struct vm_turn turn;

			now = MAX(now, each->rest_until_tsc);
			turn = vm_turn_begin(each);
			now += 100 * NS_PER_MS;
			assert_true(vm_turn_end(each, &turn) >= 100 * NS_PER_MS);
		}
	}
	assert_true(vm->rest_until_tsc - began >= 2 * 19 * 100 * NS_PER_MS);
	assert_true(another.rest_until_tsc - began == 2 * 20 * 100 * NS_PER_MS);
}

/* The memory that the monitor saved to is freed in turns before the RAM is frozen. */
static void tidies(void **state)
{
	struct vm *vm = ready_in(VM_RUNNING);

	(void)state;
	tidy_steps = 5;
	call_ns = 100 * NS_PER_MS;
	assert_true(take(vm, "one"));
	channel.state_used = 5000;
	channel.done_sequence = channel.command_sequence;
	for (u32 left = 4; left > 0; left--) {
		assert_false(vm_step());
		assert_int_equal(tidy_steps, left);
		assert_int_equal(vm->operation[OPERATION_SNAPSHOT].phase, SNAPSHOT_TIDYING);
		now += call_ns;
	}
	assert_false(vm_step());
	now += call_ns;
	assert_true(vm_step());
	assert_int_equal(vm->operation[OPERATION_SNAPSHOT].phase, SNAPSHOT_FREEZING);
	call_ns = 0;
}

/* Quota that is taken back waits for what has ended, but not for long at a time. */
static void lowers_in_turns(void **state)
{
	struct vm *vm = ready_in(VM_RUNNING);
	u64 before;

	(void)state;
	vm->quota_surplus = 0;
	tidy_steps = 1000;
	call_ns = NS_PER_MS;
	account.used_pages = vm->quota_pages;
	before = now;
	vm_quota_lower(vm, 10);
	assert_true(now - before <= VM_TURN_NS);
	assert_int_equal(vm->quota_surplus, 10);
	/* the next look comes no sooner than the last one has taken */
	call_ns = 300 * NS_PER_MS;
	now = vm->quota_look_tsc;
	vm_quota_look(vm);
	assert_int_equal(vm->quota_look_tsc, now + call_ns);
	/* a VM that needs the room does not make all the steps at once either */
	before = now;
	call_ns = NS_PER_MS;
	vm_quota_tidy(vm);
	assert_true(tidy_steps > 0 && now - before <= NS_PER_S / 2);
	tidy_steps = 0;
	call_ns = 0;
}

/*
 * Objects that have ended count as used until they are freed: a quota lowered to what is used then
 * leaves the guest no page for its tables.
 */
static void lowers_once_all_is_freed(void **state)
{
	struct vm *vm = ready_in(VM_RUNNING);
	u64 before = vm->quota_pages;

	(void)state;
	vm->quota_pages += 100;
	vm->quota_surplus = 0;
	account.used_pages = before; /* of which 50 are those of ended objects */
	tidy_steps = 3;
	call_ns = VM_TURN_NS;
	vm_quota_lower(vm, 100);
	assert_int_equal(vm->quota_pages, before + 100);
	assert_int_equal(vm->quota_surplus, 100);
	while (tidy_steps != 0) {
		assert_int_equal(vm->quota_pages, before + 100);
		now = vm->quota_look_tsc;
		vm_quota_look(vm);
	}
	account.used_pages = before - 50;
	now = vm->quota_look_tsc;
	vm_quota_look(vm);
	assert_int_equal(vm->quota_pages, before);
	assert_int_equal(vm->quota_surplus, 0);
	call_ns = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rests),
		cmocka_unit_test(rest_in_turn),
		cmocka_unit_test(tidies),
		cmocka_unit_test(lowers_in_turns),
		cmocka_unit_test(lowers_once_all_is_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
