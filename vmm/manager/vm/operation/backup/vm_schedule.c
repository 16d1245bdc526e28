/* SPDX-License-Identifier: MIT */
/*
 * Makes the backups that the key `backup` of a VM asks for: has the store make volumes, begins the
 * backup, gives the volumes their names once it is whole, and drops old chains. Called by vm_step
 * through the table of operations. Owns vm->schedule; vm_schedule_begin.c decides what is due.
 */
#include "vmm/manager/vm/operation/backup/vm_schedule.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/manager/disk/backup_place.h"
#include "vmm/manager/disk/store_quota.h"
#include "vmm/manager/disk/store_work.h"
#include "vmm/manager/host/machine.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/log/notice.h"
#include "vmm/manager/log/vm_events.h"
#include "vmm/manager/process/random.h"
#include "vmm/manager/vm/disks/vm_volume.h"
#include "vmm/manager/vm/operation/backup/vm_backup.h"
#include "vmm/manager/vm/operation/backup/vm_schedule_begin.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

/* The time for which the schedule waits for a store or a busy VM before the backup has failed. */
#define PATIENCE_NS (60 * NS_PER_S)
/* The interval at which a VM or a store is looked at whose backup is due and cannot begin. */
#define RETRY_NS NS_PER_S

/* static, as this is too large for a small stack; filled anew for each command to a store */
static struct store_item items[STORE_ITEM_MAX];

static struct vm_operation *vm_schedule_operation(struct vm *vm)
{
	return &vm->operation[OPERATION_SCHEDULE];
}

static void vm_schedule_enter(struct vm *vm, enum vm_schedule_phase phase)
{
	store_work_begin(&vm->schedule.work);
	vm_operation_enter(vm_schedule_operation(vm), phase, PATIENCE_NS);
}

static bool vm_schedule_plans_are_same(const struct backup_plan *a, const struct backup_plan *b)
{
	return string_equal(a->store, b->store) && a->every_ns == b->every_ns &&
	       a->chain == b->chain && a->keep == b->keep;
}

static u64 vm_schedule_tsc(u64 from_tsc, u64 ns)
{
	return from_tsc + clock_ns_to_tsc(ns);
}

/*
 * Ends the backup with a failure; the next one is tried at the next moment of the plan, which one
 * that was asked for does not move. `told`: the operator has had a notice and an event already.
 */
static void vm_schedule_fail(struct vm *vm, const char *problem, bool told)
{
	char text[VM_PROBLEM_BYTES];

	string_copy(vm_schedule_operation(vm)->problem, VM_PROBLEM_BYTES, problem);
	vm->schedule.due_tsc = vm_schedule_tsc(clock_tsc(), vm->schedule.plan.every_ns);
	if (vm->schedule.asked && vm->schedule.planned_tsc > clock_tsc())
		vm->schedule.due_tsc = vm->schedule.planned_tsc;
	vm->schedule.asked = false;
	vm_schedule_enter(vm, SCHEDULE_ENDING);
	if (told)
		return;
	format(text, sizeof(text), "no scheduled backup: %s", problem);
	log_message(LOG_WARNING, LOG_VM, vm->config.name, "%s", text);
	notice("%s: %s\n", vm->config.name, text);
	vm_event(vm->config.name, vm->uuid, EVENT_BACKUP_FAILED, text);
}

/* --- the beginning --- */

/*
 * Begins a backup that is due. Its volumes count against quotas by the names that they will have.
 */
static void vm_schedule_begin(struct vm *vm)
{
	struct vm_schedule *schedule = &vm->schedule;
	char problem[VM_PROBLEM_BYTES];
	u32 count;

	schedule->begun_tsc = clock_tsc();
	random_draw(&schedule->number, sizeof(schedule->number));
	if (schedule->disks == 0) {
		vm_schedule_fail(vm, "the VM runs without the volumes that it may write to", false);
		return;
	}
	if (!vm_schedule_choose(vm, problem, sizeof(problem))) {
		vm_schedule_fail(vm, problem, false);
		return;
	}
	schedule->moment = vm_schedule_moment(vm);
	count = vm_schedule_new_volumes(vm, true, items);
	if (store_quota_allows(schedule->store, STORE_CREATE, items, count, problem,
			       sizeof(problem)))
		vm_schedule_enter(vm, SCHEDULE_MAKING);
	else
		vm_schedule_fail(vm, problem, false);
}

