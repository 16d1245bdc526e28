/* SPDX-License-Identifier: MIT */
/* Snapshots that freeze the guest's file systems: who is asked, for how long, and what is said. */
#include "tests/unit/vm_snapshot_fixture.h"

/* The guest's file systems are frozen before it is held, if its agent answers in time. */
static void quiesces_first(void **state)
{
	static const struct {
		enum quiesce_state said;
		const char *why;
	} answers[] = {
		{QUIESCE_STATE_FROZEN, NULL},
		{QUIESCE_STATE_REFUSED, "the guest's agent refuses to"},
		{QUIESCE_STATE_CLOSED, "no guest agent reads a port org.qemu.guest_agent.0"},
		{QUIESCE_STATE_BUSY, "the guest's agent has not answered the last thaw yet"},
		{QUIESCE_STATE_ASKED, "the guest's agent does not answer in time"},
		{1234, "the guest's agent refuses to"},
	};
	struct vm *vm;

	(void)state;
	quiesces = true;
	for (u32 i = 0; i < ARRAY_COUNT(answers); i++) {
		vm = ready_in(VM_RUNNING);
		channel.quiesce = QUIESCE_STATE_ASKED;
		channel.quiesce_frozen = 3;
		assert_true(take(vm, "one"));
		monitor_does(vm, VM_COMMAND_QUIESCE);
		assert_int_equal(channel.command, VM_COMMAND_QUIESCE);
		assert_true(vm_busy(vm));
		channel.quiesce = answers[i].said;
		if (answers[i].said == QUIESCE_STATE_ASKED)
			now += VM_QUIESCE_NS;
		vm_step();
		channel.state_used = 5000;
		monitor_does(vm, VM_COMMAND_SAVE);
		monitor_does(vm, VM_COMMAND_CONTINUE);
		assert_string_equal(vm->operation[OPERATION_SNAPSHOT].problem, "");
		assert_true(vm->quiesce.frozen == (answers[i].why == NULL));
		if (answers[i].why != NULL)
			assert_string_equal(vm->quiesce.why, answers[i].why);
		else
			assert_int_equal(vm->quiesce.count, 3);
	}
	/* a snapshot that cannot begin after all: the monitor is told to thaw */
	vm = ready_in(VM_RUNNING);
	channel.quiesce = QUIESCE_STATE_FROZEN;
	assert_true(take(vm, "one"));
	vm->snapshots.list[vm->snapshots.place].state_pages = 0;
	monitor_does(vm, VM_COMMAND_QUIESCE);
	assert_int_equal(channel.command, VM_COMMAND_THAW);
	assert_null(vm_snapshot_find(vm, "one"));
	/* a guest that does not run is not asked */
	vm = ready_in(VM_PAUSED);
	taken(vm, "one");
	assert_string_equal(vm->quiesce.why, "it does not run");
	quiesces = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(quiesces_first)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
