/* SPDX-License-Identifier: MIT */
/*
 * Snapshots of a VM in memory. To take one the monitor saves the machine and stands still, and the
 * kernel freezes its RAM: the VM goes on in a layer above it. To go back to one the monitor stands
 * still, the kernel gives up that layer's pages, and the monitor loads the saved state.
 */
#include "vmm/manager/vm/vm_snapshot.h"
#include "lib/bits.h"
#include "lib/read_once.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/manager/vm/vm_build.h"
#include "vmm/manager/vm/vm_handover.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"
#include "vmm/rt/status_text.h"
#include "vmm/rt/syscall.h"

#define STEP_CALLS	64u /* of the kernel, each of them bounded */
#define TABLES_SHARE	128u /* of RAM: the slots and tables of one more layer */
#define TABLES_PAGES	64u

#define SNAPSHOT_FOR_EACH(vm, each)                                                              \
	for (struct vm_snapshot *each = (vm)->snapshots.list;                                    \
	     each < (vm)->snapshots.list + VM_SNAPSHOT_MAX; each++)

struct vm_snapshot *vm_snapshot_find(struct vm *vm, const char *name)
{
	SNAPSHOT_FOR_EACH(vm, snapshot) {
		if (snapshot->name[0] != '\0' && string_equal(snapshot->name, name))
			return snapshot;
	}
	return NULL;
}

void vm_snapshot_names(const struct vm *vm, char *text, size_t size)
{
	size_t length = 0;

	for (u32 i = 0; i < VM_SNAPSHOT_MAX && length < size; i++)
		if (vm->snapshots.list[i].name[0] != '\0')
			length += format(text + length, size - length, "%s%s",
					 length > 0 ? ", " : "", vm->snapshots.list[i].name);
	if (length == 0)
		format(text, size, "none");
}

bool vm_snapshot_on_top(const struct vm *vm, const struct vm_snapshot *snapshot)
{
	return snapshot->layer == vm->snapshots.layer;
}

/* --- memory --- */

/* More for its group; false: `problem` says how much is missing. */
static bool raise_quota(struct vm *vm, u64 pages, char *problem, size_t size)
{
	u64 available = vm_build_pages_available();
	enum status status;

	if (pages > available) {
		format(problem, size,
		       "memory: found %llu KiB that are free, allowed: with the %llu KiB that it "
		       "takes, %llu KiB are missing",
		       (unsigned long long)(available * PAGE_SIZE / KIB),
		       (unsigned long long)(pages * PAGE_SIZE / KIB),
		       (unsigned long long)((pages - available) * PAGE_SIZE / KIB));
		return false;
	}
	status = sys_group_set(vm->group, GROUP_QUOTA, vm->quota_pages + pages);
	if (status == STATUS_OK)
		vm->quota_pages += pages;
	else
		format(problem, size, "the kernel says \"%s\" while raising its quota",
		       status_text(status));
	return status == STATUS_OK;
}

/* What is still used stays allowed. */
static void lower_quota(struct vm *vm, u64 pages)
{
	if (sys_group_set(vm->group, GROUP_QUOTA, vm->quota_pages - pages) == STATUS_OK)
		vm->quota_pages -= pages;
}

static void forget(struct vm *vm, struct vm_snapshot *snapshot)
{
	vm_handover_end(&snapshot->state);
	if (snapshot->ram != HANDLE_NONE)
		(void)!sys_handle_close(snapshot->ram);
	lower_quota(vm, snapshot->state_pages);
	*snapshot = (struct vm_snapshot){.ram = HANDLE_NONE, .state = HANDLE_NONE};
}

/* --- phases --- */

static void enter(struct vm *vm, enum vm_snapshot_phase phase)
{
	vm->snapshots.phase = phase;
	vm->snapshots.until_tsc = clock_tsc() + clock_ns_to_tsc(VM_HANDOVER_NS);
}

static void go_on(struct vm *vm, enum vm_command command)
{
	vm_send(vm, command);
	enter(vm, SNAPSHOT_CONTINUING);
}

/* Nothing has changed, and the guest goes on. */
static void not_done(struct vm *vm, const char *problem)
{
	struct vm_snapshots *snapshots = &vm->snapshots;

	format(snapshots->problem, sizeof(snapshots->problem), "%s", problem);
	if (!snapshots->resets)
		forget(vm, &snapshots->list[snapshots->place]);
	go_on(vm, VM_COMMAND_CONTINUE);
}

