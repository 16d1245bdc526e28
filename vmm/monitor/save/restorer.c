/* SPDX-License-Identifier: MIT */
/*
 * The process that writes a chain of backups to a disk: first the full one, then each differential
 * one. Called by main.c in its own process. Writes nothing before the whole chain has been checked,
 * and the first block last: a half-restored disk begins with zeros, and cannot be mistaken for a
 * disk.
 */
#include "vmm/monitor/save/restorer.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/io/restorer_page.h"
#include "vmm/monitor/save/backup_header.h"
#include "vmm/rt/channel.h"
#include "vmm/rt/format.h"
#include "vmm/rt/memory.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

#define BLOCK_BYTES BACKUP_BLOCK_BYTES
_Static_assert(BLOCK_BYTES <= BLOCK_REQUEST_BYTES, "one request");
#define NUMBER_COUNT (BACKUP_HEADER_BYTES / sizeof(u64))

/* The disk to be restored, or the place of one backup of the chain. */
struct source {
	const char *name;
	struct save_disk disk;
	struct disk_client client;
	struct backup_header header;
};

/*
 * The restorer's data, allocated when the restorer runs, as static data would take memory in every
 * monitor.
 */
struct restorer_room {
	struct source sources[BACKUP_CHAIN_MAX];
	struct save_disk to;
	struct disk_client to_client;
	u8 first[BLOCK_BYTES] ALIGNED(8); /* the final content of the disk's first block */
	u8 block[BLOCK_BYTES] ALIGNED(8);
	/* the piece of a differential backup's list of block numbers that was read last */
	u64 numbers[NUMBER_COUNT];
};

static struct restorer_page *page;
static struct restorer_room *room;
static u32 count;
static u64 disk_bytes; /* the size in bytes of the disk that is restored */

bool restorer_wanted(void)
{
	return (start_info->parameter[MONITOR_FLAGS] & MONITOR_RESTORER) != 0;
}

static bool restorer_fails(const char *pattern, ...) PRINTF_LIKE(1, 2);
static bool restorer_fails(const char *pattern, ...)
{
	va_list arguments;

	va_start(arguments, pattern);
	format_va(page->problem, sizeof(page->problem), pattern, arguments);
	va_end(arguments);
	return false;
}

static bool restorer_source_fails(const struct source *source, const char *why)
{
	return restorer_fails("the backup on disk %s: %s", source->name, why);
}

static bool restorer_target_fails(void)
{
	return restorer_fails("%s", room->to.problem);
}

static u64 restorer_blocks_of(u64 bytes)
{
	return bytes / BLOCK_BYTES + (bytes % BLOCK_BYTES != 0);
}

static bool restorer_is_full(const struct source *source)
{
	return source == room->sources;
}

/* Checks a backup's header: which backup it is, and that all of it is there. */
static bool restorer_check_header(struct source *source)
{
	struct backup_header *header = &source->header;
	u64 at = restorer_is_full(source) ? backup_tail_at(&source->disk) : 0;
	bool is_one;

	if (source->disk.bytes < (u64)(2 * BACKUP_HEADER_BYTES))
		return restorer_source_fails(source, "the disk is too small for a backup");
	if (!backup_header_read(&source->disk, at, header, &is_one))
		return restorer_source_fails(source, source->disk.problem);
	if (!is_one ||
	    header->label.kind != (u32)(restorer_is_full(source) ? BACKUP_FULL : BACKUP_DIFF))
		return restorer_source_fails(
			source, restorer_is_full(source)
					? "it is no full backup; name a whole full one first"
					: "it is no differential backup; name whole ones behind "
					  "the full one");
	if (header->disk_bytes == 0 || header->disk_bytes % BLOCK_SECTOR_BYTES != 0)
		return restorer_source_fails(source, "its header makes no sense");
	return true;
}

static bool restorer_check_full(const struct source *source)
{
	u64 bytes = source->header.disk_bytes;

	disk_bytes = bytes;
	if (bytes > source->disk.bytes || backup_full_bytes(bytes) > source->disk.bytes)
		return restorer_source_fails(source, "the disk ends before the backup does");
	if (bytes > room->to.bytes)
		return restorer_fails(
			"the disk has %llu KiB, but the backup needs at least %llu KiB",
			(unsigned long long)(room->to.bytes / KIB),
			(unsigned long long)(bytes / KIB));
	return true;
}

/* Checks that a differential backup follows the backup before it in the chain. */
static bool restorer_check_follows(const struct source *source)
{
	const struct backup_label *label = &source->header.label;
	const struct backup_label *before = &source[-1].header.label;

	return (memcmp(label->chain, before->chain, sizeof(label->chain)) == 0 &&
		memcmp(label->base, before->id, sizeof(label->base)) == 0 &&
		source->header.disk_bytes == disk_bytes)
		       ? true
		       : restorer_source_fails(source, "it does not follow the one before it; name "
						       "one chain, in its order");
}

static bool restorer_check_room(const struct source *source)
{
	const struct backup_header *header = &source->header;

	if (header->blocks <= restorer_blocks_of(disk_bytes) &&
	    header->data_at <= source->disk.bytes &&
	    is_aligned(header->data_at, BACKUP_HEADER_BYTES) &&
	    header->data_at >= backup_data_at(header->blocks) &&
	    header->blocks * BLOCK_BYTES <= source->disk.bytes - header->data_at)
		return true;
	return restorer_source_fails(source, "the disk ends before the backup does");
}

/*
 * Reads entry number `index` of a backup's list of block numbers. The backup's place may return
 * another number the next time.
 */
