/* SPDX-License-Identifier: MIT */
/*
 * Runs a VM's backup from the moment its guest is held to the end of the process that copies.
 * Called by the backup commands, by vm_step and, with the copier's events, by the event loop. Owns
 * vm->backup; vm_backup_begin.c checks and prepares, vm_backup_copier.c makes the process.
 */
#include "vmm/manager/vm/operation/backup/vm_backup.h"

#include "lib/bits.h"
#include "lib/read_once.h"
#include "vmm/io/copier_page.h"
#include "vmm/manager/disk/disk_changes.h"
#include "vmm/manager/disk/disk_view.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/log/notice.h"
#include "vmm/manager/process/process_end.h"
#include "vmm/manager/vm/disks/vm_volume.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/manager/vm/operation/backup/vm_backup_begin.h"
#include "vmm/manager/vm/operation/backup/vm_backup_copier.h"
#include "vmm/manager/log/vm_events.h"
#include "vmm/manager/vm/vm_handover.h"
#include "vmm/manager/vm/memory/vm_quota.h"
#include "vmm/manager/vm/vm_quiesce.h"
#include "vmm/manager/vm/operation/save/vm_save.h"
#include "vmm/manager/vm/vm_operation.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

/*
 * The longest time without a copied block, after which the backup has failed; the disks' drivers
 * may have to start anew meanwhile.
 */
#define COPY_NS (90 * NS_PER_S)
/*
 * The interval at which the manager looks at a driver that should have signalled that it is done.
 */
#define LOOK_NS (10 * NS_PER_MS)

static void vm_backup_enter(struct vm *vm, enum vm_backup_phase phase)
{
	vm_operation_enter(&vm->operation[OPERATION_BACKUP], phase, VM_HANDOVER_NS);
}

bool vm_backup_holds(const struct vm *vm)
{
	return (vm_backup_ops.busy & BIT(vm->operation[OPERATION_BACKUP].phase)) != 0;
}

/* --- the end of a backup --- */

/*
 * Lowers the VM's quota by the pages that it got for the backup. Returns false while these still
 * count as used.
 */
static bool vm_backup_quota_is_lowered(struct vm *vm)
{
	u64 pages = vm->backup.quota_pages;

	vm->backup.quota_pages = 0;
	if (vm->group == HANDLE_NONE || vm_is_ending(vm))
		return true;
	vm_quota_lower(vm, pages);
	vm_quota_look(vm);
	return vm->quota_surplus == 0;
}

/* Detaches the backup's links; to be repeated until it returns true. */
static bool vm_backup_detach(struct vm *vm)
{
	struct vm_backup *backup = &vm->backup;
	struct vm_operation *operation = &vm->operation[OPERATION_BACKUP];
	bool all = true;

	if (operation->phase == BACKUP_NONE)
		return true;
	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++) {
		all &= driver_link_end_at(&backup->disk[i].from);
		all &= driver_link_end_at(&backup->disk[i].to);
	}
	/* if the quota cannot be lowered in time, that is done before the next backup */
	if (!all || (!vm_backup_quota_is_lowered(vm) && clock_tsc() < operation->until_tsc))
		return false;
	vm_volumes_forget_backup(vm);
	operation->phase = BACKUP_NONE;
	return true;
}

static const char *vm_backup_kind_name(const struct vm *vm)
{
	return vm->backup.kind == BACKUP_FULL ? "full" : "differential";
}

/* Ends the copying; `problem` says why the backup has failed, NULL that it has succeeded. */
static void vm_backup_finish(struct vm *vm, const char *problem)
{
	struct vm_backup *backup = &vm->backup;
	struct vm_operation *operation = &vm->operation[OPERATION_BACKUP];
	char text[sizeof(((struct vm_event_record *)NULL)->reason)];

	vm_backup_progress(vm, &backup->copied_bytes, &backup->all_bytes);
	vm_backup_copier_end(vm);
	vm_backup_enter(vm, BACKUP_ENDING);
	backup->failed = problem != NULL;
	if (problem != NULL) {
		string_copy(operation->problem, VM_PROBLEM_BYTES, problem);
		format(text, sizeof(text), "no %s backup: %s", vm_backup_kind_name(vm),
		       operation->problem);
	} else {
		format(text, sizeof(text), "%s backup, %llu KiB", vm_backup_kind_name(vm),
		       (unsigned long long)(backup->copied_bytes / KIB));
	}
	log_message(problem != NULL ? LOG_WARNING : LOG_INFO, LOG_VM, vm->config.name, "%s", text);
	if (problem != NULL)
		notice("%s: %s\n", vm->config.name, text);
	vm_event(vm->config.name, vm->uuid,
		 problem != NULL ? EVENT_BACKUP_FAILED : EVENT_BACKUP_DONE, text);
}

