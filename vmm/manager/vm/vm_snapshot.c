/* SPDX-License-Identifier: MIT */
/*
 * Takes snapshots of a VM in memory and goes back to them, for `vm snapshot`, `vm reset` and
 * vm_step. To take one the monitor saves the machine and holds it, and the kernel freezes its RAM:
 * the VM continues in a layer above. To go back the kernel gives up that layer's pages, and the
 * monitor loads the saved state.
 */
#include "vmm/manager/vm/vm_snapshot.h"
#include "lib/read_once.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/manager/vm/vm_clone_disk.h"
#include "vmm/manager/vm/vm_handover.h"
#include "vmm/manager/vm/vm_quota.h"
#include "vmm/manager/vm/vm_snapshot_disk.h"
#include "vmm/manager/vm/vm_turn.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"
#include "vmm/rt/status_text.h"
#include "vmm/rt/syscall.h"

#define TABLES_SHARE 128u /* of the RAM's pages: slots and tables of one layer */
#define TABLES_PAGES 64u
/* A disk that takes back old blocks moves some within this time, or its driver starts anew. */
#define PUT_BACK_NS (60 * NS_PER_S)
/* Longer than DRIVER_LEAVE_NS, after which the manager ends a driver that does not detach. */
#define LET_GO_NS (40 * NS_PER_S)

/* --- phases --- */

static void vm_snapshot_enter(struct vm *vm, enum vm_snapshot_phase phase)
{
	vm->snapshots.phase = phase;
	vm->snapshots.until_tsc = clock_tsc() + clock_ns_to_tsc(VM_HANDOVER_NS);
}

static void vm_snapshot_go_on(struct vm *vm, enum vm_command command)
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

/* Gives up: nothing of the VM has changed, and the guest continues. */
static void vm_snapshot_not_done(struct vm *vm, const char *problem)
{
	struct vm_snapshots *snapshots = &vm->snapshots;

	format(snapshots->problem, sizeof(snapshots->problem), "%s", problem);
	if (!snapshots->resets)
		vm_snapshot_undo_taking(vm);
	vm_snapshot_go_on(vm, VM_COMMAND_CONTINUE);
}

/* Gives up before the monitor was asked for anything; snapshots.problem says why. */
static void vm_snapshot_not_begun(struct vm *vm)
{
	vm_snapshot_undo_taking(vm);
	vm->snapshots.phase = SNAPSHOT_NONE;
	log_message(LOG_WARNING, LOG_VM, vm->config.name, "no snapshot: %s", vm->snapshots.problem);
}