/* Returns whether all is there for a backup now; if that takes too long, the backup fails. */
static bool vm_schedule_is_ready(struct vm *vm, u64 now_tsc)
{
	struct vm_schedule *schedule = &vm->schedule;
	char problem[2 * DRIVER_TEXT_BYTES + 48];
	char text[2 * DRIVER_TEXT_BYTES];
	const char *why = NULL;

	schedule->store = store_find(schedule->plan.store);
	if (schedule->store == NULL)
		why = "there is no such store";
	else if (vm_busy(vm) || vm->operation[OPERATION_BACKUP].phase != BACKUP_NONE)
		why = "";
	else
		why = store_find_problem(schedule->store, text, sizeof(text));
	if (why == NULL)
		return true;
	schedule->look_tsc = vm_schedule_tsc(now_tsc, RETRY_NS);
	if (why[0] == '\0' || now_tsc < vm_schedule_tsc(schedule->due_tsc, PATIENCE_NS))
		return false;
	format(problem, sizeof(problem), "store %s: %s", schedule->plan.store, why);
	vm_schedule_fail(vm, problem, false);
	return false;
}

static bool vm_schedule_runs(const struct vm *vm)
{
	return vm->config.backup.store[0] != '\0' && !vm_is_ending(vm) && vm_is_up(vm);
}

static void vm_schedule_step_waiting(struct vm *vm, u64 now_tsc)
{
	struct vm_schedule *schedule = &vm->schedule;
	u64 wait_s;

	if (!vm_schedule_plans_are_same(&schedule->plan, &vm->config.backup)) {
		schedule->plan = vm->config.backup;
		schedule->due_tsc = now_tsc;
		schedule->look_tsc = 0;
		vm_schedule_operation(vm)->problem[0] = '\0';
	}
	if (!vm_schedule_runs(vm) || now_tsc < MAX(schedule->due_tsc, schedule->look_tsc) ||
	    !vm_schedule_is_ready(vm, now_tsc))
		return;
	vm_schedule_look_at_disks(vm);
	wait_s = vm_schedule_wait_s(vm);
	if (schedule->disks != 0 && wait_s > 0 && !schedule->asked)
		schedule->due_tsc = vm_schedule_tsc(now_tsc, wait_s * NS_PER_S);
	else
		vm_schedule_begin(vm);
}

bool vm_schedule_now(struct vm *vm, char *problem, size_t size)
{
	if (vm->config.backup.store[0] == '\0') {
		format(problem, size,
		       "it has no schedule; give it one, such as `vm set %s backup=\"spare every "
		       "24h\"`",
		       vm->config.name);
		return false;
	}
	if (!vm_schedule_runs(vm)) {
		format(problem, size, "it is %s; backups are made while it runs or is paused",
		       vm_state_name(vm->state));
		return false;
	}
	if (vm_schedule_operation(vm)->phase != SCHEDULE_WAITING ||
	    vm->operation[OPERATION_BACKUP].phase != BACKUP_NONE) {
		format(problem, size, "one is under way, `vm backup list %s` shows how far it is",
		       vm->config.name);
		return false;
	}
	vm->schedule.asked = true;
	vm->schedule.planned_tsc = vm->schedule.due_tsc;
	vm->schedule.due_tsc = clock_tsc();
	return true;
}

/* --- the other steps --- */

/* Gives the store the command for the items, or takes the answer. Returns true when it is done. */
static bool vm_schedule_ask(struct vm *vm, enum store_operation operation, u32 count)
{
	char said[4 * STORE_TEXT_BYTES];
	char problem[VM_PROBLEM_BYTES];

	if (!store_work_step(vm->schedule.store, &vm->schedule.work, operation, items, count, said,
			     sizeof(said))) {
		if (clock_tsc() >= vm_schedule_operation(vm)->until_tsc)
			string_copy(said, sizeof(said), "its driver does not answer");
		else
			return false;
	}
	if (said[0] == '\0')
		return true;
	format(problem, sizeof(problem), "store %s: %s", vm->schedule.plan.store, said);
	vm_schedule_fail(vm, problem, false);
	return false;
}

