/* SPDX-License-Identifier: MIT */
/*
 * The process that moves the content of a volume: from a transfer or a disk into the volume, from
 * the volume into a transfer or a disk, into a digest, or by another key into another volume.
 * Called by main.c in its own process. Touches its links to disk drivers, its transfer and the page
 * shared with the manager, and wipes the page of keys; a block passes through its memory at a time.
 */
#include "vmm/monitor/save/carrier.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/io/content_page.h"
#include "vmm/io/disk_changes.h"
#include "vmm/monitor/disk/disk_cipher.h"
#include "vmm/monitor/machine/random.h"
#include "vmm/monitor/save/save_disk.h"
#include "vmm/rt/channel.h"
#include "vmm/rt/crypto/secret.h"
#include "vmm/rt/crypto/sha256.h"
#include "vmm/rt/format.h"
#include "vmm/rt/memory.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"
#include "vmm/rt/transfer.h"
#include "vmm/rt/zero.h"

#define CARRIER_KEY 17u /* the key under which the transfer's signals arrive in the queue */
_Static_assert(SHA256_BYTES == sizeof(((struct content_page *)NULL)->digest), "a digest");

/*
 * The carrier's data, allocated when the carrier runs, as static data would take memory in every
 * monitor.
 */
struct carrier_room {
	struct save_disk disk;
	struct disk_client client;
	struct transfer_end transfer;
	u8 block[BLOCK_REQUEST_BYTES] ALIGNED(8);
	/* the target of a rekey, an export or an import */
	struct save_disk to;
	struct disk_client to_client;
	/* only for a rekey: the blocks that have changed, the keys */
	const u64 *changed; /* a bit for each block; NULL: all of the volume is copied */
	u64 changed_blocks; /* the number of blocks for which `changed` has bits */
	struct disk_keys keys;
	struct disk_cipher old;
	struct disk_cipher new;
	struct disk_secret_header header; /* the target volume's header */
	bool empty;			  /* the volume was never used: it has no header */
	bool too_much;			  /* more blocks have changed than are to be copied */
};
_Static_assert(BLOCK_REQUEST_BYTES % DISK_SECRET_BYTES == 0, "whole blocks");
_Static_assert(BLOCK_REQUEST_BYTES == DISK_CHANGES_BLOCK_BYTES, "a bit for each");

static struct content_page *page;
static struct carrier_room *room;

bool carrier_wanted(void)
{
	return (start_info->parameter[MONITOR_FLAGS] & MONITOR_CARRIER) != 0;
}

static bool carrier_fails(const char *pattern, ...) PRINTF_LIKE(1, 2);
static bool carrier_fails(const char *pattern, ...)
{
	va_list arguments;

	va_start(arguments, pattern);
	format_va(page->problem, sizeof(page->problem), pattern, arguments);
	va_end(arguments);
	return false;
}

/*
 * Returns the bytes of the block to be moved at offset `at`, at most `left`: no block crosses a
 * multiple of a request's size.
 */
static u32 carrier_block_bytes(u64 at, u64 left)
{
	return (u32)MIN(left, BLOCK_REQUEST_BYTES - at % BLOCK_REQUEST_BYTES);
}

static u32 carrier_sectors_of(u32 bytes)
{
	return (u32)align_up(bytes, BLOCK_SECTOR_BYTES);
}

static void carrier_moved(u32 bytes)
{
	__atomic_store_n(&page->moved, page->moved + bytes, __ATOMIC_RELEASE);
}

/* Takes a block from the transfer, and fills the last sector up with zeros. */
static bool carrier_take_block(u32 bytes, u64 before)
{
	u32 taken;

	if (!transfer_read(&room->transfer, room->block, bytes, &taken))
		return carrier_fails("%s", room->transfer.problem);
	if (taken < bytes)
		return carrier_fails("the stream ended after %llu bytes, but %llu were announced",
				     (unsigned long long)before + taken,
				     (unsigned long long)page->bytes);
	memset(room->block + bytes, 0, carrier_sectors_of(bytes) - bytes);
	return true;
}

