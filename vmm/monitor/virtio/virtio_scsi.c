/* SPDX-License-Identifier: MIT */
/*
 * A virtio SCSI host (virtio 1.2, 5.6) with one target, a CD-ROM drive, for firmware and systems
 * that boot or are installed from a CD. Attached by platform.c. Commands are carried out in
 * virtio_scsi_drive.c; their reads become disk requests (virtio_blk_request.c).
 */
#include "vmm/monitor/virtio/virtio_scsi.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/hw/mmc.h"
#include "vmm/hw/virtio.h"
#include "vmm/monitor/platform/platform_add.h"
#include "vmm/monitor/virtio/virtio_blk_request.h"
#include "vmm/monitor/virtio/virtio_scsi_drive.h"

#define CLASS_SCSI     0x010000u
#define BLOCK_SECTORS  (MMC_BLOCK_BYTES / BLOCK_SECTOR_BYTES)
#define CONTROL_BYTES  24u
#define CONTROL_CHAINS 16u /* requests that are taken from the control queue in one call */

/* The controller's queues (virtio 1.2, 5.6.2). */
enum scsi_queue { SCSI_QUEUE_CONTROL, SCSI_QUEUE_EVENT, SCSI_QUEUE_REQUESTS, SCSI_QUEUES };

/* The controller's configuration (virtio 1.2, 5.6.4). */
struct scsi_config {
	u32 num_queues;
	u32 seg_max;
	u32 max_sectors;
	u32 cmd_per_lun;
	u32 event_info_size;
	u32 sense_size;
	u32 cdb_size;
	u16 max_channel;
	u16 max_target;
	u32 max_lun;
};
_Static_assert(sizeof(struct scsi_config) == 36, "5.6.4");

/*
 * The types of requests in the control queue (virtio 1.2, 5.6.6.2), and the sizes of their answers.
 */
enum scsi_control { SCSI_T_TMF = 0, SCSI_T_AN_QUERY = 1, SCSI_T_AN_SUBSCRIBE = 2 };
#define TMF_ANSWER_BYTES    1u
#define NOTICE_ANSWER_BYTES 5u

static struct virtio_blk *scsi_blk_of(struct virtio_device *device)
{
	return CONTAINER_OF(device, struct virtio_blk, virtio);
}

/*
 * Writes the response to a command, which is followed by `bytes` bytes of data, and returns the
 * request to the guest.
 */
static void scsi_give_back(struct virtio_blk *blk, const struct virtio_chain *chain, u32 queue,
			   struct vio_scsi_response *response, u32 bytes)
{
	response->residual = (u32)(chain->writable_bytes - sizeof(*response) - bytes);
	virtio_chain_write(blk->virtio.memory, chain, 0, response, sizeof(*response));
	virtqueue_push(&blk->virtio, queue, chain->head, (u32)sizeof(*response) + bytes);
}

static void scsi_set_sense(struct vio_scsi_response *response, u32 key, u32 code)
{
	response->status = SCSI_CHECK_CONDITION;
	response->sense_bytes = MMC_SENSE_BYTES;
	drive_write_sense(response->sense, key, code);
}

/* Returns a read that went to the disk's driver to the guest. */
static void scsi_read_done(struct virtio_blk *blk, const struct virtio_chain *chain, u32 queue,
			   enum blk_status status, u32 bytes)
{
	struct vio_scsi_response response = {0};

	if (status != BLK_S_OK)
		scsi_set_sense(&response, SCSI_KEY_MEDIUM_ERROR, MMC_ASC_READ_ERROR);
	scsi_give_back(blk, chain, queue, &response, bytes);
}

static void scsi_answer(struct virtio_blk *blk, u32 queue, const struct virtio_chain *chain,
			const struct drive_answer *answer)
{
	u64 room = chain->writable_bytes - sizeof(struct vio_scsi_response);
	u32 bytes = (u32)MIN((u64)answer->bytes, room);
	struct vio_scsi_response response = {.status = answer->status};

	if (answer->status != SCSI_GOOD)
		scsi_set_sense(&response, answer->key, answer->code);
	virtio_chain_write(blk->virtio.memory, chain, sizeof(response), answer->data, bytes);
	scsi_give_back(blk, chain, queue, &response, bytes);
}

