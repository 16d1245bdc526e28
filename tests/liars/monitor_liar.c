/* SPDX-License-Identifier: MIT */
/*
 * A monitor that breaks its links: with a disk or a network called `liar` it writes anything into
 * its own line, requests, frames and the pool, also into what is the driver's and the manager's,
 * and signals on and on. With a disk called `watched` it is pool_watcher.c's.
 */
#include "lib/string.h"
#include "tests/liars/liar.h"
#include "tests/liars/pool_watcher.h"
#include "vmm/monitor/disk/disk_client.h"
#include "vmm/monitor/virtio/virtio_net.h"
#include "vmm/rt/start.h"

#define TRUTHS	      32u /* the flushes that are honest, so that the guest gets going */
#define RINGS	      50u
#define FORGERIES     40u
#define FORGERY_RINGS 1000u
#define FORGED_FRAMES 32u
#define FORGED_BYTES  (sizeof(struct frame_header) + 64u)

void __real_disk_client_flush(struct disk_client *client);
void __wrap_disk_client_flush(struct disk_client *client);
bool __wrap_disk_client_wake(struct disk_client *client);
void __real_virtio_net_poll_link(struct virtio_net *net);
void __wrap_virtio_net_poll_link(struct virtio_net *net);

static bool has(enum start_kind kind, const char *name)
{
	const struct start_entry *entry = start_find(kind);

	while (entry != NULL && strcmp(entry->name, name) != 0)
		entry = start_next(entry);
	return entry != NULL;
}

static bool lies(enum start_kind kind)
{
	return has(kind, "liar");
}

/* Returns the number of a page that mostly is one of the VM's RAM of 64 MiB, or is at its edge. */
static u32 liar_page(void)
{
	u32 random = (u32)liar_random();

	return (random & 0x3f) != 0   ? random >> 8 & (64 * MIB / PAGE_SIZE - 1)
	       : (random & 0x40) != 0 ? (u32)(64 * MIB / PAGE_SIZE) + (random >> 8) % 2
				      : random;
}

/* Requests that look right but for one number. */
static void forge_requests(struct link_memory *memory)
{
	for (u32 i = 0; i < SLOT_COUNT; i++) {
		u64 random = liar_random();
		struct block_request request = {
			.id = random,
			.operation = (u32)random % (BLOCK_OPERATION_COUNT + 1),
			.sectors = (random >> 8 & 7) != 0 ? (u32)(random >> 8) % 300 : ~0u,
			.sector = (random >> 16 & 7) != 0 ? random >> 16 & 0x3fff : ~0ull - 5,
			.offset = (random >> 32 & 3) != 0 ? (random >> 32) % 300 * PAGE_SIZE
							  : random << 20,
			.window = (u32)liar_random() % 4,
		};

		for (u32 j = 0; j < BLOCK_DIRECT_PAGES; j++)
			request.page[j] = liar_page();
		memcpy(slots_of(memory)->requests[i], &request, sizeof(request));
	}
}

/*
 * Forges requests again and again, while the driver takes those from before: it signals the driver
 * until that has taken them all, but not for ever.
 */
static void forge_often(struct disk_client *client)
{
	struct link_memory *memory = client->end.memory;
	struct link_line *line = &memory->line[LINK_CLIENT];

	for (u32 i = 0; i < FORGERIES; i++) {
		__atomic_store_n(&line->written, line->written + SLOT_COUNT / 2, __ATOMIC_RELEASE);
		line->read = link_load(&memory->line[LINK_SERVER].written);
		for (u32 j = 0; j < FORGERY_RINGS &&
				link_load(&memory->line[LINK_SERVER].read) != line->written;
		     j++) {
			forge_requests(memory);
			client->ring(client->context);
		}
	}
}

void __wrap_disk_client_flush(struct disk_client *client)
{
	struct link_memory *memory = client->end.memory;
	struct link_line *line = &memory->line[LINK_CLIENT];
	static u32 truths;
	static u32 turn;

	if (has(START_DISK, "watched")) {
		pool_watcher_flush(client, __real_disk_client_flush);
		return;
	}
	__real_disk_client_flush(client);
	if (!lies(START_DISK) || truths++ < TRUTHS)
		return;
	switch (turn++ % 6) {
	case 0:
		forge_often(client);
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

/* What a monitor shows the driver lies in either case; this one waits for the answer's signal. */
bool __wrap_disk_client_wake(struct disk_client *client)
{
	__wrap_disk_client_flush(client);
	return false;
}

/* Frames from the neighbour's address, whole to look at, at the ring's beginning. */
static void forge_frames(u8 *ring)
{
	static const u8 addresses[] = {0x52, 0x54, 0, 0, 0, 2, 0x52, 0x54, 0, 0, 0, 1, 0x88, 0xb5};
	struct frame_header header = {.bytes = 64};

	for (u32 i = 0; i < FORGED_FRAMES; i++, ring += FORGED_BYTES) {
		if ((liar_random() & 7) == 0)
			header.bytes = (u32)liar_random();
		header.flags = (u8)(liar_random() & 3);
		header.checksum_start = (u16)liar_random();
		memcpy(ring, &header, sizeof(header));
		memcpy(ring + sizeof(header), addresses, sizeof(addresses));
		ring[sizeof(header) + 11] = (u8)(liar_random() & 3);
		header.bytes = 64;
	}
}

static void lie_on_link(struct link_memory *memory)
{
	struct link_line *line = &memory->line[LINK_CLIENT];
	u8 *ring = (u8 *)memory + PAGE_SIZE;
	const struct frame_header skip = {.bytes = FRAME_SKIP};
	static u32 turn;

	switch (turn++ % 6) {
	case 0:
		line->written = 0;
		forge_frames(ring);
		__atomic_store_n(&line->written, FORGED_FRAMES * FORGED_BYTES, __ATOMIC_RELEASE);
		break;
	case 1:
		line->written = (u32)liar_random();
		break;
	case 2:
		line->read = (u32)liar_random();
		line->wake_at = (u32)liar_random();
		line->room_at = (u32)liar_random();
		line->wish = (u32)liar_random();
		break;
	case 3: /* nothing but an end that is skipped, as often as the switch looks */
		memcpy(ring, &skip, sizeof(skip));
		for (u32 i = 0; i < RINGS; i++)
			__atomic_add_fetch(&line->written, FRAMES_RING_BYTES, __ATOMIC_RELEASE);
		break;
	case 4:
		liar_scribble(ring, PAGE_SIZE);
		line->written += PAGE_SIZE;
		break;
	default:
		liar_scribble(&memory->line[LINK_SERVER], sizeof(memory->line[LINK_SERVER]));
		liar_scribble(memory->about, sizeof(memory->about));
		line->generation = (u32)liar_random();
	}
}

/* Each lie on a link of a new generation, which is the manager's word: the last was closed. */
void __wrap_virtio_net_poll_link(struct virtio_net *net)
{
	struct link_memory *memory = net->end.memory;
	static u32 truths;

	__real_virtio_net_poll_link(net);
	if (!lies(START_NET) || truths++ < TRUTHS)
		return;
	lie_on_link(memory);
	net->ring(net->context);
	memory->generation = 1 + ((u32)liar_random() & 7);
	net->ring(net->context);
}