static void vm_schedule_step_making(struct vm *vm)
{
	u32 count = 0;

	if (vm->schedule.work.asked == 0 && !vm_schedule_has_disks(vm)) {
		vm_schedule_fail(vm, "its VM has ended meanwhile", false);
		return;
	}
	if (vm->schedule.work.asked == 0)
		count = vm_schedule_new_volumes(vm, false, items);
	if (vm_schedule_ask(vm, STORE_CREATE, count))
		vm_schedule_enter(vm, SCHEDULE_BEGINNING);
}

static void vm_schedule_step_beginning(struct vm *vm)
{
	char problem[VM_PROBLEM_BYTES];

	if (vm_busy(vm) && clock_tsc() < vm_schedule_operation(vm)->until_tsc)
		return;
	if (!vm_schedule_has_disks(vm))
		vm_schedule_fail(vm, "its VM has ended meanwhile", false);
	else if (vm_backup(vm, vm_schedule_wish(vm), problem, sizeof(problem)))
		vm_schedule_enter(vm, SCHEDULE_COPYING);
	else
		vm_schedule_fail(vm, problem, false);
}

/* Returns whether this schedule has begun the VM's last backup. */
static bool vm_schedule_is_own(const struct vm *vm)
{
	const struct vm_backup_wish *wish = vm_schedule_wish(vm);

	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++) {
		const struct vm_backup_disk *disk = &vm->backup.disk[i];

		if (disk->chosen != wish->chosen[i] ||
		    (disk->chosen && !string_equal(disk->target, wish->target[i])))
			return false;
	}
	return true;
}

static void vm_schedule_step_copying(struct vm *vm)
{
	struct vm_schedule *schedule = &vm->schedule;

	if (vm->operation[OPERATION_BACKUP].phase != BACKUP_NONE)
		return;
	if (!vm_schedule_is_own(vm)) {
		vm_schedule_fail(vm, "another backup has been begun meanwhile", false);
		return;
	}
	if (vm->backup.failed) {
		vm_schedule_fail(vm, vm->operation[OPERATION_BACKUP].problem, true);
		return;
	}
	SCHEDULE_FOR_EACH(vm, i) {
		const struct backup_label *label = &vm->backup.disk[i].last;

		schedule->last[i] = (struct vm_scheduled){.sequence = label->sequence};
		memcpy(schedule->last[i].id, label->id, sizeof(label->id));
	}
	vm_schedule_enter(vm, SCHEDULE_NAMING);
}

/* Returns the index of a disk of the backup whose volume has not got its name yet. */
static u32 vm_schedule_unnamed(const struct vm *vm)
{
	SCHEDULE_FOR_EACH(vm, i) {
		if (vm->schedule.last[i].moment != vm->schedule.moment)
			return i;
	}
	return CONFIG_VM_DISK_MAX;
}

/* Fills in the item that gives the volume its name; returns false while the store is loaded. */
static bool vm_schedule_new_name(const struct vm *vm, u32 place)
{
	char name[STORE_NAME_BYTES];
	struct store_volume volume;

	vm_volume_backup_name(vm->schedule.number, place, name);
	if (!store_volume_find(vm->schedule.store, name, &volume))
		return false;
	items[0] = (struct store_item){.volume = volume.id};
	vm_schedule_final_name(vm, place, vm->schedule.last[place].sequence, items[0].name);
	return true;
}

static void vm_schedule_named(struct vm *vm, u32 place)
{
	struct vm_schedule *schedule = &vm->schedule;
	char name[STORE_NAME_BYTES];

	schedule->last[place].moment = schedule->moment;
	vm_schedule_final_name(vm, place, schedule->last[place].sequence, name);
	log_message(LOG_INFO, LOG_VM, vm->config.name, "a backup is kept as %s/%s",
		    schedule->plan.store, name);
	vm_schedule_enter(vm, SCHEDULE_NAMING);
}

static void vm_schedule_step_naming(struct vm *vm)
{
	struct vm_schedule *schedule = &vm->schedule;
	u32 place = vm_schedule_unnamed(vm);

	if (place == CONFIG_VM_DISK_MAX) {
		vm_schedule_operation(vm)->problem[0] = '\0';
		schedule->asked = false;
		schedule->due_tsc = vm_schedule_tsc(schedule->begun_tsc, schedule->plan.every_ns);
		vm_schedule_enter(vm, SCHEDULE_DROPPING);
		return;
	}
	if (schedule->work.asked == 0 && !vm_schedule_new_name(vm, place)) {
		if (clock_tsc() >= vm_schedule_operation(vm)->until_tsc)
			vm_schedule_fail(vm, "its store has lost the volume that it was written to",
					 false);
		return;
	}
	if (vm_schedule_ask(vm, STORE_RENAME, 1))
		vm_schedule_named(vm, place);
}