static void scsi_reject(struct virtio_blk *blk, u32 queue, const struct virtio_chain *chain,
			enum vio_scsi_answer code)
{
	struct vio_scsi_response response = {.response = (u8)code};

	scsi_give_back(blk, chain, queue, &response, 0);
}

/*
 * Returns the number of the addressed logical unit: flat or peripheral addressing of virtio 1.2,
 * 5.6.6.1.
 */
static u32 scsi_unit_of(const u8 unit[8])
{
	return (unit[2] & 0x3fu) << 8 | unit[3];
}

/*
 * Answers a read of a CD whose content lies in memory; drive_command has checked that the blocks
 * lie within it.
 */
static void scsi_read_memory(struct virtio_blk *blk, u32 queue, const struct virtio_chain *chain,
			     const struct drive_answer *answer)
{
	struct vio_scsi_response response = {0};
	u32 bytes = answer->blocks * MMC_BLOCK_BYTES;
	const u8 *medium = (blk->scsi.drive.taken & TAKEN_GONE) != 0 && blk->secret_end != 0
				   ? blk->medium_after
				   : blk->medium;

	if (answer->first < blk->secret_end && answer->first + answer->blocks > blk->secret_first)
		drive_take(blk, TAKEN_READ);
	virtio_chain_write(blk->virtio.memory, chain, sizeof(response),
			   medium + (u64)answer->first * MMC_BLOCK_BYTES, bytes);
	scsi_give_back(blk, chain, queue, &response, bytes);
}

static void scsi_take(struct virtio_blk *blk, u32 queue, const struct virtio_chain *chain,
		      struct blk_request *request)
{
	struct vio_scsi_request wanted;
	struct drive_answer answer;
	u64 bytes;

	if (chain->writable_bytes < sizeof(struct vio_scsi_response) ||
	    chain->readable_bytes < sizeof(wanted) ||
	    virtio_chain_read(blk->virtio.memory, chain, 0, &wanted, sizeof(wanted)) !=
		    sizeof(wanted)) {
		/* the guest's request has no room for a response */
		virtio_needs_reset(&blk->virtio);
		return;
	}
	if (wanted.unit[0] != 1 || wanted.unit[1] != 0) {
		scsi_reject(blk, queue, chain, VIO_SCSI_S_BAD_TARGET);
		return;
	}
	drive_command(blk, scsi_unit_of(wanted.unit), wanted.cdb, &answer);
	if (!answer.reads) {
		scsi_answer(blk, queue, chain, &answer);
		return;
	}
	bytes = (u64)answer.blocks * MMC_BLOCK_BYTES;
	if (bytes > chain->writable_bytes - sizeof(struct vio_scsi_response) ||
	    chain->count > VIRTIO_BLK_SEGMENTS) {
		scsi_reject(blk, queue, chain, VIO_SCSI_S_OVERRUN);
		return;
	}
	if (blk->medium != NULL) {
		scsi_read_memory(blk, queue, chain, &answer);
		return;
	}
	request->operation = BLOCK_READ;
	request->sector = (u64)answer.first * BLOCK_SECTORS;
	request->sectors = answer.blocks * BLOCK_SECTORS;
	blk_keep(blk, request, chain);
}

/*
 * Is called when the disk behind the drive has another size: tells the guest that there is another
 * CD.
 */
static void scsi_changed(struct virtio_blk *blk)
{
	if (blk->scsi.drive.tray == TRAY_FULL)
		drive_note(&blk->scsi.drive, TRAY_FULL);
}

void virtio_scsi_insert(struct virtio_blk *blk)
{
	if (blk->scsi.drive.tray == TRAY_FULL)
		return;
	virtio_blk_look(blk);
	drive_insert(&blk->scsi.drive);
}

static const struct blk_protocol scsi_protocol = {
	.queue_first = SCSI_QUEUE_REQUESTS,
	.queue_end = SCSI_QUEUES,
	.header_bytes = sizeof(struct vio_scsi_request),
	.answer_bytes = sizeof(struct vio_scsi_response),
	.take = scsi_take,
	.give_back = scsi_read_done,
	.changed = scsi_changed,
};

/* --- the control queue --- */

