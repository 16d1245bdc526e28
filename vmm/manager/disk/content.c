/* SPDX-License-Identifier: MIT */
/*
 * Runs the processes that move volumes' content between stores and machine channels or disks, or
 * digest it. Called by `volume write`, `volume read`, `volume digest`, rekey.c, volume_copy.c and
 * the event loop. Owns the memory group, links, process and transfer of each of these movements.
 */
#include "vmm/manager/disk/content.h"

#include "lib/bits.h"
#include "lib/read_once.h"
#include "lib/string.h"
#include "vmm/manager/disk/disk.h"
#include "vmm/manager/disk/disk_changes.h"
#include "vmm/manager/disk/disk_volume.h"
#include "vmm/manager/disk/store.h"
#include "vmm/manager/process/events.h"
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

static struct content contents[CONTENT_MAX];
static u32 last_number;

static const char *const users[CONTENT_OPERATION_COUNT] = {
	[CONTENT_WRITE] = "volume write",   [CONTENT_READ] = "volume read",
	[CONTENT_DIGEST] = "volume digest", [CONTENT_REKEY] = "volume rekey",
	[CONTENT_EXPORT] = "volume export", [CONTENT_IMPORT] = "volume import",
};

const struct content *content_find(u32 number)
{
	for (u32 i = 0; i < CONTENT_MAX; i++) {
		if (number != 0 && contents[i].number == number)
			return &contents[i];
	}
	return NULL;
}

u64 content_moved(const struct content *content)
{
	return content->page != NULL ? READ_ONCE(content->page->moved) : content->moved;
}

/* Returns the unused entry for a movement of content that was used longest ago, or NULL. */
static struct content *content_place(void)
{
	struct content *place = NULL;

	for (u32 i = 0; i < CONTENT_MAX; i++) {
		if (contents[i].phase == CONTENT_NONE &&
		    (place == NULL || contents[i].number < place->number))
			place = &contents[i];
	}
	return place;
}

/* Returns whether the process writes to a second link, instead of a transfer or a digest. */
static bool content_has_target(enum content_operation operation)
{
	return operation == CONTENT_REKEY || operation == CONTENT_EXPORT ||
	       operation == CONTENT_IMPORT;
}

static bool content_make_group(struct content *content, char *problem, size_t size)
{
	u64 links = content_has_target(content->operation) ? 2 : 1;
	u64 pages = DISK_COPIER_PAGES + links * DISK_LINK_PAGES;

	content->group = HANDLE_NONE;
	if (pages <= pages_available() &&
	    sys_group_create(start_handle(START_ROOT), pages, WEIGHT, &content->group) == STATUS_OK)
		return true;
	content->group = HANDLE_NONE;
	format(problem, size, "there are no %llu KiB of memory for it",
	       (unsigned long long)(pages * PAGE_SIZE / KIB));
	return false;
}

/* Makes the links of an export or an import: to the volume and to the disk. */
static bool content_make_disk_links(struct content *content, const struct content_wish *wish,
				    char *problem, size_t size)
{
	bool out = wish->operation == CONTENT_EXPORT;
	struct driver_link **volume = out ? &content->link : &content->link_to;
	struct driver_link **disk = out ? &content->link_to : &content->link;

	*volume = disk_volume_attach_alone(users[wish->operation], content->group, wish->store,
					   wish->volume, out, problem, size);
	if (*volume != NULL)
		*disk = disk_attach_alone(users[wish->operation], content->group, wish->disk, !out,
					  problem, size);
	return *volume != NULL && *disk != NULL;
}

static bool content_make_links(struct content *content, const struct content_wish *wish,
			       char *problem, size_t size)
{
	bool fixed = (wish->volume->flags & STORE_VOLUME_READ_ONLY) != 0;
	/*
	 * The volume that gets another key is not written to, but no other user may have it
	 * meanwhile; of a volume that a VM writes to, a snapshot is read.
	 */
	bool read_only =
		wish->operation != CONTENT_WRITE && (wish->operation != CONTENT_REKEY || fixed);

	if (wish->disk != NULL)
		return content_make_disk_links(content, wish, problem, size);
	content->link =
		disk_volume_attach_alone(users[wish->operation], content->group, wish->store,
					 wish->volume, read_only, problem, size);
	if (content->link == NULL || wish->to == NULL)
		return content->link != NULL;
	content->link_to = disk_volume_attach_alone(users[wish->operation], content->group,
						    wish->store, wish->to, false, problem, size);
	return content->link_to != NULL;
}

