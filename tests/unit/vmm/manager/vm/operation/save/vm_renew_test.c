/* SPDX-License-Identifier: MIT */
/* Two monitors of one VM: which of them goes on, and what becomes of the other. */
#include "tests/unit/vm_renew_fixture.h"

static bool renew(struct vm *vm)
{
	problem[0] = '\0';
	return vm_renew(vm, problem, sizeof(problem));
}

/* Checks that the old monitor has stayed, and that nothing of the other is left. */
static void assert_stayed(const struct vm *vm, u32 gone)
{
	assert_int_equal(destroyed, gone);
	assert_int_equal(vm->monitor.process, OLD);
	assert_int_equal(vm->monitor.wake, OLD + 1);
	assert_int_equal(renewed, 0);
}

#define ALL_OF(first) ((u32)BIT(first) | (u32)BIT((first) + 1) | (u32)BIT((first) + 2))

static void goes_over(void **state)
{
	(void)state;
	for (enum vm_state in = VM_RUNNING; in <= VM_PAUSED; in++) {
		struct vm *vm = ready_in(in);
		enum vm_event before = last_event;

		assert_true(renew(vm));
		assert_true(vm_busy(vm));
		assert_false(renew(vm));
		assert_false(act(vm, ACTION_RESET));
		vm_step(); /* nothing happens before the machine is saved */
		assert_int_equal(vm->operation[OPERATION_RENEW].phase, RENEW_SAVING);
		monitor_saves(vm, 5000);
		vm_step();
		assert_int_equal(destroyed, BIT(GIVEN));
		channel.taken_renewal = vm->renewal.number;
		vm_step();
		assert_int_equal(destroyed, ALL_OF(OLD) | BIT(GIVEN) | BIT(STATE));
		assert_int_equal(vm->monitor.process, HEIR);
		assert_int_equal(vm->monitor.ring, HEIR + 2);
		assert_int_equal(process_bound, HEIR);
		assert_int_equal(renewed, 2);
		monitor_continues(vm, "");
		assert_int_equal(vm->state, in);
		assert_int_equal(last_event, before);
	}
}

static void not_saved(void **state)
{
	struct vm *vm = ready_in(VM_RUNNING);

	(void)state;
	assert_true(renew(vm));
	string_copy(channel.handover_problem, sizeof(channel.handover_problem), "disk 3 \033");
	monitor_saves(vm, 0);
	monitor_continues(vm, "disk 3 ?");
	assert_stayed(vm, BIT(GIVEN));
	vm = ready_in(VM_RUNNING);
	assert_true(renew(vm));
	monitor_saves(vm, 2 * PAGE_SIZE + 1);
	monitor_continues(vm, "its monitor does not say how large its state is");
	vm = ready_in(VM_RUNNING);
	assert_true(renew(vm));
	now += 6 * NS_PER_S;
	vm_step();
	monitor_continues(vm, "its monitor does not save it");
	assert_stayed(vm, BIT(GIVEN));
}

static void not_taken(void **state)
{
	struct vm *vm = ready_in(VM_RUNNING);

	(void)state;
	assert_true(renew(vm));
	heir_works = false;
	monitor_saves(vm, 5000);
	monitor_continues(vm, "no memory");
	assert_stayed(vm, BIT(GIVEN) | BIT(STATE));
	vm = ready_in(VM_RUNNING);
	assert_true(renew(vm));
	monitor_saves(vm, 5000);
	string_copy(channel.handover_problem, sizeof(channel.handover_problem), "CPUID");
	channel.refused_renewal = vm->renewal.number;
	vm_step();
	monitor_continues(vm, "CPUID");
	assert_stayed(vm, ALL_OF(HEIR) | BIT(GIVEN) | BIT(STATE));
	vm = ready_in(VM_RUNNING);
	assert_true(renew(vm));
	monitor_saves(vm, 5000);
	vm_renew_heir_ended(vm);
	monitor_continues(vm, "its new monitor died, `log show -c process` says why");
	assert_stayed(vm, ALL_OF(HEIR) | BIT(GIVEN) | BIT(STATE));
	vm = ready_in(VM_RUNNING);
	assert_true(renew(vm));
	monitor_saves(vm, 5000);
	assert_int_equal(vm_deadline(), vm->operation[OPERATION_RENEW].until_tsc);
	now += 6 * NS_PER_S;
	vm_step();
	monitor_continues(vm, "its new monitor does not say whether it has loaded it");
	assert_stayed(vm, ALL_OF(HEIR) | BIT(GIVEN) | BIT(STATE));
}

static void refused_words(void **state)
{
	struct vm *vm = ready_in(VM_STOPPED);

	(void)state;
	assert_false(renew(vm));
	assert_string_equal(problem,
			    "alpha is stopped, only a running or paused VM can be renewed or "
			    "saved");
	vm = ready_in(VM_CREATED);
	assert_false(renew(vm));
	vm = ready_in(VM_RUNNING);
	assert_true(act(vm, ACTION_STOP));
	channel.done_sequence = channel.command_sequence;
	vm_step();
	assert_false(renew(vm));
	assert_string_equal(problem, "it is being stopped");
	vm = ready_in(VM_RUNNING);
	vm->config.reserve_budget_ns = 1;
	assert_false(renew(vm));
	assert_non_null(strstr(problem, "reserve: the reservation would be needed twice"));
	vm = ready_in(VM_RUNNING);
	channel.state_bytes = 17 * MIB;
	assert_false(renew(vm));
	vm = ready_in(VM_RUNNING);
	memory_status = STATUS_NO_QUOTA;
	assert_false(renew(vm));
	assert_non_null(strstr(problem, "while making room for its state"));
	assert_int_equal(destroyed, 0);
	assert_false(vm_busy(vm));
}

/* The VM ends in the middle: its group takes everything with it. */
static void ends_meanwhile(void **state)
{
	struct vm *vm = ready_in(VM_RUNNING);

	(void)state;
	assert_true(renew(vm));
	monitor_saves(vm, 5000);
	assert_true(act(vm, ACTION_KILL));
	assert_string_equal(vm->operation[OPERATION_RENEW].problem, "alpha has ended meanwhile");
	settle(vm);
	assert_int_equal(destroyed, BIT(GIVEN));
	assert_int_equal(groups, 0);
	assert_int_equal(vm->operation[OPERATION_RENEW].phase, RENEW_NONE);
	/* a VM on its way out of the list has no channel any more */
	vm = ready_in(VM_RUNNING);
	assert_true(act(vm, ACTION_DESTROY));
	vm_step();
	assert_null(vm->channel);
	assert_false(renew(vm));
	assert_int_equal(vm_handover_held_ns(vm), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_over),	  cmocka_unit_test(not_saved),
		cmocka_unit_test(not_taken),	  cmocka_unit_test(refused_words),
		cmocka_unit_test(ends_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
