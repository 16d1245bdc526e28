/* SPDX-License-Identifier: MIT */
/* Backups of a VM's disks: the point, the copy, the chain, and what each failure leaves. */
#include "tests/unit/vmm/manager/vm/operation/backup/vm_backup_fixture.h"

static void makes_a_chain(void **state)
{
	struct backup_label before;

	(void)state;
	for (enum vm_state in = VM_RUNNING; in <= VM_PAUSED; in++) {
		struct vm *vm = ready_in(in);
		const struct backup_label *last = &vm->backup.disk[0].last;

		assert_false(begin(vm, BACKUP_DIFF));
		assert_non_null(strstr(problem, "make a full one"));
		copied(vm, BACKUP_FULL);
		assert_int_equal(last->sequence, 0);
		for (u32 i = 1; i < BACKUP_CHAIN_MAX; i++) {
			before = *last;
			copied(vm, BACKUP_DIFF);
			assert_int_equal(last->sequence, i);
			assert_memory_equal(last->base, before.id, BACKUP_ID_BYTES);
			assert_memory_equal(last->chain, before.chain, BACKUP_ID_BYTES);
		}
		assert_int_equal(merges, 0);
		assert_int_equal(points, BACKUP_CHAIN_MAX);
		assert_int_equal(undo_points, BACKUP_CHAIN_MAX);
		assert_false(begin(vm, BACKUP_DIFF));
		assert_non_null(strstr(problem, "it has a chain of 8 backups"));
		copied(vm, BACKUP_FULL);
		copied(vm, BACKUP_DIFF);
		assert_int_equal(last->sequence, 1);
		assert_int_equal(vm->state, in);
	}
}

/*
 * The part by which a disk has grown is in no list of changes, so that the next backup is a full
 * one.
 */
static void needs_a_full_one_after_growth(void **state)
{
	struct vm *vm = ready_in(VM_RUNNING);

	(void)state;
	source.disk.sectors = 264;
	copied(vm, BACKUP_FULL);
	copied(vm, BACKUP_DIFF);
	source.disk.sectors = 800;
	assert_false(begin(vm, BACKUP_DIFF));
	assert_string_equal(problem, "disk data: it has grown from 132 to 400 KiB since the last "
				     "backup; make a full one");
	/* a backup that was begun before covers the disk as it was then */
	copied(vm, BACKUP_FULL);
	begun(vm, BACKUP_DIFF);
	source.disk.sectors = 808;
	page.state = COPIER_DONE;
	vm_backup_copier_ended(vm);
	ended(vm, NULL);
	assert_false(begin(vm, BACKUP_DIFF));
	assert_non_null(strstr(problem, "it has grown from 400 to 404 KiB"));
	copied(vm, BACKUP_FULL);
	copied(vm, BACKUP_DIFF);
}

/* A list that had become too small gets its memory anew, and is paid for once. */
static void makes_its_list_anew(void **state)
{
	struct vm *vm = ready_in(VM_RUNNING);

	(void)state;
	copied(vm, BACKUP_FULL);
	source.changes = (struct link_changes){.memory = HANDLE_NONE};
	changes_whole = false;
	assert_false(begin(vm, BACKUP_DIFF));
	changes_whole = true;
	lower_late = 0;
	copied(vm, BACKUP_FULL);
	copied(vm, BACKUP_DIFF);
}

/* Of a volume the store keeps what it held, beside any snapshots of the VM. */
static void keeps_a_volume(void **state)
{
	struct vm *vm = ready_in(VM_RUNNING);

	(void)state;
	source.disk.store.volume = 3;
	view.disk.view.number = 0;
	viewed = true;
	copied(vm, BACKUP_FULL);
	copied(vm, BACKUP_DIFF);
	assert_int_equal(undo_points, 0);
	assert_int_equal(points, 2);
	assert_int_equal(volume_points, 2);
	assert_int_equal(volumes_forgotten, 2);
	/* what the copier cannot read has no reason of a view */
	view_problem = "it is no view";
	begun(vm, BACKUP_DIFF);
	page.state = COPIER_FAILED;
	string_copy(page.problem, sizeof(page.problem), "its disk cannot be read");
	vm_backup_copier_ended(vm);
	ended(vm, "its disk cannot be read");
	volume_state = DISK_UNDO_PENDING;
	assert_true(begin(vm, BACKUP_FULL));
	monitor_does(vm, VM_COMMAND_HOLD);
	assert_true(vm_busy(vm));
	volume_state = DISK_UNDO_FAILED;
	vm_step();
	monitor_does(vm, VM_COMMAND_CONTINUE);
	ended(vm, "store pool: it is full");
	assert_int_equal(volumes_forgotten, 4);
}

/* Nothing is released that was not confirmed: what comes next has what this one would have had. */
/* The VM's monitor stands still until it is saved, and then until the disks keep what they hold. */
/* The renewal that has saved the VM ends. */
static bool saved(struct vm *vm, const char *why)
{
	vm->operation[OPERATION_RENEW].phase = RENEW_NONE;
	return vm_backup_saved(vm, why);
}