static void vm_backup_confirmed(struct vm *vm)
{
	VM_BACKUP_FOR_EACH(vm, i) {
		struct vm_backup_disk *disk = &vm->backup.disk[i];

		disk->last = disk->next;
		disk->last_bytes = disk->next_bytes;
		disk->chained = true;
		disk->merge = false;
	}
	vm_backup_finish(vm, NULL);
}

/*
 * Ends the backup with the reason that a disk's driver gives, which is more precise than the
 * copying process's. Without one, the reason is `said`.
 */
static void vm_backup_not_copied(struct vm *vm, const char *said)
{
	char problem[VM_PROBLEM_BYTES];

	VM_BACKUP_FOR_EACH(vm, i) {
		const struct driver_link *view = vm->backup.disk[i].from;
		const char *why =
			view != NULL && disk_is_view(view) ? disk_view_problem(view) : NULL;

		if (why == NULL)
			continue;
		format(problem, sizeof(problem), "disk %s: %s", view->name, why);
		vm_backup_finish(vm, problem);
		return;
	}
	vm_backup_finish(vm, said);
}

/* Abandons a backup: the next backup has to be a full one. */
static void vm_backup_abandon(struct vm *vm)
{
	struct vm_backup *backup = &vm->backup;
	struct vm_operation *operation = &vm->operation[OPERATION_BACKUP];

	if (operation->phase != BACKUP_NONE && operation->phase != BACKUP_ENDING)
		vm_backup_finish(vm, "its VM has ended meanwhile");
	/* the lists of changed blocks end with the VM, whose memory group pays for them */
	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++) {
		backup->disk[i].chained = false;
		backup->disk[i].merge = false;
		backup->disk[i].changes_pages = 0;
	}
}

/* --- the beginning of a backup --- */

static void vm_backup_hold(struct vm *vm)
{
	vm_send(vm, VM_COMMAND_HOLD);
	vm_backup_enter(vm, BACKUP_HOLDING);
}

/* Asks the monitor to hold the guest, or to save it, which holds the guest as well. */
static bool vm_backup_hold_or_save(struct vm *vm, const struct vm_backup_wish *wish, char *problem,
				   size_t size)
{
	struct vm_operation *operation = &vm->operation[OPERATION_BACKUP];
	const struct vm_save_place place = {
		.disk = wish->state_place, .overwrite = wish->overwrite, .goes_on = true};

	if (vm_quiesce_begin(vm, wish->quiesce && !wish->state))
		vm_operation_enter(operation, BACKUP_QUIESCING, VM_QUIESCE_NS);
	else if (!wish->state)
		vm_backup_hold(vm);
	if (!wish->state)
		return true;
	if (!vm_save(vm, &place, problem, size))
		return false;
	vm_backup_enter(vm, BACKUP_SAVING);
	/* no deadline here, as the save, which is part of the backup, has limits of its own */
	operation->until_tsc = ~0ull;
	return true;
}

static bool vm_backup_begin(struct vm *vm, const void *wanted, char *problem, size_t size)
{
	const struct vm_backup_wish *wish = wanted;
	struct vm_backup *backup = &vm->backup;
	struct vm_operation *operation = &vm->operation[OPERATION_BACKUP];

	if (!vm_backup_may_begin(vm, wish, problem, size))
		return false;
	backup->kind = wish->kind;
	backup->overwrite = wish->overwrite;
	backup->failed = false;
	operation->problem[0] = '\0';
	backup->copied_bytes = backup->all_bytes = 0;
	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++) {
		backup->disk[i].chosen = wish->chosen[i];
		string_copy(backup->disk[i].target, CONFIG_DISK_BYTES, wish->target[i]);
	}
	if (!vm_backup_prepare(vm, problem, size) ||
	    !vm_backup_hold_or_save(vm, wish, problem, size)) {
		backup->failed = true;
		string_copy(operation->problem, VM_PROBLEM_BYTES, problem);
		vm_backup_enter(vm, BACKUP_ENDING);
		return false;
	}
	return true;
}

bool vm_backup(struct vm *vm, const struct vm_backup_wish *wish, char *problem, size_t size)
{
	return vm_operation_begin(vm, OPERATION_BACKUP, wish, problem, size);
}

bool vm_backup_cancel(struct vm *vm, char *problem, size_t size)
{
	struct vm_operation *operation = &vm->operation[OPERATION_BACKUP];

	switch ((enum vm_backup_phase)operation->phase) {
	case BACKUP_COPYING:
		vm_backup_finish(vm, "it was cancelled");
		return true;
	case BACKUP_NONE:
	case BACKUP_ENDING:
		format(problem, size, "no backup of it is under way");
		return false;
	default:
		format(problem, size, "its backup has not quite begun, try again");
		return false;
	}
}

