/* SPDX-License-Identifier: MIT */
/*
 * Records which blocks of its disk each client changes, for incremental backups. Called by client.c
 * before each write and at commands of the manager. Owns nothing but the bitmaps in the client's
 * memory area, which outlives this process (vmm/io/disk_changes.h).
 */
#include "vmm/driver/disk/changes.h"

#include "lib/string.h"
#include "vmm/driver/disk/client_turn.h"

static void changes_lose(struct changes *changes)
{
	__atomic_store_n(&changes->head->lost, 1, __ATOMIC_RELEASE);
}

/*
 * Swaps the halves of the bitmap: readers get the filled half, and the other half is cleared for
 * new changes. With `merge` the other half's bits are first added to the filled half. If this
 * process dies before the point's number is stored, its successor repeats all of it, so no bit is
 * lost.
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

void changes_open(struct changes *changes, const struct disk_changes_given *given)
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

void changes_set(struct changes *changes, u64 sector, u64 sectors)
{
	u64 end = disk_changes_blocks(sector + sectors);
	u64 *half = changes->half[changes->number & 1];

	/* the disk has grown since */
	if (end > changes->blocks)
		changes_lose(changes);
	end = MIN(end, changes->blocks);
	for (u64 block = sector / DISK_CHANGES_BLOCK_SECTORS; block < end; block++)
		half[block / 64] |= BIT(block % 64);
	/* publishes the bits to readers that outlive this process */
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

void changes_take_command(struct client *client)
{
	const struct disk_changes_given *shared = client_changes_given(client);
	struct disk_changes_given given = {
		.number = __atomic_load_n(&shared->number, __ATOMIC_ACQUIRE),
	};

	if (client->given.number == 0 || given.number == client->changes.number)
		return;
	given.at = shared->at;
	given.bytes = shared->bytes;
	given.merge = shared->merge;
	changes_open(&client->changes, &given);
	__atomic_store_n(client_changes_told(client), given.number, __ATOMIC_RELEASE);
	client_tell_manager();
}
