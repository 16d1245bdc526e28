/* SPDX-License-Identifier: MIT */
/*
 * The process that writes the state and RAM of a VM, which its monitor holds meanwhile (no vCPU
 * runs), to a disk or into a transfer. Called by main.c in its own process; reads RAM and state,
 * and reports progress in the channel.
 */
#include "vmm/monitor/save/saver.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/monitor/save/digest.h"
#include "vmm/monitor/save/disk_sum.h"
#include "vmm/monitor/save/save_store.h"
#include "vmm/rt/channel.h"
#include "vmm/rt/crypto/secret.h"
#include "vmm/rt/format.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"
#include "vmm/rt/zero.h"

static struct {
	struct vm_channel *channel;
	const u8 *ram;
	u64 ram_pages;
	const u8 *state;
	u64 state_bytes;
	struct save_store store;
	handle_t queue;
	struct stream stream;
} saver;

static u8 room[STREAM_RECORD_LIMIT] ALIGNED(8);

#define BLOCK_PAGES (2 * MIB / PAGE_SIZE)
#define BLOCKS_MAX  (32 * GIB / (2 * MIB))

static u64 zero_blocks[BLOCKS_MAX / 64]; /* a bit for each block of RAM without content */

_Static_assert(MONITOR_PARAMETERS <= ARRAY_COUNT(start_info->parameter), "room for them");
_Static_assert((u32)SAVE_KEY_BYTES == CHACHA20_KEY_BYTES, "the manager makes them");
_Static_assert(SAVE_SALT_BYTES == STREAM_SALT_BYTES, "likewise");

/*
 * Returns whether a flag is set in this process's start parameters: the flags in the channel are
 * not for this process, but for the VM's monitor.
 */
static bool saver_is_to(enum monitor_flag flag)
{
	return (start_info->parameter[MONITOR_FLAGS] & flag) != 0;
}

bool saver_wanted(void)
{
	return saver_is_to(MONITOR_SAVER);
}

/*
 * Gives back pages of zeros, which the saver has made present by reading them, so that a VM that
 * continues need not have them. The guest stands still; pages that cannot be given back stay.
 */
static void saver_give_back(u64 page, u64 count)
{
	(void)!sys_memory_discard(start_handle(START_RAM), page, count);
}

static bool saver_page_is_needed(u64 page)
{
	bool zero = is_zero(saver.ram + page * PAGE_SIZE, PAGE_SIZE);

	if (zero && saver_is_to(MONITOR_SAVE_GIVES_PAGES))
		saver_give_back(page, 1);
	return !zero;
}

static u64 saver_block_end(u64 page)
{
	return MIN(align_down(page, BLOCK_PAGES) + BLOCK_PAGES, saver.ram_pages);
}

static bool saver_block_is_zero(u64 page)
{
	u64 block = page / BLOCK_PAGES;

	return (zero_blocks[block / 64] & BIT(block % 64)) != 0;
}

/*
 * Returns how many pages of the block of RAM that begins at page `first` have to be written: those
 * that are not zeros.
 */
static u64 saver_look_at_block(u64 first)
{
	u64 end = saver_block_end(first);
	u64 pages = 0;

	for (u64 page = first; page < end; page++)
		pages += saver_page_is_needed(page);
	if (pages != 0)
		return pages;
	zero_blocks[first / BLOCK_PAGES / 64] |= BIT(first / BLOCK_PAGES % 64);
	if (saver_is_to(MONITOR_SAVE_GIVES_BLOCKS))
		saver_give_back(first, end - first);
	return 0;
}

static void saver_tell_moved(void)
{
	__atomic_store_n(&saver.channel->save_moved, saver.channel->save_moved + 1,
			 __ATOMIC_RELEASE);
}

static void saver_moved(void)
{
	saver_tell_moved();
	save_store_works(&saver.store);
}

