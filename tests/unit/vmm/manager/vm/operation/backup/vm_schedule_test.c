/* SPDX-License-Identifier: MIT */
/* Backups by a VM's key `backup`: when they are made, of which kind, what is kept, what fails. */
#include "tests/unit/vmm/manager/vm/operation/backup/vm_schedule_fixture.h"

static void test_plan(void **state)
{
	char text[STORE_NAME_BYTES];
	struct store_volume volume;

	(void)state;
	settle();
	assert_string_equal(kept("main/root"), "0");
	backup_place_name("web", "main/root", 20251129191604, 0, text);
	assert_true(store_volume_find(&store, text, &volume));
	assert_true(vm_schedule_ops.deadline(&vm) == (BEGIN_S + EVERY_S) * NS_PER_S);
	after(EVERY_S - 1);
	assert_int_equal(fake.backups, 1);
	after(1);
	after(EVERY_S);
	assert_string_equal(kept("main/root"), "012");
	for (u32 i = 0; i < 3; i++)
		after(EVERY_S);
	assert_string_equal(kept("main/root"), "012012");
	/* only the new full one, once it is whole, is a reason to drop the oldest chain */
	fake.fails = "its disks take too long";
	after(EVERY_S);
	assert_string_equal(kept("main/root"), "012012");
	assert_int_equal(fake.dropped, 0);
	assert_int_equal(fake.looks, 1);
	assert_string_equal(vm.operation[OPERATION_SCHEDULE].problem, "its disks take too long");
	assert_int_equal(events, 0); /* the backup has reported that itself */
	fake.fails = NULL;
	after(EVERY_S - 1);
	assert_int_equal(fake.backups, 7);
	after(1);
	assert_string_equal(kept("main/root"), "0120");
	assert_int_equal(fake.dropped, 3);
	assert_string_equal(vm.operation[OPERATION_SCHEDULE].problem, "");
	/* what an operator has made stays */
	assert_true(store_volume_find(&store, "web:main:mine", &volume));
	assert_int_equal(events, 0);
}

/* After a boot nothing but the store tells when the last backup was; the next one is a full one. */
static void test_boot(void **state)
{
	(void)state;
	settle();
	after(EVERY_S);
	assert_string_equal(kept("main/root"), "01");
	memset(&vm.schedule, 0, sizeof(vm.schedule));
	memset(&vm.backup, 0, sizeof(vm.backup));
	after(40);
	assert_int_equal(fake.backups, 2);
	after(EVERY_S - 41);
	assert_int_equal(fake.backups, 2);
	after(1);
	assert_string_equal(kept("main/root"), "010");
	/* no clock: one at once, then by the interval */
	memset(&vm.schedule, 0, sizeof(vm.schedule));
	has_clock = false;
	after(10);
	assert_int_equal(fake.backups, 4);
	after(EVERY_S - 1);
	assert_int_equal(fake.backups, 4);
	after(1);
	assert_int_equal(fake.backups, 5);
	/* its moments follow those that are there */
	assert_string_equal(kept("main/root"), "001");
}

static void test_full_ones(void **state)
{
	(void)state;
	settle();
	/* another backup came between, whose changes no scheduled one would have */
	vm.backup.disk[0].last.id[0] ^= 1;
	after(EVERY_S);
	assert_string_equal(kept("main/root"), "00");
	fake.no_diff = true;
	after(EVERY_S);
	assert_int_equal(fake.kind, BACKUP_FULL);
	fake.no_diff = false;
	after(EVERY_S);
	assert_int_equal(fake.kind, BACKUP_DIFF);
	/* an operator has dropped the full one */
	for (u32 i = 0; i < MOST; i++) {
		if (backup_place_is_name(list[i].name) &&
		    list[i].name[strlen(list[i].name) - 1] == '0')
			list[i].id = 0;
	}
	after(EVERY_S);
	assert_int_equal(fake.kind, BACKUP_FULL);
	/* a disk that is new begins its chain, and the others begin one with it */
	vm.link[1] = &links[1];
	after(EVERY_S);
	assert_string_equal(kept("main/data"), "0");
	after(EVERY_S);
	assert_int_equal(fake.kind, BACKUP_DIFF);
	assert_string_equal(kept("main/data"), "01");
}

