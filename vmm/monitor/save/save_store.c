/* SPDX-License-Identifier: MIT */
/*
 * The place of a saved VM: a disk, or a transfer through the manager. Called by saver.c and
 * restore.c; seals and checks records through stream.c.
 */
#include "vmm/monitor/save/save_store.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/rt/channel.h"
#include "vmm/rt/format.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

#define TRANSFER_KEY 17u /* the key under which the transfer's signals arrive in the queue */

static u8 block[STREAM_BLOCK_BYTES];

static bool save_store_fails(struct save_store *store, const char *pattern, ...) PRINTF_LIKE(2, 3);
static bool save_store_fails(struct save_store *store, const char *pattern, ...)
{
	va_list arguments;

	va_start(arguments, pattern);
	format_va(store->problem, sizeof(store->problem), pattern, arguments);
	va_end(arguments);
	return false;
}

/* Unless `worked`, copies the problem's text from the disk or the transfer; returns `worked`. */
static bool save_store_as(struct save_store *store, bool worked)
{
	return worked ? true
		      : save_store_fails(store, "%s",
					 store->transfers ? store->transfer.problem
							  : store->disk.problem);
}

bool save_store_open(struct save_store *store, handle_t queue)
{
	const struct start_entry *entry = start_find(START_SAVE);

	store->transfers = (start_info->parameter[MONITOR_FLAGS] & MONITOR_TRANSFER) != 0;
	store->at = STREAM_BLOCK_BYTES;
	if (!store->transfers)
		return save_store_as(store, save_disk_open(&store->disk, queue));
	if (entry == NULL)
		return save_store_fails(store, "it was given no stream");
	store->transfer = (struct transfer_end){
		.ring = (struct transfer_ring *)(uintptr_t)entry->offset,
		.queue = queue,
		.doorbell = start_handle(START_CHANNEL_OUT),
	};
	/*
	 * a monitor has bound this event to the same queue already: then the call changes nothing,
	 * and signals arrive there all the same
	 */
	(void)!sys_object_bind(start_handle(START_CHANNEL_IN), queue, TRANSFER_KEY);
	return true;
}

bool save_store_fits(struct save_store *store, u64 bytes, bool overwrite)
{
	if (store->transfers)
		return true;
	if (store->disk.bytes < bytes)
		return save_store_fails(
			store, "the disk has %llu KiB, but the save takes at least %llu KiB",
			(unsigned long long)(store->disk.bytes / KIB),
			(unsigned long long)(bytes / KIB));
	if (!save_disk_read(&store->disk, 0, block, sizeof(block)))
		return save_store_as(store, false);
	if (!overwrite && !stream_may_overwrite(block))
		return save_store_fails(store,
					"the disk holds something else; use an empty one or one "
					"with a save, or write `overwrite` behind its name");
	return true;
}

static void save_store_fill_block(const struct stream_header *header)
{
	memset(block, 0, sizeof(block));
	if (header != NULL)
		memcpy(block, header, sizeof(*header));
}

/*
 * Writes the save's header, or zeros if it is NULL. The header comes at the end: until then the
 * disk holds no save, neither this save nor an earlier one.
 */
static bool save_store_put_header(struct save_store *store, const struct stream_header *header)
{
	save_store_fill_block(header);
	return save_store_as(store,
			     save_disk_flush(&store->disk) &&
				     save_disk_write(&store->disk, 0, block, sizeof(block)) &&
				     save_disk_flush(&store->disk));
}

bool save_store_begin(struct save_store *store, const struct stream_header *header)
{
	if (!store->transfers)
		return save_store_put_header(store, NULL);
	save_store_fill_block(header);
	return save_store_as(store, transfer_write(&store->transfer, block, sizeof(block)));
}

bool save_store_write(struct save_store *store, const void *record, u32 bytes)
{
	bool written = store->transfers ? transfer_write(&store->transfer, record, bytes)
					: save_disk_write(&store->disk, store->at, record, bytes);

	store->at += bytes;
	return save_store_as(store, written);
}

void save_store_works(struct save_store *store)
{
	if (store->transfers)
		transfer_works(&store->transfer);
}

bool save_store_complete(struct save_store *store, const struct stream_header *header)
{
	return store->transfers ? save_store_as(store, transfer_finish(&store->transfer))
				: save_store_put_header(store, header);
}

bool save_store_read_header(struct save_store *store, void *to)
{
	u32 count = 0;

	if (!store->transfers)
		return save_store_as(store,
				     save_disk_read(&store->disk, 0, to, STREAM_BLOCK_BYTES));
	memset(to, 0, STREAM_BLOCK_BYTES);
	return save_store_as(store,
			     transfer_read(&store->transfer, to, STREAM_BLOCK_BYTES, &count));
}

/*
 * Reads the save's next record. The record's first block contains the number of blocks behind it;
 * an invalid length is refused later.
 */
static bool save_store_take_record(struct save_store *store, struct stream_record *record,
				   u32 *count)
{
	u8 *bytes = (u8 *)record;
	u32 more = 0;

	if (!save_store_as(store,
			   transfer_read(&store->transfer, bytes, STREAM_BLOCK_BYTES, count)))
		return false;
	if (*count < STREAM_BLOCK_BYTES || record->length > STREAM_BODY_MAX)
		return true;
	if (!save_store_as(store,
			   transfer_read(&store->transfer, bytes + STREAM_BLOCK_BYTES,
					 stream_record_bytes(record->length) - STREAM_BLOCK_BYTES,
					 &more)))
		return false;
	*count += more;
	return true;
}

bool save_store_read(struct save_store *store, struct stream_record *record, u32 *count)
{
	u64 left = store->disk.bytes > store->at ? store->disk.bytes - store->at : 0;

	if (store->transfers)
		return save_store_take_record(store, record, count);
	*count = (u32)MIN(left & ~(u64)(STREAM_BLOCK_BYTES - 1), STREAM_RECORD_LIMIT);
	return *count == 0 ||
	       save_store_as(store, save_disk_read(&store->disk, store->at, record, *count));
}

void save_store_pass(struct save_store *store, u32 bytes)
{
	store->at += bytes;
}

bool save_store_ends(struct save_store *store)
{
	u32 count = 0;

	if (!store->transfers)
		return true;
	if (!save_store_as(store, transfer_read(&store->transfer, block, 1, &count)))
		return false;
	return count == 0 ? true
			  : save_store_fails(
				    store,
				    "there are bytes behind the last record, where none belong");
}