/* Returns the size in bytes of the whole save, as the RAM is now. */
static u64 saver_bytes_needed(void)
{
	u64 whole = saver.state_bytes / STREAM_BODY_MAX;
	u64 rest = saver.state_bytes % STREAM_BODY_MAX;
	u64 pages = 0;

	for (u64 first = 0; first < saver.ram_pages; first = saver_block_end(first)) {
		saver_moved();
		pages += saver_look_at_block(first);
	}
	/* a record that is not full takes no more room than a full record */
	return STREAM_BLOCK_BYTES + whole * STREAM_RECORD_LIMIT + stream_record_bytes((u32)rest) +
	       stream_record_bytes(sizeof(struct stream_disks)) +
	       (pages + STREAM_RAM_PAGES - 1) / STREAM_RAM_PAGES * STREAM_RECORD_LIMIT +
	       stream_record_bytes(sizeof(struct stream_end));
}

static const u8 *saver_bytes_of(enum monitor_parameter parameter)
{
	return (const u8 *)&start_info->parameter[parameter];
}

static void saver_open_stream(void)
{
	struct stream_header header;

	stream_header_make(&header, start_find(START_SAVE)->name, saver.ram_pages * PAGE_SIZE,
			   saver_bytes_of(MONITOR_SAVE_SALT));
	stream_open(&saver.stream, &header, saver_bytes_of(MONITOR_SAVE_KEY));
}

static bool saver_write_record(u32 bytes)
{
	if (!save_store_write(&saver.store, room, bytes))
		return false;
	saver_moved();
	return true;
}

static struct stream_record *saver_record_in_room(void)
{
	return (struct stream_record *)(void *)room;
}

static bool saver_write_state(void)
{
	for (u64 done = 0; done < saver.state_bytes; done += STREAM_BODY_MAX) {
		u32 count = (u32)MIN(saver.state_bytes - done, (u64)STREAM_BODY_MAX);

		memcpy(saver_record_in_room() + 1, saver.state + done, count);
		if (!saver_write_record(stream_seal(&saver.stream, STREAM_STATE,
						    saver_record_in_room(), count)))
			return false;
	}
	return true;
}

/*
 * Computes the keyed sum of one of the guest's own disks. No other process uses that disk during
 * the save.
 */
static bool saver_sum_disk(const struct start_entry *entry, struct stream_disk *sum, u32 number)
{
	static struct disk_client client;
	struct save_disk disk;

	if (save_disk_open_link(&disk, &client, entry, saver.queue) &&
	    disk_sum(&disk, &saver.stream, number, saver_moved, sum->sum)) {
		memcpy(sum->name, entry->name, strnlen(entry->name, sizeof(sum->name) - 1));
		sum->bytes = disk.bytes;
		return true;
	}
	format(saver.store.problem, sizeof(saver.store.problem), "disk %s: %s", entry->name,
	       disk.problem);
	return false;
}

static bool saver_write_disks(void)
{
	struct stream_disks *disks = (struct stream_disks *)(void *)(saver_record_in_room() + 1);
	const struct start_entry *entry = NULL;

	memset(disks, 0, sizeof(*disks));
	while (disks->count < STREAM_DISK_MAX && (entry = disk_sum_next(entry)) != NULL) {
		if (!saver_sum_disk(entry, &disks->disk[disks->count], (u32)disks->count))
			return false;
		disks->count++;
	}
	return disks->count == 0 ||
	       saver_write_record(stream_seal(&saver.stream, STREAM_DISKS, saver_record_in_room(),
					      stream_disks_bytes(disks->count)));
}

static bool saver_write_pages(u32 count)
{
	return count == 0 ||
	       saver_write_record(stream_seal(&saver.stream, STREAM_RAM, saver_record_in_room(),
					      stream_ram_bytes(count)));
}

static bool saver_write_ram(void)
{
	struct stream_ram *ram = (struct stream_ram *)(void *)(saver_record_in_room() + 1);
	u64 page = 0;

	do {
		memset(ram, 0, stream_ram_bytes(0));
		for (; page < saver.ram_pages && ram->count < STREAM_RAM_PAGES; page++) {
			if (saver_block_is_zero(page) || !saver_page_is_needed(page))
				continue;
			ram->page[ram->count] = (u32)page;
			memcpy(ram->bytes[ram->count++], saver.ram + page * PAGE_SIZE, PAGE_SIZE);
		}
		if (!saver_write_pages(ram->count))
			return false;
	} while (page < saver.ram_pages);
	return true;
}

