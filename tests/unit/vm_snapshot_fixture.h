/* SPDX-License-Identifier: MIT */
#pragma once

/* A VM's snapshots over a kernel, a monitor and disks that do what the test says. */
#define FIXTURE_SNAPSHOT
#include "tests/unit/vm_fixture.h"
#include "tests/unit/fake_map.h"

#include "vmm/manager/vm/vm_handover.c"
#include "vmm/manager/vm/vm_quiesce.c"
#include "vmm/manager/vm/memory/vm_quota.c"
#include "vmm/manager/vm/operation/snapshot/vm_snapshot.c"
#include "vmm/manager/vm/operation/snapshot/vm_snapshot_keep.c"
#include "vmm/manager/vm/vm_snapshot_list.c"
#include "vmm/manager/vm/operation/snapshot/vm_snapshot_merge.c"
#include "vmm/manager/vm/operation/snapshot/vm_snapshot_reset.c"
#include "vmm/rt/status_text.c"

/* What a guest asks for by its window is no part of this. */
void vm_on_request_forget(struct vm *vm)
{
	(void)vm;
}

void vm_on_request_taken(struct vm *vm, const char *problem)
{
	(void)vm, (void)problem;
}

enum { MONITOR = 10, STATE = 30, FROZEN = 50 };

static struct group_page account;
static bool quiesces; /* the snapshots are to freeze the guest's file systems */
static u64 available; /* the pages that nobody was promised */
static u64 quota;     /* the quota of the group */
/* the calls of the kernel for one freeze or reset, before it is done */
static u32 calls;
static enum status ram_status; /* the status of the last of these calls */
static u64 call_ns;	       /* the time that each of these calls takes */
static u64 layer_pages;	       /* the pages that a freeze takes */
static u32 merges;
static u64 merged_pages; /* the pages that come back at once after a merge */
static u64 late_pages;	 /* the pages of a state dropped before, which come back later */
static u32
	/* the kernel's steps until nothing that has ended is left; each takes call_ns */
	tidy_steps;
static u32 states; /* the memory objects for states that exist */
static u32 closed;

/* The VM's disks, as vm_snapshot_disk.c tells of them. */
static struct {
	bool prepared;
	bool kept; /* the disks were asked to keep their old blocks */
	bool back;
	bool goes_on;
	bool forgotten;
	bool any;
	const char *refusal;		 /* why vm_disks_prepare refuses */
	const char *problem;		 /* why the disks' old blocks are not whole */
	enum disk_undo_state keep_state; /* the state of keeping, once it was asked for */
	enum disk_undo_state back_state;
	u64 moved;
	/* the clones know, and end, before the blocks that they see are forgotten */
	bool clones_know;
	bool viewed;  /* others see what the disks held at the last snapshot */
	bool reached; /* the disks' devices still reach the RAM */
	u32 again;    /* how often the devices may reach the RAM again */
} disks;

/* The VM's volumes, as vm_volume.c tells of them. */
static struct {
	u32 claims; /* for snapshots that were begun */
	u32 keeps;
	u32 back;
	u32 looks;		    /* for what no snapshot needs */
	enum disk_undo_state state; /* of what was asked for last */
} volumes;

void vm_volumes_claim(const struct vm *vm, struct vm_snapshot *snapshot)
{
	(void)vm;
	snapshot->volumes = ++volumes.claims;
}

void vm_volumes_keep(struct vm *vm)
{
	assert_true(vm->snapshots.list[vm->snapshots.place].volumes != 0);
	volumes.keeps++;
}

static bool other_key; /* a volume has got another key since the snapshot */

bool vm_volumes_have_their_keys(const struct vm *vm, const struct vm_snapshot *snapshot, char *why,
				size_t size)
{
	(void)vm, (void)snapshot;
	format(why, size, "it has got another key");
	return !other_key;
}

void vm_volumes_go_back(struct vm *vm)
{
	(void)vm;
	volumes.back++;
}