static bool scsi_is_idle(const struct virtio_blk_state *state)
{
	for (u32 i = 0; i < VIRTIO_BLK_REQUESTS; i++)
		if (state->request[i].phase != BLK_FREE)
			return false;
	return true;
}

/*
 * Answers a request in the control queue; such a request is about other requests. Reads cannot be
 * cancelled, so a request to abort some is refused while there are any. There are no asynchronous
 * notifications.
 */
static void scsi_control_one(struct virtio_blk *blk, const struct virtio_chain *chain)
{
	u8 answer[NOTICE_ANSWER_BYTES] = {0};
	u32 bytes = NOTICE_ANSWER_BYTES;
	u32 type;

	if (virtio_chain_read(blk->virtio.memory, chain, 0, &type, sizeof(type)) != sizeof(type)) {
		virtio_needs_reset(&blk->virtio);
		return;
	}
	if (type == SCSI_T_TMF) {
		bytes = TMF_ANSWER_BYTES;
		answer[0] =
			scsi_is_idle(&blk->state) ? VIO_SCSI_S_OK : VIO_SCSI_S_FUNCTION_REJECTED;
	} else if (type != SCSI_T_AN_QUERY && type != SCSI_T_AN_SUBSCRIBE) {
		answer[NOTICE_ANSWER_BYTES - 1] = VIO_SCSI_S_FUNCTION_REJECTED;
	}
	bytes = (u32)virtio_chain_write(blk->virtio.memory, chain, 0, answer, bytes);
	virtqueue_push(&blk->virtio, SCSI_QUEUE_CONTROL, chain->head, bytes);
}

static void scsi_control(struct virtio_blk *blk)
{
	struct virtio_chain chain;

	for (u32 i = 0; i < CONTROL_CHAINS; i++) {
		if (!virtio_queue_is_live(&blk->virtio, SCSI_QUEUE_CONTROL) ||
		    !virtqueue_pop(&blk->virtio, SCSI_QUEUE_CONTROL, &chain)) {
			virtqueue_announce(&blk->virtio, SCSI_QUEUE_CONTROL);
			return;
		}
		scsi_control_one(blk, &chain);
	}
	virtqueue_announce(&blk->virtio, SCSI_QUEUE_CONTROL);
	virtio_look_again(&blk->virtio, SCSI_QUEUE_CONTROL);
}

/* --- the operations of the device --- */

/*
 * Handles the requests in a queue. Buffers for events stay with the device, which has no event to
 * report.
 */
static void virtio_scsi_notify(struct virtio_device *device, u32 queue)
{
	if (queue == SCSI_QUEUE_CONTROL)
		scsi_control(scsi_blk_of(device));
	else if (queue == SCSI_QUEUE_REQUESTS)
		virtio_blk_notify(device, queue);
}

/* Forgets requests at a reset; the tray stays as it is, and is unlocked. */
static void virtio_scsi_forget(struct virtio_device *device)
{
	scsi_blk_of(device)->scsi.drive.locked = 0;
	virtio_blk_forget(device);
}

/*
 * Reads the configuration. Commands have the longest possible length, and sense data the drivers'
 * default size; a driver that writes another size reads back that this had no effect.
 */
static u32 virtio_scsi_config_read(struct virtio_device *device, u32 offset, u32 size)
{
	static const struct scsi_config config = {
		.num_queues = SCSI_QUEUES - SCSI_QUEUE_REQUESTS,
		.seg_max = VIRTIO_BLK_DATA_MAX,
		.max_sectors = 0xffff,
		.cmd_per_lun = VIRTIO_BLK_REQUESTS,
		.event_info_size = 16,
		.sense_size = SCSI_SENSE_BYTES,
		.cdb_size = DRIVE_COMMAND_BYTES,
	};
	u32 value = 0;

	(void)device;
	memcpy(&value, (const u8 *)&config + offset, size);
	return value;
}

static const struct virtio_ops virtio_scsi_virtio_ops = {
	.notify = virtio_scsi_notify,
	.reset = virtio_scsi_forget,
	.is_ending = virtio_blk_is_ending,
	.config_read = virtio_scsi_config_read,
};