static bool restorer_read_number(struct source *source, u64 index, u64 *number)
{
	u64 at = BACKUP_HEADER_BYTES + align_down(index * sizeof(u64), BACKUP_HEADER_BYTES);

	if (index % NUMBER_COUNT == 0 &&
	    !save_disk_read(&source->disk, at, room->numbers, sizeof(room->numbers)))
		return restorer_source_fails(source, source->disk.problem);
	*number = room->numbers[index % NUMBER_COUNT];
	return *number < restorer_blocks_of(disk_bytes)
		       ? true
		       : restorer_source_fails(source, "it has a block beyond the disk's end");
}

/* Returns the size of block `number` in bytes; the disk's last one may be shorter. */
static u32 restorer_bytes_of(u64 number)
{
	return (u32)MIN(disk_bytes - number * BLOCK_BYTES, (u64)BLOCK_BYTES);
}

static bool restorer_check_numbers(struct source *source)
{
	u64 number;

	for (u64 i = 0; i < source->header.blocks; i++) {
		if (!restorer_read_number(source, i, &number))
			return false;
		page->all_bytes += restorer_bytes_of(number);
	}
	return true;
}

static bool restorer_check_all(void)
{
	for (struct source *source = room->sources; source < room->sources + count; source++) {
		if (!restorer_check_header(source))
			return false;
		if (restorer_is_full(source)
			    ? !restorer_check_full(source)
			    : !restorer_check_follows(source) || !restorer_check_room(source) ||
				      !restorer_check_numbers(source))
			return false;
		if (restorer_is_full(source))
			page->all_bytes += disk_bytes;
		page->moved++;
	}
	return true;
}

static bool restorer_write_block(u64 number, const u8 *from)
{
	return save_disk_write(&room->to, number * BLOCK_BYTES, from, restorer_bytes_of(number))
		       ? true
		       : restorer_target_fails();
}

static bool restorer_copy_block(struct source *source, u64 at, u64 number)
{
	u8 *to = number == 0 ? room->first : room->block;

	if (!save_disk_read(&source->disk, at, to, restorer_bytes_of(number)))
		return restorer_source_fails(source, source->disk.problem);
	if (number != 0 && !restorer_write_block(number, to))
		return false;
	page->copied_bytes += restorer_bytes_of(number);
	__atomic_store_n(&page->moved, page->moved + 1, __ATOMIC_RELEASE);
	return true;
}

static bool restorer_copy_full(struct source *source)
{
	for (u64 number = 0; number < restorer_blocks_of(disk_bytes); number++) {
		if (!restorer_copy_block(source, number * BLOCK_BYTES, number))
			return false;
	}
	return true;
}

static bool restorer_copy_diff(struct source *source)
{
	u64 number;

	for (u64 i = 0; i < source->header.blocks; i++) {
		if (!restorer_read_number(source, i, &number) ||
		    !restorer_copy_block(source, source->header.data_at + i * BLOCK_BYTES, number))
			return false;
	}
	return true;
}

static bool restorer_flush(void)
{
	return save_disk_flush(&room->to) ? true : restorer_target_fails();
}

static bool restorer_restore(void)
{
	page->touched = 1;
	/* `first` is zeros now: an interrupted restore leaves a disk that begins with zeros */
	if (!restorer_write_block(0, room->first) || !restorer_flush())
		return false;
	for (struct source *source = room->sources; source < room->sources + count; source++) {
		if (!(restorer_is_full(source) ? restorer_copy_full(source)
					       : restorer_copy_diff(source)))
			return false;
	}
	return restorer_flush() && restorer_write_block(0, room->first) && restorer_flush();
}

static bool restorer_open_all(handle_t queue)
{
	const struct start_entry *entry = start_find(START_DISK);

	if (entry == NULL || !save_disk_open_link(&room->to, &room->to_client, entry, queue))
		return restorer_target_fails();
	for (entry = start_find(START_SAVE); entry != NULL && count < BACKUP_CHAIN_MAX;
	     entry = start_next(entry)) {
		struct source *source = &room->sources[count++];

		source->name = entry->name;
		if (!save_disk_open_target(&source->disk, &source->client, entry, queue))
			return restorer_source_fails(source, source->disk.problem);
	}
	return count != 0 ? true : restorer_fails("there is no backup");
}

/*
 * Shows the manager the names of VM and disk and the time from the header of the chain's last
 * backup.
 */
static void restorer_say_what(void)
{
	const struct backup_header *header = &room->sources[count - 1].header;

	memcpy(page->vm, header->vm, sizeof(page->vm));
	memcpy(page->disk, header->disk, sizeof(page->disk));
	page->unix_seconds = header->unix_seconds;
}

NORETURN void restorer_run(void)
{
	const struct start_entry *channel = start_find(START_CHANNEL);
	bool restored;
	handle_t queue;
	u64 at;

	if (channel == NULL || sys_queue_create(start_handle(START_GROUP), &queue) != STATUS_OK ||
	    memory_map(align_up(sizeof(*room), PAGE_SIZE), &at) != STATUS_OK)
		rt_fail("start");
	room = (struct restorer_room *)(uintptr_t)at;
	page = (struct restorer_page *)(uintptr_t)channel->offset;
	restored = restorer_open_all(queue) && restorer_check_all();
	if (restored) {
		restorer_say_what();
		restored = restorer_restore();
	}
	__atomic_store_n(&page->state, restored ? (u32)RESTORER_DONE : (u32)RESTORER_FAILED,
			 __ATOMIC_RELEASE);
	sys_process_exit(0);
}
