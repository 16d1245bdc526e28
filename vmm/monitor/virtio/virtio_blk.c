/* SPDX-License-Identifier: MIT */
#include "vmm/monitor/virtio/virtio_blk.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/monitor/dev/platform.h"

#define CLASS_STORAGE 0x018000u
#define HEADER_BYTES  16u
#define RANGE_BYTES   16u
#define CONFIG_BYTES  60u

/* 5.2.3 */
enum blk_feature {
	BLK_F_SEG_MAX = 2,
	BLK_F_RO = 5,
	BLK_F_BLK_SIZE = 6,
	BLK_F_FLUSH = 9,
	BLK_F_MQ = 12,
	BLK_F_DISCARD = 13,
	BLK_F_WRITE_ZEROES = 14,
};

/* 5.2.6 */
enum blk_type {
	BLK_T_IN = 0,
	BLK_T_OUT = 1,
	BLK_T_FLUSH = 4,
	BLK_T_GET_ID = 8,
	BLK_T_DISCARD = 11,
	BLK_T_WRITE_ZEROES = 13,
};

enum blk_status { BLK_S_OK, BLK_S_IOERR, BLK_S_UNSUPP };

/* 5.2.4 */
struct blk_config {
	u64 capacity;
	u32 size_max;
	u32 seg_max;
	u32 geometry;
	u32 blk_size;
	u8 physical_block_exponent;
	u8 alignment_offset;
	u16 minimum_io_size;
	u32 optimal_io_size;
	u8 writeback;
	u8 unused;
	u16 num_queues;
	u32 max_discard_sectors;
	u32 max_discard_seg;
	u32 discard_sector_alignment;
	u32 max_write_zeroes_sectors;
	u32 max_write_zeroes_seg;
	u8 write_zeroes_may_unmap;
	u8 unused1[3];
} PACKED;
_Static_assert(sizeof(struct blk_config) == CONFIG_BYTES, "5.2.4");

struct blk_header {
	u32 type;
	u32 reserved;
	u64 sector;
};

/* 5.2.6: of discard and write zeroes */
struct blk_range {
	u64 sector;
	u32 sectors;
	u32 flags;
};

static struct virtio_blk *virtio_blk_of(struct virtio_device *device)
{
	return CONTAINER_OF(device, struct virtio_blk, virtio);
}

static u32 tag_of(const struct virtio_blk *blk, const struct blk_request *request)
{
	return (u32)(request - blk->state.request);
}

/* --- a request's memory, by the copy of its segments --- */

static void load_chain(const struct blk_request *request, struct virtio_chain *chain)
{
	chain->head = request->head;
	chain->readable_count = request->readable_count;
	chain->count = request->segment_count;
	chain->readable_bytes = 0;
	chain->writable_bytes = 0;
	for (u32 i = 0; i < chain->count; i++) {
		chain->segment[i] = request->segment[i];
		if (i < chain->readable_count)
			chain->readable_bytes += request->segment[i].bytes;
		else
			chain->writable_bytes += request->segment[i].bytes;
	}
}

/* Gives it back to the guest with its last byte, the status, and `written` bytes before that. */
static void give_back(struct virtio_blk *blk, const struct virtio_chain *chain, u32 queue,
		      u8 status, u32 written)
{
	virtio_chain_write(blk->virtio.memory, chain, chain->writable_bytes - 1, &status, 1);
	virtqueue_push(&blk->virtio, queue, chain->head, written + 1);
}

static void finish(struct virtio_blk *blk, struct blk_request *request, u8 status)
{
	u32 written = request->operation == BLOCK_READ ? request->done * BLOCK_SECTOR_BYTES : 0;
	struct virtio_chain chain;

	load_chain(request, &chain);
	give_back(blk, &chain, request->queue, status, written);
	request->phase = BLK_FREE;
}

/* --- from the guest --- */

static u8 get_id(struct virtio_blk *blk, const struct virtio_chain *chain)
{
	if (chain->writable_bytes <= VIRTIO_BLK_NAME_BYTES)
		return BLK_S_IOERR;
	virtio_chain_write(blk->virtio.memory, chain, 0, blk->name, VIRTIO_BLK_NAME_BYTES);
	return BLK_S_OK;
}

/* Sets the request's place on the disk from the one range that it may have. */
static bool take_range(struct virtio_blk *blk, const struct virtio_chain *chain,
		       struct blk_request *request)
{
	struct blk_range range;

	if (chain->readable_bytes != HEADER_BYTES + RANGE_BYTES ||
	    virtio_chain_read(blk->virtio.memory, chain, HEADER_BYTES, &range, sizeof(range)) !=
		    sizeof(range))
		return false;
	request->sector = range.sector;
	request->sectors = range.sectors;
	return (range.flags & ~1u) == 0 && range.sectors <= BLOCK_RANGE_SECTORS;
}