static void waits_for_its_state(void **state)
{
	struct vm *vm = ready_in(VM_RUNNING);

	(void)state;
	assert_false(vm_backup_saved(vm, ""));
	save_begins = true;
	assert_true(begin_with_state(vm));
	now += 100 * NS_PER_S; /* the save has its own limits */
	vm_step();
	assert_true(vm_busy(vm));
	assert_int_equal(points, 0);
	assert_false(vm_backup_cancel(vm, problem, sizeof(problem)));
	assert_true(saved(vm, ""));
	assert_int_equal(points, 1);
	monitor_does(vm, VM_COMMAND_CONTINUE);
	page.state = COPIER_DONE;
	vm_backup_copier_ended(vm);
	assert_int_equal(event_count[EVENT_BACKUP_DONE], 1);
	ended(vm, NULL);
	/* the VM is not saved: there is no backup, and the save tells the monitor to go on */
	assert_true(begin_with_state(vm));
	assert_false(saved(vm, "disk full"));
	assert_int_equal(event_count[EVENT_BACKUP_FAILED], 1);
	assert_int_equal(points, 1);
	ended(vm, "disk full");
	save_begins = false;
	assert_false(begin_with_state(vm));
	assert_string_equal(problem, "no key");
	ended(vm, "no key");
	save_begins = true;
	assert_true(begin_with_state(vm));
	vm->operation[OPERATION_RENEW].phase = RENEW_NONE;
	vm_backup_abandon(vm);
	ended(vm, "its VM has ended meanwhile");
}

static void fails_while_copying(void **state)
{
	struct vm *vm = ready_in(VM_RUNNING);

	(void)state;
	copied(vm, BACKUP_FULL);
	begun(vm, BACKUP_DIFF);
	string_copy(page.problem, sizeof(page.problem), "no \x1b");
	page.state = COPIER_FAILED;
	vm_step();
	ended(vm, "no ?");
	begun(vm, BACKUP_DIFF);
	assert_int_equal(merges, 1);
	assert_true(vm_backup_cancel(vm, problem, sizeof(problem)));
	ended(vm, "it was cancelled");
	assert_false(vm_backup_cancel(vm, problem, sizeof(problem)));
	begun(vm, BACKUP_FULL);
	assert_int_equal(merges, 2);
	view_problem = "full";
	page.state = COPIER_FAILED;
	vm_step();
	ended(vm, "disk data: full");
	view_problem = NULL;
	begun(vm, BACKUP_DIFF);
	vm_backup_copier_ended(vm);
	ended(vm, "the process that copies died, `log show -c process` says why");
	/* a backup has time as long as it moves */
	begun(vm, BACKUP_DIFF);
	for (u32 i = 0; i < 5; i++) {
		now += COPY_NS;
		page.moved++;
		vm_step();
		assert_int_equal(vm->operation[OPERATION_BACKUP].phase, BACKUP_COPYING);
	}
	now += COPY_NS;
	vm_step();
	ended(vm, "its disks take too long");
	copied(vm, BACKUP_DIFF);
	assert_int_equal(merges, 5);
	assert_int_equal(vm->backup.disk[0].last.sequence, 1);
	copied(vm, BACKUP_DIFF);
	assert_int_equal(merges, 5);
	assert_int_equal(event_count[EVENT_BACKUP_FAILED], 5);
}

/* Memory that a backup does not give back for long does not hold up the next backup. */
static void quota_stays(void **state)
{
	struct vm *vm = ready_in(VM_RUNNING);

	(void)state;
	copied(vm, BACKUP_FULL);
	begun(vm, BACKUP_FULL);
	lower_late = 100;
	steps_to_end = 0;
	page.state = COPIER_DONE;
	for (u32 i = 0; i < 5; i++)
		vm_step();
	assert_int_equal(vm->operation[OPERATION_BACKUP].phase, BACKUP_ENDING);
	now += 6 * NS_PER_S;
	vm_step();
	assert_int_equal(vm->operation[OPERATION_BACKUP].phase, BACKUP_NONE);
	lower_late = 1;
	copied(vm, BACKUP_FULL); /* the backup gives both back */
}

