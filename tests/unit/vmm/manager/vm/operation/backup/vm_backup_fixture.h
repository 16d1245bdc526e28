/* SPDX-License-Identifier: MIT */
#pragma once

/* A VM's backups over drivers, a copier and a kernel that do what the test says. */
#define FIXTURE_BACKUP
#include "tests/unit/vm_fixture.h"
#include "tests/unit/fake_map.h"

#include "vmm/manager/vm/operation/backup/vm_backup.c"
#include "vmm/manager/vm/operation/backup/vm_backup_begin.c"
#include "vmm/manager/vm/vm_handover.c"
#include "vmm/manager/vm/vm_quiesce.c"
#include "vmm/manager/vm/memory/vm_quota.c"
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
static u32 lower_late; /* how often the lower object is still in use */
static bool has_copier;
static enum disk_undo_state volume_state; /* of the stores' snapshots */
static u32 volume_points, volumes_forgotten;
static bool save_begins;

struct disk_config *config_disk(u32 number)
{
	return &sections[number];
}

const char *config_disk_name(const struct vm_disk *disk, char text[CONFIG_DISK_BYTES])
{
	string_copy(text, CONFIG_DISK_BYTES, config_disk(disk->number - 1u)->section.name);
	return text;
}

bool vm_save(struct vm *vm, const struct vm_save_place *place, char *why, size_t size)
{
	assert_true(place->disk == VAULT + 1 && place->goes_on && place->channel == NULL);
	vm_send(vm, VM_COMMAND_SAVE);
	channel.done_sequence = channel.command_sequence;
	if (save_begins)
		vm_operation_enter(&vm->operation[OPERATION_RENEW], RENEW_SAVING, NS_PER_S);
	else
		string_copy(why, size, "no key");
	return save_begins;
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
	assert_false(has_copier); /* the copier ends before its links */
	if (steps_to_end > 0) {
		steps_to_end--;
		return false;
	}
	return true;
}

struct driver_link *disk_attach_target(struct vm *vm, const char *name, char *why, size_t size)
{
	(void)vm;
	assert_string_equal(name, "vault");
	if (!target_free)
		string_copy(why, size, "disk vault: beta uses it");
	return target_free ? &target : NULL;
}

void vm_volumes_keep_for_backup(struct vm *vm)
{
	assert_true(channel.command == VM_COMMAND_HOLD || channel.command == VM_COMMAND_SAVE);
	volume_points += vm->link[0]->disk.store.volume != 0;
}

enum disk_undo_state vm_volumes_are_kept(struct vm *vm, char *why, size_t size)
{
	if (volume_state != DISK_UNDO_DONE)
		string_copy(why, size, "store pool: it is full");
	return vm->link[0]->disk.store.volume != 0 ? volume_state : DISK_UNDO_DONE;
}

void vm_volumes_forget_backup(struct vm *vm)
{
	assert_null(vm->backup.disk[0].from);
	volumes_forgotten++;
}

const char *disk_view_problem(const struct driver_link *link)
{
	assert_ptr_equal(link, &view);
	return view_problem;
}

void disk_undo_begin(struct driver_link *link)
{
	assert_ptr_equal(link, &source);
	assert_true(channel.command == VM_COMMAND_HOLD || channel.command == VM_COMMAND_SAVE);
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

static const struct driver_link *rekeyed;

bool rekey_uses(const struct driver_link *link)
{
	return rekeyed == link;
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

	source = view = (struct driver_link){.section = 2, .name = "data"};
	view.disk.view.number = 1;
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
	volume_state = DISK_UNDO_DONE;
	volume_points = volumes_forgotten = 0;
	steps_to_end = 2;
	lower_late = 1;
	channel.held = 1;
	memset(event_count, 0, sizeof(event_count));
	return vm;
}

static bool begin(struct vm *vm, enum backup_kind kind)
{
	const struct vm_backup_wish wish = {.kind = kind, .chosen = {true}, .target = {"vault"}};

	problem[0] = '\0';
	return vm_backup(vm, &wish, problem, sizeof(problem));
}

static bool begin_with_state(struct vm *vm)
{
	const struct vm_backup_wish wish = {.kind = BACKUP_FULL,
					    .chosen = {true},
					    .target = {"vault"},
					    .state = true,
					    .state_place = VAULT + 1};

	problem[0] = '\0';
	return vm_backup(vm, &wish, problem, sizeof(problem));
}

static void monitor_does(struct vm *vm, enum vm_command command)
{
	assert_int_equal(channel.command, command);
	channel.done_sequence = channel.command_sequence;
	vm_step();
}

/* Brings a backup to where the guest goes on. */
static void begun(struct vm *vm, enum backup_kind kind)
{
	assert_true(begin(vm, kind));
	assert_true(vm_busy(vm));
	monitor_does(vm, VM_COMMAND_HOLD);
	monitor_does(vm, VM_COMMAND_CONTINUE);
	assert_false(vm_busy(vm));
}

/* Ends a backup: the drivers let go of its links in steps, and its memory comes back. */
static void ended(struct vm *vm, const char *words)
{
	assert_false(has_copier);
	for (u32 i = 0; i < 5; i++) {
		now += 10 * NS_PER_MS;
		vm_step();
	}
	assert_int_equal(vm->operation[OPERATION_BACKUP].phase, BACKUP_NONE);
	assert_null(vm->backup.disk[0].to);
	assert_null(vm->backup.disk[0].from);
	assert_int_equal(vm->backup.failed, words != NULL);
	assert_string_equal(vm->operation[OPERATION_BACKUP].problem, words != NULL ? words : "");
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
