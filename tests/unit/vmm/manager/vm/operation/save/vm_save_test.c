/* SPDX-License-Identifier: MIT */
/* A VM goes to a disk and comes from there, or is what it was. */
#include "tests/unit/vm_renew_fixture.h"

static bool save(struct vm *vm, bool overwrite)
{
	const struct vm_save_place disk = {.disk = 4, .overwrite = overwrite};

	problem[0] = '\0';
	return vm_save(vm, &disk, problem, sizeof(problem));
}

/*
 * Checks that the monitor sees no key, and that the saver's own page, once it is there, has the key
 * of its save.
 */
static void assert_monitor_has_no_key(const struct vm *vm, bool has_saver)
{
	assert_false(holds(&channel, sizeof(channel), host_config.host.state_key.bytes));
	assert_false(holds(&channel, sizeof(channel), key_of_save()));
	if (!has_saver)
		return;
	assert_false(holds(&heir_info, sizeof(heir_info), host_config.host.state_key.bytes));
	assert_memory_equal(&heir_info.parameter[MONITOR_SAVE_KEY], key_of_save(), SAVE_KEY_BYTES);
	assert_int_equal(*(u8 *)&heir_info.parameter[MONITOR_SAVE_SALT], 0x5a);
	assert_false(holds(&vm->save, sizeof(vm->save), key_of_save()));
}

static bool saver_is_to(enum monitor_flag flag)
{
	assert_true((heir_info.parameter[MONITOR_FLAGS] & MONITOR_SAVER) != 0);
	return (heir_info.parameter[MONITOR_FLAGS] & flag) != 0;
}

static void is_saved(void **state)
{
	(void)state;
	for (enum vm_state in = VM_RUNNING; in <= VM_PAUSED; in++) {
		struct vm *vm = ready_to_save(in);

		tidied = 0;
		assert_true(save(vm, in == VM_PAUSED));
		/* once for the link, and once for the second process */
		assert_int_equal(tidied, 2);
		assert_true(vm_busy(vm));
		assert_monitor_has_no_key(vm, false);
		assert_false(save(vm, false));
		monitor_saves(vm, 5000);
		assert_monitor_has_no_key(vm, true);
		assert_int_equal(saver_is_to(MONITOR_SAVE_OVERWRITES), in == VM_PAUSED);
		assert_false(saver_is_to(MONITOR_SAVE_DIGESTS));
		/* a save has time as long as it moves */
		for (u32 i = 0; i < 10; i++) {
			now += 30 * NS_PER_S;
			channel.save_moved++;
			vm_step();
			assert_int_equal(vm->operation[OPERATION_RENEW].phase, RENEW_TAKING);
		}
		channel.taken_renewal = vm->renewal.number;
		vm_step();
		assert_int_equal(vm->state, VM_STOPPED);
		assert_string_equal(vm->reason, "saved on disk saves");
		assert_string_equal(vm->operation[OPERATION_RENEW].problem, "");
		settle(vm);
		assert_int_equal(groups, 0);
		assert_int_equal(last_event, EVENT_STOPPED);
	}
}

/* Lets the monitor go on: the guest continues, and the disk and the key are nobody's again. */
static void monitor_goes_on(struct vm *vm, const char *words)
{
	monitor_continues(vm, words);
	assert_int_equal(vm->state, VM_RUNNING);
	assert_int_equal(vm->monitor.process, OLD);
	vm_step();
	vm_step();
	assert_null(vm->save.link);
	assert_int_equal(vm->save.disk, 0);
	assert_monitor_has_no_key(vm, false);
}

/* A VM was to go on after its save: the disk has the save, and the old monitor goes on. */
static void is_saved_and_goes_on(void **state)
{
	const struct vm_save_place disk = {.disk = 4, .goes_on = true};
	struct vm *vm = ready_to_save(VM_RUNNING);

	(void)state;
	vm->link[1] = link;
	assert_true(vm_save(vm, &disk, problem, sizeof(problem)));
	monitor_saves(vm, 5000);
	channel.taken_renewal = vm->renewal.number;
	vm_step();
	assert_int_equal(renewed, 2); /* once for the saver, and once for the monitor again */
	monitor_goes_on(vm, "");
	assert_int_equal(vm->save.last, 5);
	assert_true(vm->save.done);
	settle(vm);
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
	monitor_goes_on(vm, "its disk or store takes too long");
	vm = ready_to_save(VM_RUNNING);
	host_config.host.state_key.given = false;
	assert_false(save(vm, false));
	assert_non_null(strstr(problem, "[host] has no state_key"));
	vm = ready_to_save(VM_RUNNING);
	disk_free = false;
	assert_false(save(vm, false));
	assert_string_equal(problem, "beta uses it");
	vm = ready_to_save(VM_RUNNING);
	vm->link[1] = link;
	assert_true(save(vm, false));
	monitor_saves(vm, 5000);
	/* the saver reads the VM's disk, and then the monitor has the disk again */
	assert_int_equal(renewed, 1);
	string_copy(channel.handover_problem, sizeof(channel.handover_problem), "too small");
	channel.refused_renewal = vm->renewal.number;
	vm_step();
	assert_int_equal(renewed, 2);
	monitor_goes_on(vm, "too small");
	vm = ready_to_save(VM_RUNNING);
	has_views = true;
	assert_false(save(vm, false));
	assert_string_equal(problem, "disk data: a clone's");
	has_views = false;
	vm = ready_to_save(VM_STOPPED);
	assert_false(save(vm, false));
	assert_non_null(strstr(problem, "only a running or paused VM"));
	assert_false(vm_busy(vm));
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
		assert_string_equal(vm->operation[OPERATION_SAVE].problem, "");
		assert_false(vm_busy(vm));
	}
}

