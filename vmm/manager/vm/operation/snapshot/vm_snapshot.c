/* SPDX-License-Identifier: MIT */
/*
 * The operation that takes a snapshot of a VM in memory, for `vm snapshot`: the monitor saves the
 * VM's state and holds the VM, the kernel freezes its RAM, and the VM continues in a layer above.
 * Moved on by vm_operation.c, also through the phases of going back (vm_snapshot_reset.c) and
 * merging.
 */
#include "vmm/manager/vm/operation/snapshot/vm_snapshot.h"
#include "lib/bits.h"
#include "lib/read_once.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/manager/vm/disks/vm_clone_disk.h"
#include "vmm/manager/vm/vm_handover.h"
#include "vmm/manager/vm/memory/vm_quota.h"
#include "vmm/manager/vm/disks/vm_snapshot_disk.h"
#include "vmm/manager/vm/disks/vm_volume.h"
#include "vmm/manager/vm/operation/snapshot/vm_snapshot_reset.h"
#include "vmm/manager/vm/vm_quiesce.h"
#include "vmm/manager/vm/operation/snapshot/vm_on_request.h"
#include "vmm/manager/vm/vm_turn.h"
#include "vmm/manager/vm/process/vm_report.h"
#include "vmm/manager/vm/vm_operation.h"
#include "vmm/manager/vm/vm_snapshot_list.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"
#include "vmm/rt/status_text.h"
#include "vmm/rt/syscall.h"

#define TABLES_SHARE                                                                               \
	128u /* a layer takes one page of slots and tables for so many pages of RAM                \
	      */
#define TABLES_PAGES 64u
/*
 * The time limit for closing the windows to the VM's RAM: longer than DRIVER_LEAVE_NS, after which
 * the manager ends a driver that keeps one open.
 */
#define LET_GO_NS (40 * NS_PER_S)

/* --- phases --- */

void vm_snapshot_enter(struct vm *vm, enum vm_snapshot_phase phase)
{
	vm_operation_enter(&vm->operation[OPERATION_SNAPSHOT], phase, VM_HANDOVER_NS);
}

void vm_snapshot_go_on(struct vm *vm, enum vm_command command)
{
	vm_send(vm, command);
	vm_snapshot_enter(vm, SNAPSHOT_CONTINUING);
}

static void vm_snapshot_undo_taking(struct vm *vm)
{
	vm_handover_drop(vm);
	vm_snapshot_release(vm, &vm->snapshots.list[vm->snapshots.place]);
	if (vm->snapshots.layer == 0)
		vm_disks_reach_again(vm);
}

/*
 * Gives up taking a snapshot or going back: nothing of the VM has changed, and the guest continues.
 */
void vm_snapshot_not_done(struct vm *vm, const char *problem)
{
	struct vm_snapshots *snapshots = &vm->snapshots;
	struct vm_operation *operation = &vm->operation[OPERATION_SNAPSHOT];

	format(operation->problem, VM_PROBLEM_BYTES, "%s", problem);
	if (!snapshots->resets)
		vm_snapshot_undo_taking(vm);
	vm_snapshot_go_on(vm, VM_COMMAND_CONTINUE);
}

/*
 * Gives up a snapshot or a going back before the monitor has got any command; the operation's
 * `problem` says why.
 */
static void vm_snapshot_not_begun(struct vm *vm)
{
	struct vm_operation *operation = &vm->operation[OPERATION_SNAPSHOT];

	vm_snapshot_undo_taking(vm);
	operation->phase = SNAPSHOT_NONE;
	log_message(LOG_WARNING, LOG_VM, vm->config.name, "no snapshot: %s", operation->problem);
	vm_on_request_taken(vm, operation->problem);
}

void vm_snapshot_not_done_status(struct vm *vm, const char *what, enum status status)
{
	char problem[VM_PROBLEM_BYTES];

	if (status == STATUS_TOO_BIG)
		format(problem, sizeof(problem),
		       "there are as many layers of memory as there can be, 4 below its own; a "
		       "layer goes when its snapshots and their clones are gone, from the last on");
	else if (status == STATUS_BAD_STATE)
		format(problem, sizeof(problem),
		       "its memory is mapped for a disk's device; use disks with dma = copy");
	else
		format(problem, sizeof(problem), "the kernel says \"%s\" while %s its memory",
		       status_text(status), what);
	vm_snapshot_not_done(vm, problem);
}