/* Checks that the transfer has no more bytes than were announced. */
static bool carrier_check_end(void)
{
	u32 more;

	if (!transfer_read(&room->transfer, room->block, 1, &more))
		return carrier_fails("%s", room->transfer.problem);
	return more == 0 ? true
			 : carrier_fails("more than the %llu bytes came that were announced",
					 (unsigned long long)page->bytes);
}

static bool carrier_write(u64 from, u64 bytes)
{
	u64 done = 0;

	while (done < bytes) {
		u32 some = carrier_block_bytes(from + done, bytes - done);

		if (!carrier_take_block(some, done))
			return false;
		if (!save_disk_write(&room->disk, from + done, room->block,
				     carrier_sectors_of(some)))
			return carrier_fails("%s", room->disk.problem);
		done += some;
		carrier_moved(some);
	}
	if (!carrier_check_end())
		return false;
	return save_disk_flush(&room->disk) ? true : carrier_fails("%s", room->disk.problem);
}

static bool carrier_load_block(u64 at, u32 bytes)
{
	return save_disk_read(&room->disk, at, room->block, carrier_sectors_of(bytes))
		       ? true
		       : carrier_fails("%s", room->disk.problem);
}

static bool carrier_read(u64 from, u64 bytes)
{
	u64 done = 0;

	while (done < bytes) {
		u32 some = carrier_block_bytes(from + done, bytes - done);

		if (!carrier_load_block(from + done, some))
			return false;
		if (!transfer_write(&room->transfer, room->block, some))
			return carrier_fails("%s", room->transfer.problem);
		done += some;
		carrier_moved(some);
	}
	return transfer_finish(&room->transfer) ? true
						: carrier_fails("%s", room->transfer.problem);
}

static bool carrier_digest(u64 from, u64 bytes)
{
	struct sha256_state sum = sha256_initial;
	u64 done = 0;
	u32 some = 0;

	do {
		done += some;
		some = carrier_block_bytes(from + done, bytes - done);
		if (some != 0 && !carrier_load_block(from + done, some))
			return false;
		for (u32 i = 0; done + some < bytes && i < some; i += SHA256_BLOCK_BYTES)
			sha256_block(&sum, room->block + i);
		carrier_moved(some);
	} while (done + some < bytes);
	for (; some >= SHA256_BLOCK_BYTES; some -= SHA256_BLOCK_BYTES, done += SHA256_BLOCK_BYTES) {
		sha256_block(&sum, room->block);
		memmove(room->block, room->block + SHA256_BLOCK_BYTES, some - SHA256_BLOCK_BYTES);
	}
	sha256_finish(sum, done, room->block, some, page->digest);
	return true;
}

/*
 * Reads the header that a round before has written to the other volume into `header`, or makes one
 * there with a salt of its own.
 */
static bool carrier_rekey_new_header(struct disk_secret_header *header)
{
	u8 salt[DISK_SECRET_SALT_BYTES];

	if (room->changed != NULL)
		return save_disk_read(&room->to, 0, header, sizeof(*header))
			       ? true
			       : carrier_fails("%s", room->to.problem);
	random_init();
	random_draw(salt, sizeof(salt));
	disk_cipher_make_header(room->keys.disk[CONTENT_KEY_NEW].key, salt, header);
	return true;
}

/*
 * Opens the ciphers of both keys by the headers of the volumes; `room->header` is then that of the
 * target volume. A volume that was never used has no header, and room->empty means that it must
 * hold nothing but zeros.
 */
static bool carrier_rekey_open(void)
{
	struct disk_secret_header *header = &room->header;
	const char *problem;

	if (!save_disk_read(&room->disk, 0, header, sizeof(*header)))
		return carrier_fails("%s", room->disk.problem);
	room->empty = is_zero((const u8 *)header, sizeof(*header));
	if (room->empty)
		return true;
	if (!disk_cipher_is_header(header))
		return carrier_fails("it begins with something that is not encrypted");
	problem = disk_cipher_open(&room->old, room->keys.disk[CONTENT_KEY_OLD].key, header);
	if (problem != NULL)
		return carrier_fails("%s", problem);
	if (!carrier_rekey_new_header(header))
		return false;
	problem = disk_cipher_open(&room->new, room->keys.disk[CONTENT_KEY_NEW].key, header);
	return problem == NULL ? true : carrier_fails("%s", problem);
}