static bool save_all(void)
{
	bool written;

	if (!save_store_fits(&saver.store, saver_bytes_needed(),
			     saver_is_to(MONITOR_SAVE_OVERWRITES)))
		return false;
	saver_open_stream();
	written = save_store_begin(&saver.store, &saver.stream.header) && saver_write_state() &&
		  saver_write_disks() && saver_write_ram() &&
		  saver_write_record(stream_seal_end(&saver.stream, saver_record_in_room())) &&
		  save_store_complete(&saver.store, &saver.stream.header);
	secret_forget(&saver.stream, sizeof(saver.stream));
	return written;
}

static void saver_digest_ram(u8 digest[SHA256_BYTES])
{
	struct digest_ram ram;
	u64 end;

	digest_ram_begin(&ram);
	for (u64 first = 0; first < saver.ram_pages; first = end) {
		end = saver_block_end(first);
		saver_tell_moved();
		if (saver_look_at_block(first) == 0)
			continue;
		for (u64 page = first; page < end; page++)
			digest_ram_page(&ram, page, saver.ram + page * PAGE_SIZE);
	}
	digest_ram_end(&ram, digest);
}

/* Reads the VM as if it were saved, but only computes the digests of RAM and state. */
static bool saver_digest_all(void)
{
	saver_digest_ram(saver.channel->ram_digest);
	if (digest_state(saver.state, saver.state_bytes, saver.channel->state_digest))
		return true;
	format(saver.store.problem, sizeof(saver.store.problem), "its state is broken");
	return false;
}

static u64 saver_map(handle_t memory, u64 bytes, u32 rights)
{
	u64 at = 0;

	if (sys_space_map(start_handle(START_SPACE), 0, memory, 0, bytes, rights, &at) != STATUS_OK)
		rt_fail("map");
	return at;
}

static handle_t saver_open_all(void)
{
	const struct start_entry *ram = start_find(START_RAM);
	const struct start_entry *state = start_find(START_STATE);
	handle_t queue;

	if (ram == NULL || state == NULL ||
	    sys_queue_create(start_handle(START_GROUP), &queue) != STATUS_OK)
		rt_fail("start");
	saver.channel = (struct vm_channel *)(uintptr_t)saver_map(
		start_handle(START_CHANNEL), align_up(CHANNEL_BYTES, PAGE_SIZE),
		RIGHT_READ | RIGHT_WRITE);
	saver.ram = (const u8 *)(uintptr_t)saver_map(ram->handle, ram->value, RIGHT_READ);
	saver.ram_pages = ram->value / PAGE_SIZE;
	if (saver.ram_pages > (u64)BLOCKS_MAX * BLOCK_PAGES)
		rt_fail("RAM");
	saver.state = (const u8 *)(uintptr_t)state->offset;
	saver.state_bytes = state->value;
	return queue;
}

NORETURN void saver_run(void)
{
	u32 number = (u32)start_info->parameter[MONITOR_RENEWAL];
	bool saved;
	u64 key;

	saver.queue = saver_open_all();
	saved = saver_is_to(MONITOR_SAVE_DIGESTS)
			? saver_digest_all()
			: save_store_open(&saver.store, saver.queue) && save_all();
	if (!saved)
		format(saver.channel->handover_problem, sizeof(saver.channel->handover_problem),
		       "%s", saver.store.problem);
	__atomic_store_n(saved ? &saver.channel->taken_renewal : &saver.channel->refused_renewal,
			 number, __ATOMIC_RELEASE);
	(void)sys_event_signal(start_handle(START_CHANNEL_OUT));
	while (sys_queue_wait(saver.queue, ~0ull, &key) == STATUS_OK)
		;
	rt_fail("queue");
}