void vm_snapshot_not_done_as_said(struct vm *vm)
{
	char problem[VM_PROBLEM_BYTES];

	vm_handover_said(vm, problem, sizeof(problem));
	vm_snapshot_not_done(vm, problem);
}

/* --- taking a snapshot --- */

static bool vm_snapshot_may_take(struct vm *vm, const char *name, char *problem, size_t size)
{
	char shown[40];

	if (!config_name_valid(text_of(name)))
		format(problem, size, "the name \"%s\" is not valid; use " CONFIG_NAME_ALLOWED,
		       text_show(shown, sizeof(shown), text_of(name)));
	else if (!vm_is_up(vm))
		format(problem, size,
		       "it is %s; only a running or paused VM can have a snapshot taken",
		       vm_state_name(vm->state));
	else if (vm_snapshot_find(vm, name) != NULL)
		format(problem, size,
		       "there is a snapshot %s already, `vm snapshot drop %s %s` forgets it", name,
		       vm->config.name, name);
	else
		return vm_handover_may_begin(vm, problem, size);
	return false;
}

static bool vm_snapshot_find_place(struct vm *vm, char *problem, size_t size)
{
	for (u32 i = 0; i < VM_SNAPSHOT_MAX; i++) {
		vm->snapshots.place = i;
		if (vm->snapshots.list[i].name[0] == '\0')
			return true;
	}
	format(problem, size, "there are %u snapshots already; drop one first", VM_SNAPSHOT_MAX);
	return false;
}

/* Has the monitor save the VM's state; until then the guest runs. */
static void vm_snapshot_save(struct vm *vm)
{
	struct vm_snapshots *snapshots = &vm->snapshots;
	struct vm_operation *operation = &vm->operation[OPERATION_SNAPSHOT];
	u64 bytes = snapshots->list[snapshots->place].state_pages * PAGE_SIZE;

	if (vm_handover_save(vm, bytes, operation->problem, VM_PROBLEM_BYTES)) {
		vm_snapshot_enter(vm, SNAPSHOT_SAVING);
		return;
	}
	vm_quiesce_cancel(vm);
	vm_snapshot_not_begun(vm);
}

/*
 * Goes on once the windows of the VM's disks are closed. The file systems are frozen last, so that
 * they are frozen shortly.
 */
static void vm_snapshot_look_whether_let_go(struct vm *vm)
{
	if (!vm_disks_let_go(vm))
		return;
	if (vm_quiesce_begin(vm, vm->snapshots.quiesces))
		vm_operation_enter(&vm->operation[OPERATION_SNAPSHOT], SNAPSHOT_QUIESCING,
				   VM_QUIESCE_NS);
	else
		vm_snapshot_save(vm);
}

static bool vm_snapshot_begin_take(struct vm *vm, const char *name, bool quiesce, char *problem,
				   size_t size)
{
	struct vm_snapshots *snapshots = &vm->snapshots;
	struct vm_operation *operation = &vm->operation[OPERATION_SNAPSHOT];
	struct vm_snapshot *snapshot;
	u64 bytes;

	if (!vm_snapshot_may_take(vm, name, problem, size) ||
	    !vm_snapshot_find_place(vm, problem, size) || vm_clone_has_views(vm, problem, size) ||
	    vm_disks_are_viewed(vm, problem, size))
		return false;
	snapshot = &snapshots->list[snapshots->place];
	bytes = vm_handover_state_bytes(vm);
	if (!vm_disks_prepare(vm, problem, size) ||
	    !vm_quota_raise(vm, bytes / PAGE_SIZE, problem, size))
		return false;
	*snapshot = (struct vm_snapshot){.ram = HANDLE_NONE, .state_pages = bytes / PAGE_SIZE};
	string_copy(snapshot->name, sizeof(snapshot->name), name);
	vm_volumes_claim(vm, snapshot);
	snapshot->on_request = vm->window.taking;
	operation->problem[0] = '\0';
	snapshots->resets = false;
	snapshots->quiesces = quiesce;
	vm_operation_enter(operation, SNAPSHOT_LETTING_GO, LET_GO_NS);
	vm_snapshot_look_whether_let_go(vm);
	return true;
}

