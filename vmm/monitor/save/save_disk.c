/* SPDX-License-Identifier: MIT */
/*
 * Reads and writes a disk in sequence for saves, restores and backups. Called by the other files of
 * this folder; waits for the driver's answers with a deadline through disk_client.c.
 */
#include "vmm/monitor/save/save_disk.h"

#include "lib/bits.h"
#include "lib/checked.h"
#include "lib/string.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

#define SAVE_KEY 16u /* the key under which the disk driver's signals arrive in the queue */
/* the time limit for an answer of the disk's driver, which may have to start anew meanwhile */
#define ANSWER_NS (30 * NS_PER_S)
#define LOOK_NS	  (10 * NS_PER_MS)

static void save_disk_ring_driver(void *context)
{
	(void)sys_event_signal((handle_t)(uintptr_t)context);
}

static bool save_disk_fails(struct save_disk *disk, const char *text)
{
	format(disk->problem, sizeof(disk->problem), "%s", text);
	return false;
}

/* A request, and whether the driver has it already. */
struct errand {
	enum block_operation operation;
	u64 sector;
	u32 count;
	u8 *to;
	const u8 *from;
	bool asked;
};

static void save_disk_ask(struct save_disk *disk, struct errand *errand)
{
	u8 *data;
	int piece = disk_client_take(disk->client, errand->count, &data);

	if (piece < 0)
		return;
	if (errand->from != NULL)
		memcpy(data, errand->from, errand->count);
	disk_client_ask(disk->client, piece, errand->operation, errand->sector,
			errand->count / BLOCK_SECTOR_BYTES, 0);
	disk_client_flush(disk->client);
	errand->asked = true;
}

/* Returns whether the driver has answered the request; then *status is the answer. */
static bool save_disk_answered(struct save_disk *disk, const struct errand *errand,
			       enum block_status *status)
{
	const u8 *data;
	u32 tag;
	int piece;

	if (!disk_client_answer(disk->client, &tag, status, &data, &piece))
		return false;
	if (errand->to != NULL && *status == BLOCK_OK)
		memcpy(errand->to, data, errand->count);
	disk_client_give_back(disk->client, piece);
	return true;
}

static bool save_disk_run(struct save_disk *disk, struct errand errand)
{
	u64 until = clock_tsc() + clock_ns_to_tsc(ANSWER_NS);
	enum block_status status;
	u64 key;

	for (;;) {
		u64 now = clock_tsc();

		/* a new driver knows nothing of the old driver's requests */
		if (disk_client_renewed(disk->client))
			errand.asked = false;
		if (!errand.asked)
			save_disk_ask(disk, &errand);
		if (errand.asked && save_disk_answered(disk, &errand, &status))
			break;
		if (now > until)
			return save_disk_fails(disk, "its disk does not answer");
		(void)!sys_queue_wait(disk->queue, now + clock_ns_to_tsc(LOOK_NS), &key);
	}
	return status == BLOCK_OK ? true
				  : save_disk_fails(disk, "its disk cannot read or write there");
}

static u64 save_disk_bytes_now(const struct disk_client *client)
{
	struct block_about about = disk_client_about(client);

	return about.sectors < ~0ull / BLOCK_SECTOR_BYTES ? about.sectors * BLOCK_SECTOR_BYTES : 0;
}

void save_disk_over(struct save_disk *disk, struct disk_client *client, handle_t queue)
{
	disk->client = client;
	disk->queue = queue;
	disk->bytes = save_disk_bytes_now(client);
}

bool save_disk_has_grown(const struct save_disk *disk)
{
	return save_disk_bytes_now(disk->client) != disk->bytes;
}

static bool save_disk_open_one(struct save_disk *disk, struct disk_client *client,
			       const struct start_entry *entry, handle_t bell, handle_t doorbell,
			       handle_t queue)
{
	disk_client_open(client, (struct link_memory *)(uintptr_t)entry->offset,
			 save_disk_ring_driver, (void *)(uintptr_t)doorbell);
	save_disk_over(disk, client, queue);
	return sys_object_bind(bell, queue, SAVE_KEY) == STATUS_OK
		       ? true
		       : save_disk_fails(disk, "no signal of its disk can be received");
}

bool save_disk_open_link(struct save_disk *disk, struct disk_client *client,
			 const struct start_entry *entry, handle_t queue)
{
	return save_disk_open_one(disk, client, entry,
				  start_handle_of(START_DISK_BELL, entry->value),
				  start_handle_of(START_DISK_DOORBELL, entry->value), queue);
}

bool save_disk_open_target(struct save_disk *disk, struct disk_client *client,
			   const struct start_entry *entry, handle_t queue)
{
	return save_disk_open_one(disk, client, entry,
				  start_handle_of(START_SAVE_BELL, entry->value),
				  start_handle_of(START_SAVE_DOORBELL, entry->value), queue);
}

bool save_disk_open(struct save_disk *disk, handle_t queue)
{
	static struct disk_client client;
	const struct start_entry *entry = start_find(START_SAVE);

	if (entry == NULL)
		return save_disk_fails(disk, "it was given no disk");
	return save_disk_open_one(disk, &client, entry, start_handle(START_SAVE_BELL),
				  start_handle(START_SAVE_DOORBELL), queue);
}

/*
 * Returns how many of `count` bytes from `offset` on one request can have: a request must not cross
 * a multiple of the disk's `boundary`.
 */
static u32 save_disk_request_bytes(const struct save_disk *disk, u64 offset, u32 count)
{
	u64 boundary = (u64)disk_client_about(disk->client).boundary * BLOCK_SECTOR_BYTES;
	u64 most = MIN((u64)count, BLOCK_REQUEST_BYTES);

	return (u32)(boundary == 0 ? most : MIN(most, boundary - offset % boundary));
}

static bool save_disk_transfer(struct save_disk *disk, struct errand whole, u64 offset)
{
	u32 some;

	if (!range_within(offset, whole.count, disk->bytes))
		return save_disk_fails(disk, "its disk ends before that");
	for (u32 done = 0; done < whole.count; done += some) {
		struct errand errand = {
			.operation = whole.operation,
			.sector = (offset + done) / BLOCK_SECTOR_BYTES,
			.to = whole.to != NULL ? whole.to + done : NULL,
			.from = whole.from != NULL ? whole.from + done : NULL,
		};

		some = errand.count =
			save_disk_request_bytes(disk, offset + done, whole.count - done);
		if (!save_disk_run(disk, errand))
			return false;
	}
	return true;
}

bool save_disk_read(struct save_disk *disk, u64 offset, void *bytes, u32 count)
{
	return save_disk_transfer(
		disk, (struct errand){.operation = BLOCK_READ, .count = count, .to = bytes},
		offset);
}

bool save_disk_write(struct save_disk *disk, u64 offset, const void *bytes, u32 count)
{
	return save_disk_transfer(
		disk, (struct errand){.operation = BLOCK_WRITE, .count = count, .from = bytes},
		offset);
}

bool save_disk_flush(struct save_disk *disk)
{
	/* a disk without a write cache has nothing to flush */
	if ((disk_client_about(disk->client).features & DISK_FLUSH) == 0)
		return true;
	return save_disk_run(disk, (struct errand){.operation = BLOCK_FLUSH});
}