static handle_t content_make_page(struct content *content, const struct content_wish *wish,
				  struct process_build *build)
{
	handle_t memory = HANDLE_NONE;

	process_build_note(build, "making its page",
			   sys_memory_create(content->group, PAGE_SIZE, 0, &memory));
	if (process_build_failed(build))
		return HANDLE_NONE;
	process_build_show(build, memory, PAGE_SIZE, RIGHT_READ | RIGHT_WRITE, &content->page);
	if (process_build_failed(build))
		return memory;
	content->page->operation = wish->operation;
	content->page->from = wish->from;
	content->page->bytes = wish->bytes;
	content->page->most = wish->most;
	return memory;
}

/* Makes the events by which manager and process wake each other. */
static void content_make_events(struct content *content, struct process_build *build)
{
	process_build_note(build, "making its events",
			   sys_event_create(content->group, &content->bell));
	if (!process_build_failed(build))
		process_build_note(build, "making its events",
				   sys_event_create(content->group, &content->doorbell));
	if (!process_build_failed(build))
		process_build_note(build, "hearing it",
				   events_bind(content->doorbell, EVENT_CONTENT, content->number));
}

static void content_give_all(struct content *content, struct process_build *build, handle_t page)
{
	process_build_map(build, START_CHANNEL, page, 0, PAGE_SIZE, RIGHT_READ | RIGHT_WRITE);
	process_build_own(build, content->group);
	process_build_grant(build, START_CHANNEL_IN, content->bell, RIGHT_READ | RIGHT_BIND, 0);
	process_build_grant(build, START_CHANNEL_OUT, content->doorbell, RIGHT_WRITE, 0);
	driver_link_give(build, content->link, START_DISK, 0, content->link->name);
	if (content->operation == CONTENT_DIGEST)
		return;
	if (content_has_target(content->operation)) {
		driver_link_give(build, content->link_to, START_SAVE, 0, content->link_to->name);
		return;
	}
	transfer_give(&content->transfer, build, START_SAVE, content->link->name);
	content->transfer.bell = content->bell;
}

static void content_start(struct content *content, const struct content_wish *wish,
			  struct process_build *build)
{
	handle_t page = content_make_page(content, wish, build);

	if (!process_build_failed(build))
		content_make_events(content, build);
	process_build_begin(build, content->group, start_handle(START_MONITOR_IMAGE), 0);
	if (!process_build_failed(build)) {
		build->info->parameter[MONITOR_FLAGS] = MONITOR_CARRIER;
		content_give_all(content, build, page);
		if (wish->changed != NULL)
			disk_changes_give(wish->changed, build);
		if (wish->to != NULL)
			disk_give_keys_of(&wish->volume->key, &wish->to->key, content->group,
					  build);
	}
	if (!process_build_failed(build))
		process_build_note(
			build, "watching it",
			events_bind(build->process, EVENT_CONTENT_ENDED, content->number));
	process_build_start(build);
	if (page != HANDLE_NONE)
		sys_handle_close(page);
}

static bool content_start_process(struct content *content, const struct content_wish *wish,
				  char *problem, size_t size)
{
	struct process_build build = {.status = STATUS_OK};

	content_start(content, wish, &build);
	return process_build_take(&build, &content->process, problem, size);
}

static void content_close(handle_t *handle)
{
	if (*handle != HANDLE_NONE)
		sys_handle_close(*handle);
	*handle = HANDLE_NONE;
}

/*
 * Ends the movement's process and the page shared with it; content_step ends the links, the memory
 * group and the stream.
 */
static void content_end(struct content *content, const char *problem)
{
	string_copy(content->problem, sizeof(content->problem), problem);
	content->phase = content->operation == CONTENT_REKEY && problem[0] == '\0' ? CONTENT_HOLDING
										   : CONTENT_ENDING;
	content->transfer.bell = HANDLE_NONE;
	if (content->process != HANDLE_NONE) {
		(void)!events_mute(content->process);
		sys_object_destroy(content->process);
	}
	if (content->doorbell != HANDLE_NONE)
		(void)!events_mute(content->doorbell);
	content_close(&content->process);
	content_close(&content->bell);
	content_close(&content->doorbell);
	if (content->page != NULL)
		sys_space_unmap(start_handle(START_SPACE), (u64)(uintptr_t)content->page,
				PAGE_SIZE);
	content->page = NULL;
}

