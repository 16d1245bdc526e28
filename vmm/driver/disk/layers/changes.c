/* SPDX-License-Identifier: MIT */
/*
 * Records which blocks of its disk each client changes, for incremental backups. A layer of a
 * client's disk (changes.h), which sees each write before the device does. Owns nothing but the
 * bitmaps in the client's memory area, which outlives this process (vmm/io/disk_changes.h).
 */
#include "vmm/driver/disk/layers/changes.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/driver/disk/core/client.h"
#include "vmm/driver/process.h"

static struct changes bitmaps[DISK_CLIENT_MAX];

struct changes *changes_of(const struct client *client)
{
	return &bitmaps[client_index(client)];
}

static void changes_lose(struct changes *changes)
{
	__atomic_store_n(&changes->head->lost, 1, __ATOMIC_RELEASE);
}

/*
 * Starts the bitmap's point `number` by swapping its halves: readers get the filled half, and the
 * other half is cleared for new changes. With `merge` the other half's bits are first added to the
 * filled half. If this process dies before the point's number is stored, its successor repeats all
 * of it, so no bit is lost.
 */
static void changes_pass_point(struct changes *changes, u32 number, bool merge)
{
	const u64 bytes = changes->blocks / 8;
	u64 *filled = changes->half[(number - 1) & 1];
	u64 *next = changes->half[number & 1];

	for (u64 i = 0; merge && i < bytes / sizeof(u64); i++)
		filled[i] |= next[i];
	__atomic_thread_fence(__ATOMIC_RELEASE);
	memset(next, 0, bytes);
	__atomic_store_n(&changes->head->number, number, __ATOMIC_RELEASE);
}

/*
 * Opens the bitmap at a new point, when the device has no request of the client, or continues with
 * the bitmap that an earlier process has left for the same point. Any other content counts as lost.
 */
static void changes_open(struct changes *changes, const struct disk_changes_given *given)
{
	u8 *memory = (u8 *)(uintptr_t)given->at;

	*changes = (struct changes){.number = given->number};
	if (changes->number == 0)
		return;
	changes->head = (struct disk_changes_head *)(void *)memory;
	changes->blocks = disk_changes_half_bytes(given->bytes) * 8;
	for (u32 i = 0; i < 2; i++)
		changes->half[i] = (u64 *)(void *)(memory + disk_changes_half_at(given->bytes, i));
	if (changes->head->number == given->number - 1)
		changes_pass_point(changes, given->number, given->merge != 0);
	else if (changes->head->number != given->number)
		changes_lose(changes);
}

/* Records in the bitmap that these sectors of the client's part are about to change. */
static void changes_set(struct changes *changes, u64 sector, u64 sectors)
{
	u64 end = disk_changes_blocks(sector + sectors);
	u64 *half = changes->half[changes->number & 1];

	/* the disk has grown since the bitmap was made */
	if (end > changes->blocks)
		changes_lose(changes);
	end = MIN(end, changes->blocks);
	for (u64 block = sector / DISK_CHANGES_BLOCK_SECTORS; block < end; block++)
		half[block / 64] |= BIT(block % 64);
	/* publishes the bits before the write continues: their readers outlive this process */
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

static void changes_note(struct client *client, struct driver_request *request)
{
	struct changes *changes = changes_of(client);

	if (likely(changes->number == 0) || request->operation == BLOCK_READ ||
	    request->operation == BLOCK_FLUSH)
		return;
	changes_set(changes, request->sector - client->given.disk.first_sector, request->sectors);
}

/*
 * Records a client's change of a volume when the client asks for it. The store below may end a
 * discard or a write of zeros itself, so that the device, and changes_note, never see it. A request
 * that waits is asked about again: a change that is made after a new point counts for that point,
 * too.
 */
static enum layer_answer changes_note_asked(struct client *client,
					    const struct block_request *request,
					    enum block_status *status)
{
	struct changes *changes = changes_of(client);

	(void)status;
	if (unlikely(changes->number != 0))
		changes_set(changes, request->sector, request->sectors);
	return LAYER_PASSES;
}

static void changes_take_command(struct client *client)
{
	const struct disk_changes_given *shared = &client_part(client)->changes;
	struct disk_changes_given given = {
		.number = __atomic_load_n(&shared->number, __ATOMIC_ACQUIRE),
	};

	if (given.number == changes_of(client)->number)
		return;
	given.at = shared->at;
	given.bytes = shared->bytes;
	given.merge = shared->merge;
	changes_open(changes_of(client), &given);
	__atomic_store_n(&client_told()->changes[client_index(client)], given.number,
			 __ATOMIC_RELEASE);
	process_tell_manager();
}

static void changes_come(struct client *client, const struct layer *const *below)
{
	(void)below;
	*changes_of(client) = (struct changes){0};
	client_told()->changes[client_index(client)] = 0;
	changes_take_command(client);
}

static void changes_leave(struct client *client)
{
	*changes_of(client) = (struct changes){0};
}

const struct layer changes_layer = {
	.open = changes_come,
	.close = changes_leave,
	.command = changes_take_command,
	.begin = changes_note,
};

const struct layer changes_of_volume_layer = {
	.open = changes_come,
	.close = changes_leave,
	.command = changes_take_command,
	.write = changes_note_asked,
};