/*
 * Raises the quota by all that can be frozen: as the guest is held, that is no more than the pages
 * that its memory group uses now.
 */
static void vm_snapshot_tidied(struct vm *vm)
{
	struct vm_snapshots *snapshots = &vm->snapshots;
	char problem[VM_PROBLEM_BYTES];

	snapshots->room = vm_resident_bytes(vm) / PAGE_SIZE +
			  vm->config.memory_bytes / PAGE_SIZE / TABLES_SHARE + TABLES_PAGES;
	snapshots->used_before = READ_ONCE(vm->account->used_pages);
	if (!vm_quota_raise(vm, snapshots->room, problem, sizeof(problem))) {
		vm_snapshot_not_done(vm, problem);
	} else {
		/* while the monitor holds the guest: so that is not on its way back just now */
		vm_on_request_forget(vm);
		vm_snapshot_enter(vm, SNAPSHOT_FREEZING);
	}
	/*
	 * The next step is made at once: during a pause between steps the monitor's threads could
	 * use up the pages for which the quota was raised.
	 */
	vm->rest_until_tsc = 0;
}

/*
 * Frees kernel objects that the saving of the state used. A monitor that keeps ending objects may
 * leave no room for the freeze.
 */
static void vm_snapshot_tidy(struct vm *vm)
{
	struct vm_operation *operation = &vm->operation[OPERATION_SNAPSHOT];

	if (vm->rest_until_tsc != 0)
		return;
	if (!vm_quota_tidy_turn(vm) || clock_tsc() >= operation->until_tsc)
		vm_snapshot_tidied(vm);
}

/* Copies a piece of the state that the monitor saved; returns whether there is more to copy. */
static bool vm_snapshot_take_state(struct vm *vm)
{
	struct vm_snapshot *snapshot = &vm->snapshots.list[vm->snapshots.place];
	char problem[VM_PROBLEM_BYTES];

	switch (vm_handover_take(vm, &snapshot->state, &snapshot->state_used, problem,
				 sizeof(problem))) {
	case HANDOVER_COPIES:
		return true;
	case HANDOVER_DONE:
		vm_snapshot_enter(vm, SNAPSHOT_TIDYING);
		vm_snapshot_tidy(vm);
		return false;
	case HANDOVER_FAILED:
		vm_snapshot_not_done(vm, problem);
		return false;
	}
	return false;
}

/*
 * Continues the guest once the disks' drivers keep the blocks of the moment when the guest was
 * stopped.
 */
static void vm_snapshot_look_whether_kept(struct vm *vm)
{
	struct vm_operation *operation = &vm->operation[OPERATION_SNAPSHOT];
	char problem[VM_PROBLEM_BYTES];
	enum disk_undo_state state = vm_disks_kept(vm, problem, sizeof(problem));

	if (state == DISK_UNDO_DONE)
		state = vm_volumes_done(vm, problem, sizeof(problem));
	if (state == DISK_UNDO_DONE)
		vm_snapshot_go_on(vm, VM_COMMAND_CONTINUE);
	else if (state == DISK_UNDO_FAILED || clock_tsc() >= operation->until_tsc)
		vm_snapshot_not_done(vm, problem);
}

/*
 * Notes the new layer of frozen RAM. Of the raised quota, the pages of the layer and of its tables
 * remain.
 */