/*
 * A restored VM ends as soon as it goes on, or before anybody has looked: it is not restored again.
 */
static void ends_when_restored(void **state)
{
	(void)state;
	for (u32 i = 0; i < 2; i++) {
		struct vm *vm = ready_to_save(VM_STOPPED);

		assert_true(restore(vm));
		while (vm_is_ending(vm))
			vm_step();
		assert_int_equal(vm->save.disk, 5);
		vm_report_take(vm);
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
			continue; /* without memory a created VM cannot be created again either */
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
		assert_string_equal(vm->operation[OPERATION_SAVE].problem,
				    i % 2 == 0 ? "record 3: it was changed" : "no memory");
		assert_int_equal(vm->save.disk, 0);
		assert_false(vm_busy(vm));
		/* the VM boots as ever */
		assert_true(act(vm, ACTION_START));
		settle(vm);
		assert_int_equal(vm->state, VM_RUNNING);
	}
	assert_false(restore(in_state(VM_RUNNING)));
	assert_non_null(strstr(problem, "only a created, stopped or crashed VM"));
}

/* A disk that others read, or that a driver still has, must not be lost. */
static void may_not_begin(void **state)
{
	struct vm *vm = ready_to_save(VM_CRASHED);

	(void)state;
	has_clones = true;
	assert_false(restore(vm));
	assert_string_equal(problem, "its memory is that of its clones");
	has_clones = false;
	vm->save.link = &save_link;
	assert_false(restore(vm));
	assert_string_equal(problem, "the last save is not yet done with its disk, try again");
	assert_ptr_equal(vm->save.link, &save_link);
	assert_int_equal(vm->state, VM_CRASHED);
	assert_false(vm_busy(vm));
	vm_step();
	vm_step();
	assert_true(restore(vm));
	settle(vm);
	assert_int_equal(vm->state, VM_RUNNING);
}

/* A VM that was built before its key was typed has no room for the link to a disk yet. */
static void makes_room(void **state)
{
	struct vm *vm = ready_to_save(VM_RUNNING);

	(void)state;
	vm->save.room = quota_rises = false;
	raised_pages = 0;
	assert_false(save(vm, false));
	assert_string_equal(problem, "memory is missing");
	assert_false(vm_busy(vm));
	quota_rises = true;
	assert_true(save(vm, false));
	assert_int_equal(raised_pages, DISK_LINK_PAGES);
	assert_true(vm->save.room);
}

static struct vm_save_place store = {.channel_name = "com2"};

static struct vm *saving_to_store(void)
{
	struct vm *vm = ready_to_save(VM_RUNNING);

	store_free = true;
	store.channel = store_channel;
	streams_open = judged = 0;
	string_copy(client_told, sizeof(client_told), "nothing");
	store.channel_vm_id = 0;
	assert_true(vm_save(vm, &store, problem, sizeof(problem)));
	assert_int_equal(streams_open, 1);
	assert_true(vm_busy(vm));
	monitor_saves(vm, 5000);
	assert_monitor_has_no_key(vm, true);
	return vm;
}

/* The VM ends when the store has all, not when the saver says so. */
static void is_saved_to_a_store(void **state)
{
	struct process_build build = {.info = &heir_info};
	struct vm *vm = saving_to_store();

	(void)state;
	vm_save_furnish(vm, &build, true);
	assert_true((heir_info.parameter[MONITOR_FLAGS] & MONITOR_TRANSFER) != 0);
	assert_int_equal(vm->save.transfer.bell, OLD + 1);
	/* a save has time as long as bytes move, or as the saver reads disks */
	for (u32 i = 0; i < 10; i++) {
		now += 30 * NS_PER_S;
		if (i % 2 == 0)
			vm->save.transfer.at += 100;
		else
			channel.save_moved++;
		vm_step();
		assert_int_equal(vm->operation[OPERATION_RENEW].phase, RENEW_TAKING);
	}
	vm->save.transfer.state = TRANSFER_CONFIRMED;
	vm_step();
	assert_int_equal(vm->state, VM_RUNNING);
	channel.taken_renewal = vm->renewal.number;
	vm_step();
	assert_int_equal(vm->state, VM_STOPPED);
	assert_string_equal(vm->reason, "saved to the store on channel com2");
	settle(vm);
	assert_int_equal(streams_open, 0);
	assert_string_equal(client_told, "");
	/* a saver that lies */
	vm = saving_to_store();
	channel.taken_renewal = vm->renewal.number;
	vm_step();
	monitor_goes_on(vm, "its saver ended before its store had confirmed");
	assert_int_equal(judged, 1);
	assert_string_equal(client_told, "its saver ended before its store had confirmed");
}