static bool virtio_scsi_valid(const void *bytes)
{
	const struct virtio_scsi_state *state = bytes;

	for (u32 i = 0; i < VIRTIO_BLK_REQUESTS; i++) {
		const struct blk_request *request = &state->disk.request[i];

		if (request->phase != BLK_FREE && request->operation != BLOCK_READ)
			return false;
	}
	return drive_valid(&state->drive) &&
	       virtio_blk_requests_valid(&state->disk, &scsi_protocol) && virtio_valid(bytes);
}

static const struct device_ops virtio_scsi_ops = {
	.widest = VIRTIO_WIDEST,
	.read = virtio_read,
	.write = virtio_write,
	.reset = virtio_reset,
	.tick = virtio_tick,
	.loaded = virtio_blk_loaded,
	.valid = virtio_scsi_valid,
};

/*
 * Checks a saved state for a drive whose CD's content lies in memory: such reads are done at once,
 * so the state must hold no requests.
 */
static bool virtio_scsi_memory_valid(const void *bytes)
{
	const struct virtio_scsi_state *state = bytes;

	return scsi_is_idle(&state->disk) && virtio_scsi_valid(bytes);
}

/* Takes the capacity from the CD's content in memory, whatever the loaded state says. */
static void virtio_scsi_memory_loaded(struct device *device)
{
	struct virtio_blk *blk = scsi_blk_of(virtio_of(device));

	blk->state.capacity = blk->medium_sectors;
	virtio_loaded(device);
}

static void virtio_scsi_memory_reset(struct device *device)
{
	drive_begin_start(&scsi_blk_of(virtio_of(device))->scsi.drive);
	virtio_reset(device);
}

static const struct device_ops virtio_scsi_memory_ops = {
	.widest = VIRTIO_WIDEST,
	.read = virtio_read,
	.write = virtio_write,
	.reset = virtio_scsi_memory_reset,
	.tick = virtio_tick,
	.loaded = virtio_scsi_memory_loaded,
	.valid = virtio_scsi_memory_valid,
};

static const struct virtio_ops virtio_scsi_memory_virtio_ops = {
	.notify = virtio_scsi_notify,
	.reset = virtio_scsi_forget,
	.config_read = virtio_scsi_config_read,
};

static enum status virtio_scsi_attach_one(struct platform *platform,
					  const struct platform_config *config,
					  struct virtio_blk *blk, u32 slot)
{
	static const struct virtio_identity identity = {
		.type = VIRTIO_SCSI,
		.class_code = CLASS_SCSI,
		.subsystem = VIRTIO_SCSI,
	};

	if (blk->medium != NULL)
		blk->state.capacity = blk->medium_sectors;
	else
		virtio_blk_look(blk);
	blk->protocol = &scsi_protocol;
	blk->virtio = (struct virtio_device){
		.function.device =
			{
				.name = "virtio_scsi",
				.ops = blk->medium != NULL ? &virtio_scsi_memory_ops
							   : &virtio_scsi_ops,
				.state = &blk->scsi,
				.state_bytes = sizeof(blk->scsi),
				.kind = STATE_VIRTIO_SCSI,
				.version = 2,
			},
		.ops = blk->medium != NULL ? &virtio_scsi_memory_virtio_ops
					   : &virtio_scsi_virtio_ops,
		.state = &blk->state.virtio,
		.queue_count = SCSI_QUEUES,
		.config_bytes = sizeof(struct scsi_config),
	};
	for (u32 i = 0; i < SCSI_QUEUES; i++)
		blk->virtio.queue_size[i] = VIRTIO_BLK_QUEUE_SIZE;
	return virtio_add(platform, config->memory, &blk->virtio, &identity, slot);
}

enum status virtio_scsi_attach(struct platform *platform, const struct platform_config *config)
{
	enum status status = STATUS_OK;

	for (u32 i = 0; i < config->blk_count && status == STATUS_OK; i++)
		if (config->blk[i].is_drive)
			status =
				virtio_scsi_attach_one(platform, config, &config->blk[i],
						       PCI_SLOT_DISK_FIRST + config->blk[i].number);
	if (status == STATUS_OK && config->seed != NULL)
		status = virtio_scsi_attach_one(platform, config, config->seed, PCI_SLOT_SEED);
	return status;
}