/* Whether the data is whole sectors, within the disk. */
static bool take_data(const struct virtio_blk *blk, u64 bytes, u64 sector,
		      struct blk_request *request)
{
	request->sector = sector;
	request->sectors = (u32)(bytes / BLOCK_SECTOR_BYTES);
	return bytes % BLOCK_SECTOR_BYTES == 0 && bytes != 0 &&
	       bytes / BLOCK_SECTOR_BYTES <= blk->state.capacity;
}

/* What the disk is to do. BLK_S_OK: `request` says it; anything else is the answer. */
static u8 understand(struct virtio_blk *blk, const struct virtio_chain *chain,
		     const struct blk_header *header, struct blk_request *request)
{
	bool read_only = (blk->about.features & DISK_READ_ONLY) != 0;
	bool good = true;

	switch (header->type) {
	case BLK_T_IN:
		request->operation = BLOCK_READ;
		good = take_data(blk, chain->writable_bytes - 1, header->sector, request);
		break;
	case BLK_T_OUT:
		request->operation = BLOCK_WRITE;
		good = !read_only && take_data(blk, chain->readable_bytes - HEADER_BYTES,
					       header->sector, request);
		break;
	case BLK_T_FLUSH:
		request->operation = BLOCK_FLUSH;
		return BLK_S_OK;
	case BLK_T_DISCARD:
	case BLK_T_WRITE_ZEROES:
		request->operation = header->type == BLK_T_DISCARD ? BLOCK_DISCARD
								   : BLOCK_WRITE_ZEROES;
		good = !read_only && take_range(blk, chain, request);
		break;
	default:
		return BLK_S_UNSUPP;
	}
	if (!good || request->sectors == 0 || request->sectors > blk->state.capacity ||
	    request->sector > blk->state.capacity - request->sectors)
		return BLK_S_IOERR;
	return BLK_S_OK;
}

static void keep_segments(struct blk_request *request, const struct virtio_chain *chain)
{
	request->head = (u16)chain->head;
	request->readable_count = (u16)chain->readable_count;
	request->segment_count = (u16)chain->count;
	memcpy(request->segment, chain->segment, chain->count * sizeof(chain->segment[0]));
}

/* A chain that the guest offers: it is answered at once, or becomes `request`. */
static void take(struct virtio_blk *blk, u32 queue, const struct virtio_chain *chain,
		 struct blk_request *request)
{
	struct blk_header header;
	u8 status;

	if (chain->writable_bytes == 0 || chain->readable_bytes < HEADER_BYTES) {
		/* there is no byte for a status, or no request */
		virtio_needs_reset(&blk->virtio);
		return;
	}
	*request = (struct blk_request){.queue = (u16)queue};
	if (virtio_chain_read(blk->virtio.memory, chain, 0, &header, HEADER_BYTES) != HEADER_BYTES)
		status = BLK_S_IOERR;
	else if (header.type == BLK_T_GET_ID)
		status = get_id(blk, chain);
	else if (chain->count > VIRTIO_BLK_SEGMENTS)
		status = BLK_S_IOERR;
	else
		status = understand(blk, chain, &header, request);
	if (status != BLK_S_OK || header.type == BLK_T_GET_ID) {
		give_back(blk, chain, queue, status,
			  status == BLK_S_OK ? VIRTIO_BLK_NAME_BYTES : 0);
		return;
	}
	keep_segments(request, chain);
	request->phase = BLK_WAITS;
	blk->waiting++;
}

static struct blk_request *find_free(struct virtio_blk *blk)
{
	for (u32 i = 0; i < VIRTIO_BLK_REQUESTS; i++) {
		if (blk->state.request[i].phase == BLK_FREE)
			return &blk->state.request[i];
	}
	return NULL;
}

/* At most one queue's size: other CPUs may add as fast as this one takes. */
static void take_all(struct virtio_blk *blk, u32 queue)
{
	struct virtio_chain chain;
	struct blk_request *request;

	if (!virtio_queue_is_live(&blk->virtio, queue))
		return;
	for (u32 i = 0; i < VIRTIO_BLK_QUEUE_SIZE; i++) {
		request = find_free(blk);
		if (request == NULL || !virtqueue_pop(&blk->virtio, queue, &chain))
			return;
		take(blk, queue, &chain, request);
	}
}

/* --- to the driver --- */

static bool has_data(const struct blk_request *request)
{
	return request->operation == BLOCK_READ || request->operation == BLOCK_WRITE;
}