static void vm_snapshot_frozen(struct vm *vm, u32 depth)
{
	struct vm_snapshots *snapshots = &vm->snapshots;
	struct vm_snapshot *snapshot = &snapshots->list[snapshots->place];
	u64 used = READ_ONCE(vm->account->used_pages);
	u64 taken = used > snapshots->used_before ? used - snapshots->used_before : 0;
	u64 kept = taken + vm->config.memory_bytes / PAGE_SIZE / TABLES_SHARE;

	if (depth == snapshots->depth)
		kept = 0; /* the guest has written nothing since the last snapshot */
	else
		vm_snapshot_layer_made(vm, kept);
	vm_quota_lower(vm, snapshots->room - MIN(kept, snapshots->room));
	snapshots->depth = depth;
	snapshot->depth = depth;
	snapshot->layer = snapshots->layer;
	snapshot->taken_tsc = clock_tsc();
	VM_SNAPSHOT_FOR_EACH(vm, each)
		each->disks_kept = vm_snapshot_on_top(vm, each);
	vm_disks_keep(vm);
	vm_volumes_keep(vm);
	vm_snapshot_enter(vm, SNAPSHOT_KEEPING);
	vm_snapshot_look_whether_kept(vm);
}

/*
 * Has the kernel make steps of the freeze, which makes the VM's RAM read-only. The VM's rests
 * between turns (vm_turn.h) are added to the time limit.
 */
static void vm_snapshot_freeze(struct vm *vm)
{
	struct vm_snapshots *snapshots = &vm->snapshots;
	struct vm_operation *operation = &vm->operation[OPERATION_SNAPSHOT];
	handle_t *ram = &snapshots->list[snapshots->place].ram;
	struct vm_turn turn = vm_turn_begin(vm);
	enum status status = STATUS_AGAIN;
	u32 depth = 0;

	while (status == STATUS_AGAIN && vm_turn_goes_on(&turn))
		status = sys_memory_freeze(vm->ram, ram, &depth);
	operation->until_tsc += vm_turn_end(vm, &turn);
	if (status == STATUS_AGAIN)
		return;
	if (status == STATUS_OK) {
		vm_snapshot_frozen(vm, depth);
		return;
	}
	*ram = HANDLE_NONE;
	vm_quota_lower(vm, snapshots->room);
	vm_snapshot_not_done_status(vm, "freezing", status);
}

/* --- beginning --- */

/* An operator's request: to take a snapshot or to go back to one. */
struct vm_snapshot_wish {
	const char *take;
	bool quiesce;
	const struct vm_snapshot *reset_to;
};

static bool vm_snapshot_begin(struct vm *vm, const void *wish, char *problem, size_t size)
{
	const struct vm_snapshot_wish *wanted = wish;

	return wanted->take != NULL
		       ? vm_snapshot_begin_take(vm, wanted->take, wanted->quiesce, problem, size)
		       : vm_snapshot_reset_begin(vm, wanted->reset_to, problem, size);
}

bool vm_snapshot_take(struct vm *vm, const char *name, bool quiesce, char *problem, size_t size)
{
	const struct vm_snapshot_wish wish = {.take = name, .quiesce = quiesce};

	return vm_operation_begin(vm, OPERATION_SNAPSHOT, &wish, problem, size);
}

bool vm_snapshot_reset(struct vm *vm, const struct vm_snapshot *to, char *problem, size_t size)
{
	const struct vm_snapshot_wish wish = {.reset_to = to};

	return vm_operation_begin(vm, OPERATION_SNAPSHOT, &wish, problem, size);
}

/* --- steps --- */

static void vm_snapshot_done(struct vm *vm)
{
	struct vm_snapshots *snapshots = &vm->snapshots;
	struct vm_operation *operation = &vm->operation[OPERATION_SNAPSHOT];
	const char *name = snapshots->list[snapshots->place].name;

	operation->phase = SNAPSHOT_NONE;
	if (operation->problem[0] == '\0' && snapshots->resets && !vm_report_after_reset(vm))
		format(operation->problem, VM_PROBLEM_BYTES, "%s", vm->reason);
	vm_on_request_taken(vm, operation->problem);
	if (operation->problem[0] != '\0') {
		log_message(LOG_WARNING, LOG_VM, vm->config.name, "no %s: %s",
			    snapshots->resets ? "reset" : "snapshot", operation->problem);
		return;
	}
	log_message(LOG_INFO, LOG_VM, vm->config.name,
		    snapshots->resets ? "reset to snapshot %s, its guest stood still for %llu us"
				      : "snapshot %s, its guest stood still for %llu us",
		    name, (unsigned long long)(vm_handover_held_ns(vm) / NS_PER_US));
}

