/* SPDX-License-Identifier: MIT */
/*
 * A virtio disk (virtio 1.2, 5.2): configuration, queues and life. Attached by platform.c;
 * pending.c polls its link to the disk's driver. Requests are handled in virtio_blk_request.c.
 */
#include "vmm/monitor/virtio/virtio_blk_request.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/monitor/disk/disk_cipher.h"
#include "vmm/monitor/platform/platform_add.h"

#define CLASS_STORAGE 0x018000u
#define CONFIG_BYTES  60u
/*
 * how often the device looks at once for the answers to requests that it has just sent to the
 * driver
 */
#define LOOKS 4u

/* The device's feature bits (virtio 1.2, 5.2.3). */
enum blk_feature {
	BLK_F_SEG_MAX = 2,
	BLK_F_RO = 5,
	BLK_F_BLK_SIZE = 6,
	BLK_F_FLUSH = 9,
	BLK_F_MQ = 12,
	BLK_F_DISCARD = 13,
	BLK_F_WRITE_ZEROES = 14,
};

/* The device's configuration (virtio 1.2, 5.2.4). */
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

static struct virtio_blk *virtio_blk_of(struct virtio_device *device)
{
	return CONTAINER_OF(device, struct virtio_blk, virtio);
}

/*
 * Returns the disk's size in sectors that the guest sees: of an encrypted disk only whole blocks,
 * without the header.
 */
static u64 blk_capacity(const struct virtio_blk *blk, const struct block_about *about)
{
	u64 sectors = MIN(about->sectors, BLK_SECTORS_MAX);

	if (blk->cipher == NULL)
		return sectors;
	return align_down(MAX(sectors, (u64)DISK_SECRET_SECTORS), DISK_SECRET_SECTORS) -
	       DISK_SECRET_SECTORS;
}

u32 blk_block_bytes(const struct virtio_blk *blk)
{
	return blk->cipher != NULL ? DISK_SECRET_BYTES : blk->about.block_bytes;
}

static void blk_look_for_changes(struct virtio_blk *blk)
{
	struct block_about about = disk_client_about(&blk->client);
	u64 capacity = blk_capacity(blk, &about);

	blk->lost = (about.features & DISK_LOST) != 0;
	if (likely(capacity == blk->state.capacity))
		return;
	blk->about = about;
	blk->state.capacity = capacity;
	blk->protocol->changed(blk);
}

/*
 * A driver on the same CPU has often answered by the time that the signal to it is done: such an
 * answer needs no signal, and the guest gets it in the same exit.
 */
void virtio_blk_go_on(struct virtio_blk *blk)
{
	u32 looks = LOOKS;

	if (unlikely(blk->lost)) {
		blk_fail_all(blk);
		return;
	}
	if (unlikely(!pci_is_master(&blk->device->function)))
		looks = 0;
	for (; blk_ask_all(blk, looks != 0); looks--)
		blk_take_answers(blk);
}

void virtio_blk_poll_link(struct virtio_blk *blk)
{
	if (unlikely(disk_client_renewed(&blk->client)))
		blk_ask_again(blk);
	blk_look_for_changes(blk);
	if (!pci_is_master(&blk->device->function))
		/* the device may not use the guest's memory now: answers wait in the link */
		return;
	blk_take_answers(blk);
	virtio_blk_go_on(blk);
}

bool virtio_blk_drain(struct virtio_blk *blk)
{
	if (unlikely(disk_client_renewed(&blk->client)))
		blk_ask_again(blk);
	blk_look_for_changes(blk);
	if (pci_is_master(&blk->device->function))
		blk_take_answers(blk);
	else
		blk_put_off_answers(blk);
	return blk->lost || blk->client.outstanding == 0;
}

/* --- the operations of the device --- */

void virtio_blk_notify(struct virtio_device *device, u32 queue)
{
	struct virtio_blk *blk = virtio_blk_of(device);

	blk_take_all(blk, queue);
	virtio_blk_go_on(blk);
	virtqueue_announce(device, queue);
}

/* Forgets the guest's requests when the guest resets the disk's own device. */
void virtio_blk_forget(struct virtio_device *device)
{
	blk_forget_all(virtio_blk_of(device));
}

bool virtio_blk_is_landing(struct virtio_blk *blk)
{
	enum block_status status;
	const u8 *data;
	int piece;
	u32 tag;

	if (!disk_client_is_landing(&blk->client))
		return false;
	if (disk_client_renewed(&blk->client))
		blk_ask_again(blk);
	/*
	 * takes answers without effect: all requests are forgotten, even those that a loaded state
	 * has of a device that is reset, so none is returned to the guest
	 */
	blk_forget_all(blk);
	(void)disk_client_answer(&blk->client, &tag, &status, &data, &piece);
	return disk_client_is_landing(&blk->client);
}

bool virtio_blk_is_ending(struct virtio_device *device)
{
	return virtio_blk_is_landing(virtio_blk_of(device));
}

