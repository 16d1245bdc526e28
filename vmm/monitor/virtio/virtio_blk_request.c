/* SPDX-License-Identifier: MIT */
/*
 * A disk request's way: taken from the guest, sent to the driver in pieces, returned to the guest.
 * Called by virtio_blk.c; reads and writes guest RAM and the disk's link.
 */
#include "vmm/monitor/virtio/virtio_blk_request.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/monitor/disk/disk_cipher.h"
#include "vmm/monitor/virtio/virtio_blk_pages.h"

/* the largest block of a disk, in sectors: a CD-ROM drive reads whole blocks of this size */
#define WIDE_SECTORS  8u
#define PIECE_SECTORS ((u32)(BLOCK_REQUEST_BYTES / BLOCK_SECTOR_BYTES))
#define PAGE_SECTORS  ((u32)(PAGE_SIZE / BLOCK_SECTOR_BYTES))
/* The most rounds over the queues that fail a lost disk's requests; some may come meanwhile. */
#define FAIL_ROUNDS 16u

static u32 blk_tag_of(const struct virtio_blk *blk, const struct blk_request *request)
{
	return (u32)(request - blk->state.request);
}

/* --- requests returned to the guest --- */

static void blk_finish(struct virtio_blk *blk, struct blk_request *request, enum blk_status status)
{
	u32 written = request->operation == BLOCK_READ ? request->done * BLOCK_SECTOR_BYTES : 0;

	blk->protocol->give_back(blk, request, status, written);
	request->phase = BLK_FREE;
	blk->free_from = MIN(blk->free_from, blk_tag_of(blk, request));
}

/* --- requests taken from the guest --- */

static bool blk_writes(const struct blk_request *request)
{
	return request->operation == BLOCK_WRITE || request->operation == BLK_WRITE_THROUGH;
}

static bool blk_has_data(const struct blk_request *request)
{
	return request->operation == BLOCK_READ || blk_writes(request);
}

void blk_keep(struct virtio_blk *blk, struct blk_request *request, const struct virtio_chain *chain)
{
	request->head = (u16)chain->head;
	request->readable_count = (u16)chain->readable_count;
	request->segment_count = (u16)chain->count;
	memcpy(request->segment, chain->segment, chain->count * sizeof(chain->segment[0]));
	request->phase = BLK_WAITS;
	blk->copy[blk_tag_of(blk, request)] = false;
	blk->awaited[blk_tag_of(blk, request)] = false;
	blk->waiting++;
}

static struct blk_request *blk_find_free(struct virtio_blk *blk)
{
	for (; blk->free_from < VIRTIO_BLK_REQUESTS; blk->free_from++) {
		if (blk->state.request[blk->free_from].phase == BLK_FREE)
			return &blk->state.request[blk->free_from];
	}
	return NULL;
}

/* Clears all of a request but its segments, of which `segment_count` says how many are valid. */
static void blk_begin(struct blk_request *request, u32 queue)
{
	__builtin_memset(request, 0, offsetof(struct blk_request, segment));
	request->queue = (u16)queue;
}

struct blk_request *blk_new(struct virtio_blk *blk, u32 queue)
{
	struct blk_request *request = blk_find_free(blk);

	if (likely(request != NULL))
		blk_begin(request, queue);
	return request;
}

/* Takes at most one queue's number of requests, since other vCPUs may add more without end. */
void blk_take_all(struct virtio_blk *blk, u32 queue)
{
	struct virtio_chain chain;
	struct blk_request *request;

	if (blk->protocol->take == NULL || !virtio_queue_is_live(blk->device, queue))
		return;
	for (u32 i = 0; i < VIRTIO_BLK_QUEUE_SIZE; i++) {
		request = blk_find_free(blk);
		if (request == NULL || !virtqueue_pop(blk->device, queue, &chain))
			return;
		blk_begin(request, queue);
		blk->protocol->take(blk, queue, &chain, request);
	}
	virtio_look_again(blk->device, queue);
}

/* --- requests sent to the driver --- */

/*
 * Encrypts a write into the pool, from a copy in the cipher's block, which no other process maps.
 */
