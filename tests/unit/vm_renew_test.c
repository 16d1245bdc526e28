/* SPDX-License-Identifier: MIT */
/*
 * Two monitors of one VM: which of them goes on, and what becomes of the other. Saves and restores,
 * where one of the two is a disk.
 */
#define FIXTURE_RENEW
#include "tests/unit/vm_fixture.h"

#include "vmm/manager/vm/vm_handover.c"
#include "vmm/manager/vm/vm_renew.c"
#include "vmm/manager/vm/vm_save.c"
#include "vmm/rt/crypto/secret.c"
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

/* The disk of a save: number 4, "saves". */
static struct config host_config;
static struct driver_link save_link, written_disk;
static bool disk_free;
static u32 link_steps; /* until the driver has nothing of it any more */

struct config *setup_config(void)
{
	return &host_config;
}

struct disk_config *config_disk(u32 number)
{
	static struct disk_config disk = {.section.name = "saves"};

	assert_true(number == 4 || number == 0);
	return &disk;
}

struct driver_link *disk_attach_save(struct vm *vm, u32 number, bool read_only, char *words,
				     size_t size)
{
	(void)vm;
	assert_int_equal(number, 4);
	assert_false(read_only);
	if (!disk_free)
		format(words, size, "beta uses it");
	return disk_free ? &save_link : NULL;
}

bool disk_may_be_read(u32 number, char *words, size_t size)
{
	(void)words, (void)size;
	assert_int_equal(number, 4);
	return disk_free;
}

bool driver_link_end(struct driver_link *of)
{
	assert_ptr_equal(of, &save_link);
	return link_steps-- == 0;
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
			    "alpha is stopped, only a running or paused VM can be renewed or "
			    "saved");
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

/* --- saves --- */

static struct vm *ready_to_save(enum vm_state state)
{
	struct vm *vm = ready_in(state);

	memset(vm->link, 0, sizeof(vm->link));
	host_config.host.state_key = (struct state_key){true, {1, 2, 3}};
	disk_free = true;
	link_steps = 1;
	return vm;
}

static bool save(struct vm *vm, bool overwrite)
{
	problem[0] = '\0';
	return vm_save(vm, 4, overwrite, problem, sizeof(problem));
}

static bool has_save_key(void)
{
	return memcmp(channel.save_key, host_config.host.state_key.bytes, 32) == 0;
}

static void is_saved(void **state)
{
	(void)state;
	for (enum vm_state in = VM_RUNNING; in <= VM_PAUSED; in++) {
		struct vm *vm = ready_to_save(in);

		assert_true(save(vm, in == VM_PAUSED));
		assert_true(vm_busy(vm) && has_save_key());
		assert_int_equal(channel.save_overwrite, in == VM_PAUSED);
		assert_false(save(vm, false));
		monitor_saves(vm, 5000);
		/* as long as it moves it has time */
		for (u32 i = 0; i < 10; i++) {
			now += 30 * NS_PER_S;
			channel.save_moved++;
			vm_step();
			assert_int_equal(vm->renewal.phase, RENEW_TAKING);
		}
		channel.taken_renewal = vm->renewal.number;
		vm_step();
		assert_int_equal(vm->state, VM_STOPPED);
		assert_string_equal(vm->reason, "saved on disk saves");
		assert_string_equal(vm->renewal.problem, "");
		assert_false(has_save_key());
		settle(vm);
		assert_int_equal(groups, 0);
		assert_int_equal(last_event, EVENT_STOPPED);
	}
}

/* The guest goes on, and the disk and the key are nobody's again. */
static void monitor_goes_on(struct vm *vm, const char *words)
{
	monitor_continues(vm, words);
	assert_int_equal(vm->state, VM_RUNNING);
	assert_int_equal(vm->monitor.process, OLD);
	vm_step();
	vm_step();
	assert_null(vm->save.link);
	assert_int_equal(vm->save.disk, 0);
	assert_false(has_save_key());
}