static void test_failures(void **state)
{
	(void)state;
	fake.cannot = "its monitor has crashed";
	settle();
	assert_string_equal(said, "no scheduled backup: its monitor has crashed");
	fake.cannot = NULL;
	fake.exceeds = true;
	after(EVERY_S);
	assert_string_equal(said, "no scheduled backup: quota web* of store spare allows 8 KiB");
	fake.exceeds = false;
	fake.refusal = STORE_NO_SPACE;
	fake.refused = STORE_CREATE;
	after(EVERY_S);
	assert_string_equal(said, "no scheduled backup: store spare: it has too little space");
	fake.refused = STORE_RENAME;
	after(EVERY_S);
	assert_int_equal(events, 4);
	assert_int_equal(fake.backups, 1);
	assert_string_equal(kept("main/root"), "");
	fake.refusal = STORE_OK;
	vm.link[0] = NULL;
	after(EVERY_S);
	assert_string_equal(said,
			    "no scheduled backup: the VM runs without the volumes that it may "
			    "write to");
	vm.link[0] = &links[0];
	after(EVERY_S);
	assert_string_equal(kept("main/root"), "0"); /* a full one, though one was copied before */
	assert_int_equal(events, 5);
}

static void test_waits(void **state)
{
	(void)state;
	vm.state = VM_STOPPED;
	settle();
	assert_true(vm_schedule_ops.deadline(&vm) == ~0ull);
	vm.state = VM_PAUSED;
	fake.busy = true;
	settle();
	assert_true(vm_schedule_ops.deadline(&vm) == clock_tsc() + RETRY_NS);
	after(1000);
	assert_int_equal(events, 0);
	fake.busy = false;
	fake.unready = "it is being loaded";
	vm.schedule.due_tsc = clock_tsc();
	after(30);
	assert_int_equal(events, 0);
	after(31);
	assert_string_equal(said, "no scheduled backup: store spare: it is being loaded");
	fake.unready = NULL;
	after(EVERY_S);
	assert_string_equal(kept("main/root"), "0");
	/* a driver that does not answer is given up, and the links end before the volumes go */
	fake.silent = true;
	now_s += EVERY_S;
	vm_schedule_ops.step(&vm, clock_tsc());
	vm_schedule_ops.step(&vm, clock_tsc());
	assert_int_equal(vm.operation[OPERATION_SCHEDULE].phase, SCHEDULE_MAKING);
	now_s += 61;
	settle();
	assert_string_equal(said, "no scheduled backup: store spare: its driver does not answer");
	fake.silent = false;
	/* the VM ends while volumes are made for it */
	now_s += EVERY_S;
	vm_schedule_ops.step(&vm, clock_tsc());
	vm.link[0] = NULL;
	settle();
	assert_string_equal(said, "no scheduled backup: its VM has ended meanwhile");
	vm.config.backup.store[0] = '\0';
	after(10 * EVERY_S);
	assert_true(vm_schedule_ops.deadline(&vm) == ~0ull);
	assert_int_equal(fake.backups, 1);
}

static void until(enum vm_schedule_phase phase)
{
	while (vm.operation[OPERATION_SCHEDULE].phase != phase) {
		vm_schedule_ops.step(&vm, clock_tsc());
		if (vm.operation[OPERATION_BACKUP].phase == BACKUP_COPYING)
			copied();
	}
}

