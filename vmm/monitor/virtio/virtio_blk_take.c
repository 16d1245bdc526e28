/* SPDX-License-Identifier: MIT */
/*
 * Reads and answers a virtio disk's requests (virtio 1.2, 5.2.6). Called by virtio_blk_request.c
 * with requests as the guest made them; reads and writes guest RAM.
 */
#include "vmm/monitor/virtio/virtio_blk_request.h"

#include "lib/string.h"
#include "vmm/monitor/disk/disk_cipher.h"

#define RANGE_BYTES 16u
#define RANGE_UNMAP 1u

struct blk_header {
	u32 type;
	u32 reserved;
	u64 sector;
};

/* A range of sectors to discard or to fill with zeros (virtio 1.2, 5.2.6). */
struct blk_range {
	u64 sector;
	u32 sectors;
	u32 flags;
};

/*
 * Returns a request to the guest: `bytes` bytes of data were written; then comes the status, in the
 * last byte of the last segment, which can be written.
 */
static void blk_end(struct virtio_blk *blk, u32 queue, u32 head, const struct virtio_segment *last,
		    enum blk_status status, u32 bytes)
{
	u8 *at = guest_memory_near(blk->device->memory, GPA(last->gpa.value + last->bytes - 1), 1);

	if (likely(at != NULL))
		*(volatile u8 *)at = (u8)status;
	virtqueue_push(blk->device, queue, head, bytes + 1);
}

static void blk_give_back(struct virtio_blk *blk, const struct blk_request *request,
			  enum blk_status status, u32 bytes)
{
	blk_end(blk, request->queue, request->head, &request->segment[request->segment_count - 1],
		status, bytes);
}

static enum blk_status blk_get_id(struct virtio_blk *blk, const struct virtio_chain *chain)
{
	if (chain->writable_bytes <= VIRTIO_BLK_NAME_BYTES)
		return BLK_S_IOERR;
	virtio_chain_write(blk->device->memory, chain, 0, blk->name, VIRTIO_BLK_NAME_BYTES);
	return BLK_S_OK;
}

/*
 * Sets the request's sectors from the one range that a discard or a write of zeros may have. Flags
 * that are unknown, or not for this type, are answered as unsupported (virtio 1.2, 5.2.6.2).
 */
static enum blk_status blk_take_range(struct virtio_blk *blk, const struct virtio_chain *chain,
				      struct blk_request *request)
{
	u32 known = request->operation == BLOCK_WRITE_ZEROES ? RANGE_UNMAP : 0;
	struct blk_range range;

	if (chain->readable_bytes != BLK_HEADER_BYTES + RANGE_BYTES ||
	    virtio_chain_read(blk->device->memory, chain, BLK_HEADER_BYTES, &range,
			      sizeof(range)) != sizeof(range))
		return BLK_S_IOERR;
	request->sector = range.sector;
	request->sectors = range.sectors;
	if ((range.flags & ~known) != 0)
		return BLK_S_UNSUPP;
	return range.sectors <= BLOCK_RANGE_SECTORS ? BLK_S_OK : BLK_S_IOERR;
}

/* Sets the request's sectors from the size of its data: whole sectors, not more than the disk. */
static enum blk_status blk_take_data(const struct virtio_blk *blk, u64 bytes, u64 sector,
				     struct blk_request *request)
{
	request->sector = sector;
	request->sectors = (u32)(bytes / BLOCK_SECTOR_BYTES);
	return bytes % BLOCK_SECTOR_BYTES == 0 && bytes / BLOCK_SECTOR_BYTES <= blk->state.capacity
		       ? BLK_S_OK
		       : BLK_S_IOERR;
}

bool blk_may_unmap(const struct virtio_blk *blk)
{
	return blk->cipher == NULL || blk->cipher->sparse;
}

/* Returns whether the request has whole blocks of its disk, if that is encrypted. */
static bool blk_is_whole(const struct virtio_blk *blk, const struct blk_request *request)
{
	return blk->cipher == NULL || (request->sector % DISK_SECRET_SECTORS == 0 &&
				       request->sectors % DISK_SECRET_SECTORS == 0 &&
				       request->done % DISK_SECRET_SECTORS == 0);
}

/*
 * Reads the disk's task from the guest's chain into `request`. Returns BLK_S_OK if the disk is to
 * do it; any other result is the answer to the guest.
 */
static enum blk_status blk_understand(struct virtio_blk *blk, const struct virtio_chain *chain,
				      const struct blk_header *header, struct blk_request *request)
{
	bool read_only = (blk->about.features & DISK_READ_ONLY) != 0;
	enum blk_status status;

	if (chain->count > VIRTIO_BLK_SEGMENTS)
		return BLK_S_IOERR;
	switch (header->type) {
	case BLK_T_IN:
		request->operation = BLOCK_READ;
		status = blk_take_data(blk, chain->writable_bytes - 1, header->sector, request);
		break;
	case BLK_T_OUT:
		request->operation = BLOCK_WRITE;
		status = read_only ? BLK_S_IOERR
				   : blk_take_data(blk, chain->readable_bytes - BLK_HEADER_BYTES,
						   header->sector, request);
		break;
	case BLK_T_FLUSH:
		request->operation = BLOCK_FLUSH;
		return BLK_S_OK;
	case BLK_T_DISCARD:
	case BLK_T_WRITE_ZEROES:
		if (!blk_may_unmap(blk))
			return BLK_S_UNSUPP;
		request->operation =
			header->type == BLK_T_DISCARD ? BLOCK_DISCARD : BLOCK_WRITE_ZEROES;
		status = read_only ? BLK_S_IOERR : blk_take_range(blk, chain, request);
		break;
	default:
		return BLK_S_UNSUPP;
	}
	if (status != BLK_S_OK)
		return status;
	if (request->sectors == 0 || request->sectors > blk->state.capacity ||
	    request->sector > blk->state.capacity - request->sectors || !blk_is_whole(blk, request))
		return BLK_S_IOERR;
	return BLK_S_OK;
}

static void blk_take(struct virtio_blk *blk, u32 queue, const struct virtio_chain *chain,
		     struct blk_request *request)
{
	struct blk_header header;
	enum blk_status status;

	if (chain->writable_bytes == 0 || chain->readable_bytes < BLK_HEADER_BYTES) {
		/* the guest's request has no byte for a status, or no whole header */
		virtio_needs_reset(blk->device);
		return;
	}
	if (virtio_chain_read(blk->device->memory, chain, 0, &header, BLK_HEADER_BYTES) !=
	    BLK_HEADER_BYTES)
		status = BLK_S_IOERR;
	else if (header.type == BLK_T_GET_ID)
		status = blk_get_id(blk, chain);
	else
		status = blk_understand(blk, chain, &header, request);
	if (status != BLK_S_OK || header.type == BLK_T_GET_ID) {
		blk_end(blk, queue, chain->head, &chain->segment[chain->count - 1], status,
			status == BLK_S_OK ? VIRTIO_BLK_NAME_BYTES : 0);
		return;
	}
	blk_keep(blk, request, chain);
}

static void blk_changed(struct virtio_blk *blk)
{
	virtio_config_changed(blk->device);
}

const struct blk_protocol blk_disk_protocol = {
	.queue_end = VIRTIO_BLK_QUEUES,
	.header_bytes = BLK_HEADER_BYTES,
	.operation_last = BLOCK_OPERATION_COUNT - 1,
	.take = blk_take,
	.give_back = blk_give_back,
	.changed = blk_changed,
};
