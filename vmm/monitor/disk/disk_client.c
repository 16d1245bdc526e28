/* SPDX-License-Identifier: MIT */
/*
 * The monitor's end of a link to a disk: requests, answers and the data pool (disk_client.h).
 * Called by virtio_blk_request.c and save_disk.c; trusts no answer unless it matches a request, and
 * touches the shared link only.
 */
#include "vmm/monitor/disk/disk_client.h"

#include "lib/bits.h"
#include "lib/string.h"

#define ID_PIECE_BITS	 8u
#define SECTORS_PER_PAGE ((u32)(PAGE_SIZE / BLOCK_SECTOR_BYTES))
_Static_assert(1u << ID_PIECE_BITS == SLOT_COUNT, "the low bits of an id are the piece");

void disk_client_open(struct disk_client *client, struct link_memory *memory,
		      void (*ring)(void *context), void *context)
{
	*client = (struct disk_client){
		.pool = (u8 *)memory + SLOT_POOL_OFFSET, .ring = ring, .context = context};
	slot_open(&client->end, memory, LINK_CLIENT);
}

/* Returns the server's description of the disk, which the driver may change at any time. */
static const struct block_about *disk_client_about_of(const struct disk_client *client)
{
	return (const void *)client->end.memory->about;
}

struct block_about disk_client_about(const struct disk_client *client)
{
	const struct block_about *about = disk_client_about_of(client);

	return (struct block_about){
		.sectors = __atomic_load_n(&about->sectors, __ATOMIC_RELAXED),
		.block_bytes = __atomic_load_n(&about->block_bytes, __ATOMIC_RELAXED),
		.features = __atomic_load_n(&about->features, __ATOMIC_RELAXED),
		.window = __atomic_load_n(&about->window, __ATOMIC_ACQUIRE),
		.boundary = __atomic_load_n(&about->boundary, __ATOMIC_RELAXED),
		.direct_pages = __atomic_load_n(&about->direct_pages, __ATOMIC_RELAXED),
	};
}

bool disk_client_renewed(struct disk_client *client)
{
	if (likely(!link_renewed(&client->end)))
		return false;
	memset(client->piece, 0, sizeof(client->piece));
	memset(client->window, 0, sizeof(client->window));
	memset(client->pool_used, 0, sizeof(client->pool_used));
	client->outstanding = 0;
	client->free_from = 0;
	client->forgotten = 0;
	client->quiet = false;
	client->ring(client->context);
	return true;
}

static bool disk_client_pool_is_free(const struct disk_client *client, u32 first, u32 pages)
{
	for (u32 page = first; page < first + pages; page++) {
		if ((client->pool_used[page / 64] >> page % 64 & 1) != 0)
			return false;
	}
	return true;
}

static void disk_client_pool_mark(struct disk_client *client, const struct disk_piece *piece,
				  bool used)
{
	for (u32 page = piece->page; page < (u32)piece->page + piece->pages; page++) {
		if (used)
			client->pool_used[page / 64] |= BIT(page % 64);
		else
			client->pool_used[page / 64] &= ~BIT(page % 64);
	}
}

/*
 * Takes a free piece of the data pool, which is shared with the driver. A piece has a power of two
 * of pages and begins at a multiple of its size, so that no gaps are left that are too small for
 * any piece.
 */
static bool disk_client_pool_take(struct disk_client *client, u32 bytes, struct disk_piece *piece)
{
	u32 pages = 1;

	if (bytes == 0)
		return true;
	while (pages * PAGE_SIZE < bytes)
		pages *= 2;
	for (u32 page = 0; page < BLOCK_POOL_PAGES; page += pages) {
		if (!disk_client_pool_is_free(client, page, pages))
			continue;
		piece->page = (u16)page;
		piece->pages = (u16)pages;
		disk_client_pool_mark(client, piece, true);
		return true;
	}
	return false;
}

int disk_client_take(struct disk_client *client, u32 bytes, u8 **data)
{
	u32 number = client->free_from;

	/* so the driver never has more to answer than the link has room for answers */
	if (client->outstanding == SLOT_COUNT || link_room(&client->end) == 0)
		return -1;
	while (client->piece[number].used)
		number++;
	client->free_from = number;
	client->piece[number] = (struct disk_piece){.tag = DISK_TAG_NONE};
	if (!disk_client_pool_take(client, bytes, &client->piece[number]))
		return -1;
	client->piece[number].used = true;
	client->outstanding++;
	*data = client->pool + client->piece[number].page * PAGE_SIZE;
	return (int)number;
}

/*
 * Puts a request into the link, with the numbers of `pages` pages; what is behind them is not valid
 * and stays here.
 */
static void disk_client_put(struct disk_client *client, int piece, u32 tag,
			    struct block_request *request, u32 pages)
{
	u32 sequence = client->next_sequence++;