static void fails_at_the_point(void **state)
{
	static const enum disk_undo_state states[] = {DISK_UNDO_FAILED, DISK_UNDO_PENDING,
						      DISK_UNDO_DONE};
	struct vm *vm = ready_in(VM_RUNNING);

	(void)state;
	assert_true(begin(vm, BACKUP_FULL));
	channel.held = 0;
	string_copy(channel.handover_problem, sizeof(channel.handover_problem), "busy disk");
	monitor_does(vm, VM_COMMAND_HOLD);
	monitor_does(vm, VM_COMMAND_CONTINUE);
	ended(vm, "busy disk");
	assert_int_equal(points, 0);
	channel.held = 1;
	assert_true(begin(vm, BACKUP_FULL));
	now += 6 * NS_PER_S;
	vm_step();
	monitor_does(vm, VM_COMMAND_CONTINUE);
	ended(vm, "its monitor does not stand still");
	for (u32 i = 0; i < 3; i++) {
		assert_true(begin(vm, BACKUP_FULL));
		keep_state = states[i];
		changes_passed = i != 2;
		monitor_does(vm, VM_COMMAND_HOLD);
		now += i != 0 ? 6 * NS_PER_S : 0;
		vm_step();
		monitor_does(vm, VM_COMMAND_CONTINUE);
		ended(vm, i == 0 ? "disk data: not kept" : "disk data: its driver does not answer");
		keep_state = DISK_UNDO_DONE;
	}
	assert_false(begin(vm, BACKUP_FULL));
	assert_non_null(strstr(problem, "busy with the last backup"));
	changes_passed = true;
	copier_works = false;
	begun(vm, BACKUP_FULL);
	ended(vm, "no process");
	assert_int_equal(event_count[EVENT_BACKUP_FAILED], 6);
	assert_int_equal(vm->state, VM_RUNNING);
}

static void is_refused(void **state)
{
	struct vm *vm = ready_in(VM_RUNNING);
	struct vm_backup_wish wish = {.kind = BACKUP_FULL};

	(void)state;
	assert_false(vm_backup(vm, &wish, problem, sizeof(problem)));
	assert_non_null(strstr(problem, "no disk is named"));
	wish.chosen[1] = true;
	assert_false(vm_backup(vm, &wish, problem, sizeof(problem)));
	assert_non_null(strstr(problem, "it is read-only"));
	wish = (struct vm_backup_wish){.kind = BACKUP_FULL, .chosen = {[7] = true}};
	assert_false(vm_backup(vm, &wish, problem, sizeof(problem)));
	assert_non_null(strstr(problem, "; "));
	viewed = true;
	assert_false(begin(vm, BACKUP_FULL));
	assert_string_equal(problem, "disk data: viewed");
	viewed = false;
	string_copy(vm->snapshots.list[1].name, CONFIG_NAME_BYTES, "one");
	vm->snapshots.list[1].disks_kept = true;
	assert_false(begin(vm, BACKUP_FULL));
	assert_non_null(strstr(problem, "kept for snapshot one"));
	vm->snapshots.list[1].disks_kept = false;
	target_free = false;
	assert_false(begin(vm, BACKUP_FULL));
	assert_string_equal(problem, "disk vault: beta uses it");
	ended(vm, "disk vault: beta uses it");
	target_free = true;
	copied(vm, BACKUP_FULL);
	changes_whole = false;
	assert_false(begin(vm, BACKUP_DIFF));
	assert_non_null(strstr(problem, "not all changes"));
	copied(vm, BACKUP_FULL);
	assert_true(begin(vm, BACKUP_FULL));
	assert_false(begin(vm, BACKUP_FULL));
	assert_non_null(strstr(problem, "`vm backup cancel alpha`"));
	assert_false(vm_backup_cancel(vm, problem, sizeof(problem)));
	assert_non_null(strstr(problem, "try again"));
	vm = ready_in(VM_RUNNING);
	room_is_there = false;
	lower_late = 0;
	assert_false(begin(vm, BACKUP_FULL));
	assert_string_equal(problem, "no room");
	ended(vm, "no room");
	assert_false(begin(ready_in(VM_STOPPED), BACKUP_FULL));
	assert_non_null(strstr(problem, "only a running or paused VM"));
	assert_int_equal(event_count[EVENT_BACKUP_FAILED], 0);
}

/* The VM ends: so does the backup, and the next one has to be full. */
static void ends_with_its_vm(void **state)
{
	struct vm *vm = ready_in(VM_RUNNING);

	(void)state;
	copied(vm, BACKUP_FULL);
	begun(vm, BACKUP_DIFF);
	assert_true(act(vm, ACTION_KILL));
	assert_false(has_copier);
	assert_int_equal(event_count[EVENT_BACKUP_FAILED], 1);
	while (!vm_backup_detach(vm))
		;
	settle(vm);
	assert_int_equal(vm->operation[OPERATION_BACKUP].phase, BACKUP_NONE);
	assert_string_equal(vm->operation[OPERATION_BACKUP].problem, "its VM has ended meanwhile");
	assert_true(act(vm, ACTION_START));
	settle(vm);
	vm->link[0] = &source;
	assert_false(begin(vm, BACKUP_DIFF));
	assert_non_null(strstr(problem, "there is no backup since it was booted"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_a_volume),
		cmocka_unit_test(makes_a_chain),
		cmocka_unit_test(needs_a_full_one_after_growth),
		cmocka_unit_test(makes_its_list_anew),
		cmocka_unit_test(waits_for_its_state),
		cmocka_unit_test(fails_while_copying),
		cmocka_unit_test(quota_stays),
		cmocka_unit_test(fails_at_the_point),
		cmocka_unit_test(is_refused),
		cmocka_unit_test(ends_with_its_vm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