static void is_not_saved_to_a_store(void **state)
{
	struct vm *vm = saving_to_store();

	(void)state;
	vm->link[1] = link;
	transfer_break(&vm->save.transfer, "the store refuses it: full");
	assert_int_equal(vm_save_deadline(vm), 0);
	assert_int_equal(vm_deadline(), 0);
	vm_step();		      /* the end comes whatever the saver says or does not say */
	assert_int_equal(renewed, 1); /* the monitor has its disk again */
	vm->link[1] = NULL;
	monitor_goes_on(vm, "the store refuses it: full");
	assert_true(vm_save_deadline(vm) != 0);
	assert_int_equal(streams_open, 0);
	assert_string_equal(client_told, "the store refuses it: full");
	assert_int_equal(vm->save.transfer.bell, HANDLE_NONE);
	/* the saver dies when the store has confirmed: the store is told not to keep the save */
	vm = saving_to_store();
	vm->save.transfer.state = TRANSFER_CONFIRMED;
	vm_renew_heir_ended(vm);
	monitor_goes_on(vm, "its new monitor died, `log show -c process` says why");
	assert_non_null(strstr(client_told, "its new monitor died"));
	/* the VM is killed in between */
	vm = saving_to_store();
	assert_true(act(vm, ACTION_KILL));
	settle(vm);
	assert_int_equal(streams_open, 0);
	assert_string_equal(client_told, "alpha has ended meanwhile");
	/* the saver cannot begin */
	vm = ready_to_save(VM_RUNNING);
	memory_status = STATUS_NO_MEMORY;
	assert_false(vm_save(vm, &store, problem, sizeof(problem)));
	assert_int_equal(streams_open, 0);
	assert_string_equal(client_told, "forgotten");
	memory_status = STATUS_OK;
	store_free = false;
	assert_false(vm_save(vm, &store, problem, sizeof(problem)));
	assert_string_equal(problem, "too many streams");
	store.channel_vm_id = vm->id;
	assert_false(vm_save(vm, &store, problem, sizeof(problem)));
	assert_string_equal(problem, "it is the store itself; use a store outside of this VM");
	store.channel_vm_id = 0;
	assert_false(vm_busy(vm));
}

static struct vm *restoring_from_store(enum vm_state from)
{
	struct vm *vm = ready_to_save(from);

	store_free = true;
	streams_open = 0;
	assert_true(vm_restore(vm, &store, problem, sizeof(problem)));
	assert_true(vm->save.transfer.inward);
	assert_false(vm_restore(vm, &store, problem, sizeof(problem)));
	return vm;
}

static void is_restored_from_a_store(void **state)
{
	static const enum vm_state from[] = {VM_CREATED, VM_STOPPED, VM_CRASHED};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(from); i++) {
		struct vm *vm = restoring_from_store(from[i]);

		settle(vm);
		vm_step();
		assert_int_equal(vm->state, VM_RUNNING);
		assert_int_equal(streams_open, 0);
		assert_string_equal(client_told, "");
		assert_string_equal(vm->operation[OPERATION_SAVE].problem, "");
		/* the store goes, and the monitor does not say that it cannot go on */
		vm = restoring_from_store(from[i]);
		transfer_break(&vm->save.transfer, "its channel was closed");
		monitor_sets_up = false;
		while (vm_is_ending(vm))
			vm_step();
		monitor_sets_up = true;
		settle(vm);
		assert_int_equal(vm->state, from[i]);
		assert_int_equal(groups, from[i] == VM_CREATED);
		assert_string_equal(vm->operation[OPERATION_SAVE].problem,
				    "its channel was closed");
		assert_string_equal(client_told, "its channel was closed");
		assert_int_equal(streams_open, 0);
		assert_true(act(vm, ACTION_START));
		settle(vm);
		assert_int_equal(vm->state, VM_RUNNING);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_saved),
		cmocka_unit_test(is_saved_and_goes_on),
		cmocka_unit_test(is_not_saved),
		cmocka_unit_test(is_restored),
		cmocka_unit_test(ends_when_restored),
		cmocka_unit_test(is_not_restored),
		cmocka_unit_test(may_not_begin),
		cmocka_unit_test(makes_room),
		cmocka_unit_test(is_saved_to_a_store),
		cmocka_unit_test(is_not_saved_to_a_store),
		cmocka_unit_test(is_restored_from_a_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