/* --- the steps of a backup --- */

static void vm_backup_go_on(struct vm *vm, const char *problem)
{
	struct vm_operation *operation = &vm->operation[OPERATION_BACKUP];

	if (problem != NULL)
		string_copy(operation->problem, VM_PROBLEM_BYTES, problem);
	vm_send(vm, VM_COMMAND_CONTINUE);
	vm_backup_enter(vm, BACKUP_CONTINUING);
}

/* Returns whether the disk is a volume, of which its store, not a driver, keeps the old content. */
static bool vm_backup_is_volume(const struct driver_link *link)
{
	return link->disk.store.volume != 0;
}

/*
 * Returns how far the keeping of old blocks is, the worst state of all chosen disks; for
 * DISK_UNDO_PENDING `problem` names the driver that does not answer.
 */
static enum disk_undo_state vm_backup_look_whether_kept(struct vm *vm, char *problem, size_t size)
{
	enum disk_undo_state all = vm_volumes_are_kept(vm, problem, size);

	if (all == DISK_UNDO_FAILED)
		return all;
	VM_BACKUP_FOR_EACH(vm, i) {
		const struct driver_link *link = vm->link[i];
		enum disk_undo_state one =
			vm_backup_is_volume(link) ? DISK_UNDO_DONE : disk_undo_begun(link);

		if (one == DISK_UNDO_DONE && !disk_changes_begun(link))
			one = DISK_UNDO_PENDING;
		if (one == DISK_UNDO_DONE)
			continue;
		format(problem, size, "disk %s: %s", link->name,
		       one == DISK_UNDO_FAILED ? disk_undo_problem(link)
					       : "its driver does not answer");
		if (one == DISK_UNDO_FAILED)
			return one;
		all = one;
	}
	return all;
}

static void vm_backup_step_keeping(struct vm *vm, u64 now_tsc)
{
	struct vm_operation *operation = &vm->operation[OPERATION_BACKUP];
	char problem[VM_PROBLEM_BYTES];
	enum disk_undo_state state = vm_backup_look_whether_kept(vm, problem, sizeof(problem));

	if (state == DISK_UNDO_DONE)
		vm_backup_go_on(vm, NULL);
	else if (state == DISK_UNDO_FAILED || now_tsc >= operation->until_tsc)
		vm_backup_go_on(vm, problem);
}

/*
 * Has the disks keep the blocks to be copied. Until the backup is confirmed, the lists of changes
 * still name all that has changed since the last confirmed backup.
 */
static void vm_backup_keep(struct vm *vm)
{
	VM_BACKUP_FOR_EACH(vm, i) {
		if (!vm_backup_is_volume(vm->link[i]))
			disk_undo_begin(vm->link[i]);
		disk_changes_begin(vm->link[i], vm->backup.disk[i].merge);
		vm->backup.disk[i].merge = true;
	}
	vm_volumes_keep_for_backup(vm);
	vm_backup_enter(vm, BACKUP_KEEPING);
	vm_backup_step_keeping(vm, clock_tsc());
}

static void vm_backup_held(struct vm *vm)
{
	char problem[VM_PROBLEM_BYTES];

	if (READ_ONCE(vm->channel->held) != 0) {
		vm_backup_keep(vm);
		return;
	}
	vm_handover_said(vm, problem, sizeof(problem));
	vm_backup_go_on(vm, problem);
}

/*
 * Is called when a save that is part of this backup has ended: the guest is held, unless the save
 * failed.
 */
static bool vm_backup_saved(struct vm *vm, const char *problem)
{
	struct vm_operation *operation = &vm->operation[OPERATION_BACKUP];

	if (operation->phase != BACKUP_SAVING)
		return false;
	if (problem[0] == '\0') {
		vm_backup_keep(vm);
		return true;
	}
	vm_backup_finish(vm, problem);
	return false;
}

static void vm_backup_goes_on(struct vm *vm)
{
	struct vm_operation *operation = &vm->operation[OPERATION_BACKUP];
	char problem[VM_PROBLEM_BYTES];

	if (operation->problem[0] != '\0') {
		string_copy(problem, sizeof(problem), operation->problem);
		vm_backup_finish(vm, problem);
		return;
	}
	vm_backup_enter(vm, BACKUP_COPYING);
	operation->until_tsc = clock_tsc() + clock_ns_to_tsc(COPY_NS);
	vm->backup.moved = 0;
	if (!vm_backup_copier_start(vm, problem, sizeof(problem)))
		vm_backup_finish(vm, problem);
}

/*
 * Copies the reason that the copying process gives for its failure, with '?' for unprintable bytes.
 */