static void is_not_saved(void **state)
{
	struct vm *vm = ready_to_save(VM_RUNNING);

	(void)state;
	assert_true(save(vm, false));
	monitor_saves(vm, 5000);
	string_copy(channel.handover_problem, sizeof(channel.handover_problem), "too small");
	channel.refused_renewal = vm->renewal.number;
	vm_step();
	monitor_goes_on(vm, "too small");
	vm = ready_to_save(VM_RUNNING);
	assert_true(save(vm, false));
	monitor_saves(vm, 5000);
	now += 41 * NS_PER_S;
	vm_step();
	monitor_goes_on(vm, "its disk takes too long");
	vm = ready_to_save(VM_RUNNING);
	host_config.host.state_key.given = false;
	assert_false(save(vm, false));
	assert_non_null(strstr(problem, "[host] has no state_key"));
	vm = ready_to_save(VM_RUNNING);
	disk_free = false;
	assert_false(save(vm, false));
	assert_string_equal(problem, "beta uses it");
	vm = ready_to_save(VM_RUNNING);
	vm->link[1] = &written_disk;
	assert_false(save(vm, false));
	assert_non_null(strstr(problem, "it may write to disk saves"));
	vm = ready_to_save(VM_STOPPED);
	assert_false(save(vm, false));
	assert_non_null(strstr(problem, "only a running or paused VM"));
	assert_false(vm_busy(vm));
}

static bool restore(struct vm *vm)
{
	problem[0] = '\0';
	return vm_restore(vm, 4, problem, sizeof(problem));
}

static void is_restored(void **state)
{
	static const enum vm_state from[] = {VM_CREATED, VM_STOPPED, VM_CRASHED};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(from); i++) {
		struct vm *vm = ready_to_save(from[i]);

		assert_true(restore(vm));
		assert_true(vm_busy(vm));
		settle(vm);
		assert_int_equal(vm->state, VM_RUNNING);
		assert_int_equal(groups, 1);
		vm_step();
		assert_int_equal(vm->save.disk, 0);
		assert_string_equal(vm->save.problem, "");
		assert_false(vm_busy(vm));
	}
}

/* It ends as soon as it goes on, or before anybody has looked: it is not restored again. */
static void ends_when_restored(void **state)
{
	(void)state;
	for (u32 i = 0; i < 2; i++) {
		struct vm *vm = ready_to_save(VM_STOPPED);

		assert_true(restore(vm));
		while (vm->dying)
			vm_step();
		assert_int_equal(vm->save.disk, 5);
		vm_channel_signalled(vm);
		if (i == 0)
			monitor_reports(vm, VM_RUNNING, "");
		monitor_reports(vm, VM_STOPPED, "off");
		settle(vm);
		assert_int_equal(vm->state, VM_STOPPED);
		assert_string_equal(vm->reason, "off");
		assert_int_equal(vm->save.disk, 0);
		assert_int_equal(groups, 0);
		assert_true(act(vm, ACTION_START));
		settle(vm);
		assert_int_equal(vm->save.disk, 0);
		assert_int_equal(vm->state, VM_RUNNING);
	}
}

static void is_not_restored(void **state)
{
	static const enum vm_state from[] = {VM_CREATED, VM_STOPPED, VM_CRASHED};

	(void)state;
	for (u32 i = 0; i < 2 * ARRAY_COUNT(from); i++) {
		enum vm_state before = from[i / 2];
		struct vm *vm;

		if (i == 1)
			continue; /* without memory a created one cannot be that again either */
		vm = ready_to_save(before);
		monitor_sets_up = i % 2 != 0;
		build_works = i % 2 == 0;
		assert_true(restore(vm));
		settle(vm);
		build_works = true;
		if (i % 2 == 0)
			monitor_reports(vm, VM_CRASHED, "record 3: it was changed");
		monitor_sets_up = true;
		settle(vm);
		assert_int_equal(vm->state, before);
		assert_int_equal(groups, before == VM_CREATED);
		assert_string_equal(vm->save.problem,
				    i % 2 == 0 ? "record 3: it was changed" : "no memory");
		assert_int_equal(vm->save.disk, 0);
		assert_false(vm_busy(vm));
		/* and boots as ever */
		assert_true(act(vm, ACTION_START));
		settle(vm);
		assert_int_equal(vm->state, VM_RUNNING);
	}
	assert_false(restore(in_state(VM_RUNNING)));
	assert_non_null(strstr(problem, "only a created, stopped or crashed VM"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_over),	   cmocka_unit_test(not_saved),
		cmocka_unit_test(not_taken),	   cmocka_unit_test(refused_words),
		cmocka_unit_test(ends_meanwhile),  cmocka_unit_test(is_saved),
		cmocka_unit_test(is_not_saved),	   cmocka_unit_test(is_restored),
		cmocka_unit_test(ends_when_restored), cmocka_unit_test(is_not_restored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