enum disk_undo_state vm_volumes_done(struct vm *vm, char *why, size_t size)
{
	(void)vm;
	string_copy(why, size, "store main: it is full");
	return volumes.state;
}

void vm_volumes_look(void)
{
	volumes.looks++;
}

bool vm_disks_prepare(struct vm *vm, char *why, size_t size)
{
	(void)vm;
	disks.prepared = disks.refusal == NULL;
	if (!disks.prepared)
		string_copy(why, size, disks.refusal);
	return disks.prepared;
}

bool vm_disks_known_at(const struct vm *vm, const struct vm_snapshot *snapshot)
{
	(void)vm;
	return snapshot->disks_kept || !disks.any;
}

bool vm_disks_let_go(struct vm *vm)
{
	(void)vm;
	assert_int_not_equal(channel.command, VM_COMMAND_SAVE);
	return !disks.reached;
}

void vm_disks_reach_again(struct vm *vm)
{
	(void)vm;
	disks.again++;
}

void vm_disks_keep(struct vm *vm)
{
	(void)vm;
	assert_true(disks.prepared);
	disks.kept = true;
}

enum disk_undo_state vm_disks_kept(const struct vm *vm, char *why, size_t size)
{
	(void)vm;
	assert_true(disks.kept);
	string_copy(why, size, "disk data: not kept");
	return disks.keep_state;
}

bool vm_disks_are_whole(const struct vm *vm, char *why, size_t size)
{
	(void)vm;
	if (disks.problem != NULL)
		string_copy(why, size, disks.problem);
	return disks.problem == NULL;
}

bool vm_disks_are_viewed(const struct vm *vm, char *why, size_t size)
{
	(void)vm;
	if (disks.viewed)
		string_copy(why, size, "disk data: viewed");
	return disks.viewed;
}

void vm_clone_disks_look(struct vm *vm)
{
	(void)vm;
	disks.clones_know = disks.problem != NULL;
}

bool vm_disks_need_a_look(const struct vm *vm)
{
	(void)vm;
	return true;
}

void vm_disks_look_at_room(struct vm *vm)
{
	(void)vm;
}

void vm_disks_put_back(struct vm *vm)
{
	(void)vm;
	assert_int_equal(channel.command, VM_COMMAND_HOLD);
	disks.back = true;
}

enum disk_undo_state vm_disks_are_back(const struct vm *vm, char *why, size_t size)
{
	(void)vm;
	assert_true(disks.back);
	string_copy(why, size, "disk data: not back");
	return disks.back_state;
}

u64 vm_disks_moved(const struct vm *vm)
{
	(void)vm;
	return disks.moved;
}

void vm_disks_go_on(struct vm *vm)
{
	(void)vm;
	disks.goes_on = true;
}

void vm_disks_forget(struct vm *vm)
{
	(void)vm;
	assert_true(disks.problem == NULL || disks.clones_know);
	disks.forgotten = true;
	disks.problem = NULL;
}

void vm_disks_release(struct vm *vm)
{
	(void)vm;
}

enum status sys_memory_create(handle_t group, u64 bytes, u32 flags, handle_t *memory)
{
	(void)flags;
	assert_int_equal(group, 7);
	assert_int_equal(bytes, 2 * PAGE_SIZE);
	states++;
	account.used_pages += 2;
	assert_true(account.used_pages <= quota);
	*memory = STATE;
	return STATUS_OK;
}

enum status sys_handle_grant(handle_t process, handle_t handle, u32 rights, handle_t *theirs)
{
	(void)rights;
	assert_int_equal(process, MONITOR);
	assert_int_equal(handle, STATE);
	*theirs = STATE + 1;
	return STATUS_OK;
}

enum status sys_object_destroy(handle_t handle)
{
	assert_int_equal(handle, STATE);
	states--;
	account.used_pages -= 2;
	return STATUS_OK;
}