static void blk_encrypt_out(struct virtio_blk *blk, const struct blk_request *request,
			    const struct virtio_chain *chain, u8 *data, u32 bytes)
{
	u64 from = blk->protocol->header_bytes + (u64)request->done * BLOCK_SECTOR_BYTES;
	u64 sector = request->sector + request->done;

	for (u32 at = 0; at < bytes; at += DISK_SECRET_BYTES) {
		virtio_chain_read(blk->device->memory, chain, from + at, blk->cipher->block,
				  DISK_SECRET_BYTES);
		disk_cipher_encrypt(blk->cipher, sector + at / BLOCK_SECTOR_BYTES);
		memcpy(data + at, blk->cipher->block, DISK_SECRET_BYTES);
	}
}

/* Decrypts the data of a read: first copies each block out of the pool, as drivers write there. */
static void blk_decrypt_in(struct virtio_blk *blk, const struct blk_request *request,
			   const struct virtio_chain *chain, const u8 *data)
{
	u64 to = blk->protocol->answer_bytes + (u64)request->done * BLOCK_SECTOR_BYTES;
	u64 sector = request->sector + request->done;
	u32 bytes = request->asked * BLOCK_SECTOR_BYTES;

	for (u32 at = 0; at < bytes; at += DISK_SECRET_BYTES) {
		memcpy(blk->cipher->block, data + at, DISK_SECRET_BYTES);
		disk_cipher_decrypt(blk->cipher, sector + at / BLOCK_SECTOR_BYTES);
		virtio_chain_write(blk->device->memory, chain, to + at, blk->cipher->block,
				   DISK_SECRET_BYTES);
	}
}

/* Copies the data of a write from guest memory into the pool shared with the driver. */
static void blk_copy_out(struct virtio_blk *blk, const struct blk_request *request, u8 *data,
			 u32 bytes)
{
	struct virtio_chain chain;

	if (!blk_writes(request))
		return;
	blk_load_chain(request, &chain);
	if (blk->cipher != NULL) {
		blk_encrypt_out(blk, request, &chain, data, bytes);
		return;
	}
	virtio_chain_read(blk->device->memory, &chain,
			  blk->protocol->header_bytes + (u64)request->done * BLOCK_SECTOR_BYTES,
			  data, bytes);
}

/*
 * Returns the sector on the disk at which the request's next piece begins: behind the header, if
 * the disk is encrypted.
 */
static u64 blk_disk_sector(const struct virtio_blk *blk, const struct blk_request *request)
{
	return request->sector + request->done + (blk->cipher != NULL ? DISK_SECRET_SECTORS : 0);
}

/*
 * Returns how many sectors before a request's next piece are to be read too, and sets *whole to the
 * number of sectors that are then read in all. A CD's blocks may be smaller than the blocks of the
 * disk that holds the CD, which reads only whole blocks of its own.
 */
static u32 blk_widen(const struct virtio_blk *blk, const struct blk_request *request, u32 sectors,
		     u32 *whole)
{
	u64 sector = request->sector + request->done;
	u32 before = (u32)(sector % WIDE_SECTORS);

	*whole = sectors;
	if (!blk->is_drive)
		return 0;
	/*
	 * The requested sectors are read without a check of the disk's end: the disk may have
	 * shrunk since the request, and a request of a saved state may lie beyond its end. The
	 * driver refuses such requests.
	 */
	*whole = before + sectors;
	if (sector < blk->state.capacity && sectors < blk->state.capacity - sector)
		*whole = (u32)MIN(align_up(*whole, WIDE_SECTORS),
				  blk->state.capacity - (sector - before));
	return before;
}

/*
 * Returns how many sectors a request's next piece has, which goes to the driver as one request; a
 * piece with data has at most `most`.
 */
static u32 blk_piece_of(const struct virtio_blk *blk, const struct blk_request *request, u32 most)
{
	u32 left = request->sectors - request->done;
	u32 boundary = blk->about.boundary;

	if (blk_has_data(request))
		left = MIN(left, blk->is_drive ? PIECE_SECTORS - WIDE_SECTORS : most);
	if (boundary != 0)
		left = MIN(left, boundary - (u32)(blk_disk_sector(blk, request) % boundary));
	return left;
}

static enum block_operation blk_operation_of(const struct blk_request *request)
{
	return blk_writes(request) ? BLOCK_WRITE : (enum block_operation)request->operation;
}