	client->writes += request->operation != BLOCK_READ && request->operation != BLOCK_FLUSH;
	request->id = (u64)sequence << ID_PIECE_BITS | (u32)piece;
	client->piece[piece].tag = tag;
	client->sequence[piece] = sequence;
	client->window[piece] = request->window;
	slot_put_front(&client->end, request,
		       (u32)(offsetof(struct block_request, page) + pages * sizeof(u32)));
}

void disk_client_ask(struct disk_client *client, int piece, enum block_operation operation,
		     u64 sector, u32 sectors, u32 tag)
{
	struct block_request request;

	request.operation = operation;
	request.sectors = sectors;
	request.sector = sector;
	request.offset = client->piece[piece].page * PAGE_SIZE;
	request.window = 0;
	request.pad0 = 0;
	disk_client_put(client, piece, tag, &request, 0);
}

static u32 disk_client_window_now(const struct disk_client *client)
{
	return __atomic_load_n(&disk_client_about_of(client)->window, __ATOMIC_ACQUIRE);
}

void disk_client_ask_direct(struct disk_client *client, int piece, u32 tag,
			    struct block_request *request)
{
	request->offset = 0;
	request->pad0 = 0;
	disk_client_put(client, piece, tag, request,
			(request->sectors + SECTORS_PER_PAGE - 1) / SECTORS_PER_PAGE);
}

u32 disk_client_direct_pages(const struct disk_client *client, u32 *window)
{
	u32 pages;

	/* the manager may close the window at any time: its number is read once for a request */
	*window = disk_client_window_now(client);
	if (*window == 0 || *window == client->copy_window)
		return 0;
	pages = __atomic_load_n(&disk_client_about_of(client)->direct_pages, __ATOMIC_RELAXED);
	return MIN(pages, BLOCK_DIRECT_PAGES);
}

bool disk_client_is_landing(const struct disk_client *client)
{
	u32 window = disk_client_window_now(client);

	for (u32 i = 0; window != 0 && i < SLOT_COUNT; i++) {
		if (client->piece[i].used && client->window[i] == window)
			return true;
	}
	return false;
}

void disk_client_flush(struct disk_client *client)
{
	if (link_publish(&client->end))
		client->ring(client->context);
}

bool disk_client_wake(struct disk_client *client)
{
	if (!link_publish(&client->end))
		return false;
	client->quiet = false;
	link_hush(&client->end);
	client->ring(client->context);
	return true;
}

void disk_client_give_back(struct disk_client *client, int piece)
{
	disk_client_pool_mark(client, &client->piece[piece], false);
	client->piece[piece].used = false;
	client->free_from = MIN(client->free_from, (u32)piece);
	client->window[piece] = 0;
	client->outstanding--;
}

/*
 * Notes that an answer has come. Returns false if it matches no request, or its request was
 * forgotten.
 */
static bool disk_client_accept(struct disk_client *client, const struct block_answer *answer)
{
	int number = (int)(answer->id % SLOT_COUNT);
	const struct disk_piece *piece = &client->piece[number];

	if (!piece->used || answer->id >> ID_PIECE_BITS != client->sequence[number]) {
		client->impossible_count++;
		return false;
	}
	if (piece->tag != DISK_TAG_NONE)
		return true;
	client->forgotten--;
	disk_client_give_back(client, number);
	return false;
}

/*
 * Returns where in the pool an answered request's data are, or NULL if they lie in RAM. With
 * BLOCK_COPY, notes the window that the driver cannot use.
 */
static const u8 *disk_client_answered_data(struct disk_client *client, int piece,
					   enum block_status status)
{
	if (status == BLOCK_COPY)
		client->copy_window = client->window[piece];
	return client->window[piece] != 0 ? NULL
					  : client->pool + client->piece[piece].page * PAGE_SIZE;
}

bool disk_client_answer(struct disk_client *client, u32 *tag, enum block_status *status,
			const u8 **data, int *piece)
{
	struct block_answer answer;

	do {
		while (slot_take(&client->end, &answer)) {
			client->quiet = false;
			if (!disk_client_accept(client, &answer))
				continue;
			*piece = (int)(answer.id % SLOT_COUNT);
			*tag = client->piece[*piece].tag;
			*status = answer.status < BLOCK_STATUS_COUNT
					  ? (enum block_status)answer.status
					  : BLOCK_ERROR;
			*data = disk_client_answered_data(client, *piece, *status);
			return true;
		}
		if (client->quiet)
			return false;
		client->quiet = link_may_wait(&client->end);
	} while (!client->quiet);
	return false;
}

void disk_client_forget(struct disk_client *client)
{
	for (u32 i = 0; i < SLOT_COUNT; i++) {
		if (client->piece[i].used && client->piece[i].tag != DISK_TAG_NONE) {
			client->piece[i].tag = DISK_TAG_NONE;
			client->forgotten++;
		}
	}
}
