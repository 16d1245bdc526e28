/* SPDX-License-Identifier: MIT */
/* Two monitors of one VM: which of them goes on, and what becomes of the other. */
#define FIXTURE_RENEW
#include "tests/unit/vm_fixture.h"

#include "vmm/manager/vm/vm_handover.c"
#include "vmm/manager/vm/vm_renew.c"
#include "vmm/rt/status_text.c"

enum { OLD = 10, HEIR = 20, STATE = 30, THEIRS = 40 };

static u32 destroyed; /* handles, a bit for each */
static u32 muted;
static u32 process_bound; /* by EVENT_PROCESS */
static u32 renewed;	  /* links */
static bool heir_works;
static enum status memory_status;
static struct driver_link *const link = (struct driver_link *)&renewed;

enum status sys_memory_create(handle_t group, u64 bytes, u32 flags, handle_t *memory)
{
	(void)flags;
	assert_int_equal(group, 7);
	assert_int_equal(bytes, 2 * PAGE_SIZE);
	*memory = memory_status == STATUS_OK ? (handle_t)STATE : HANDLE_NONE;
	return memory_status;
}

enum status sys_handle_grant(handle_t process, handle_t handle, u32 rights, handle_t *theirs)
{
	assert_int_equal(handle, STATE);
	assert_int_equal(process % 10, 0);
	assert_int_equal(rights, RIGHT_READ | RIGHT_WRITE);
	*theirs = THEIRS;
	return STATUS_OK;
}

enum status sys_object_destroy(handle_t handle)
{
	assert_int_equal(destroyed & BIT(handle), 0);
	if (handle % 10 == 0 && handle != STATE)
		assert_int_equal(muted, handle);
	destroyed |= (u32)BIT(handle);
	return STATUS_OK;
}

enum status events_mute(handle_t handle)
{
	muted = handle;
	return STATUS_OK;
}

enum status events_bind(handle_t handle, enum event_source source, u32 number)
{
	(void)number;
	assert_int_equal(source, EVENT_PROCESS);
	process_bound = handle;
	return STATUS_OK;
}

void vm_pace_reset(struct vm *vm)
{
	(void)vm;
}

void driver_link_renew(struct driver_link *of)
{
	assert_ptr_equal(of, link);
	/* by then nobody else has it */
	assert_int_equal(destroyed & BIT(OLD), BIT(OLD));
	renewed++;
}

bool vm_build_heir(struct vm *vm, u64 bytes, char *words, size_t size)
{
	assert_int_equal(bytes, 5000);
	assert_int_equal(vm->renewal.state, STATE);
	if (!heir_works)
		format(words, size, "no memory");
	else
		vm->renewal.heir = (struct vm_monitor){HEIR, HEIR + 1, HEIR + 2};
	return heir_works;
}

static struct vm *ready_in(enum vm_state state)
{
	struct vm *vm = in_state(state);

	vm->monitor = (struct vm_monitor){OLD, OLD + 1, OLD + 2};
	vm->link[2] = link;
	vm->port[0] = link;
	channel.state_bytes = 5000;
	destroyed = muted = process_bound = renewed = 0;
	heir_works = true;
	memory_status = STATUS_OK;
	return vm;
}

static bool renew(struct vm *vm)
{
	problem[0] = '\0';
	return vm_renew(vm, problem, sizeof(problem));
}

static void monitor_saves(struct vm *vm, u64 used)
{
	assert_int_equal(channel.command, VM_COMMAND_SAVE);
	assert_int_equal(channel.state_memory, THEIRS);
	assert_int_equal(channel.state_size, 2 * PAGE_SIZE);
	channel.state_used = used;
	channel.done_sequence = channel.command_sequence;
	vm_step();
	assert_true(vm_busy(vm));
}