enum status sys_handle_close(handle_t handle)
{
	assert_int_equal(handle, FROZEN);
	closed++;
	return STATUS_OK;
}

enum status sys_group_set(handle_t group, enum group_setting setting, u64 value)
{
	assert_int_equal(group, 7);
	if (setting == GROUP_TIDY && tidy_steps == 0)
		return STATUS_OK;
	if (setting == GROUP_TIDY) {
		now += call_ns;
		tidy_steps--;
		return STATUS_IN_USE;
	}
	assert_int_equal(setting, GROUP_QUOTA);
	if (value < account.used_pages)
		return STATUS_IN_USE;
	quota = value;
	return STATUS_OK;
}

static u32 layers_below;

static enum status ram_call(void)
{
	now += call_ns;
	if (calls > 0) {
		calls--;
		return STATUS_AGAIN;
	}
	return ram_status;
}

enum status sys_memory_freeze(handle_t memory, handle_t *frozen_ram, u32 *depth)
{
	enum status status = ram_call();

	(void)memory;
	if (status != STATUS_OK)
		return status;
	account.used_pages += layer_pages;
	account.pages[PAGE_GUEST] += layer_pages;
	assert_true(account.used_pages <= quota);
	account.used_pages -= late_pages;
	*frozen_ram = FROZEN;
	layers_below += layer_pages != 0;
	*depth = layers_below;
	return STATUS_OK;
}

enum status sys_memory_reset(handle_t memory)
{
	(void)memory;
	return ram_call();
}

/* Merges: the object below is used no more. */
enum status sys_memory_merge(handle_t memory)
{
	enum status status = ram_call();

	(void)memory;
	if (status != STATUS_OK)
		return status;
	merges++;
	account.used_pages -= merged_pages;
	account.pages[PAGE_GUEST] -= merged_pages;
	layers_below--;
	return STATUS_OK;
}

u64 vm_overcommit_available(u64 wanted)
{
	(void)wanted;
	return available;
}

bool config_name_valid(struct text name)
{
	return name.start[0] != '-';
}

static UNUSED struct vm *ready_in(enum vm_state state)
{
	struct vm *vm = in_state(state);

	vm->monitor = (struct vm_monitor){MONITOR, MONITOR + 1, MONITOR + 2};
	vm->config.memory_bytes = 4 * MIB;
	vm->account = &account;
	vm->quota_pages = quota = 2000;
	account = (struct group_page){.used_pages = 1500, .absent_pages = 900};
	available = 5000;
	all_rested_tsc = 0;
	calls = 100;
	call_ns = 0;
	ram_status = STATUS_OK;
	layer_pages = 300;
	layers_below = 0;
	late_pages = 0;
	states = closed = merges = 0;
	merged_pages = 0;
	memset(&disks, 0, sizeof(disks));
	disks.keep_state = disks.back_state = volumes.state = DISK_UNDO_DONE;
	channel.state_bytes = 5000;
	return vm;
}

static UNUSED bool take(struct vm *vm, const char *name)
{
	problem[0] = '\0';
	return vm_snapshot_take(vm, name, quiesces, problem, sizeof(problem));
}

static UNUSED bool set_back(struct vm *vm, const char *name)
{
	problem[0] = '\0';
	return vm_snapshot_reset(vm, vm_snapshot_find(vm, name), problem, sizeof(problem));
}

static UNUSED void monitor_does(struct vm *vm, enum vm_command command)
{
	assert_int_equal(channel.command, command);
	assert_true(vm_busy(vm));
	channel.done_sequence = channel.command_sequence;
	while (vm_step())
		;
}

static UNUSED void taken(struct vm *vm, const char *name)
{
	assert_true(take(vm, name));
	channel.state_used = 5000;
	monitor_does(vm, VM_COMMAND_SAVE);
	monitor_does(vm, VM_COMMAND_CONTINUE);
	assert_false(vm_busy(vm));
	assert_string_equal(vm->operation[OPERATION_SNAPSHOT].problem, "");
}