static void vm_backup_copier_said(const struct vm *vm, char *text, size_t size)
{
	char raw[sizeof(vm->backup.page->problem)];

	memcpy(raw, vm->backup.page->problem, sizeof(raw));
	text_show(text, size, (struct text){raw, strnlen(raw, sizeof(raw))});
}

static void vm_backup_step_copying(struct vm *vm, u64 now_tsc, bool copier_ended)
{
	struct vm_backup *backup = &vm->backup;
	struct vm_operation *operation = &vm->operation[OPERATION_BACKUP];
	u32 state = __atomic_load_n(&backup->page->state, __ATOMIC_ACQUIRE);
	u64 moved = READ_ONCE(backup->page->moved);
	char problem[VM_PROBLEM_BYTES];
	char died[PROCESS_DIED_BYTES];

	if (state == COPIER_DONE) {
		vm_backup_confirmed(vm);
	} else if (state == COPIER_FAILED) {
		vm_backup_copier_said(vm, problem, sizeof(problem));
		vm_backup_not_copied(vm, problem);
	} else if (copier_ended) {
		vm_backup_not_copied(
			vm, process_died_text(backup->copier, "the process that copies", died));
	} else if (now_tsc >= operation->until_tsc) {
		if (moved == backup->moved)
			return vm_backup_not_copied(vm, "its disks take too long");
		backup->moved = moved;
		operation->until_tsc = now_tsc + clock_ns_to_tsc(COPY_NS);
	}
}

static void vm_backup_give_up(struct vm *vm)
{
	struct vm_operation *operation = &vm->operation[OPERATION_BACKUP];

	if (operation->phase == BACKUP_HOLDING) {
		vm_backup_go_on(vm, "its monitor does not stand still");
		return;
	}
	if (operation->problem[0] == '\0')
		string_copy(operation->problem, VM_PROBLEM_BYTES, "its monitor does not go on");
	vm_backup_goes_on(vm);
}

static bool vm_backup_step(struct vm *vm, u64 now_tsc)
{
	struct vm_operation *operation = &vm->operation[OPERATION_BACKUP];
	const enum vm_backup_phase phase = operation->phase;

	switch (phase) {
	case BACKUP_QUIESCING:
		if (vm_quiesce_is_over(vm, now_tsc >= operation->until_tsc))
			vm_backup_hold(vm);
		return false;
	case BACKUP_NONE:
	case BACKUP_SAVING:
		return false;
	case BACKUP_HOLDING:
		if (vm_command_done(vm))
			vm_backup_held(vm);
		break;
	case BACKUP_KEEPING:
		vm_backup_step_keeping(vm, now_tsc);
		return false;
	case BACKUP_CONTINUING:
		if (vm_command_done(vm))
			vm_backup_goes_on(vm);
		break;
	case BACKUP_COPYING:
		vm_backup_step_copying(vm, now_tsc, false);
		return false;
	case BACKUP_ENDING:
		(void)vm_backup_detach(vm);
		return false;
	}
	if (phase == operation->phase && now_tsc >= operation->until_tsc)
		vm_backup_give_up(vm);
	return false;
}

void vm_backup_copier_ended(struct vm *vm)
{
	struct vm_operation *operation = &vm->operation[OPERATION_BACKUP];

	if (operation->phase == BACKUP_COPYING)
		vm_backup_step_copying(vm, clock_tsc(), true);
}

static u64 vm_backup_deadline(const struct vm *vm)
{
	const struct vm_operation *operation = &vm->operation[OPERATION_BACKUP];

	switch ((enum vm_backup_phase)operation->phase) {
	case BACKUP_NONE:
		return ~0ull;
	case BACKUP_ENDING:
		return clock_tsc() + clock_ns_to_tsc(LOOK_NS);
	default:
		return operation->until_tsc;
	}
}

void vm_backup_progress(const struct vm *vm, u64 *copied, u64 *all)
{
	const struct copier_page *page = vm->backup.page;

	*copied = page != NULL ? READ_ONCE(page->copied_bytes) : vm->backup.copied_bytes;
	*all = page != NULL ? READ_ONCE(page->all_bytes) : vm->backup.all_bytes;
}

const struct vm_operation_ops vm_backup_ops = {
	.name = "backup",
	.busy = BIT(BACKUP_SAVING) | BIT(BACKUP_QUIESCING) | BIT(BACKUP_HOLDING) |
		BIT(BACKUP_KEEPING) | BIT(BACKUP_CONTINUING),
	.begin = vm_backup_begin,
	.step = vm_backup_step,
	.deadline = vm_backup_deadline,
	.abandon = vm_backup_abandon,
	.renewed = vm_backup_saved,
	.detach = vm_backup_detach,
};