/*
 * Makes `asked` of a request's next piece, if its data may go between the disk and the guest's RAM
 * without a copy.
 */
static bool blk_make_direct(const struct virtio_blk *blk, const struct blk_request *request,
			    struct block_request *asked)
{
	u32 most, whole;

	if (!blk_has_data(request) || blk->copy[blk_tag_of(blk, request)] || blk->cipher != NULL)
		return false;
	most = disk_client_direct_pages(&blk->client, &asked->window) * PAGE_SECTORS;
	if (most == 0)
		return false;
	asked->operation = blk_operation_of(request);
	asked->sector = blk_disk_sector(blk, request);
	asked->sectors = blk_piece_of(blk, request, most);
	(void)blk_widen(blk, request, asked->sectors, &whole);
	return whole == asked->sectors &&
	       blk_find_pages(blk, request, (u64)whole * BLOCK_SECTOR_BYTES, asked->page);
}

/* Sends the driver a request's next piece. Returns false if the link or pool has no room now. */
static bool blk_ask(struct virtio_blk *blk, struct blk_request *request)
{
	struct block_request asked;
	bool direct = blk_make_direct(blk, request, &asked);
	u32 sectors = direct ? asked.sectors : blk_piece_of(blk, request, PIECE_SECTORS);
	u32 whole;
	u32 before = blk_widen(blk, request, sectors, &whole);
	u32 bytes = blk_has_data(request) ? whole * BLOCK_SECTOR_BYTES : 0;
	u32 tag = blk_tag_of(blk, request);
	u8 *data;
	int piece = disk_client_take(&blk->client, direct ? 0 : bytes, &data);

	if (piece < 0)
		return false;
	if (direct) {
		disk_client_ask_direct(&blk->client, piece, tag, &asked);
	} else {
		blk_copy_out(blk, request, data, bytes);
		disk_client_ask(&blk->client, piece, blk_operation_of(request),
				blk_disk_sector(blk, request) - before, whole, tag);
	}
	blk->copy[tag] = false;
	request->asked = (u16)sectors;
	request->phase = BLK_ASKED;
	blk->waiting--;
	return true;
}

bool blk_ask_all(struct virtio_blk *blk, bool look)
{
	if (blk->waiting == 0 || !disk_client_is_clear(&blk->client))
		return false;
	for (u32 i = 0; i < VIRTIO_BLK_REQUESTS && blk->waiting != 0; i++) {
		struct blk_request *request = &blk->state.request[i];

		if (request->phase == BLK_WAITS && !blk_ask(blk, request))
			break;
	}
	if (look)
		return disk_client_wake(&blk->client);
	disk_client_flush(&blk->client);
	return false;
}

/* --- answers of the driver --- */

static void blk_answered(struct virtio_blk *blk, struct blk_request *request,
			 enum block_status status, const u8 *data)
{
	struct virtio_chain chain;
	u32 whole;

	/* at most once for a piece: the answer to the second request has data */
	if ((status == BLOCK_COPY || status == BLOCK_COPY_ONCE) && data == NULL) {
		blk->copy[blk_tag_of(blk, request)] = true;
		request->phase = BLK_WAITS;
		blk->waiting++;
		return;
	}
	if (status != BLOCK_OK) {
		blk_finish(blk, request, status == BLOCK_UNSUPPORTED ? BLK_S_UNSUPP : BLK_S_IOERR);
		return;
	}
	if (request->operation == BLOCK_READ && data != NULL && blk->cipher != NULL) {
		blk_load_chain(request, &chain);
		blk_decrypt_in(blk, request, &chain, data);
	} else if (request->operation == BLOCK_READ && data != NULL) {
		data += (u64)blk_widen(blk, request, request->asked, &whole) * BLOCK_SECTOR_BYTES;
		blk_load_chain(request, &chain);
		virtio_chain_write(blk->device->memory, &chain,
				   blk->protocol->answer_bytes +
					   (u64)request->done * BLOCK_SECTOR_BYTES,
				   data, request->asked * (u64)BLOCK_SECTOR_BYTES);
	}
	request->done += request->asked;
	if (request->done == request->sectors && request->operation != BLK_WRITE_THROUGH) {
		blk_finish(blk, request, BLK_S_OK);
		return;
	}
	if (request->done == request->sectors) {
		request->operation = BLOCK_FLUSH;
		request->sectors = 0;
		request->done = 0;
	}
	request->phase = BLK_WAITS;
	blk->waiting++;
}

