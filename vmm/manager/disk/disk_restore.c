/* SPDX-License-Identifier: MIT */
/*
 * Runs the process that writes a disk from a chain of backups. Called by `disk restore` and the
 * event loop. Owns the one restore, its memory group, links and process.
 */
#include "vmm/manager/disk/disk_restore.h"

#include "lib/bits.h"
#include "lib/read_once.h"
#include "lib/string.h"
#include "vmm/manager/disk/disk.h"
#include "vmm/manager/process/events.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/process/pages.h"
#include "vmm/manager/process/process_build.h"
#include "vmm/manager/process/process_end.h"
#include "vmm/rt/channel.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

#define WEIGHT 256u
/* the time limit of one request to a disk, whose driver may have to be restarted meanwhile */
#define MOVE_NS (60 * NS_PER_S)
#define USER	"disk restore"

static struct disk_restore restore;

const struct disk_restore *disk_restore_last(void)
{
	if (restore.page != NULL)
		memcpy(&restore.seen, restore.page, sizeof(restore.seen));
	return &restore;
}

static bool disk_restore_make_group(u32 count, char *problem, size_t size)
{
	u64 pages = DISK_COPIER_PAGES + (count + 1) * DISK_LINK_PAGES;

	if (pages > pages_available()) {
		format(problem, size, "it takes %llu KiB, but only %llu KiB are promised to nobody",
		       (unsigned long long)(pages * PAGE_SIZE / KIB),
		       (unsigned long long)(pages_available() * PAGE_SIZE / KIB));
		return false;
	}
	if (sys_group_create(start_handle(START_ROOT), pages, WEIGHT, &restore.group) == STATUS_OK)
		return true;
	restore.group = HANDLE_NONE;
	format(problem, size, "there is no memory for it");
	return false;
}

static bool disk_restore_make_links(const char *disk, const char *const *place, u32 count,
				    char *problem, size_t size)
{
	restore.to = disk_attach_alone(USER, restore.group, disk, false, problem, size);
	if (restore.to == NULL)
		return false;
	for (u32 i = 0; i < count; i++) {
		restore.from[i] =
			disk_attach_alone(USER, restore.group, place[i], true, problem, size);
		if (restore.from[i] == NULL)
			return false;
	}
	return true;
}

static handle_t disk_restore_make_page(struct process_build *build)
{
	handle_t memory = HANDLE_NONE;

	process_build_note(build, "making its page",
			   sys_memory_create(restore.group, PAGE_SIZE, 0, &memory));
	if (process_build_failed(build))
		return HANDLE_NONE;
	process_build_show(build, memory, PAGE_SIZE, RIGHT_READ | RIGHT_WRITE, &restore.page);
	return memory;
}

static void disk_restore_give_all(struct process_build *build, handle_t page)
{
	process_build_map(build, START_CHANNEL, page, 0, PAGE_SIZE, RIGHT_READ | RIGHT_WRITE);
	process_build_own(build, restore.group);
	driver_link_give(build, restore.to, START_DISK, 0, restore.to->name);
	for (u32 i = 0; i < BACKUP_CHAIN_MAX && restore.from[i] != NULL; i++)
		driver_link_give(build, restore.from[i], START_SAVE, i, restore.from[i]->name);
}

static void disk_restore_start(struct process_build *build)
{
	handle_t page = disk_restore_make_page(build);

	process_build_begin(build, restore.group, start_handle(START_MONITOR_IMAGE), 0);
	if (!process_build_failed(build)) {
		build->info->parameter[MONITOR_FLAGS] = MONITOR_RESTORER;
		disk_restore_give_all(build, page);
	}
	if (!process_build_failed(build))
		process_build_note(build, "watching it",
				   events_bind(build->process, EVENT_RESTORER, 0));
	process_build_start(build);
	if (page != HANDLE_NONE)
		sys_handle_close(page);
}

static bool disk_restore_start_process(char *problem, size_t size)
{
	struct process_build build = {.status = STATUS_OK};

	disk_restore_start(&build);
	return process_build_take(&build, &restore.process, problem, size);
}

/*
 * Ends the restore's process and the page shared with it; disk_restore_step ends the links and the
 * memory group.
 */