static void vm_snapshot_not_done_status(struct vm *vm, const char *what, enum status status)
{
	char problem[sizeof(vm->snapshots.problem)];

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

static void vm_snapshot_not_done_as_said(struct vm *vm)
{
	char problem[sizeof(vm->snapshots.problem)];

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
	else if (vm->state != VM_RUNNING && vm->state != VM_PAUSED)
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

/* Saves the machine once its disks' windows are closed; until then the guest runs. */
static void vm_snapshot_look_whether_let_go(struct vm *vm)
{
	struct vm_snapshots *snapshots = &vm->snapshots;
	u64 bytes = snapshots->list[snapshots->place].state_pages * PAGE_SIZE;

	if (!vm_disks_let_go(vm))
		return;
	if (vm_handover_save(vm, bytes, snapshots->problem, sizeof(snapshots->problem)))
		vm_snapshot_enter(vm, SNAPSHOT_SAVING);
	else
		vm_snapshot_not_begun(vm);
}

bool vm_snapshot_take(struct vm *vm, const char *name, char *problem, size_t size)
{
	struct vm_snapshots *snapshots = &vm->snapshots;
	struct vm_snapshot *snapshot;
	u64 bytes;

	vm_channel_signalled(vm); /* take over what its monitor has said so far */
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
	snapshots->problem[0] = '\0';
	snapshots->resets = false;
	vm_snapshot_enter(vm, SNAPSHOT_LETTING_GO);
	snapshots->until_tsc = clock_tsc() + clock_ns_to_tsc(LET_GO_NS);
	vm_snapshot_look_whether_let_go(vm);
	return true;
}

/* Raises the quota for the freeze; the held guest's group has all that can be frozen. */
static void vm_snapshot_tidied(struct vm *vm)
{
	struct vm_snapshots *snapshots = &vm->snapshots;
	char problem[sizeof(snapshots->problem)];

	snapshots->room = vm_resident_bytes(vm) / PAGE_SIZE +
			  vm->config.memory_bytes / PAGE_SIZE / TABLES_SHARE + TABLES_PAGES;
	snapshots->used_before = READ_ONCE(vm->account->used_pages);
	if (!vm_quota_raise(vm, snapshots->room, problem, sizeof(problem)))
		vm_snapshot_not_done(vm, problem);
	else
		vm_snapshot_enter(vm, SNAPSHOT_FREEZING);
	vm->rest_until_tsc = 0; /* in a rest, the monitor's threads could use the room */
}

/* Frees what the monitor saved to. A monitor that ends things all the time may find no room. */
static void vm_snapshot_tidy(struct vm *vm)
{
	if (vm->rest_until_tsc != 0)
		return;
	if (!vm_quota_tidy_turn(vm) || clock_tsc() >= vm->snapshots.until_tsc)
		vm_snapshot_tidied(vm);
}

/* Copies the saved state; returns whether there is more to copy. */
static bool vm_snapshot_take_state(struct vm *vm)
{
	struct vm_snapshot *snapshot = &vm->snapshots.list[vm->snapshots.place];
	char problem[sizeof(vm->snapshots.problem)];

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

/* Continues the guest once the disks keep what they held when it was stopped. */
static void vm_snapshot_look_whether_kept(struct vm *vm)
{
	char problem[sizeof(vm->snapshots.problem)];
	enum disk_undo_state state = vm_disks_kept(vm, problem, sizeof(problem));

	if (state == DISK_UNDO_DONE)
		vm_snapshot_go_on(vm, VM_COMMAND_CONTINUE);
	else if (state == DISK_UNDO_FAILED || clock_tsc() >= vm->snapshots.until_tsc)
		vm_snapshot_not_done(vm, problem);
}

/* Notes the new layer. Of the raised quota the layer's pages and its tables stay. */
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
	vm_snapshot_enter(vm, SNAPSHOT_KEEPING);
	vm_snapshot_look_whether_kept(vm);
}

/* The time of the rests is not the kernel's. */
static void vm_snapshot_freeze(struct vm *vm)
{
	struct vm_snapshots *snapshots = &vm->snapshots;
	handle_t *ram = &snapshots->list[snapshots->place].ram;
	struct vm_turn turn = vm_turn_begin(vm);
	enum status status = STATUS_AGAIN;
	u32 depth = 0;

	while (status == STATUS_AGAIN && vm_turn_goes_on(&turn))
		status = sys_memory_freeze(vm->ram, ram, &depth);
	snapshots->until_tsc += vm_turn_end(vm, &turn);
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

/* --- going back to a snapshot --- */

static bool vm_snapshot_may_reset(struct vm *vm, const struct vm_snapshot *to, char *problem,
				  size_t size)
{
	bool alive = vm->group != HANDLE_NONE && !vm->dying;

	if (!alive ||
	    (vm->state != VM_RUNNING && vm->state != VM_PAUSED && vm->state != VM_CRASHED))
		format(problem, size,
		       "it is %s; only a running, paused or crashed VM can be set back",
		       vm_state_name(vm->state));
	else if (!vm_snapshot_on_top(vm, to))
		format(problem, size,
		       "above snapshot %s lies the memory of a later one; go back to the last one, "
		       "or use `vm clone`, which begins from any",
		       to->name);
	else if (!vm_disks_known_at(vm, to))
		format(problem, size,
		       "what its disks held at snapshot %s is no longer kept, since there was a "
		       "later one; go back to the last that was taken",
		       to->name);
	else
		return vm_handover_may_begin(vm, problem, size);
	return false;
}

bool vm_snapshot_reset(struct vm *vm, const struct vm_snapshot *to, char *problem, size_t size)
{
	struct vm_snapshots *snapshots = &vm->snapshots;

	vm_channel_signalled(vm);
	if (!vm_snapshot_may_reset(vm, to, problem, size))
		return false;
	snapshots->place = (u32)(to - snapshots->list);
	snapshots->problem[0] = '\0';
	snapshots->resets = true;
	vm_send(vm, VM_COMMAND_HOLD);
	vm_snapshot_enter(vm, SNAPSHOT_HOLDING);
	return true;
}

static void vm_snapshot_enter_putting_back(struct vm *vm)
{
	vm->snapshots.moved = vm_disks_moved(vm);
	vm_snapshot_enter(vm, SNAPSHOT_PUTTING_BACK);
	vm->snapshots.until_tsc = clock_tsc() + clock_ns_to_tsc(PUT_BACK_NS);
}

/* Crashes the VM: a disk may hold old and new blocks. Going back can be tried again. */
static void vm_snapshot_lost(struct vm *vm, const char *problem)
{
	struct vm_snapshots *snapshots = &vm->snapshots;

	snapshots->phase = SNAPSHOT_NONE;
	format(snapshots->problem, sizeof(snapshots->problem), "%s", problem);
	vm_disks_go_on(vm);
	vm_crash(vm, problem, true);
}

/* Puts the disks back before the RAM: until that is reset, the VM stays as it was or crashes. */
static void vm_snapshot_look_whether_back(struct vm *vm)
{
	char problem[sizeof(vm->snapshots.problem)];
	enum disk_undo_state state = vm_disks_are_back(vm, problem, sizeof(problem));

	if (state == DISK_UNDO_DONE) {
		vm_disks_go_on(vm);
		vm_snapshot_enter(vm, SNAPSHOT_RESETTING);
	} else if (state == DISK_UNDO_FAILED || clock_tsc() >= vm->snapshots.until_tsc) {
		vm_snapshot_lost(vm, problem);
	} else if (vm_disks_moved(vm) != vm->snapshots.moved) {
		vm_snapshot_enter_putting_back(vm);
	}
}

static void vm_snapshot_held(struct vm *vm)
{
	char problem[sizeof(vm->snapshots.problem)];

	if (READ_ONCE(vm->channel->held) == 0) {
		vm_snapshot_not_done_as_said(vm);
	} else if (!vm_disks_are_whole(vm, problem, sizeof(problem))) {
		vm_snapshot_not_done(vm, problem);
	} else {
		vm_disks_put_back(vm);
		vm_snapshot_enter_putting_back(vm);
		vm_snapshot_look_whether_back(vm);
	}
}

/* Has the monitor load the saved state: with its first page the former state is lost. */
static void vm_snapshot_load(struct vm *vm)
{
	const struct vm_snapshot *snapshot = &vm->snapshots.list[vm->snapshots.place];
	handle_t theirs = HANDLE_NONE;
	enum status status =
		sys_handle_grant(vm->monitor.process, snapshot->state, RIGHT_READ, &theirs);

	if (status != STATUS_OK)
		theirs = HANDLE_NONE; /* the monitor reports that it cannot read the state */
	vm->channel->state_memory = theirs;
	vm->channel->state_size = snapshot->state_used;
	vm_snapshot_go_on(vm, VM_COMMAND_LOAD);
}

/* The same: and giving up would cost the guest its life. */
static void vm_snapshot_go_back(struct vm *vm)
{
	struct vm_turn turn = vm_turn_begin(vm);
	enum status status = STATUS_AGAIN;

	while (status == STATUS_AGAIN && vm_turn_goes_on(&turn))
		status = sys_memory_reset(vm->ram);
	vm->snapshots.until_tsc += vm_turn_end(vm, &turn);
	if (status == STATUS_AGAIN)
		return;
	if (status == STATUS_OK)
		vm_snapshot_load(vm);
	else
		vm_snapshot_not_done_status(vm, "resetting", status);
}

/* --- steps --- */

static void vm_snapshot_done(struct vm *vm)
{
	struct vm_snapshots *snapshots = &vm->snapshots;
	const char *name = snapshots->list[snapshots->place].name;

	snapshots->phase = SNAPSHOT_NONE;
	if (snapshots->problem[0] == '\0' && snapshots->resets && !vm_was_reset(vm))
		format(snapshots->problem, sizeof(snapshots->problem), "%s", vm->reason);
	if (snapshots->problem[0] != '\0') {
		log_message(LOG_WARNING, LOG_VM, vm->config.name, "no %s: %s",
			    snapshots->resets ? "reset" : "snapshot", snapshots->problem);
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

	switch (snapshots->phase) {
	case SNAPSHOT_LETTING_GO:
		format(snapshots->problem, sizeof(snapshots->problem),
		       "a disk's driver does not take its device from the guest's memory");
		vm_snapshot_not_begun(vm);
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
		vm_snapshot_lost(vm, "its memory does not become what it was");
		return;
	case SNAPSHOT_CONTINUING:
		if (snapshots->problem[0] == '\0')
			format(snapshots->problem, sizeof(snapshots->problem),
			       "its monitor does not go on");
		vm_snapshot_done(vm);
		return;
	default: /* merging is bounded; the disks have limits of their own */
		return;
	}
}

bool vm_snapshot_step(struct vm *vm, u64 now_tsc)
{
	bool more = false;

	switch (vm->snapshots.phase) {
	case SNAPSHOT_NONE:
		vm_snapshot_look(vm);
		return vm->snapshots.phase != SNAPSHOT_NONE;
	case SNAPSHOT_MERGING:
		return vm_snapshot_merge_step(vm);
	case SNAPSHOT_LETTING_GO:
		vm_snapshot_look_whether_let_go(vm);
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
			vm_snapshot_held(vm);
		break;
	case SNAPSHOT_PUTTING_BACK:
		vm_snapshot_look_whether_back(vm);
		break;
	case SNAPSHOT_RESETTING:
		vm_snapshot_go_back(vm);
		break;
	case SNAPSHOT_CONTINUING:
		if (vm_command_done(vm))
			vm_snapshot_done(vm);
		break;
	}
	if (vm->snapshots.phase != SNAPSHOT_NONE && now_tsc >= vm->snapshots.until_tsc)
		vm_snapshot_give_up(vm);
	return more || (vm->rest_until_tsc == 0 && (vm->snapshots.phase == SNAPSHOT_TIDYING ||
						    vm->snapshots.phase == SNAPSHOT_FREEZING ||
						    vm->snapshots.phase == SNAPSHOT_RESETTING));
}