static void not_done_status(struct vm *vm, const char *what, enum status status)
{
	char problem[sizeof(vm->snapshots.problem)];

	if (status == STATUS_TOO_BIG)
		format(problem, sizeof(problem),
		       "found as many layers of memory as there can be, allowed: 4 below it, a "
		       "fresh boot has none");
	else if (status == STATUS_BAD_STATE)
		format(problem, sizeof(problem),
		       "its memory is or was mapped for a disk's device, allowed: disks with dma = "
		       "copy");
	else
		format(problem, sizeof(problem), "the kernel says \"%s\" while %s its memory",
		       status_text(status), what);
	not_done(vm, problem);
}

static void not_done_as_said(struct vm *vm)
{
	char problem[sizeof(vm->snapshots.problem)];

	vm_handover_said(vm, problem, sizeof(problem));
	not_done(vm, problem);
}

/* --- taking one --- */

/* Its contents would change under whoever goes back. */
static bool disks_allow(const struct vm *vm, char *problem, size_t size)
{
	for (u32 i = 0; i < CONFIG_VM_DISK_MAX && vm->config.disk[i].number != 0; i++) {
		const struct vm_disk *disk = &vm->config.disk[i];
		const struct disk_config *config = config_disk(disk->number - 1u);

		if (vm->link[i] == NULL || (disk->flags & VM_DISK_READ_ONLY) != 0 ||
		    config->read_only != 0)
			continue;
		format(problem, size,
		       "disk %s: found it writable, which a snapshot does not hold, allowed: "
		       "read-only disks",
		       config->section.name);
		return false;
	}
	return true;
}

static bool may_take(struct vm *vm, const char *name, char *problem, size_t size)
{
	char shown[40];

	if (!config_name_valid(text_of(name)))
		format(problem, size, "found the name \"%s\", allowed: " CONFIG_NAME_ALLOWED,
		       text_show(shown, sizeof(shown), text_of(name)));
	else if (vm->state != VM_RUNNING && vm->state != VM_PAUSED)
		format(problem, size, "it is %s, allowed: a running or paused VM",
		       vm_state_name(vm->state));
	else if (vm_snapshot_find(vm, name) != NULL)
		format(problem, size, "there is a snapshot %s already, `vm snapshot drop %s %s` "
		       "forgets it", name, vm->config.name, name);
	else
		return vm_handover_may_begin(vm, problem, size) && disks_allow(vm, problem, size);
	return false;
}

static bool find_place(struct vm *vm, char *problem, size_t size)
{
	for (u32 i = 0; i < VM_SNAPSHOT_MAX; i++) {
		vm->snapshots.place = i;
		if (vm->snapshots.list[i].name[0] == '\0')
			return true;
	}
	format(problem, size, "there are %u snapshots already, allowed: no more", VM_SNAPSHOT_MAX);
	return false;
}

bool vm_snapshot_take(struct vm *vm, const char *name, char *problem, size_t size)
{
	struct vm_snapshots *snapshots = &vm->snapshots;
	struct vm_snapshot *snapshot;
	u64 bytes;

	vm_channel_signalled(vm); /* what its monitor has said before counts */
	if (!may_take(vm, name, problem, size) || !find_place(vm, problem, size))
		return false;
	snapshot = &snapshots->list[snapshots->place];
	bytes = vm_handover_state_bytes(vm);
	if (!raise_quota(vm, bytes / PAGE_SIZE, problem, size))
		return false;
	*snapshot = (struct vm_snapshot){.ram = HANDLE_NONE, .state_pages = bytes / PAGE_SIZE};
	if (!vm_handover_save(vm, bytes, &snapshot->state, problem, size)) {
		forget(vm, snapshot);
		return false;
	}
	string_copy(snapshot->name, sizeof(snapshot->name), name);
	snapshots->problem[0] = '\0';
	snapshots->resets = false;
	enter(vm, SNAPSHOT_SAVING);
	return true;
}

