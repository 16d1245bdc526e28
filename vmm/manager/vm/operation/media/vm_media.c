/* SPDX-License-Identifier: MIT */
/*
 * Puts another medium into a CD-ROM drive while its VM runs: the monitor empties the drive, the
 * drive's link goes over to the driver of the other disk or volume, and the monitor fills the
 * drive. Called by `vm insert` and, as an operation, by vm_operation.c. Owns vm->media, and the
 * drive's entry in vm->link meanwhile.
 */
#include "vmm/manager/vm/operation/media/vm_media.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/manager/config/config_keys.h"
#include "vmm/manager/config/config_lists.h"
#include "vmm/manager/disk/disk.h"
#include "vmm/manager/disk/disk_view.h"
#include "vmm/manager/disk/disk_volume.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/vm/process/vm_share.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/manager/vm/vm_handover.h"
#include "vmm/manager/vm/vm_keys.h"
#include "vmm/manager/vm/vm_query.h"
#include "vmm/rt/format.h"

/*
 * How often a monitor is asked whether reads of the old medium are over: at each question it looks
 * once for their answers.
 */
#define MEDIA_ASKS_MAX 1000u

static struct vm_operation *vm_media_of(struct vm *vm)
{
	return &vm->operation[OPERATION_MEDIA];
}

/* --- the beginning --- */

/* Returns whether the VM could be linked to the disk or volume now; if not, `problem` says why. */
static bool vm_media_is_free(const struct vm_disk *disk, char *problem, size_t size)
{
	char why[VM_PROBLEM_BYTES];
	char name[CONFIG_DISK_BYTES];
	bool is_free;

	if ((disk->flags & VM_DISK_VOLUME) == 0)
		return disk_may_be_read(disk->number - 1u, problem, size);
	is_free = disk_volume_may_be_read(disk, why, sizeof(why));
	if (!is_free)
		format(problem, size, "volume %s: %s", config_disk_name(disk, name), why);
	return is_free;
}

/* Returns whether the VM would have the medium twice, which no configuration may say. */
static bool vm_media_is_there(const struct vm *vm, const struct vm_media_wish *wish)
{
	struct vm_disk disks[CONFIG_VM_DISK_MAX];
	char name[CONFIG_DISK_BYTES];

	memcpy(disks, vm->config.disk, sizeof(disks));
	disks[wish->place] = wish->disk;
	return config_disk_twice(disks, name);
}

/* Returns why the drive's medium must stay as it is, or NULL if it may change. */
static const char *vm_media_fixed(const struct vm *vm, const struct vm_media_wish *wish)
{
	const struct driver_link *link = vm->link[wish->place];

	if (vm_keys_has_snapshots(vm))
		return "it has snapshots, which hold the medium too; drop them first";
	if (vm_media_is_there(vm, wish))
		return "it has that disk already; a VM has each disk once";
	if (vm->operation[OPERATION_BACKUP].phase != 0)
		return "a backup of it is under way";
	if (disk_is_view(link) || disk_is_viewed(link))
		return "its drive shares the medium with a clone; change it while it is stopped";
	if (disk_link_is_encrypted(link) ||
	    ((wish->disk.flags & VM_DISK_VOLUME) == 0 &&
	     disk_is_encrypted(config_disk(wish->disk.number - 1u))))
		return "a medium is encrypted, whose key a VM gets when it starts; change it by "
		       "`vm set` while it is stopped";
	return NULL;
}

static bool vm_media_may_begin(const struct vm *vm, const struct vm_media_wish *wish, char *problem,
			       size_t size)
{
	const char *fixed;

	if (!vm_is_up(vm)) {
		format(problem, size,
		       "%s is %s; set disk = NAME cdrom by `vm set`, for its next start",
		       vm->config.name, vm_state_name(vm->state));
		return false;
	}
	if (!vm_handover_may_begin(vm, problem, size))
		return false;
	fixed = vm_media_fixed(vm, wish);
	if (fixed != NULL) {
		format(problem, size, "%s", fixed);
		return false;
	}
	return vm_media_is_free(&wish->disk, problem, size);
}

static void vm_media_ask(struct vm *vm, enum vm_media_phase phase, u32 flags)
{
	const struct query question = {
		.kind = QUERY_DRIVE, .flags = flags, .address = vm->media.place};

	vm_query_begin(&vm->media.query, vm, &question);
	vm_query_post(&vm->media.query);
	vm_media_of(vm)->phase = phase;
	vm_media_of(vm)->until_tsc = vm->media.query.deadline_tsc;
}

static bool vm_media_begin(struct vm *vm, const void *wanted, char *problem, size_t size)
{
	const struct vm_media_wish *wish = wanted;

	if (!vm_media_may_begin(vm, wish, problem, size))
		return false;
	vm->media = (struct vm_media){.place = wish->place, .wanted = wish->disk};
	vm_media_of(vm)->problem[0] = '\0';
	vm_media_ask(vm, MEDIA_EJECTS, 0);
	return true;
}

bool vm_media_change(struct vm *vm, const struct vm_media_wish *wish, char *problem, size_t size)
{
	return vm_operation_begin(vm, OPERATION_MEDIA, wish, problem, size);
}

/* --- the steps --- */

static void vm_media_end(struct vm *vm, const char *problem)
{
	string_copy(vm_media_of(vm)->problem, VM_PROBLEM_BYTES, problem);
	vm_media_of(vm)->phase = MEDIA_NONE;
}

