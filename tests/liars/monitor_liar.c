/* SPDX-License-Identifier: MIT */
/*
 * A monitor that breaks its link: with a disk called `liar` it writes anything into its own line,
 * the requests and the pool, also into what is the driver's and the manager's, and signals on and
 * on.
 */
#include "lib/string.h"
#include "tests/liars/liar.h"
#include "vmm/monitor/disk/disk_client.h"
#include "vmm/rt/start.h"

#define TRUTHS 32u /* so many flushes are honest, so that the guest gets going */
#define RINGS  50u

void __real_disk_client_flush(struct disk_client *client);
void __wrap_disk_client_flush(struct disk_client *client);

static bool lies(void)
{
	const struct start_entry *entry = start_find(START_DISK);

	return entry != NULL && strcmp(entry->name, "liar") == 0;
}

/* Requests that look right but for one number. */
static void forge_requests(struct link_memory *memory)
{
	for (u32 i = 0; i < SLOT_COUNT; i++) {
		u64 random = liar_random();
		struct block_request request = {
			.id = random,
			.operation = (u32)random % (BLOCK_OPERATION_COUNT + 1),
			.sectors = (random >> 8 & 7) != 0 ? (u32)(random >> 8) % 200 : ~0u,
			.sector = (random >> 16 & 7) != 0 ? random >> 16 & 0x3fff : ~0ull - 5,
			.offset = (random >> 32 & 3) != 0 ? (random >> 32) % 300 * PAGE_SIZE
							  : random << 20,
		};

		memcpy(slots_of(memory)->requests[i], &request, sizeof(request));
	}
}

void __wrap_disk_client_flush(struct disk_client *client)
{
	struct link_memory *memory = client->end.memory;
	struct link_line *line = &memory->line[LINK_CLIENT];
	static u32 truths;
	static u32 turn;

	__real_disk_client_flush(client);
	if (!lies() || truths++ < TRUTHS)
		return;
	switch (turn++ % 6) {
	case 0:
		forge_requests(memory);
		__atomic_store_n(&line->written, line->written + SLOT_COUNT / 2, __ATOMIC_RELEASE);
		break;
	case 1:
		line->written = (u32)liar_random();
		break;
	case 2:
		line->read = (u32)liar_random();
		line->wake_at = (u32)liar_random();
		break;
	case 3:
		line->generation = (u32)liar_random();
		break;
	case 4:
		liar_scribble(memory, SLOT_POOL_OFFSET);
		break;
	default:
		memory->generation = (u32)liar_random() & 7;
		liar_scribble(&memory->line[LINK_SERVER], sizeof(memory->line[LINK_SERVER]));
		liar_scribble(memory->about, sizeof(memory->about));
	}
	for (u32 i = 0; i < RINGS; i++)
		client->ring(client->context);
}