/* The guest stands still: what its group has is all that can be below. */
static void saved(struct vm *vm)
{
	struct vm_snapshots *snapshots = &vm->snapshots;
	struct vm_snapshot *snapshot = &snapshots->list[snapshots->place];
	u64 used = READ_ONCE(vm->channel->state_used);
	char problem[sizeof(snapshots->problem)];

	snapshots->room = vm_resident_bytes(vm) / PAGE_SIZE +
			  vm->config.memory_bytes / PAGE_SIZE / TABLES_SHARE + TABLES_PAGES;
	snapshots->used_before = READ_ONCE(vm->account->used_pages);
	snapshots->guest_before = READ_ONCE(vm->account->pages[PAGE_GUEST]);
	snapshot->state_used = used;
	if (used == 0)
		not_done_as_said(vm);
	else if (used > snapshot->state_pages * PAGE_SIZE)
		not_done(vm, "its monitor does not say how large its state is");
	else if (!raise_quota(vm, snapshots->room, problem, sizeof(problem)))
		not_done(vm, problem);
	else
		enter(vm, SNAPSHOT_FREEZING);
}

/*
 * Of what its quota was raised by stays what the layer has taken, and its tables. Other memory of
 * the group may have come back meanwhile: whether there is a layer, the guest's alone says.
 */
static void frozen(struct vm *vm)
{
	struct vm_snapshots *snapshots = &vm->snapshots;
	struct vm_snapshot *snapshot = &snapshots->list[snapshots->place];
	u64 used = READ_ONCE(vm->account->used_pages);
	u64 taken = used > snapshots->used_before ? used - snapshots->used_before : 0;
	u64 kept = taken + vm->config.memory_bytes / PAGE_SIZE / TABLES_SHARE;

	if (READ_ONCE(vm->account->pages[PAGE_GUEST]) <= snapshots->guest_before)
		kept = 0; /* nothing was written since the last one */
	else
		snapshots->layer++;
	if (kept < snapshots->room)
		lower_quota(vm, snapshots->room - kept);
	snapshot->layer = snapshots->layer;
	snapshot->taken_tsc = clock_tsc();
	go_on(vm, VM_COMMAND_CONTINUE);
}

static bool freeze(struct vm *vm)
{
	struct vm_snapshots *snapshots = &vm->snapshots;
	handle_t *ram = &snapshots->list[snapshots->place].ram;
	enum status status = STATUS_AGAIN;

	for (u32 i = 0; i < STEP_CALLS && status == STATUS_AGAIN; i++)
		status = sys_memory_freeze(vm->ram, ram);
	if (status == STATUS_AGAIN)
		return true;
	if (status == STATUS_OK) {
		frozen(vm);
		return false;
	}
	*ram = HANDLE_NONE;
	lower_quota(vm, snapshots->room);
	not_done_status(vm, "freezing", status);
	return false;
}

/* --- going back to one --- */

static bool may_reset(struct vm *vm, const struct vm_snapshot *to, char *problem, size_t size)
{
	bool alive = vm->group != HANDLE_NONE && !vm->dying;

	if (!alive || (vm->state != VM_RUNNING && vm->state != VM_PAUSED &&
		       vm->state != VM_CRASHED))
		format(problem, size, "it is %s, allowed: a running, paused or crashed VM",
		       vm_state_name(vm->state));
	else if (!vm_snapshot_on_top(vm, to))
		format(problem, size,
		       "found the snapshot %s, above which lies the memory of a later one, "
		       "allowed: the last; `vm clone` begins from any",
		       to->name);
	else
		return vm_handover_may_begin(vm, problem, size);
	return false;
}

bool vm_snapshot_reset(struct vm *vm, const struct vm_snapshot *to, char *problem, size_t size)
{
	struct vm_snapshots *snapshots = &vm->snapshots;

	vm_channel_signalled(vm);
	if (!may_reset(vm, to, problem, size))
		return false;
	snapshots->place = (u32)(to - snapshots->list);
	snapshots->problem[0] = '\0';
	snapshots->resets = true;
	vm_send(vm, VM_COMMAND_HOLD);
	enter(vm, SNAPSHOT_HOLDING);
	return true;
}

static void held(struct vm *vm)
{
	if (READ_ONCE(vm->channel->held) != 0)
		enter(vm, SNAPSHOT_RESETTING);
	else
		not_done_as_said(vm);
}

/* From the first page on there is no way back. */
static void load(struct vm *vm)
{
	const struct vm_snapshot *snapshot = &vm->snapshots.list[vm->snapshots.place];
	handle_t theirs = HANDLE_NONE;
	enum status status =
		sys_handle_grant(vm->monitor.process, snapshot->state, RIGHT_READ, &theirs);

	if (status != STATUS_OK)
		theirs = HANDLE_NONE; /* the monitor says what it cannot read */
	vm->channel->state_memory = theirs;
	vm->channel->state_size = snapshot->state_used;
	go_on(vm, VM_COMMAND_LOAD);
}

