/* SPDX-License-Identifier: MIT */
/* Backups of a VM's disks: the point, the copy, the chain, and what each failure leaves. */
#define FIXTURE_BACKUP
#include "tests/unit/vm_fixture.h"

#include "vmm/manager/vm/vm_backup.c"
#include "vmm/manager/vm/vm_backup_begin.c"
#include "vmm/manager/vm/vm_handover.c"
#include "vmm/manager/vm/vm_quota.c"
#include "vmm/rt/status_text.c"

enum { QUOTA = 1000, VAULT = 5 };

static struct driver_link source, other, target, view;
static struct copier_page page;
static struct disk_config sections[CONFIG_DISK_MAX];
static bool target_free, room_is_there, viewed, copier_works, changes_passed, changes_whole;
static enum disk_undo_state keep_state;
static const char *view_problem;
static u32 points, undo_points, merges, steps_to_end;
static u64 quota;
static u32 lower_late; /* so often it is still used */
static bool has_copier;

struct disk_config *config_disk(u32 number)
{
	return &sections[number];
}

u64 vm_backup_copier_pages(u32 disks)
{
	return 10 * disks;
}

bool vm_backup_copier_start(struct vm *vm, char *why, size_t size)
{
	struct vm_backup_disk *disk = &vm->backup.disk[0];

	assert_false(vm_busy(vm)); /* the guest goes on */
	assert_non_null(disk->to);
	disk->from = &view;
	if (!copier_works) {
		string_copy(why, size, "no process");
		return false;
	}
	page = (struct copier_page){.state = COPIER_COPIES};
	vm->backup.page = &page;
	has_copier = true;
	return true;
}

void vm_backup_copier_end(struct vm *vm)
{
	vm->backup.page = NULL;
	has_copier = false;
}

bool driver_link_end(struct driver_link *link)
{
	assert_true(link == &view || link == &target);
	assert_false(has_copier); /* before its links */
	if (steps_to_end > 0) {
		steps_to_end--;
		return false;
	}
	return true;
}

struct driver_link *disk_attach_save(struct vm *vm, u32 number, bool read_only, char *why,
				     size_t size)
{
	(void)vm;
	assert_int_equal(number, VAULT);
	assert_false(read_only);
	if (!target_free)
		string_copy(why, size, "disk vault: beta uses it");
	return target_free ? &target : NULL;
}

const char *disk_view_problem(const struct driver_link *link)
{
	assert_ptr_equal(link, &view);
	return view_problem;
}

void disk_undo_begin(struct driver_link *link)
{
	assert_ptr_equal(link, &source);
	assert_int_equal(channel.command, VM_COMMAND_HOLD);
	undo_points++;
}

enum disk_undo_state disk_undo_begun(const struct driver_link *link)
{
	(void)link;
	return keep_state;
}

const char *disk_undo_problem(const struct driver_link *link)
{
	(void)link;
	return keep_state == DISK_UNDO_FAILED ? "not kept" : NULL;
}

u64 disk_changes_pages(const struct driver_link *link)
{
	(void)link;
	return 3;
}

bool disk_changes_make(struct driver_link *link, handle_t group, char *why, size_t size)
{
	assert_int_equal(group, 7);
	if (!room_is_there)
		string_copy(why, size, "no room");
	else
		link->changes.memory = 9;
	return room_is_there;
}

void disk_changes_begin(struct driver_link *link, bool merge)
{
	assert_int_equal(link->changes.memory, 9);
	link->changes.number++;
	points++;
	merges += merge;
}

bool disk_changes_begun(const struct driver_link *link)
{
	(void)link;
	return changes_passed;
}

bool disk_changes_are_whole(const struct driver_link *link)
{
	(void)link;
	return changes_whole;
}

bool vm_disk_prepare(struct vm *vm, struct driver_link *link, char *why, size_t size)
{
	(void)vm, (void)link, (void)why, (void)size;
	return true;
}

bool vm_disks_are_viewed(const struct vm *vm, char *why, size_t size)
{
	(void)vm;
	if (viewed)
		string_copy(why, size, "disk data: viewed");
	return viewed;
}

u64 vm_overcommit_available(u64 wanted)
{
	(void)wanted;
	return QUOTA;
}

enum status sys_group_set(handle_t group, enum group_setting setting, u64 value)
{
	assert_int_equal(group, 7);
	if (setting == GROUP_TIDY)
		return STATUS_OK;
	assert_int_equal(setting, GROUP_QUOTA);
	if (value < quota && lower_late > 0) {
		lower_late--;
		return STATUS_IN_USE;
	}
	quota = value;
	return STATUS_OK;
}

enum status sys_memory_create(handle_t group, u64 bytes, u32 flags, handle_t *memory)
{
	(void)group, (void)bytes, (void)flags, (void)memory;
	return STATUS_NO_MEMORY;
}

enum status sys_handle_grant(handle_t process, handle_t handle, u32 rights, handle_t *theirs)
{
	(void)process, (void)handle, (void)rights, (void)theirs;
	return STATUS_NO_MEMORY;
}

enum status sys_object_destroy(handle_t handle)
{
	(void)handle;
	return STATUS_OK;
}

static struct vm *ready_in(enum vm_state state)
{
	struct vm *vm = in_state(state);

