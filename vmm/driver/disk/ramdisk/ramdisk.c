/* SPDX-License-Identifier: MIT */
/*
 * The driver of a disk in memory, which is empty at first or holds a file of the boot bundle under
 * a volatile overlay. Linked with the common part of the disk drivers. All writes go to memory that
 * outlives this process; a piece (a page) that was never written is read from the file.
 */
#include "kernel/abi/start.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/driver/disk/core/device.h"
#include "vmm/rt/format.h"
#include "vmm/rt/start.h"

#define PIECE_BYTES PAGE_SIZE

/*
 * Memory for the overlay of some pieces of the disk; each growth of the disk adds one such store.
 */
struct store {
	u64 first; /* the number of the store's first piece */
	u64 pieces;
	u8 *overlay;
	u64 *written; /* a bit for each piece of the store that has been written to the overlay */
};

static struct store stores[DRIVER_STORE_MAX];
static u32 store_count;
static const u8 *file;
static u64 file_bytes;
static u64 disk_bytes;

static const struct store *ramdisk_store_of(u64 piece)
{
	const struct store *store = stores;

	while (piece >= store->first + store->pieces)
		store++;
	return store;
}

static bool ramdisk_is_written(u64 piece)
{
	const struct store *store = ramdisk_store_of(piece);
	u64 index = piece - store->first;

	return (store->written[index / 64] & BIT(index % 64)) != 0;
}

/* Returns the address in the overlay of the disk's byte `at`. */
static u8 *ramdisk_place(u64 at)
{
	const struct store *store = ramdisk_store_of(at / PIECE_BYTES);

	return store->overlay + (at - store->first * PIECE_BYTES);
}

/* Copies the disk's original content from byte `at` on, as it was before the first write there. */
static void ramdisk_read_original(u8 *to, u64 at, u64 bytes)
{
	u64 there = at < file_bytes ? MIN(bytes, file_bytes - at) : 0;

	if (there != 0)
		memcpy(to, file + at, there);
	memset(to + there, 0, bytes - there);
}

static void ramdisk_read_bytes(u8 *to, u64 at, u64 bytes)
{
	while (bytes != 0) {
		u64 step = MIN(bytes, PIECE_BYTES - at % PIECE_BYTES);

		if (ramdisk_is_written(at / PIECE_BYTES))
			memcpy(to, ramdisk_place(at), step);
		else
			ramdisk_read_original(to, at, step);
		to += step;
		at += step;
		bytes -= step;
	}
}

/*
 * Prepares a piece of the overlay for a write; `whole` means that the write covers all of the
 * piece. Whenever this process dies, all answered writes are in the overlay; the client repeats the
 * others.
 */
static void ramdisk_prepare(u64 piece, bool whole)
{
	u64 at = piece * PIECE_BYTES;
	const struct store *store = ramdisk_store_of(piece);
	u64 index = piece - store->first;

	if (!ramdisk_is_written(piece) && !whole)
		ramdisk_read_original(ramdisk_place(at), at, MIN(PIECE_BYTES, disk_bytes - at));
	__atomic_fetch_or(&store->written[index / 64], BIT(index % 64), __ATOMIC_RELEASE);
}

static void ramdisk_write_bytes(u64 at, const u8 *from, u64 bytes)
{
	while (bytes != 0) {
		u64 piece = at / PIECE_BYTES;
		u64 step = MIN(bytes, PIECE_BYTES - at % PIECE_BYTES);

		ramdisk_prepare(piece, step == PIECE_BYTES);
		memcpy(ramdisk_place(at), from, step);
		from += step;
		at += step;
		bytes -= step;
	}
}

static void ramdisk_zero_bytes(u64 at, u64 bytes)
{
	while (bytes != 0) {
		u64 piece = at / PIECE_BYTES;
		u64 step = MIN(bytes, PIECE_BYTES - at % PIECE_BYTES);

		/*
		 * a piece that was never written is zero behind the end of the file, and takes no
		 * memory
		 */
		if (ramdisk_is_written(piece) || piece * PIECE_BYTES < file_bytes) {
			ramdisk_prepare(piece, step == PIECE_BYTES);
			memset(ramdisk_place(at), 0, step);
		}
		at += step;
		bytes -= step;
	}
}

/*
 * Adds `bytes` bytes of memory as the store of the next pieces, as many as fit. Returns the number
 * of pieces of all stores.
 */
static u64 ramdisk_add_store(u8 *memory, u64 bytes)
{
	struct store *store = &stores[store_count];
	u64 first = store_count != 0 ? store[-1].first + store[-1].pieces : 0;
	u64 pieces = bytes / PIECE_BYTES;

	while (pieces != 0 && disk_channel_store_bytes(pieces) > bytes)
		pieces--;
	*store = (struct store){.first = first,
				.pieces = pieces,
				.overlay = memory,
				.written = (u64 *)(uintptr_t)(memory + pieces * PIECE_BYTES)};
	store_count++;
	return first + pieces;
}

static u64 ramdisk_add_stores(void)
{
	const struct start_entry *entry = start_next(start_find(START_DMA));
	struct driver_dma first = driver_dma();
	u64 pieces = ramdisk_add_store(first.memory, first.pages * PAGE_SIZE);

	for (; entry != NULL && store_count < DRIVER_STORE_MAX; entry = start_next(entry))
		pieces = ramdisk_add_store((u8 *)(uintptr_t)entry->offset, entry->value);
	return pieces;
}

static bool ramdisk_start(struct driver_disk *disk, char *problem, size_t size)
{
	const struct start_entry *entry = start_find(START_DISK_FILE);

	if (entry != NULL) {
		file = (const u8 *)(uintptr_t)entry->offset;
		file_bytes = entry->value;
	}
	disk_bytes = MAX(start_info->parameter[DRIVER_DISK_BYTES], file_bytes);
	disk_bytes = align_up(disk_bytes, BLOCK_SECTOR_BYTES);
	if (ramdisk_add_stores() * PIECE_BYTES < disk_bytes) {
		format(problem, size, "no memory for a disk of %lu bytes", disk_bytes);
		return false;
	}
	disk->sectors = disk_bytes / BLOCK_SECTOR_BYTES;
	disk->features = DISK_DISCARD | DISK_WRITE_ZEROES;
	string_copy(disk->model, sizeof(disk->model), file != NULL ? "image in memory" : "memory");
	return true;
}

static bool ramdisk_submit(struct driver_request *request)
{
	u64 at = request->sector * BLOCK_SECTOR_BYTES;
	u64 bytes = (u64)request->sectors * BLOCK_SECTOR_BYTES;

	switch (request->operation) {
	case BLOCK_READ:
		ramdisk_read_bytes(request->data, at, bytes);
		break;
	case BLOCK_WRITE:
		ramdisk_write_bytes(at, request->data, bytes);
		break;
	case BLOCK_DISCARD:
	case BLOCK_WRITE_ZEROES:
		ramdisk_zero_bytes(at, bytes);
		break;
	case BLOCK_FLUSH:
	case BLOCK_OPERATION_COUNT:
		break;
	}
	request_finish(request, BLOCK_OK);
	return true;
}

static void ramdisk_poll(void)
{
}

const struct driver_ops driver_ops = {
	.start = ramdisk_start, .submit = ramdisk_submit, .poll = ramdisk_poll};