static bool reset(struct vm *vm)
{
	enum status status = STATUS_AGAIN;

	for (u32 i = 0; i < STEP_CALLS && status == STATUS_AGAIN; i++)
		status = sys_memory_reset(vm->ram);
	if (status == STATUS_AGAIN)
		return true;
	if (status == STATUS_OK)
		load(vm);
	else
		not_done_status(vm, "resetting", status);
	return false;
}

/* --- steps --- */

static void done(struct vm *vm)
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

static void give_up(struct vm *vm)
{
	struct vm_snapshots *snapshots = &vm->snapshots;

	switch (snapshots->phase) {
	case SNAPSHOT_SAVING:
		not_done(vm, "its monitor does not save it");
		return;
	case SNAPSHOT_HOLDING:
		not_done(vm, "its monitor does not stand still");
		return;
	case SNAPSHOT_CONTINUING:
		if (snapshots->problem[0] == '\0')
			format(snapshots->problem, sizeof(snapshots->problem),
			       "its monitor does not go on");
		done(vm);
		return;
	default: /* the kernel's steps come to an end */
		return;
	}
}

bool vm_snapshot_step(struct vm *vm, u64 now_tsc)
{
	bool more = false;

	switch (vm->snapshots.phase) {
	case SNAPSHOT_NONE:
		return false;
	case SNAPSHOT_SAVING:
		if (vm_obeyed(vm))
			saved(vm);
		break;
	case SNAPSHOT_FREEZING:
		more = freeze(vm);
		break;
	case SNAPSHOT_HOLDING:
		if (vm_obeyed(vm))
			held(vm);
		break;
	case SNAPSHOT_RESETTING:
		more = reset(vm);
		break;
	case SNAPSHOT_CONTINUING:
		if (vm_obeyed(vm))
			done(vm);
		break;
	}
	if (vm->snapshots.phase != SNAPSHOT_NONE && now_tsc >= vm->snapshots.until_tsc)
		give_up(vm);
	return more || vm->snapshots.phase == SNAPSHOT_FREEZING ||
	       vm->snapshots.phase == SNAPSHOT_RESETTING;
}

/* --- ends --- */

bool vm_snapshot_drop(struct vm *vm, struct vm_snapshot *snapshot, char *problem, size_t size)
{
	if (vm_busy(vm)) {
		format(problem, size, "%s is still busy with the last command, try again",
		       vm->config.name);
		return false;
	}
	VM_FOR_EACH(clone) {
		if (clone->clone_of != vm->id || !clone->fresh)
			continue;
		format(problem, size, "its clone %s still reads it, try again", clone->config.name);
		return false;
	}
	forget(vm, snapshot);
	return true;
}

void vm_snapshot_abandon(struct vm *vm)
{
	struct vm_snapshots *snapshots = &vm->snapshots;

	if (snapshots->phase == SNAPSHOT_NONE)
		return;
	snapshots->phase = SNAPSHOT_NONE;
	format(snapshots->problem, sizeof(snapshots->problem), "%s has ended meanwhile",
	       vm->config.name);
}

/* The handles go with the group. */
void vm_snapshot_forget(struct vm *vm)
{
	memset(vm->snapshots.list, 0, sizeof(vm->snapshots.list));
	vm->snapshots.layer = 0;
}

u32 vm_snapshot_clones(const struct vm *vm, const struct vm_snapshot *snapshot)
{
	u32 count = 0;

	VM_FOR_EACH(clone)
		count += clone->clone_of == vm->id &&
			 (snapshot == NULL || clone->clone_layer == snapshot->layer);
	return count;
}

bool vm_snapshot_may_end(const struct vm *vm, char *problem, size_t size)
{
	size_t length = 0;

	VM_FOR_EACH(clone) {
		if (clone->clone_of != vm->id)
			continue;
		if (length == 0)
			length = format(problem, size, "its memory is that of its clones, allowed: "
						       "when these are gone or stopped:");
		if (length < size)
			length += format(problem + length, size - length, " %s",
					 clone->config.name);
	}
	return length == 0;
}
