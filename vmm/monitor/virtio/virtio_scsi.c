/* SPDX-License-Identifier: MIT */
/*
 * A virtio SCSI host (virtio 1.2, 5.6) with one target, a CD-ROM drive, for firmware and systems
 * that boot or are installed from a CD. Attached by platform.c. Commands are carried out in
 * virtio_scsi_drive.c; their reads become disk requests (virtio_blk_request.c).
 */
#include "vmm/monitor/virtio/virtio_scsi.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/monitor/platform/platform_add.h"
#include "vmm/monitor/virtio/virtio_blk_pages.h"
#include "vmm/monitor/virtio/virtio_blk_request.h"
#include "vmm/monitor/virtio/virtio_scsi_drive.h"

#define BLOCK_SECTORS (MMC_BLOCK_BYTES / BLOCK_SECTOR_BYTES)
#define DRIVE_QUEUES  (SCSI_QUEUE_REQUESTS + 1)

static struct virtio_blk *scsi_blk_of(struct virtio_device *device)
{
	return CONTAINER_OF(device, struct virtio_blk, virtio);
}

/* Returns a read that went to the disk's driver to the guest. */
static void scsi_read_done(struct virtio_blk *blk, const struct blk_request *request,
			   enum blk_status status, u32 bytes)
{
	struct vio_scsi_response response = {0};
	struct virtio_chain chain;

	blk_load_chain(request, &chain);
	if (status != BLK_S_OK)
		scsi_set_sense(&response, SCSI_KEY_MEDIUM_ERROR, SCSI_CODE_READ_ERROR);
	scsi_give_back(&blk->virtio, &chain, request->queue, &response, bytes);
}

/*
 * Answers a read of a CD whose content lies in memory; drive_command has checked that the blocks
 * lie within it.
 */
static void scsi_read_memory(struct virtio_blk *blk, u32 queue, const struct virtio_chain *chain,
			     const struct scsi_answer *answer)
{
	struct vio_scsi_response response = {0};
	u32 bytes = answer->blocks * MMC_BLOCK_BYTES;
	const u8 *medium = (blk->scsi.drive.taken & TAKEN_GONE) != 0 && blk->secret_end != 0
				   ? blk->medium_after
				   : blk->medium;

	if (answer->first < blk->secret_end && answer->first + answer->blocks > blk->secret_first)
		drive_take(blk, TAKEN_READ);
	virtio_chain_write(blk->virtio.memory, chain, sizeof(response),
			   medium + answer->first * MMC_BLOCK_BYTES, bytes);
	scsi_give_back(&blk->virtio, chain, queue, &response, bytes);
}

static void scsi_take(struct virtio_blk *blk, u32 queue, const struct virtio_chain *chain,
		      struct blk_request *request)
{
	struct vio_scsi_request wanted;
	struct scsi_answer answer;
	u64 bytes;

	if (!scsi_read_request(&blk->virtio, chain, &wanted))
		return;
	if (wanted.unit[0] != 1 || wanted.unit[1] != 0) {
		scsi_reject(&blk->virtio, queue, chain, VIO_SCSI_S_BAD_TARGET);
		return;
	}
	drive_command(blk, scsi_unit_of(wanted.unit), wanted.cdb, &answer);
	if (!answer.asks) {
		scsi_give_answer(&blk->virtio, queue, chain, &answer);
		return;
	}
	bytes = (u64)answer.blocks * MMC_BLOCK_BYTES;
	if (bytes > chain->writable_bytes - sizeof(struct vio_scsi_response) ||
	    chain->count > VIRTIO_BLK_SEGMENTS) {
		scsi_reject(&blk->virtio, queue, chain, VIO_SCSI_S_OVERRUN);
		return;
	}
	if (blk->medium != NULL) {
		scsi_read_memory(blk, queue, chain, &answer);
		return;
	}
	request->operation = BLOCK_READ;
	request->sector = answer.first * BLOCK_SECTORS;
	request->sectors = answer.blocks * BLOCK_SECTORS;
	blk_keep(blk, request, chain);
}

/*
 * Tells the guest that there is another CD; called when the disk behind the drive has another size.
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
	.queue_end = DRIVE_QUEUES,
	.header_bytes = sizeof(struct vio_scsi_request),
	.answer_bytes = sizeof(struct vio_scsi_response),
	.operation_last = BLOCK_READ,
	.take = scsi_take,
	.give_back = scsi_read_done,
	.changed = scsi_changed,
};

/*
 * Answers a request that is about other requests. Reads of a CD cannot be cancelled, so a request
 * to abort some is refused while there are any.
 */
static bool scsi_manage(struct virtio_device *device, const struct scsi_task_request *task,
			u8 *response)
{
	(void)task;
	*response = blk_is_idle(&scsi_blk_of(device)->state) ? VIO_SCSI_S_OK
							     : VIO_SCSI_S_FUNCTION_REJECTED;
	return true;
}

/* --- the operations of the device --- */

/*
 * Handles the requests in a queue. Buffers for events stay with the device, which has no event to
 * report.
 */
static void virtio_scsi_notify(struct virtio_device *device, u32 queue)
{
	if (queue == SCSI_QUEUE_CONTROL)
		scsi_control(device, scsi_manage);
	else if (queue == SCSI_QUEUE_REQUESTS)
		virtio_blk_notify(device, queue);
}

/* Forgets requests at a reset; the tray stays as it is, and is unlocked. */
static void virtio_scsi_forget(struct virtio_device *device)
{
	scsi_blk_of(device)->scsi.drive.locked = 0;
	virtio_blk_forget(device);
}

static u32 virtio_scsi_config_read(struct virtio_device *device, u32 offset, u32 size)
{
	(void)device;
	return scsi_config_read(DRIVE_QUEUES - SCSI_QUEUE_REQUESTS, 0, offset, size);
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

	return blk_is_idle(&state->disk) && virtio_scsi_valid(bytes);
}

/* Takes the capacity from the CD's content in memory, not from the loaded state. */
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
	blk->device = &blk->virtio;
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
		.queue_count = DRIVE_QUEUES,
		.config_bytes = SCSI_CONFIG_BYTES,
	};
	for (u32 i = 0; i < DRIVE_QUEUES; i++)
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