	source = view = (struct driver_link){.section = 2};
	other = (struct driver_link){.disk.read_only = true};
	vm->link[0] = &source;
	vm->link[1] = &other;
	string_copy(sections[2].section.name, sizeof(sections[2].section.name), "data");
	vm->config.disk[0].number = 3;
	vm->config.disk[1].number = 4;
	vm->quota_pages = quota = QUOTA;
	target_free = room_is_there = copier_works = changes_passed = changes_whole = true;
	viewed = has_copier = false;
	view_problem = NULL;
	keep_state = DISK_UNDO_DONE;
	points = undo_points = merges = 0;
	steps_to_end = 2;
	lower_late = 1;
	channel.held = 1;
	memset(event_count, 0, sizeof(event_count));
	return vm;
}

static bool begin(struct vm *vm, enum backup_kind kind)
{
	const struct vm_backup_wish wish = {
		.kind = kind, .chosen = {true}, .target = {VAULT}};

	problem[0] = '\0';
	return vm_backup(vm, &wish, problem, sizeof(problem));
}

static void monitor_does(struct vm *vm, enum vm_command command)
{
	assert_int_equal(channel.command, command);
	channel.done_sequence = channel.command_sequence;
	vm_step();
}

/* To where the guest goes on. */
static void begun(struct vm *vm, enum backup_kind kind)
{
	assert_true(begin(vm, kind));
	assert_true(vm_busy(vm));
	monitor_does(vm, VM_COMMAND_HOLD);
	monitor_does(vm, VM_COMMAND_CONTINUE);
	assert_false(vm_busy(vm));
}

/* The drivers let go of its links in steps, and its memory comes back. */
static void ended(struct vm *vm, const char *words)
{
	assert_false(has_copier);
	for (u32 i = 0; i < 5; i++)
		vm_step();
	assert_int_equal(vm->backup.phase, BACKUP_NONE);
	assert_null(vm->backup.disk[0].to);
	assert_null(vm->backup.disk[0].from);
	assert_int_equal(vm->backup.failed, words != NULL);
	assert_string_equal(vm->backup.problem, words != NULL ? words : "");
	assert_int_equal(vm->quota_pages, QUOTA + (source.changes.memory != HANDLE_NONE ? 3 : 0));
	steps_to_end = 2;
	lower_late = 1;
}

static void copied(struct vm *vm, enum backup_kind kind)
{
	u32 done = event_count[EVENT_BACKUP_DONE];

	begun(vm, kind);
	page.state = COPIER_DONE;
	vm_backup_copier_ended(vm);
	assert_int_equal(event_count[EVENT_BACKUP_DONE], done + 1);
	ended(vm, NULL);
}

static void makes_a_chain(void **state)
{
	struct backup_label before;

	(void)state;
	for (enum vm_state in = VM_RUNNING; in <= VM_PAUSED; in++) {
		struct vm *vm = ready_in(in);
		const struct backup_label *last = &vm->backup.disk[0].last;

		assert_false(begin(vm, BACKUP_DIFF));
		assert_non_null(strstr(problem, "allowed: a full one"));
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
		assert_non_null(strstr(problem, "found a chain of 8 backups"));
		copied(vm, BACKUP_FULL);
		copied(vm, BACKUP_DIFF);
		assert_int_equal(last->sequence, 1);
		assert_int_equal(vm->state, in);
	}
}

/* Nothing is released that was not confirmed: what comes next has what this one would have had. */
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
	/* as long as it moves it has time */
	begun(vm, BACKUP_DIFF);
	for (u32 i = 0; i < 5; i++) {
		now += COPY_NS;
		page.moved++;
		vm_step();
		assert_int_equal(vm->backup.phase, BACKUP_COPYING);
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

/* Memory that it does not give back for long does not hold up the next one. */
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
	assert_int_equal(vm->backup.phase, BACKUP_ENDING);
	now += 6 * NS_PER_S;
	vm_step();
	assert_int_equal(vm->backup.phase, BACKUP_NONE);
	lower_late = 1;
	copied(vm, BACKUP_FULL); /* gives both back */
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
	assert_non_null(strstr(problem, "found no disk"));
	wish.chosen[1] = true;
	assert_false(vm_backup(vm, &wish, problem, sizeof(problem)));
	assert_non_null(strstr(problem, "it is read-only"));
	wish = (struct vm_backup_wish){.kind = BACKUP_FULL, .chosen = {[7] = true}};
	assert_false(vm_backup(vm, &wish, problem, sizeof(problem)));
	assert_non_null(strstr(problem, "allowed: "));
	viewed = true;
	assert_false(begin(vm, BACKUP_FULL));
	assert_string_equal(problem, "disk data: viewed");
	viewed = false;
	string_copy(vm->snapshots.list[1].name, CONFIG_NAME_BYTES, "one");
	vm->snapshots.list[1].disks_kept = true;
	assert_false(begin(vm, BACKUP_FULL));
	assert_non_null(strstr(problem, "found the snapshot one"));
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
	assert_non_null(strstr(problem, "allowed: a running or paused VM"));
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
	assert_int_equal(vm->backup.phase, BACKUP_NONE);
	assert_string_equal(vm->backup.problem, "its VM has ended meanwhile");
	assert_true(act(vm, ACTION_START));
	settle(vm);
	vm->link[0] = &source;
	assert_false(begin(vm, BACKUP_DIFF));
	assert_non_null(strstr(problem, "there is no backup since it was booted"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_a_chain),
		cmocka_unit_test(fails_while_copying),
		cmocka_unit_test(quota_stays),
		cmocka_unit_test(fails_at_the_point),
		cmocka_unit_test(is_refused),
		cmocka_unit_test(ends_with_its_vm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