static void disk_restore_end(const char *problem)
{
	string_copy(restore.problem, sizeof(restore.problem), problem);
	restore.phase = RESTORE_ENDING;
	if (restore.page != NULL) {
		memcpy(&restore.seen, restore.page, sizeof(restore.seen));
		sys_space_unmap(start_handle(START_SPACE), (u64)(uintptr_t)restore.page, PAGE_SIZE);
		restore.page = NULL;
	}
	if (restore.process == HANDLE_NONE)
		return;
	(void)!events_mute(restore.process);
	sys_object_destroy(restore.process);
	sys_handle_close(restore.process);
	restore.process = HANDLE_NONE;
}

static bool disk_restore_may_begin(const char *disk, const char *const *place, u32 count,
				   char *problem, size_t size)
{
	if (restore.phase != RESTORE_NONE) {
		format(problem, size, "disk %s is being restored, and only one can be at a time",
		       restore.name);
		return false;
	}
	for (u32 i = 0; i < count; i++) {
		if (!string_equal(place[i], disk))
			continue;
		format(problem, size, "%s is named among its own backups; name other disks", disk);
		return false;
	}
	return true;
}

bool disk_restore_begin(const char *disk, const char *const *place, u32 count, char *problem,
			size_t size)
{
	if (!disk_restore_may_begin(disk, place, count, problem, size))
		return false;
	restore = (struct disk_restore){.phase = RESTORE_COPYING,
					.number = restore.number,
					.until_tsc = clock_tsc() + clock_ns_to_tsc(MOVE_NS)};
	string_copy(restore.name, sizeof(restore.name), disk);
	if (!disk_restore_make_group(count, problem, size) ||
	    !disk_restore_make_links(disk, place, count, problem, size) ||
	    !disk_restore_start_process(problem, size)) {
		disk_restore_end(problem);
		return false;
	}
	restore.number++;
	return true;
}

static void disk_restore_fails(const char *problem)
{
	log_message(LOG_ERROR, LOG_DEVICE, "", "disk %s: not restored: %s", restore.name, problem);
	disk_restore_end(problem);
}

static void disk_restore_take_outcome(void)
{
	char said[sizeof(restore.page->problem)];
	char died[PROCESS_DIED_BYTES];
	char problem[sizeof(restore.problem)];

	switch (__atomic_load_n(&restore.page->state, __ATOMIC_ACQUIRE)) {
	case RESTORER_DONE:
		log_message(LOG_INFO, LOG_DEVICE, "", "disk %s: restored", restore.name);
		disk_restore_end("");
		break;
	case RESTORER_FAILED:
		memcpy(said, restore.page->problem, sizeof(said));
		text_show(problem, sizeof(problem),
			  (struct text){said, strnlen(said, sizeof(said))});
		disk_restore_fails(problem);
		break;
	default:
		disk_restore_fails(
			process_died_text(restore.process, "the process that copies", died));
	}
}

void disk_restore_ended(void)
{
	if (restore.phase == RESTORE_COPYING)
		disk_restore_take_outcome();
}

static void disk_restore_look_whether_it_moves(void)
{
	u64 moved = READ_ONCE(restore.page->moved);

	if (clock_tsc() < restore.until_tsc)
		return;
	if (moved == restore.moved) {
		disk_restore_fails("a disk takes too long");
		return;
	}
	restore.moved = moved;
	restore.until_tsc = clock_tsc() + clock_ns_to_tsc(MOVE_NS);
}

static bool disk_restore_links_have_ended(void)
{
	bool all = driver_link_end_at(&restore.to);

	for (u32 i = 0; i < BACKUP_CHAIN_MAX; i++)
		all &= driver_link_end_at(&restore.from[i]);
	return all;
}

/* Ends the restore's links, then its memory group; returns whether another step is due at once. */
static bool disk_restore_step_ending(void)
{
	if (!disk_restore_links_have_ended())
		return false; /* the drivers signal when they have detached the links */
	if (restore.group != HANDLE_NONE && sys_object_destroy(restore.group) == STATUS_AGAIN)
		return true;
	restore.group = HANDLE_NONE;
	restore.phase = RESTORE_NONE;
	return true;
}

bool disk_restore_step(void)
{
	if (restore.phase == RESTORE_ENDING)
		return disk_restore_step_ending();
	if (restore.phase == RESTORE_COPYING)
		disk_restore_look_whether_it_moves();
	return false;
}

u64 disk_restore_deadline(void)
{
	return restore.phase == RESTORE_COPYING ? restore.until_tsc : ~0ull;
}
