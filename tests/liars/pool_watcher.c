/* SPDX-License-Identifier: MIT */
/*
 * Of a broken monitor of a clone, whose disk is called `watched`: it asks for more when its
 * guest has asked for a sector, and looks at the pool until the answer is there. Its guest then
 * finds in the first word what the source has written since the snapshot, if that was ever seen,
 * and in the last one what the second sector held in the end.
 */
#include "tests/liars/liar.h"

#include "tests/liars/pool_watcher.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/start.h"

#define PATIENCE (20 * NS_PER_S) /* the time for a driver that is late on a busy host */
/* Sectors: also of a piece that was not written to, which only the device has. */
#define ASKED 16u

static struct block_request *last_request(const struct disk_client *client)
{
	u32 slot = (client->end.written - 1) % SLOT_COUNT;

	return (struct block_request *)(void *)slots_of(client->end.memory)->requests[slot];
}

/* Returns whether the value is there at any time before the answer. */
static bool comes_by(const struct disk_client *client, const volatile u64 *word, u32 answers)
{
	const u32 *answered = &client->end.memory->line[LINK_SERVER].written;
	u64 until = clock_tsc() + clock_ns_to_tsc(PATIENCE);
	bool seen = false;

	while (__atomic_load_n(answered, __ATOMIC_ACQUIRE) == answers && clock_tsc() < until)
		seen |= *word == POOL_WATCHER_MARK;
	return seen;
}

void pool_watcher_flush(struct disk_client *client, void (*flush)(struct disk_client *client))
{
	u32 answers =
		__atomic_load_n(&client->end.memory->line[LINK_SERVER].written, __ATOMIC_ACQUIRE);
	struct block_request *request = last_request(client);
	volatile u64 *first, *second;

	if (start_find(START_STATE) == NULL || request->operation != BLOCK_READ ||
	    request->sectors != 1) {
		flush(client);
		return;
	}
	first = (volatile u64 *)(void *)(client->pool + request->offset);
	second = first + BLOCK_SECTOR_BYTES / sizeof(u64);
	*second = 0;
	request->sectors = ASKED;
	flush(client);
	if (comes_by(client, second, answers))
		*first = POOL_WATCHER_MARK;
	second[-1] = *second;
}