/*
 * Returns the monitor's answer about the drive; NULL: there is none yet, or there will be none, and
 * the operation has ended.
 */
static const struct query_drive *vm_media_answer(struct vm *vm)
{
	const struct query_drive *drive = NULL;
	const struct vm_answer *answer;
	char problem[VM_PROBLEM_BYTES];

	switch (vm_query_step(&vm->media.query, &answer, problem, sizeof(problem))) {
	case VM_QUERY_WAITS:
		return NULL;
	case VM_QUERY_FAILED:
		break;
	case VM_QUERY_ANSWERED:
		drive = vm_answer_data(answer, sizeof(*drive));
		string_copy(problem, sizeof(problem), "its monitor refuses; it is faulty");
		break;
	}
	if (drive == NULL)
		vm_media_end(vm, problem);
	return drive;
}

static bool vm_media_step_ejects(struct vm *vm)
{
	const struct query_drive *drive = vm_media_answer(vm);

	if (drive == NULL)
		return false;
	if (drive->kept != 0) {
		vm_media_end(vm, "its guest keeps the medium locked, and was asked to eject it; "
				 "try again or eject it there");
		return false;
	}
	if (drive->reads == 0) {
		vm_media_of(vm)->phase = MEDIA_LEAVES;
		vm_media_of(vm)->until_tsc = ~0ull; /* a driver that hangs is ended */
		return true;
	}
	if (++vm->media.asks < MEDIA_ASKS_MAX) {
		vm_media_ask(vm, MEDIA_EJECTS, 0);
		return false;
	}
	string_copy(vm->media.problem, VM_PROBLEM_BYTES,
		    "reads of the old medium are still under way; try again");
	vm_media_ask(vm, MEDIA_INSERTS, QUERY_AIM);
	return false;
}

/*
 * Links the drive to the new medium or, if that cannot be used now, to the old one again; if there
 * is neither, the drive stays empty, and its ends are closed.
 */
static void vm_media_link(struct vm *vm, struct link_ends *ends)
{
	struct vm_media *media = &vm->media;
	struct driver_link **link = &vm->link[media->place];
	char none[VM_PROBLEM_BYTES];

	*link = NULL;
	if (vm_media_is_free(&media->wanted, media->problem, sizeof(media->problem)))
		*link = disk_attach_own(vm, &media->wanted, ends, media->problem,
					sizeof(media->problem));
	if (*link != NULL) {
		media->problem[0] = '\0';
		return;
	}
	*link = disk_attach_own(vm, &vm->config.disk[media->place], ends, none, sizeof(none));
	if (*link == NULL)
		link_ends_close(ends);
}

static bool vm_media_step_leaves(struct vm *vm)
{
	struct link_ends ends;

	if (!driver_link_end_keeping(vm->link[vm->media.place], &ends))
		return false;
	vm->backup.disk[vm->media.place].chained = false;
	vm_media_link(vm, &ends);
	if (vm->link[vm->media.place] == NULL)
		vm_media_end(vm, vm->media.problem);
	else
		vm_media_ask(vm, MEDIA_INSERTS, QUERY_AIM);
	return true;
}

/* Puts the medium that the drive now has into the VM's configuration, as `vm set` would. */
static void vm_media_note(struct vm *vm)
{
	static struct vm_config next; /* static, as a configuration is too large for the stack */
	char name[CONFIG_DISK_BYTES];

	next = vm->config;
	/* whether the VM starts without it is the drive's, not the medium's */
	vm->media.wanted.flags |= next.disk[vm->media.place].flags & VM_DISK_OPTIONAL;
	next.disk[vm->media.place] = vm->media.wanted;
	next.given |= config_key_bit(config_vm_keys, "disk");
	vm_share_change(vm, &next);
	log_message(LOG_INFO, LOG_AUDIT, vm->config.name, "its CD-ROM drive has %s",
		    config_disk_name(&vm->media.wanted, name));
}

static bool vm_media_step_inserts(struct vm *vm)
{
	bool is_new = vm->media.problem[0] == '\0';

	if (vm_media_answer(vm) != NULL)
		vm_media_end(vm, vm->media.problem);
	else if (vm_media_of(vm)->phase != MEDIA_NONE)
		return false;
	/* the link has the new medium even if the monitor did not answer */
	if (is_new)
		vm_media_note(vm);
	return false;
}

static bool vm_media_step(struct vm *vm, u64 now_tsc)
{
	(void)now_tsc;
	switch ((enum vm_media_phase)vm_media_of(vm)->phase) {
	case MEDIA_NONE:
		return false;
	case MEDIA_EJECTS:
		return vm_media_step_ejects(vm);
	case MEDIA_LEAVES:
		return vm_media_step_leaves(vm);
	case MEDIA_INSERTS:
		return vm_media_step_inserts(vm);
	}
	return false;
}

static void vm_media_abandon(struct vm *vm)
{
	vm_operation_abandon(vm, OPERATION_MEDIA);
}

const struct vm_operation_ops vm_media_ops = {
	.name = "media",
	.busy = BIT(MEDIA_EJECTS) | BIT(MEDIA_LEAVES) | BIT(MEDIA_INSERTS),
	.begin = vm_media_begin,
	.step = vm_media_step,
	.abandon = vm_media_abandon,
};