void blk_abort_waiting(struct virtio_blk *blk)
{
	for (u32 i = 0; i < VIRTIO_BLK_REQUESTS; i++)
		if (blk->state.request[i].phase == BLK_WAITS)
			blk_finish(blk, &blk->state.request[i], BLK_ABORTED);
	blk->waiting = 0;
}

void blk_await_all(struct virtio_blk *blk)
{
	for (u32 i = 0; i < VIRTIO_BLK_REQUESTS; i++)
		blk->awaited[i] = blk->state.request[i].phase != BLK_FREE;
}

bool blk_is_awaited(const struct virtio_blk *blk)
{
	for (u32 i = 0; i < VIRTIO_BLK_REQUESTS; i++)
		if (blk->awaited[i] && blk->state.request[i].phase != BLK_FREE)
			return true;
	return false;
}

bool blk_is_idle(const struct virtio_blk_state *state)
{
	for (u32 i = 0; i < VIRTIO_BLK_REQUESTS; i++)
		if (state->request[i].phase != BLK_FREE)
			return false;
	return true;
}

void blk_forget_all(struct virtio_blk *blk)
{
	disk_client_forget(&blk->client);
	blk->waiting = 0;
	blk->free_from = 0;
	for (u32 i = 0; i < VIRTIO_BLK_REQUESTS; i++)
		blk->state.request[i].phase = BLK_FREE;
}

void blk_loaded(struct virtio_blk *blk)
{
	disk_client_forget(&blk->client);
	blk->free_from = 0;
	blk_ask_again(blk);
}

void blk_ask_again(struct virtio_blk *blk)
{
	blk->waiting = 0;
	for (u32 i = 0; i < VIRTIO_BLK_REQUESTS; i++) {
		struct blk_request *request = &blk->state.request[i];

		if (request->phase == BLK_ASKED)
			request->phase = BLK_WAITS;
		blk->waiting += request->phase == BLK_WAITS;
	}
}

void blk_take_answers(struct virtio_blk *blk)
{
	bool full = blk_find_free(blk) == NULL; /* more requests may be waiting in the queues */
	enum block_status status;
	const u8 *data;
	u32 answered = 0; /* a bit for each queue */
	int piece;
	u32 tag;

	while (disk_client_answer(&blk->client, &tag, &status, &data, &piece)) {
		answered |= 1u << blk->state.request[tag].queue % 32;
		blk_answered(blk, &blk->state.request[tag], status, data);
		disk_client_give_back(&blk->client, piece);
	}
	if (answered == 0)
		return;
	for (u32 queue = blk->protocol->queue_first; queue < blk->protocol->queue_end; queue++) {
		if (full)
			blk_take_all(blk, queue);
		if (full || (answered >> queue & 1) != 0)
			virtqueue_announce(blk->device, queue);
	}
}

void blk_put_off_answers(struct virtio_blk *blk)
{
	enum block_status status;
	const u8 *data;
	int piece;
	u32 tag;

	while (disk_client_answer(&blk->client, &tag, &status, &data, &piece)) {
		blk->state.request[tag].phase = BLK_WAITS;
		blk->waiting++;
		disk_client_give_back(&blk->client, piece);
	}
}

static void blk_fail(struct virtio_blk *blk)
{
	for (u32 i = 0; i < VIRTIO_BLK_REQUESTS; i++) {
		if (blk->state.request[i].phase != BLK_FREE)
			blk_finish(blk, &blk->state.request[i], BLK_S_IOERR);
	}
	blk->waiting = 0;
}

void blk_fail_all(struct virtio_blk *blk)
{
	disk_client_forget(&blk->client);
	blk_fail(blk);
	for (u32 round = 0; round < FAIL_ROUNDS; round++) {
		for (u32 queue = blk->protocol->queue_first; queue < blk->protocol->queue_end;
		     queue++)
			blk_take_all(blk, queue);
		if (blk->waiting == 0)
			break;
		blk_fail(blk);
	}
	for (u32 queue = blk->protocol->queue_first; queue < blk->protocol->queue_end; queue++)
		virtqueue_announce(blk->device, queue);
}