static u32 virtio_blk_config_read(struct virtio_device *device, u32 offset, u32 size)
{
	const struct virtio_blk *blk = virtio_blk_of(device);
	struct blk_config config = {
		.capacity = blk->state.capacity,
		.seg_max = VIRTIO_BLK_DATA_MAX,
		.blk_size = blk_block_bytes(blk),
		.num_queues = VIRTIO_BLK_QUEUES,
		.max_discard_sectors = BLOCK_RANGE_SECTORS,
		.max_discard_seg = 1,
		.discard_sector_alignment = blk_block_bytes(blk) / BLOCK_SECTOR_BYTES,
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
	.is_ending = virtio_blk_is_ending,
	.config_read = virtio_blk_config_read,
};

/*
 * Returns whether a saved request has as many sectors as its operation allows, and room for them in
 * the `readable` and `writable` bytes of its segments. The sectors may lie behind the disk's end,
 * as the disk may have shrunk, but not where the number of the last one would overflow.
 */
static bool blk_sectors_valid(const struct blk_request *request,
			      const struct blk_protocol *protocol, u64 readable, u64 writable)
{
	u64 bytes = (u64)request->sectors * BLOCK_SECTOR_BYTES;

	if (request->operation == BLOCK_FLUSH)
		return request->sectors == 0;
	if (request->done >= request->sectors ||
	    request->sector > BLK_SECTORS_MAX - request->sectors)
		return false;
	switch (request->operation) {
	case BLOCK_READ:
		return bytes <= writable - protocol->answer_bytes;
	case BLOCK_WRITE:
	case BLK_WRITE_THROUGH:
		return bytes <= readable - protocol->header_bytes;
	default:
		return request->sectors <= BLOCK_RANGE_SECTORS;
	}
}

static bool blk_request_valid(const struct blk_request *request,
			      const struct blk_protocol *protocol)
{
	u64 readable = 0;
	u64 writable = 0;

	if (request->phase == BLK_FREE)
		return true;
	if (request->phase > BLK_ASKED || request->operation > protocol->operation_last ||
	    request->queue < protocol->queue_first || request->queue >= protocol->queue_end ||
	    request->done > request->sectors || request->segment_count > VIRTIO_BLK_SEGMENTS ||
	    request->readable_count >= request->segment_count ||
	    request->segment[request->segment_count - 1].bytes == 0)
		return false;
	for (u32 i = 0; i < request->segment_count; i++) {
		if (i < request->readable_count)
			readable += request->segment[i].bytes;
		else
			writable += request->segment[i].bytes;
	}
	return writable != 0 && writable >= protocol->answer_bytes &&
	       readable >= protocol->header_bytes &&
	       blk_sectors_valid(request, protocol, readable, writable);
}

bool virtio_blk_requests_valid(const struct virtio_blk_state *state,
			       const struct blk_protocol *protocol)
{
	if (state->capacity > BLK_SECTORS_MAX)
		return false;
	for (u32 i = 0; i < VIRTIO_BLK_REQUESTS; i++) {
		if (!blk_request_valid(&state->request[i], protocol))
			return false;
	}
	return true;
}

static bool virtio_blk_valid(const void *bytes)
{
	return virtio_blk_requests_valid(bytes, &blk_disk_protocol) && virtio_valid(bytes);
}

/*
 * Makes the requests of a loaded state, which the saved VM's driver had not answered, be sent to
 * the driver again.
 */
void virtio_blk_loaded(struct device *device)
{
	struct virtio_blk *blk = virtio_blk_of(virtio_of(device));

	virtio_loaded(device);
	blk_loaded(blk);
}

static const struct device_ops virtio_blk_ops = {
	.widest = VIRTIO_WIDEST,
	.read = virtio_read,
	.write = virtio_write,
	.reset = virtio_reset,
	.tick = virtio_tick,
	.loaded = virtio_blk_loaded,
	.valid = virtio_blk_valid,
};

/*
 * Returns the features that the guest is offered. An encrypted disk offers neither discards, which
 * would show which blocks are in use, nor writes of zeros, as zeros from the device would be none
 * once decrypted. An encrypted volume offers both: its zeros on the disk are zeros in the guest,
 * too, and its store knows anyway which blocks were written.
 */
static u64 blk_features(const struct virtio_blk *blk)
{
	const struct block_about *about = &blk->about;
	u32 whole = blk_may_unmap(blk) ? about->features : 0;

	return BIT(BLK_F_SEG_MAX) | BIT(BLK_F_BLK_SIZE) | BIT(BLK_F_MQ) |
	       ((about->features & DISK_READ_ONLY) != 0 ? BIT(BLK_F_RO) : 0) |
	       ((about->features & DISK_FLUSH) != 0 ? BIT(BLK_F_FLUSH) : 0) |
	       ((whole & DISK_DISCARD) != 0 ? BIT(BLK_F_DISCARD) : 0) |
	       ((whole & DISK_WRITE_ZEROES) != 0 ? BIT(BLK_F_WRITE_ZEROES) : 0);
}

void virtio_blk_look(struct virtio_blk *blk)
{
	blk->about = disk_client_about(&blk->client);
	blk->state.capacity = blk_capacity(blk, &blk->about);
	blk->lost = (blk->about.features & DISK_LOST) != 0;
}

static enum status blk_attach_one(struct platform *platform, const struct platform_config *config,
				  struct virtio_blk *blk)
{
	static const struct virtio_identity identity = {
		.type = VIRTIO_BLOCK,
		.class_code = CLASS_STORAGE,
		.subsystem = VIRTIO_BLOCK,
	};

	virtio_blk_look(blk);
	blk->device = &blk->virtio;
	blk->protocol = &blk_disk_protocol;
	blk->virtio = (struct virtio_device){
		.function.device =
			{
				.name = "virtio_blk",
				.ops = &virtio_blk_ops,
				.state = &blk->state,
				.state_bytes = sizeof(blk->state),
				.kind = STATE_VIRTIO_BLK,
				.version = 1,
			},
		.ops = &virtio_blk_virtio_ops,
		.state = &blk->state.virtio,
		.features = blk_features(blk),
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
		if (!config->blk[i].is_drive && !config->blk[i].is_unit)
			status = blk_attach_one(platform, config, &config->blk[i]);
	return status;
}