static void vm_snapshot_give_up(struct vm *vm)
{
	struct vm_snapshots *snapshots = &vm->snapshots;
	struct vm_operation *operation = &vm->operation[OPERATION_SNAPSHOT];

	switch ((enum vm_snapshot_phase)operation->phase) {
	case SNAPSHOT_LETTING_GO:
		format(operation->problem, VM_PROBLEM_BYTES,
		       "a disk's driver does not take its device from the guest's memory");
		vm_snapshot_not_begun(vm);
		return;
	case SNAPSHOT_QUIESCING:
		(void)vm_quiesce_is_over(vm, true);
		vm_snapshot_save(vm);
		return;
	case SNAPSHOT_SAVING:
		vm_snapshot_not_done(vm, "its monitor does not save it");
		return;
	case SNAPSHOT_HOLDING:
		vm_snapshot_not_done(vm, "its monitor does not stand still");
		return;
	case SNAPSHOT_FREEZING:
		vm_quota_lower(vm, snapshots->room);
		vm_snapshot_not_done(vm, "pages of its group keep being given back");
		return;
	case SNAPSHOT_RESETTING:
		vm_snapshot_reset_lost(vm, "its memory does not become what it was");
		return;
	case SNAPSHOT_CONTINUING:
		if (operation->problem[0] == '\0')
			format(operation->problem, VM_PROBLEM_BYTES, "its monitor does not go on");
		vm_snapshot_done(vm);
		return;
	default: /* merging a layer is bounded; the disks' phases have limits of their own */
		return;
	}
}

static bool vm_snapshot_step(struct vm *vm, u64 now_tsc)
{
	struct vm_operation *operation = &vm->operation[OPERATION_SNAPSHOT];
	bool more = false;

	switch ((enum vm_snapshot_phase)operation->phase) {
	case SNAPSHOT_NONE:
		vm_snapshot_look(vm);
		return operation->phase != SNAPSHOT_NONE;
	case SNAPSHOT_MERGING:
		return vm_snapshot_merge_step(vm);
	case SNAPSHOT_LETTING_GO:
		vm_snapshot_look_whether_let_go(vm);
		break;
	case SNAPSHOT_QUIESCING:
		if (vm_quiesce_is_over(vm, false))
			vm_snapshot_save(vm);
		break;
	case SNAPSHOT_SAVING:
		if (vm_command_done(vm))
			more = vm_snapshot_take_state(vm);
		break;
	case SNAPSHOT_TIDYING:
		vm_snapshot_tidy(vm);
		break;
	case SNAPSHOT_FREEZING:
		vm_snapshot_freeze(vm);
		break;
	case SNAPSHOT_KEEPING:
		vm_snapshot_look_whether_kept(vm);
		break;
	case SNAPSHOT_HOLDING:
		if (vm_command_done(vm))
			vm_snapshot_reset_held(vm);
		break;
	case SNAPSHOT_PUTTING_BACK:
		vm_snapshot_reset_disks(vm);
		break;
	case SNAPSHOT_RESETTING:
		vm_snapshot_reset_memory(vm);
		break;
	case SNAPSHOT_CONTINUING:
		if (vm_command_done(vm))
			vm_snapshot_done(vm);
		break;
	}
	if (operation->phase != SNAPSHOT_NONE && now_tsc >= operation->until_tsc)
		vm_snapshot_give_up(vm);
	return more || (vm->rest_until_tsc == 0 && (operation->phase == SNAPSHOT_TIDYING ||
						    operation->phase == SNAPSHOT_FREEZING ||
						    operation->phase == SNAPSHOT_RESETTING));
}

static void vm_snapshot_abandon(struct vm *vm)
{
	vm_operation_abandon(vm, OPERATION_SNAPSHOT);
}

const struct vm_operation_ops vm_snapshot_ops = {
	.name = "snapshot",
	.busy = ~(u32)BIT(SNAPSHOT_NONE),
	.begin = vm_snapshot_begin,
	.step = vm_snapshot_step,
	.deadline = vm_snapshot_deadline,
	.abandon = vm_snapshot_abandon,
};
