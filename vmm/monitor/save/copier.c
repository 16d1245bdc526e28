/* SPDX-License-Identifier: MIT */
/*
 * The process that copies the content of a VM's disks at one moment, for backups. Called by main.c
 * in its own process; reads disk views and writes backup targets. No copy counts before all data of
 * all copies are on the disks: the headers are written last.
 */
#include "vmm/monitor/save/copier.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/io/copier_page.h"
#include "vmm/io/disk_changes.h"
#include "vmm/monitor/save/backup_target.h"
#include "vmm/rt/channel.h"
#include "vmm/rt/format.h"
#include "vmm/rt/memory.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

#define BLOCK_BYTES BACKUP_BLOCK_BYTES
_Static_assert(BLOCK_BYTES <= BLOCK_REQUEST_BYTES, "one request");
_Static_assert(BLOCK_BYTES == DISK_CHANGES_BLOCK_BYTES, "a bit for each");
#define NUMBER_COUNT (BACKUP_HEADER_BYTES / sizeof(u64))

/* A disk, and the place (a disk or partition) to which it is copied. */
struct copy {
	const char *name;
	struct save_disk from;
	struct save_disk to;
	struct disk_client from_client;
	struct disk_client to_client;
	/* the list of changes, a bit for each block; NULL: all blocks are copied */
	const u64 *changed;
	u64 changed_blocks; /* the number of blocks for which `changed` has bits */
	u64 blocks;	    /* the number of blocks of the disk */
	u64 wanted;	    /* the number of blocks that are to be copied */
	struct backup_header header;
};

/*
 * The copier's data, allocated when the copier runs, as static data would take memory in every
 * monitor.
 */
struct copier_room {
	struct copy copies[COPIER_DISK_MAX];
	u8 block[BLOCK_BYTES] ALIGNED(8);
	/*
	 * the last entries of a differential backup's list of block numbers, not written to the
	 * place yet
	 */
	u64 numbers[NUMBER_COUNT];
};

static struct copier_page *page;
static struct copier_room *room;
static u32 count;

bool copier_wanted(void)
{
	return (start_info->parameter[MONITOR_FLAGS] & MONITOR_COPIER) != 0;
}

static bool copier_fails(const char *pattern, ...) PRINTF_LIKE(1, 2);
static bool copier_fails(const char *pattern, ...)
{
	va_list arguments;

	va_start(arguments, pattern);
	format_va(page->problem, sizeof(page->problem), pattern, arguments);
	va_end(arguments);
	return false;
}

static bool copier_source_fails(const struct copy *copy)
{
	return copier_fails("disk %s: %s", copy->name, copy->from.problem);
}

static bool copier_target_fails(const struct copy *copy)
{
	return copier_fails("the copy of disk %s: %s", copy->name, copy->to.problem);
}

static void copier_moved(void)
{
	__atomic_store_n(&page->moved, page->moved + 1, __ATOMIC_RELEASE);
}

/*
 * Returns whether block `number` is to be copied: the list of changes has it, or does not reach to
 * it; a driver may write to the list, so it may say something else the next time.
 */
static bool copier_is_wanted(const struct copy *copy, u64 number)
{
	return copy->changed == NULL || number >= copy->changed_blocks ||
	       (__atomic_load_n(&copy->changed[number / 64], __ATOMIC_RELAXED) >> number % 64 &
		1) != 0;
}

/* Returns the size of block `number` in bytes; the disk's last one may be shorter. */
static u32 copier_bytes_of(const struct copy *copy, u64 number)
{
	return (u32)MIN(copy->from.bytes - number * BLOCK_BYTES, (u64)BLOCK_BYTES);
}

static bool copier_read_block(struct copy *copy, u64 number, u32 *bytes)
{
	*bytes = copier_bytes_of(copy, number);
	if (!save_disk_read(&copy->from, number * BLOCK_BYTES, room->block, *bytes))
		return copier_source_fails(copy);
	memset(room->block + *bytes, 0, BLOCK_BYTES - *bytes);
	return true;
}

static bool copier_copy_block(struct copy *copy, u64 number, u64 to, u32 least)
{
	u32 bytes;

	if (!copier_read_block(copy, number, &bytes))
		return false;
	if (!save_disk_write(&copy->to, to, room->block, MAX(bytes, least)))
		return copier_target_fails(copy);
	page->copied_bytes += bytes;
	copier_moved();
	return true;
}

/*
 * Copies all of a disk. The first block is written last: a copy that was cut off begins with zeros,
 * and cannot be taken for a disk.
 */
static bool copier_copy_full(struct copy *copy)
{
	for (u64 number = 1; number < copy->blocks; number++) {
		if (!copier_copy_block(copy, number, number * BLOCK_BYTES, 0))
			return false;
	}
	return save_disk_flush(&copy->to) ? copier_copy_block(copy, 0, 0, 0)
					  : copier_target_fails(copy);
}

static bool copier_write_numbers(struct copy *copy, u64 first)
{
	if (!save_disk_write(&copy->to, BACKUP_HEADER_BYTES + first * sizeof(u64), room->numbers,
			     sizeof(room->numbers)))
		return copier_target_fails(copy);
	memset(room->numbers, 0, sizeof(room->numbers));
	return true;
}

/*
 * Copies the blocks that have changed. Fails if there are more than were counted before, as the
 * place has no room for them.
 */
