/* SPDX-License-Identifier: MIT */
/*
 * A VM under a monitor gone bad: any words in the channel at any time, signals, its end, while an
 * operator acts on the VM and takes, goes back to and drops snapshots, and while kernel, disks and
 * clock do what they may. vm_check holds before each step; an operation ends within its limits; a
 * destroyed VM goes.
 */
/* Counted elsewhere: vmm/manager/text/text.c vmm/manager/text/guid.c */
#include "tests/fuzz/fuzz.h"

#include "tests/unit/vm_snapshot_fixture.h"

#define STEPS	   256u
#define LONGEST_NS (100 * NS_PER_S) /* the longest time limit of a phase */

static const char *const names[] = {"one", "two", "-", ""};

/* Lets the monitor write what it wants; of its state it says only what the fixture can copy. */
static void monitor_writes(struct fuzz *fuzz)
{
	static const u64 state_bytes[] = {0, 5000, 17 * MIB, ~0ull};
	u8 field = fuzz_u8(fuzz) % 10;
	u32 value = (u32)fuzz_number(fuzz);

	switch (field) {
	case 0:
		channel.state = value % (VM_STATE_COUNT + 1);
		break;
	case 1:
		channel.ready = value;
		break;
	case 2:
		channel.done_sequence = value;
		break;
	case 3:
		channel.reset_count = value;
		break;
	case 4:
		channel.unasked_resets = value;
		break;
	case 5:
		channel.held = value;
		break;
	case 6:
		channel.state_used = state_bytes[value % ARRAY_COUNT(state_bytes)];
		break;
	case 7:
		channel.state_bytes = value % 2 != 0 ? 5000 : 0;
		break;
	case 8:
		memset(channel.reason, (int)value, sizeof(channel.reason));
		memset(channel.handover_problem, (int)value, sizeof(channel.handover_problem));
		break;
	default:
		channel.exit_code = (s32)value;
		break;
	}
}

/* A monitor that is not bad all the time: else no operation would get far. */
static void monitor_behaves(struct vm *vm)
{
	channel.held = 1;
	channel.state_used = 5000;
	channel.state_bytes = 5000;
	channel.ready = 1;
	if (vm->group != HANDLE_NONE && !vm_is_ending(vm))
		monitor_obeys(vm);
}

static void kernel_and_disks(struct fuzz *fuzz)
{
	static const enum status outcomes[] = {STATUS_OK, STATUS_TOO_BIG, STATUS_BAD_STATE,
					       STATUS_NO_MEMORY};

	ram_status = outcomes[fuzz_u8(fuzz) % ARRAY_COUNT(outcomes)];
	calls = fuzz_u8(fuzz);
	disks.keep_state = (enum disk_undo_state)(fuzz_u8(fuzz) % 3);
	disks.back_state = (enum disk_undo_state)(fuzz_u8(fuzz) % 3);
	disks.reached = fuzz_u8(fuzz) % 4 == 0;
	disks.viewed = fuzz_u8(fuzz) % 4 == 0;
	available = fuzz_u16(fuzz);
	has_views = fuzz_u8(fuzz) % 4 == 0;
}

static void operator_does(struct vm *vm, struct fuzz *fuzz)
{
	const char *name = names[fuzz_u8(fuzz) % ARRAY_COUNT(names)];
	struct vm_snapshot *snapshot = vm_snapshot_find(vm, name);
	u8 what = fuzz_u8(fuzz);

	if (what < 64)
		(void)take(vm, name);
	else if (what < 128 && snapshot != NULL)
		(void)set_back(vm, name);
	else if (what < 160 && snapshot != NULL)
		(void)vm_snapshot_drop(vm, snapshot, problem, sizeof(problem));
	else
		(void)act(vm, (enum vm_action)(what % ACTION_COUNT));
}

/* Forgets what goes with a group, and sets what the next group begins with, as vm_build.c does. */
static void group_is_gone(struct vm *vm)
{
	vm_snapshot_forget(vm);
	layers_below = states = 0;
	account.used_pages = 1500;
	vm->quota_pages = quota = 2000;
	vm->quota_surplus = 0;
}

/* Some turns of the manager. */
static void turns(struct vm *vm, u32 count)
{
	bool more = true;

	while (count-- > 0 && more && vm->id != 0) {
		bool had_group = vm->group != HANDLE_NONE;
		u32 boots = vm->boots;

		more = vm_step();
		if (had_group && (vm->group == HANDLE_NONE || vm->boots != boots))
			group_is_gone(vm);
	}
	(void)vm_deadline();
}

static void one_step(struct vm *vm, struct fuzz *fuzz)
{
	switch (fuzz_u8(fuzz) % 8) {
	case 0:
	case 1:
		operator_does(vm, fuzz);
		break;
	case 2:
	case 3:
		monitor_writes(fuzz);
		vm->report.heard = fuzz_u8(fuzz) % 2 != 0;
		break;
	case 4:
	case 5:
		monitor_behaves(vm);
		break;
	case 6:
		kernel_and_disks(fuzz);
		break;
	default:
		now += fuzz_number(fuzz) % LONGEST_NS;
		break;
	}
	turns(vm, 1 + fuzz_u8(fuzz) % 4);
}

/*
 * Checks that each phase ends in its time once kernel and disks answer, whatever the monitor has
 * done.
 */
static void all_ends(struct vm *vm)
{
	disks.keep_state = disks.back_state = DISK_UNDO_DONE;
	disks.reached = false;
	ram_status = STATUS_OK;
	calls = 0;
	for (u32 i = 0; i < 16; i++) {
		now += LONGEST_NS;
		turns(vm, 32);
		if (vm->id == 0)
			return;
	}
	CHECK_THAT(vm_is_ending(vm) || vm->operation[OPERATION_SNAPSHOT].phase == SNAPSHOT_NONE);
	(void)act(vm, ACTION_DESTROY);
	turns(vm, 32);
	CHECK_THAT(vm->id == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz fuzz = {bytes, size};
	struct vm *vm;

	build_works = monitor_sets_up = true;
	has_views = false;
	vm = ready_in(fuzz_u8(&fuzz) % 2 != 0 ? VM_RUNNING : VM_PAUSED);
	merged_pages = layer_pages;
	for (u32 i = 0; i < STEPS && fuzz.left > 0 && vm->id != 0; i++)
		one_step(vm, &fuzz);
	if (vm->id != 0)
		all_ends(vm);
	return 0;
}