/*
 * Encrypts a block of the volume by the new key, in place; a block that was never written stays
 * zeros.
 */
static void carrier_rekey_block(u8 *block, u64 sector)
{
	if (is_zero(block, DISK_SECRET_BYTES))
		return;
	memcpy(room->old.block, block, DISK_SECRET_BYTES);
	disk_cipher_decrypt(&room->old, sector);
	memcpy(room->new.block, room->old.block, DISK_SECRET_BYTES);
	disk_cipher_encrypt(&room->new, sector);
	memcpy(block, room->new.block, DISK_SECRET_BYTES);
}

static bool carrier_rekey_piece(u64 at, u32 bytes)
{
	u32 done = 0;

	if (!carrier_load_block(at, bytes))
		return false;
	if (is_zero(room->block, bytes) && room->changed == NULL)
		return true; /* the target volume holds zeros there already */
	if (room->empty)
		return carrier_fails("it has no header, but holds something");
	if (at == 0) {
		memcpy(room->block, &room->header, sizeof(room->header));
		done = DISK_SECRET_BYTES;
	}
	for (; done < bytes; done += DISK_SECRET_BYTES)
		carrier_rekey_block(room->block + done,
				    (at + done - DISK_SECRET_BYTES) / BLOCK_SECTOR_BYTES);
	if (!save_disk_write(&room->to, at, room->block, bytes))
		return carrier_fails("%s", room->to.problem);
	return true;
}

/*
 * Returns whether the block at offset `at` is to be copied. A driver may write to the list, so it
 * may change between two reads: the copy is then as wrong as that driver's data are anyway.
 */
static bool carrier_rekey_is_wanted(u64 at)
{
	u64 number = at / DISK_CHANGES_BLOCK_BYTES;

	return room->changed == NULL || number >= room->changed_blocks ||
	       (__atomic_load_n(&room->changed[number / 64], __ATOMIC_RELAXED) >> number % 64 &
		1) != 0;
}

/* Returns how many bytes of the first `bytes` are to be copied. */
static u64 carrier_rekey_count(u64 bytes)
{
	u64 wanted = 0;

	for (u64 at = 0; at < bytes; at += BLOCK_REQUEST_BYTES)
		wanted += carrier_rekey_is_wanted(at) ? carrier_block_bytes(at, bytes - at) : 0;
	return wanted;
}

static bool carrier_rekey(u64 bytes)
{
	const struct start_entry *changed = start_find(START_STATE);

	if (changed != NULL) {
		room->changed = (const u64 *)(uintptr_t)changed->offset;
		room->changed_blocks = changed->value * 8;
	}
	if (page->most != 0 && carrier_rekey_count(bytes) > page->most) {
		room->too_much = true;
		return false;
	}
	if (!carrier_rekey_open())
		return false;
	for (u64 done = 0; done < bytes;) {
		u32 some = carrier_block_bytes(done, bytes - done);

		if (carrier_rekey_is_wanted(done)) {
			if (!carrier_rekey_piece(done, some))
				return false;
			carrier_moved(some);
		}
		done += some;
	}
	return save_disk_flush(&room->to) ? true : carrier_fails("%s", room->to.problem);
}

/*
 * Copies the source unchanged. A volume that is made of a disk holds zeros already, so zeros take
 * no space of its store.
 */
static bool carrier_copy(u64 bytes)
{
	bool sparse = page->operation == CONTENT_IMPORT;

	for (u64 done = 0; done < bytes;) {
		u32 some = carrier_block_bytes(done, bytes - done);

		if (!carrier_load_block(done, some))
			return false;
		if (!(sparse && is_zero(room->block, some)) &&
		    !save_disk_write(&room->to, done, room->block, carrier_sectors_of(some)))
			return carrier_fails("%s", room->to.problem);
		done += some;
		carrier_moved(some);
	}
	return save_disk_flush(&room->to) ? true : carrier_fails("%s", room->to.problem);
}