static void monitor_continues(struct vm *vm, const char *outcome)
{
	assert_int_equal(channel.command, VM_COMMAND_CONTINUE);
	assert_true(vm_busy(vm));
	channel.done_sequence = channel.command_sequence;
	vm_step();
	assert_false(vm_busy(vm));
	assert_int_equal(vm->renewal.phase, RENEW_NONE);
	assert_string_equal(vm->renewal.problem, outcome);
}

/* The old one has stayed, and nothing of the other is left. */
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
		vm_step(); /* nothing before it is saved */
		assert_int_equal(vm->renewal.phase, RENEW_SAVING);
		monitor_saves(vm, 5000);
		vm_step();
		assert_int_equal(destroyed, 0);
		channel.taken_renewal = vm->renewal.number;
		vm_step();
		assert_int_equal(destroyed, ALL_OF(OLD) | BIT(STATE));
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
	assert_stayed(vm, BIT(STATE));
	vm = ready_in(VM_RUNNING);
	assert_true(renew(vm));
	monitor_saves(vm, 2 * PAGE_SIZE + 1);
	monitor_continues(vm, "its monitor does not say how large its state is");
	vm = ready_in(VM_RUNNING);
	assert_true(renew(vm));
	now += 6 * NS_PER_S;
	vm_step();
	monitor_continues(vm, "its monitor does not save it");
	assert_stayed(vm, BIT(STATE));
}

static void not_taken(void **state)
{
	struct vm *vm = ready_in(VM_RUNNING);

	(void)state;
	assert_true(renew(vm));
	heir_works = false;
	monitor_saves(vm, 5000);
	monitor_continues(vm, "no memory");
	assert_stayed(vm, BIT(STATE));
	vm = ready_in(VM_RUNNING);
	assert_true(renew(vm));
	monitor_saves(vm, 5000);
	string_copy(channel.handover_problem, sizeof(channel.handover_problem), "CPUID");
	channel.refused_renewal = vm->renewal.number;
	vm_step();
	monitor_continues(vm, "CPUID");
	assert_stayed(vm, ALL_OF(HEIR) | BIT(STATE));
	vm = ready_in(VM_RUNNING);
	assert_true(renew(vm));
	monitor_saves(vm, 5000);
	vm_renew_heir_ended(vm);
	monitor_continues(vm, "its new monitor died, `log show -c process` says why");
	assert_stayed(vm, ALL_OF(HEIR) | BIT(STATE));
	vm = ready_in(VM_RUNNING);
	assert_true(renew(vm));
	monitor_saves(vm, 5000);
	assert_int_equal(vm_deadline(), vm->renewal.until_tsc);
	now += 6 * NS_PER_S;
	vm_step();
	monitor_continues(vm, "its new monitor does not say whether it has loaded it");
	assert_stayed(vm, ALL_OF(HEIR) | BIT(STATE));
}

static void refused_words(void **state)
{
	struct vm *vm = ready_in(VM_STOPPED);

	(void)state;
	assert_false(renew(vm));
	assert_string_equal(problem,
			    "alpha is stopped, only a running or paused VM can be renewed");
	vm = ready_in(VM_CREATED);
	assert_false(renew(vm));
	vm = ready_in(VM_RUNNING);
	assert_true(act(vm, ACTION_STOP));
	channel.done_sequence = channel.command_sequence;
	assert_false(renew(vm));
	assert_string_equal(problem, "it is being stopped");
	vm = ready_in(VM_RUNNING);
	vm->config.reserve_budget_ns = 1;
	assert_false(renew(vm));
	assert_non_null(strstr(problem, "reserve: found a reservation"));
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
	assert_string_equal(vm->renewal.problem, "alpha has ended meanwhile");
	settle(vm);
	assert_int_equal(destroyed, 0);
	assert_int_equal(groups, 0);
	assert_int_equal(vm->renewal.phase, RENEW_NONE);
	/* on its way out of the list it has no channel any more */
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
		cmocka_unit_test(goes_over),	 cmocka_unit_test(not_saved),
		cmocka_unit_test(not_taken),	 cmocka_unit_test(refused_words),
		cmocka_unit_test(ends_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