/* The next piece of a request. False: there is no room for it now. */
static bool ask(struct virtio_blk *blk, struct blk_request *request)
{
	u32 left = request->sectors - request->done;
	u32 sectors = has_data(request) ? MIN(left, BLOCK_REQUEST_BYTES / BLOCK_SECTOR_BYTES)
					: left;
	u32 bytes = has_data(request) ? sectors * BLOCK_SECTOR_BYTES : 0;
	struct virtio_chain chain;
	u8 *data;
	int piece = disk_client_take(&blk->client, bytes, &data);

	if (piece < 0)
		return false;
	if (request->operation == BLOCK_WRITE) {
		load_chain(request, &chain);
		virtio_chain_read(blk->virtio.memory, &chain,
				  HEADER_BYTES + (u64)request->done * BLOCK_SECTOR_BYTES, data,
				  bytes);
	}
	disk_client_ask(&blk->client, piece, (enum block_operation)request->operation,
			request->sector + request->done, sectors, tag_of(blk, request));
	request->asked = (u16)sectors;
	request->phase = BLK_ASKED;
	blk->waiting--;
	return true;
}

static void ask_all(struct virtio_blk *blk)
{
	if (blk->waiting == 0 || !disk_client_is_clear(&blk->client))
		return;
	for (u32 i = 0; i < VIRTIO_BLK_REQUESTS && blk->waiting != 0; i++) {
		struct blk_request *request = &blk->state.request[i];

		if (request->phase == BLK_WAITS && !ask(blk, request))
			break;
	}
	disk_client_flush(&blk->client);
}

/* --- from the driver --- */

static void answered(struct virtio_blk *blk, struct blk_request *request,
		     enum block_status status, const u8 *data)
{
	struct virtio_chain chain;

	if (status != BLOCK_OK) {
		finish(blk, request, status == BLOCK_UNSUPPORTED ? BLK_S_UNSUPP : BLK_S_IOERR);
		return;
	}
	if (request->operation == BLOCK_READ) {
		load_chain(request, &chain);
		virtio_chain_write(blk->virtio.memory, &chain,
				   (u64)request->done * BLOCK_SECTOR_BYTES, data,
				   request->asked * (u64)BLOCK_SECTOR_BYTES);
	}
	request->done += request->asked;
	if (request->done == request->sectors) {
		finish(blk, request, BLK_S_OK);
		return;
	}
	request->phase = BLK_WAITS;
	blk->waiting++;
}

/* Whatever was asked has to be asked again: nobody will answer it. */
static void ask_again(struct virtio_blk *blk)
{
	blk->waiting = 0;
	for (u32 i = 0; i < VIRTIO_BLK_REQUESTS; i++) {
		struct blk_request *request = &blk->state.request[i];

		if (request->phase == BLK_ASKED)
			request->phase = BLK_WAITS;
		blk->waiting += request->phase == BLK_WAITS;
	}
}

static void take_answers(struct virtio_blk *blk)
{
	enum block_status status;
	const u8 *data;
	bool any = false;
	int piece;
	u32 tag;

	while (disk_client_answer(&blk->client, &tag, &status, &data, &piece)) {
		answered(blk, &blk->state.request[tag], status, data);
		disk_client_give_back(&blk->client, piece);
		any = true;
	}
	if (!any)
		return;
	for (u32 queue = 0; queue < VIRTIO_BLK_QUEUES; queue++) {
		take_all(blk, queue);
		virtqueue_announce(&blk->virtio, queue);
	}
}

static void look_for_growth(struct virtio_blk *blk)
{
	struct block_about about = disk_client_about(&blk->client);

	if (likely(about.sectors == blk->state.capacity))
		return;
	blk->about = about;
	blk->state.capacity = about.sectors;
	virtio_config_changed(&blk->virtio);
}

void virtio_blk_attend(struct virtio_blk *blk)
{
	if (unlikely(disk_client_renewed(&blk->client)))
		ask_again(blk);
	look_for_growth(blk);
	take_answers(blk);
	ask_all(blk);
}

/* --- the device --- */

static void virtio_blk_notify(struct virtio_device *device, u32 queue)
{
	struct virtio_blk *blk = virtio_blk_of(device);

	take_all(blk, queue);
	ask_all(blk);
	virtqueue_announce(device, queue);
}

/* What the driver has of it still gets done; new requests wait for that. */
static void virtio_blk_forget(struct virtio_device *device)
{
	struct virtio_blk *blk = virtio_blk_of(device);

	disk_client_forget(&blk->client);
	blk->waiting = 0;
	for (u32 i = 0; i < VIRTIO_BLK_REQUESTS; i++)
		blk->state.request[i].phase = BLK_FREE;
}