static bool copier_copy_diff(struct copy *copy)
{
	u64 done = 0;

	memset(room->numbers, 0, sizeof(room->numbers));
	for (u64 number = 0; number < copy->blocks; number++) {
		if (!copier_is_wanted(copy, number))
			continue;
		if (done == copy->wanted)
			return copier_fails(
				"disk %s: its driver has added to the changes meanwhile",
				copy->name);
		if (!copier_copy_block(copy, number, copy->header.data_at + done * BLOCK_BYTES,
				       BLOCK_BYTES))
			return false;
		room->numbers[done % NUMBER_COUNT] = number;
		done++;
		if (done % NUMBER_COUNT == 0 && !copier_write_numbers(copy, done - NUMBER_COUNT))
			return false;
	}
	copy->header.blocks = done;
	return done % NUMBER_COUNT == 0 ||
	       copier_write_numbers(copy, align_down(done, NUMBER_COUNT));
}

static void copier_count_blocks(struct copy *copy)
{
	copy->blocks = copy->from.bytes / BLOCK_BYTES + (copy->from.bytes % BLOCK_BYTES != 0);
	for (u64 number = 0; number < copy->blocks; number++) {
		if (!copier_is_wanted(copy, number))
			continue;
		copy->wanted++;
		page->all_bytes += copier_bytes_of(copy, number);
	}
	copy->header.disk_bytes = copy->from.bytes;
	copy->header.data_at =
		copy->header.label.kind == BACKUP_DIFF ? backup_data_at(copy->wanted) : 0;
}

/* Checks the place of each copy before anything is written to one of them. */
static bool copier_all_are_fit(void)
{
	for (struct copy *copy = room->copies; copy < room->copies + count; copy++) {
		u64 needed = copy->header.label.kind == BACKUP_DIFF
				     ? backup_diff_bytes(copy->wanted)
				     : backup_full_bytes(copy->from.bytes);

		if (!backup_target_is_fit(&copy->to, needed, &copy->header.label,
					  page->overwrite != 0))
			return copier_target_fails(copy);
		copier_moved();
	}
	return true;
}

static bool copier_copy_all(void)
{
	for (struct copy *copy = room->copies; copy < room->copies + count; copy++) {
		if (!backup_target_wipe(&copy->to))
			return copier_target_fails(copy);
	}
	for (struct copy *copy = room->copies; copy < room->copies + count; copy++) {
		if (!(copy->header.label.kind == BACKUP_DIFF ? copier_copy_diff(copy)
							     : copier_copy_full(copy)))
			return false;
		if (!save_disk_flush(&copy->to))
			return copier_target_fails(copy);
	}
	for (struct copy *copy = room->copies; copy < room->copies + count; copy++) {
		if (!backup_target_confirm(&copy->to, &copy->header))
			return copier_target_fails(copy);
	}
	return true;
}

static const struct start_entry *copier_find_target(u64 number)
{
	const struct start_entry *entry = start_find(START_SAVE);

	while (entry != NULL && entry->value != number)
		entry = start_next(entry);
	return entry;
}

static bool copier_open_one(struct copy *copy, const struct start_entry *entry, handle_t queue)
{
	const struct start_entry *target = copier_find_target(entry->value);
	struct backup_header *header = &copy->header;

	copy->name = entry->name;
	if (target == NULL)
		return copier_fails("disk %s: there is no place for its copy", copy->name);
	if (!save_disk_open_link(&copy->from, &copy->from_client, entry, queue))
		return copier_source_fails(copy);
	if (copy->from.bytes == 0)
		return copier_fails("disk %s: it has no bytes", copy->name);
	if (copy->from.bytes != page->disk_bytes[entry->value])
		return copier_fails("disk %s: its size has changed meanwhile; make a full backup "
				    "of what it is now",
				    copy->name);
	if (!save_disk_open_target(&copy->to, &copy->to_client, target, queue))
		return copier_target_fails(copy);
	header->label = page->label[entry->value];
	header->unix_seconds = page->unix_seconds;
	memcpy(header->vm, target->name, strnlen(target->name, sizeof(header->vm) - 1));
	memcpy(header->disk, entry->name, strnlen(entry->name, sizeof(header->disk) - 1));
	return true;
}

static bool copier_open_all(handle_t queue)
{
	const struct start_entry *changed = start_find(START_STATE);

	for (const struct start_entry *entry = start_find(START_DISK);
	     entry != NULL && count < COPIER_DISK_MAX && entry->value < COPIER_DISK_MAX;
	     entry = start_next(entry)) {
		struct copy *copy = &room->copies[count];

		if (changed != NULL) {
			copy->changed = (const u64 *)(uintptr_t)changed->offset;
			copy->changed_blocks = changed->value * 8;
			changed = start_next(changed);
		}
		if (!copier_open_one(copy, entry, queue))
			return false;
		copier_count_blocks(copy);
		count++;
	}
	return true;
}

NORETURN void copier_run(void)
{
	const struct start_entry *channel = start_find(START_CHANNEL);
	handle_t queue;
	bool copied;
	u64 at;

	if (channel == NULL || sys_queue_create(start_handle(START_GROUP), &queue) != STATUS_OK ||
	    memory_map(align_up(sizeof(*room), PAGE_SIZE), &at) != STATUS_OK)
		rt_fail("start");
	room = (struct copier_room *)(uintptr_t)at;
	page = (struct copier_page *)(uintptr_t)channel->offset;
	copied = copier_open_all(queue) && copier_all_are_fit() && copier_copy_all();
	__atomic_store_n(&page->state, copied ? (u32)COPIER_DONE : (u32)COPIER_FAILED,
			 __ATOMIC_RELEASE);
	sys_process_exit(0);
}