/* Opens the target of an export or an import, which must have room for all of the source. */
static bool carrier_open_copy(const struct start_entry *to, handle_t queue)
{
	if (to == NULL)
		return carrier_fails("it was given nothing to write to");
	if (!save_disk_open_target(&room->to, &room->to_client, to, queue))
		return carrier_fails("%s", room->to.problem);
	if (room->disk.bytes < page->bytes || room->to.bytes < page->bytes)
		return carrier_fails(
			"it takes %llu bytes, and there are %llu to read and %llu to write",
			(unsigned long long)page->bytes, (unsigned long long)room->disk.bytes,
			(unsigned long long)room->to.bytes);
	return true;
}

/* For a rekey, opens the volume that gets the content, and takes the old and the new key. */
static bool carrier_open_rekey(const struct start_entry *to, handle_t queue)
{
	const struct start_entry *entry = start_find(START_DISK_FILE);
	struct disk_keys *keys;

	if (entry == NULL || to == NULL)
		return carrier_fails("it was given no key, or no other volume");
	keys = (struct disk_keys *)(uintptr_t)entry->offset;
	room->keys = *keys;
	secret_forget(keys, sizeof(*keys));
	if (!save_disk_open_target(&room->to, &room->to_client, to, queue))
		return carrier_fails("%s", room->to.problem);
	if (room->disk.bytes % DISK_SECRET_BYTES != 0 || room->to.bytes < room->disk.bytes)
		return carrier_fails("its size is not what it was");
	return true;
}

static bool carrier_open(handle_t queue)
{
	const struct start_entry *disk = start_find(START_DISK);
	const struct start_entry *ring = start_find(START_SAVE);

	if (disk == NULL || !save_disk_open_link(&room->disk, &room->client, disk, queue))
		return carrier_fails("%s", room->disk.problem);
	if (page->operation == CONTENT_DIGEST)
		return true;
	if (page->operation == CONTENT_REKEY)
		return carrier_open_rekey(ring, queue);
	if (page->operation == CONTENT_EXPORT || page->operation == CONTENT_IMPORT)
		return carrier_open_copy(ring, queue);
	if (ring == NULL)
		return carrier_fails("it was given no stream");
	room->transfer = (struct transfer_end){
		.ring = (struct transfer_ring *)(uintptr_t)ring->offset,
		.queue = queue,
		.doorbell = start_handle(START_CHANNEL_OUT),
	};
	return sys_object_bind(start_handle(START_CHANNEL_IN), queue, CARRIER_KEY) == STATUS_OK
		       ? true
		       : carrier_fails("no signal of the manager can be received");
}

static bool carrier_carry(void)
{
	switch (page->operation) {
	case CONTENT_WRITE:
		return carrier_write(page->from, page->bytes);
	case CONTENT_READ:
		return carrier_read(page->from, page->bytes);
	case CONTENT_REKEY:
		return carrier_rekey(page->bytes);
	case CONTENT_EXPORT:
	case CONTENT_IMPORT:
		return carrier_copy(page->bytes);
	default:
		return carrier_digest(page->from, page->bytes);
	}
}

NORETURN void carrier_run(void)
{
	const struct start_entry *channel = start_find(START_CHANNEL);
	bool carried;
	handle_t queue;
	u64 at;

	if (channel == NULL || sys_queue_create(start_handle(START_GROUP), &queue) != STATUS_OK ||
	    memory_map(align_up(sizeof(*room), PAGE_SIZE), &at) != STATUS_OK)
		rt_fail("start");
	room = (struct carrier_room *)(uintptr_t)at;
	page = (struct content_page *)(uintptr_t)channel->offset;
	carried = carrier_open(queue) && carrier_carry();
	secret_forget(&room->keys, sizeof(room->keys));
	__atomic_store_n(&page->state,
			 carried	  ? (u32)CONTENT_DONE
			 : room->too_much ? (u32)CONTENT_TOO_MUCH
					  : (u32)CONTENT_FAILED,
			 __ATOMIC_RELEASE);
	sys_process_exit(0);
}