static u32 virtio_blk_config_read(struct virtio_device *device, u32 offset, u32 size)
{
	const struct virtio_blk *blk = virtio_blk_of(device);
	struct blk_config config = {
		.capacity = blk->state.capacity,
		.seg_max = VIRTIO_BLK_DATA_MAX,
		.blk_size = blk->about.block_bytes,
		.num_queues = VIRTIO_BLK_QUEUES,
		.max_discard_sectors = BLOCK_RANGE_SECTORS,
		.max_discard_seg = 1,
		.discard_sector_alignment = blk->about.block_bytes / BLOCK_SECTOR_BYTES,
		.max_write_zeroes_sectors = BLOCK_RANGE_SECTORS,
		.max_write_zeroes_seg = 1,
	};
	u32 value = 0;

	memcpy(&value, (const u8 *)&config + offset, size);
	return value;
}

static const struct virtio_ops virtio_blk_virtio_ops = {
	.notify = virtio_blk_notify,
	.reset = virtio_blk_forget,
	.config_read = virtio_blk_config_read,
};

static bool request_valid(const struct blk_request *request)
{
	u64 readable = 0;
	u64 writable = 0;

	if (request->phase == BLK_FREE)
		return true;
	if (request->phase > BLK_ASKED || request->operation >= BLOCK_OPERATION_COUNT ||
	    request->queue >= VIRTIO_BLK_QUEUES || request->done > request->sectors ||
	    request->segment_count > VIRTIO_BLK_SEGMENTS ||
	    request->readable_count > request->segment_count)
		return false;
	for (u32 i = 0; i < request->segment_count; i++) {
		if (i < request->readable_count)
			readable += request->segment[i].bytes;
		else
			writable += request->segment[i].bytes;
	}
	return writable != 0 && readable >= HEADER_BYTES;
}

static bool virtio_blk_valid(const void *bytes)
{
	const struct virtio_blk_state *state = bytes;

	for (u32 i = 0; i < VIRTIO_BLK_REQUESTS; i++) {
		if (!request_valid(&state->request[i]))
			return false;
	}
	return virtio_valid(bytes);
}

/* What the saved machine had asked and not been answered is asked anew. */
static void virtio_blk_loaded(struct device *device)
{
	struct virtio_blk *blk = virtio_blk_of(virtio_of(device));

	virtio_loaded(device);
	disk_client_forget(&blk->client);
	ask_again(blk);
}

static const struct device_ops virtio_blk_ops = {
	.widest = VIRTIO_WIDEST,
	.read = virtio_read,
	.write = virtio_write,
	.reset = virtio_reset,
	.loaded = virtio_blk_loaded,
	.valid = virtio_blk_valid,
};

static u64 features_of(const struct block_about *about)
{
	return BIT(BLK_F_SEG_MAX) | BIT(BLK_F_BLK_SIZE) | BIT(BLK_F_MQ) |
	       ((about->features & DISK_READ_ONLY) != 0 ? BIT(BLK_F_RO) : 0) |
	       ((about->features & DISK_FLUSH) != 0 ? BIT(BLK_F_FLUSH) : 0) |
	       ((about->features & DISK_DISCARD) != 0 ? BIT(BLK_F_DISCARD) : 0) |
	       ((about->features & DISK_WRITE_ZEROES) != 0 ? BIT(BLK_F_WRITE_ZEROES) : 0);
}

static enum status attach_one(struct platform *platform, const struct platform_config *config,
			      struct virtio_blk *blk)
{
	static const struct virtio_identity identity = {
		.type = VIRTIO_BLOCK,
		.class_code = CLASS_STORAGE,
		.subsystem = VIRTIO_BLOCK,
	};

	blk->about = disk_client_about(&blk->client);
	blk->state.capacity = blk->about.sectors;
	blk->virtio = (struct virtio_device){
		.function.device = {
			.name = "virtio_blk",
			.ops = &virtio_blk_ops,
			.state = &blk->state,
			.state_bytes = sizeof(blk->state),
			.kind = STATE_VIRTIO_BLK,
			.version = 1,
		},
		.ops = &virtio_blk_virtio_ops,
		.state = &blk->state.virtio,
		.features = features_of(&blk->about),
		.queue_count = VIRTIO_BLK_QUEUES,
		.config_bytes = CONFIG_BYTES,
	};
	for (u32 i = 0; i < VIRTIO_BLK_QUEUES; i++)
		blk->virtio.queue_size[i] = VIRTIO_BLK_QUEUE_SIZE;
	return virtio_add(platform, config->memory, &blk->virtio, &identity,
			  PCI_SLOT_DISK_FIRST + blk->number);
}

enum status virtio_blk_attach(struct platform *platform, const struct platform_config *config)
{
	enum status status = STATUS_OK;

	for (u32 i = 0; i < config->blk_count && status == STATUS_OK; i++)
		status = attach_one(platform, config, &config->blk[i]);
	return status;
}