void content_let_go(u32 number)
{
	for (u32 i = 0; i < CONTENT_MAX; i++) {
		if (contents[i].number != number)
			continue;
		if (contents[i].phase == CONTENT_MOVING)
			content_end(&contents[i], "it was given up");
		if (contents[i].phase == CONTENT_HOLDING)
			contents[i].phase = CONTENT_ENDING;
	}
}

static bool content_open_transfer(struct content *content, const struct content_wish *wish,
				  char *problem, size_t size)
{
	return wish->channel == NULL ||
	       transfer_open(&content->transfer, wish->channel, wish->operation == CONTENT_WRITE,
			     problem, size);
}

const struct content *content_begin(const struct content_wish *wish, char *problem, size_t size)
{
	struct content *content = content_place();

	if (content == NULL) {
		format(problem, size, "the content of %u volumes is being moved, which is the most",
		       CONTENT_MAX);
		return NULL;
	}
	*content = (struct content){.phase = CONTENT_MOVING,
				    .number = ++last_number,
				    .operation = wish->operation,
				    .until_tsc = clock_tsc() + clock_ns_to_tsc(MOVE_NS)};
	if (content_make_group(content, problem, size) &&
	    content_make_links(content, wish, problem, size) &&
	    content_open_transfer(content, wish, problem, size) &&
	    content_start_process(content, wish, problem, size))
		return content;
	transfer_forget(&content->transfer);
	content_end(content, problem);
	return NULL;
}

/*
 * Handles the end of a movement's process: reads the outcome that the process has written, once,
 * and keeps it without unprintable bytes.
 */
static void content_take_outcome(struct content *content)
{
	char said[sizeof(content->page->problem)];
	char died[PROCESS_DIED_BYTES];
	char problem[sizeof(content->problem)];

	content->moved = READ_ONCE(content->page->moved);
	switch (__atomic_load_n(&content->page->state, __ATOMIC_ACQUIRE)) {
	case CONTENT_TOO_MUCH:
		content->too_much = true;
		content_end(content, "more has changed than is copied while a guest stands still");
		break;
	case CONTENT_DONE:
		memcpy(content->digest, content->page->digest, sizeof(content->digest));
		content_end(content, content->transfer.state == TRANSFER_BROKEN
					     ? content->transfer.problem
					     : "");
		break;
	case CONTENT_FAILED:
		memcpy(said, content->page->problem, sizeof(said));
		text_show(problem, sizeof(problem),
			  (struct text){said, strnlen(said, sizeof(said))});
		content_end(content, problem);
		break;
	default:
		content_end(content,
			    process_died_text(content->process, "the process that copies", died));
	}
}

void content_ended(u32 number)
{
	for (u32 i = 0; i < CONTENT_MAX; i++) {
		if (contents[i].number == number && contents[i].phase == CONTENT_MOVING)
			content_take_outcome(&contents[i]);
	}
}

static void content_look_whether_it_moves(struct content *content)
{
	u64 moved = READ_ONCE(content->page->moved);

	if (content->transfer.state == TRANSFER_BROKEN) {
		content_end(content, content->transfer.problem);
		return;
	}
	if (moved != content->moved) {
		content->moved = moved;
		content->until_tsc = clock_tsc() + clock_ns_to_tsc(MOVE_NS);
	} else if (clock_tsc() >= content->until_tsc) {
		content_end(content, "the volume takes too long");
	}
}

/*
 * Ends the movement's links, then its memory group, then its stream; returns whether another step
 * is due at once.
 */
static bool content_step_ending(struct content *content)
{
	bool ended = driver_link_end_at(&content->link);

	if (!driver_link_end_at(&content->link_to) || !ended)
		/* the disk's driver signals the manager when it has detached the link */
		return false;
	if (content->group != HANDLE_NONE && sys_object_destroy(content->group) == STATUS_AGAIN)
		return true;
	content->group = HANDLE_NONE;
	transfer_close(&content->transfer, content->problem[0] != '\0' ? content->problem : NULL);
	content->phase = CONTENT_NONE;
	return true;
}

bool content_step(void)
{
	bool more = false;

	for (u32 i = 0; i < CONTENT_MAX; i++) {
		if (contents[i].phase == CONTENT_MOVING)
			content_look_whether_it_moves(&contents[i]);
		if (contents[i].phase == CONTENT_ENDING)
			more |= content_step_ending(&contents[i]);
	}
	return more;
}

u64 content_deadline(void)
{
	u64 first = ~0ull;

	for (u32 i = 0; i < CONTENT_MAX; i++) {
		if (contents[i].phase == CONTENT_MOVING)
			first = MIN(first, contents[i].until_tsc);
	}
	return first;
}