/*
 * Fills in items for the oldest chains of one disk that are not to be kept, as many as a command
 * takes. Returns the number of items.
 */
static u32 vm_schedule_excess(const struct vm *vm)
{
	SCHEDULE_FOR_EACH(vm, i) {
		u32 count;
		const struct backup_place *list = vm_schedule_places(vm, i, &count);
		u32 excess = backup_places_excess(list, count, vm->schedule.plan.keep);

		count = MIN(excess, STORE_ITEM_MAX);
		/* a chain goes as a whole, or stays */
		while (count > 1 && count < excess && list[count].sequence != 0)
			count--;
		for (u32 k = 0; k < count; k++)
			items[k] = (struct store_item){.volume = list[k].volume};
		if (count != 0)
			return count;
	}
	return 0;
}

/* Drops chains that are in excess. If that fails it is done after the next backup. */
static void vm_schedule_step_dropping(struct vm *vm)
{
	struct vm_schedule *schedule = &vm->schedule;
	char problem[4 * STORE_TEXT_BYTES] = "its driver does not answer";
	u32 count = schedule->work.asked == 0 ? vm_schedule_excess(vm) : 1;

	if (count == 0) {
		vm_schedule_enter(vm, SCHEDULE_WAITING);
		return;
	}
	if (!store_work_step(schedule->store, &schedule->work, STORE_DROP, items, count, problem,
			     sizeof(problem)) &&
	    clock_tsc() < vm_schedule_operation(vm)->until_tsc)
		return;
	if (problem[0] == '\0') {
		vm_schedule_enter(vm, SCHEDULE_DROPPING);
		return;
	}
	log_message(LOG_WARNING, LOG_VM, vm->config.name,
		    "old backups are not dropped from store %s: %s", schedule->plan.store, problem);
	vm_schedule_enter(vm, SCHEDULE_WAITING);
}

/* Has the volumes dropped to which the backup that failed was written. */
static void vm_schedule_step_ending(struct vm *vm)
{
	if (vm->operation[OPERATION_BACKUP].phase != BACKUP_NONE)
		return;
	vm_schedule_enter(vm, SCHEDULE_WAITING);
	vm_volumes_look();
}

static bool vm_schedule_step(struct vm *vm, u64 now_tsc)
{
	const enum vm_schedule_phase phase = vm_schedule_operation(vm)->phase;

	switch (phase) {
	case SCHEDULE_WAITING:
		vm_schedule_step_waiting(vm, now_tsc);
		break;
	case SCHEDULE_MAKING:
		vm_schedule_step_making(vm);
		break;
	case SCHEDULE_BEGINNING:
		vm_schedule_step_beginning(vm);
		break;
	case SCHEDULE_COPYING:
		vm_schedule_step_copying(vm);
		break;
	case SCHEDULE_NAMING:
		vm_schedule_step_naming(vm);
		break;
	case SCHEDULE_DROPPING:
		vm_schedule_step_dropping(vm);
		break;
	case SCHEDULE_ENDING:
		vm_schedule_step_ending(vm);
		break;
	}
	return phase != vm_schedule_operation(vm)->phase;
}

static u64 vm_schedule_deadline(const struct vm *vm)
{
	const struct vm_schedule *schedule = &vm->schedule;

	switch ((enum vm_schedule_phase)vm->operation[OPERATION_SCHEDULE].phase) {
	case SCHEDULE_WAITING:
		if (!vm_schedule_plans_are_same(&schedule->plan, &vm->config.backup))
			return 0;
		return vm_schedule_runs(vm) ? MAX(schedule->due_tsc, schedule->look_tsc) : ~0ull;
	case SCHEDULE_COPYING:
		return ~0ull; /* the end of the backup is a step of the backup's own */
	default:
		return store_work_look_tsc();
	}
}

const struct vm_operation_ops vm_schedule_ops = {
	.name = "schedule",
	.step = vm_schedule_step,
	.deadline = vm_schedule_deadline,
};