/* One that is asked for is of the schedule; one that fails does not move what is planned. */
static void test_now(void **state)
{
	char problem[256];

	(void)state;
	settle();
	after(40);
	assert_true(vm_schedule_now(&vm, problem, sizeof(problem)));
	settle();
	assert_string_equal(kept("main/root"), "01");
	after(EVERY_S - 1);
	assert_int_equal(fake.backups, 2);
	after(1);
	assert_string_equal(kept("main/root"), "012");
	fake.cannot = "its monitor has crashed";
	after(40);
	assert_true(vm_schedule_now(&vm, problem, sizeof(problem)));
	settle();
	assert_string_equal(said, "no scheduled backup: its monitor has crashed");
	assert_int_equal(events, 1);
	fake.cannot = NULL;
	after(EVERY_S - 41);
	assert_int_equal(fake.backups, 3);
	after(1);
	assert_int_equal(fake.backups, 4);
	/* a change of the plan while it is made counts from the next one on */
	assert_true(vm_schedule_now(&vm, problem, sizeof(problem)));
	until(SCHEDULE_BEGINNING);
	assert_false(vm_schedule_now(&vm, problem, sizeof(problem)));
	assert_string_equal(problem, "one is under way, `vm backup list web` shows how far it is");
	vm.config.backup.keep = 1;
	settle();
	assert_string_equal(kept("main/root"), "01201");
	after(EVERY_S);
	assert_string_equal(kept("main/root"), "012");
	vm.state = VM_STOPPED;
	assert_false(vm_schedule_now(&vm, problem, sizeof(problem)));
	assert_string_equal(problem, "it is stopped; backups are made while it runs or is paused");
	vm.config.backup.store[0] = '\0';
	assert_false(vm_schedule_now(&vm, problem, sizeof(problem)));
	assert_non_null(strstr(problem, "it has no schedule"));
}

/* Old chains that cannot be dropped now, as one is read, are dropped after the next backup. */
static void test_keeps_what_is_read(void **state)
{
	(void)state;
	vm.config.backup.chain = 1;
	vm.config.backup.keep = 1;
	settle();
	fake.refusal = STORE_IN_USE;
	fake.refused = STORE_DROP;
	after(EVERY_S);
	assert_string_equal(kept("main/root"), "00");
	assert_int_equal(events, 0);
	fake.refusal = STORE_OK;
	after(EVERY_S);
	assert_string_equal(kept("main/root"), "0");
	assert_int_equal(fake.dropped, 2);
}

/*
 * The VM is stopped and gets another disk before the store has given the volume its name: that is
 * of the disk that was copied, and nothing of the other disk is dropped.
 */
static void test_other_disk_meanwhile(void **state)
{
	const struct vm_disk root = vm.config.disk[0];

	(void)state;
	vm.config.backup.chain = 1;
	vm.config.disk[0] = vm.config.disk[1];
	for (u32 i = 0; i < 2; i++)
		after(i * EVERY_S);
	assert_string_equal(kept("main/data"), "00");
	vm.config.disk[0] = root;
	vm.config.backup.keep = 1;
	now_s += EVERY_S;
	until(SCHEDULE_NAMING);
	vm.state = VM_STOPPED;
	vm.link[0] = NULL;
	vm.config.disk[0] = vm.config.disk[1];
	settle();
	assert_string_equal(kept("main/root"), "0");
	assert_string_equal(kept("main/data"), "00");
	assert_int_equal(fake.dropped, 0);
}

/* It is started again with another disk before the copying begins: there is no backup of either. */
static void test_other_disk_before(void **state)
{
	(void)state;
	until(SCHEDULE_BEGINNING);
	vm.config.disk[0] = vm.config.disk[1];
	settle();
	assert_int_equal(fake.backups, 0);
	assert_string_equal(said, "no scheduled backup: its VM has ended meanwhile");
	after(EVERY_S);
	assert_string_equal(kept("main/root"), "");
	assert_string_equal(kept("main/data"), "0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_plan, ready),
		cmocka_unit_test_setup(test_boot, ready),
		cmocka_unit_test_setup(test_full_ones, ready),
		cmocka_unit_test_setup(test_failures, ready),
		cmocka_unit_test_setup(test_waits, ready),
		cmocka_unit_test_setup(test_now, ready),
		cmocka_unit_test_setup(test_keeps_what_is_read, ready),
		cmocka_unit_test_setup(test_other_disk_meanwhile, ready),
		cmocka_unit_test_setup(test_other_disk_before, ready),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
