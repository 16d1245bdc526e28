/* SPDX-License-Identifier: MIT */
/*
 * The virtio SCSI host (virtio 1.2, 5.6) of a VM's SCSI disks, each a target of its own whose
 * number is the disk's. Attached by platform.c. Commands are read in virtio_scsi_disk.c; those that
 * need a disk become requests of that disk (virtio_blk_request.c), which has its own link and its
 * own bound of requests. The host's state is that of its queues; requests under way are part of the
 * disks' state.
 */
#include "vmm/monitor/virtio/virtio_scsi_host.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/monitor/platform/platform_add.h"
#include "vmm/monitor/virtio/virtio_blk_pages.h"
#include "vmm/monitor/virtio/virtio_blk_request.h"
#include "vmm/monitor/virtio/virtio_scsi_disk.h"

#define HOST_QUEUES_OF_REQUESTS 4u
#define HOST_QUEUES		(SCSI_QUEUE_REQUESTS + HOST_QUEUES_OF_REQUESTS)
_Static_assert(HOST_QUEUES <= VIRTIO_QUEUE_MAX, "virtio_state.queue");

/*
 * The features of the host (virtio 1.2, 5.6.3): it reports that units come and go, which none does
 * yet, and that their parameters change. Linux offers buffers for events only with the first.
 */
#define SCSI_F_HOTPLUG 1u
#define SCSI_F_CHANGE  2u

/*
 * An event (virtio 1.2, 5.6.6.3), and the type of the event that a unit's parameters have changed.
 */
struct scsi_event {
	u32 event;
	u8 unit[8];
	u32 reason; /* the sense code in the lowest byte, and its qualifier in the next */
};
#define SCSI_T_PARAMETER_CHANGE 3u

struct scsi_host {
	struct virtio_device virtio;
	struct virtio_state state;
	struct virtio_blk *disk[VIRTIO_BLK_MAX]; /* by target; NULL: the target is not there */
	/*
	 * the disk whose earlier requests must be answered before the next request in the control
	 * queue is; NULL: no request there waits
	 */
	struct virtio_blk *awaited;
};

static struct scsi_host *scsi_host_of(struct virtio_device *device)
{
	return CONTAINER_OF(device, struct scsi_host, virtio);
}

/* Returns the disk that a request addresses by its target, or NULL. */
static struct virtio_blk *scsi_host_find(const struct scsi_host *host, const u8 unit[8])
{
	return unit[0] == 1 && unit[1] < VIRTIO_BLK_MAX ? host->disk[unit[1]] : NULL;
}

/* --- requests --- */

/* Returns a request that went to the disk's driver to the guest. */
static void scsi_host_done(struct virtio_blk *blk, const struct blk_request *request,
			   enum blk_status status, u32 bytes)
{
	struct vio_scsi_response response = {0};
	struct virtio_chain chain;
	bool reads;

	blk_load_chain(request, &chain);
	reads = chain.writable_bytes > sizeof(struct vio_scsi_response);
	if (status == BLK_ABORTED)
		response.response = VIO_SCSI_S_RESET;
	else if (status == BLK_S_UNSUPP)
		scsi_set_sense(&response, SCSI_KEY_ILLEGAL_REQUEST, SCSI_CODE_NO_COMMAND);
	else if (status != BLK_S_OK)
		scsi_set_sense(&response, SCSI_KEY_MEDIUM_ERROR,
			       reads ? SCSI_CODE_READ_ERROR : SCSI_CODE_WRITE_ERROR);
	scsi_give_back(blk->device, &chain, request->queue, &response, bytes);
	if (scsi_host_of(blk->device)->awaited != NULL)
		virtio_look_again(blk->device, SCSI_QUEUE_CONTROL);
}

/*
 * Notes that the disk has another size. The guest learns it by its next command, and at once if it
 * wants to know and has a buffer for events in the queue.
 */
static void scsi_host_changed(struct virtio_blk *blk)
{
	const struct scsi_event event = {
		.event = SCSI_T_PARAMETER_CHANGE,
		.unit = {1, (u8)blk->number},
		.reason = SCSI_CODE_CAPACITY_CHANGED >> 8 | (SCSI_CODE_CAPACITY_CHANGED & 0xff)
								    << 8,
	};
	struct virtio_chain chain;
	u64 bytes;

	blk->scsi.drive.attention |= DISK_ATTENTION_CAPACITY;
	if (!virtio_queue_is_live(blk->device, SCSI_QUEUE_EVENT) ||
	    !virtio_has(blk->device, SCSI_F_CHANGE) ||
	    !virtqueue_pop(blk->device, SCSI_QUEUE_EVENT, &chain))
		return;
	bytes = virtio_chain_write(blk->device->memory, &chain, 0, &event, sizeof(event));
	virtqueue_push(blk->device, SCSI_QUEUE_EVENT, chain.head, (u32)bytes);
	virtqueue_announce(blk->device, SCSI_QUEUE_EVENT);
}

static const struct blk_protocol scsi_host_protocol = {
	.queue_first = SCSI_QUEUE_REQUESTS,
	.queue_end = HOST_QUEUES,
	.header_bytes = sizeof(struct vio_scsi_request),
	.answer_bytes = sizeof(struct vio_scsi_response),
	.operation_last = BLK_WRITE_THROUGH,
	.give_back = scsi_host_done,
	.changed = scsi_host_changed,
};

/* Returns whether the chain has room for the data of a command, and not more parts than allowed. */
static bool scsi_host_has_room(const struct virtio_chain *chain, u8 operation, u64 bytes)
{
	u64 room = ~0ull;

	if (operation == BLOCK_READ)
		room = chain->writable_bytes - sizeof(struct vio_scsi_response);
	else if (operation == BLOCK_WRITE || operation == BLK_WRITE_THROUGH)
		room = chain->readable_bytes - sizeof(struct vio_scsi_request);
	return bytes <= room && chain->count <= VIRTIO_BLK_SEGMENTS;
}

/* Makes a request to the disk of a command that needs one. */
static void scsi_host_ask(struct virtio_blk *blk, u32 queue, const struct virtio_chain *chain,
			  struct scsi_answer *answer)
{
	u32 sectors = disk_block_sectors(blk);
	struct blk_request *request;

	if (!scsi_host_has_room(chain, answer->operation,
				(u64)answer->blocks * sectors * BLOCK_SECTOR_BYTES)) {
		scsi_reject(blk->device, queue, chain, VIO_SCSI_S_OVERRUN);
		return;
	}
	request = blk_new(blk, queue);
	if (request == NULL) {
		answer->status = SCSI_TASK_SET_FULL;
		scsi_give_answer(blk->device, queue, chain, answer);
		return;
	}
	request->operation = answer->operation;
	request->sector = answer->first * sectors;
	request->sectors = answer->blocks * sectors;
	blk_keep(blk, request, chain);
}

static void scsi_host_take_one(struct scsi_host *host, u32 queue, const struct virtio_chain *chain)
{
	struct vio_scsi_request wanted;
	struct scsi_answer answer;
	struct virtio_blk *blk;

	if (!scsi_read_request(&host->virtio, chain, &wanted))
		return;
	blk = scsi_host_find(host, wanted.unit);
	if (blk == NULL) {
		scsi_reject(&host->virtio, queue, chain, VIO_SCSI_S_BAD_TARGET);
		return;
	}
	disk_command(blk, scsi_unit_of(wanted.unit), chain, wanted.cdb, &answer);
	if (answer.asks)
		scsi_host_ask(blk, queue, chain, &answer);
	else
		scsi_give_answer(&host->virtio, queue, chain, &answer);
}

/* Takes at most as many requests as a queue has entries: other vCPUs may add them as fast. */
static void scsi_host_take(struct scsi_host *host, u32 queue)
{
	struct virtio_chain chain;

	for (u32 i = 0; i < VIRTIO_BLK_QUEUE_SIZE; i++) {
		if (!virtio_queue_is_live(&host->virtio, queue) ||
		    !virtqueue_pop(&host->virtio, queue, &chain))
			return;
		scsi_host_take_one(host, queue, &chain);
	}
	virtio_look_again(&host->virtio, queue);
}

static void scsi_host_go_on(struct scsi_host *host)
{
	for (u32 i = 0; i < VIRTIO_BLK_MAX; i++)
		if (host->disk[i] != NULL && (host->disk[i]->waiting != 0 || host->disk[i]->lost))
			virtio_blk_go_on(host->disk[i]);
}

/* --- requests about other requests --- */

static bool scsi_host_is_reset(const struct scsi_task_request *task)
{
	return task->function == SCSI_ABORT_TASK_SET || task->function == SCSI_CLEAR_TASK_SET ||
	       task->function == SCSI_NEXUS_RESET || task->function == SCSI_UNIT_RESET;
}

/*
 * Carries out a request about other requests to a disk. What the disk's driver has been asked
 * cannot be taken back, and could change the disk later: so the guest gets its answer when all
 * requests that it made before have been answered; those that it makes meanwhile do not count. A
 * reset gives up those that the driver has not been asked yet.
 */
static bool scsi_host_manage(struct virtio_device *device, const struct scsi_task_request *task,
			     u8 *response)
{
	struct scsi_host *host = scsi_host_of(device);
	struct virtio_blk *blk = scsi_host_find(host, task->unit);
	bool resets = scsi_host_is_reset(task);
	bool has_waited = blk == host->awaited;

	host->awaited = NULL;
	if (blk == NULL) {
		*response = VIO_SCSI_S_BAD_TARGET;
		return true;
	}
	if (scsi_unit_of(task->unit) != 0) {
		*response = VIO_SCSI_S_BAD_UNIT;
		return true;
	}
	if (!resets && task->function != SCSI_ABORT_TASK) {
		*response = VIO_SCSI_S_FUNCTION_REJECTED;
		return true;
	}
	if (resets)
		blk_abort_waiting(blk);
	if (!has_waited)
		blk_await_all(blk);
	if (blk_is_awaited(blk)) {
		host->awaited = blk;
		return false;
	}
	if (resets)
		blk->scsi.drive.attention |= DISK_ATTENTION_RESET;
	return true;
}

/* --- the operations of the host --- */

/*
 * Handles the requests in a queue. Requests that the guest made before one in the control queue are
 * taken first. Buffers for events stay in their queue until there is an event.
 */
static void scsi_host_notify(struct virtio_device *device, u32 queue)
{
	struct scsi_host *host = scsi_host_of(device);
	u32 end = queue == SCSI_QUEUE_CONTROL ? HOST_QUEUES : queue + 1;

	if (queue == SCSI_QUEUE_EVENT)
		return;
	for (u32 i = MAX(queue, (u32)SCSI_QUEUE_REQUESTS); i < end; i++)
		scsi_host_take(host, i);
	if (queue == SCSI_QUEUE_CONTROL)
		scsi_control(device, scsi_host_manage);
	scsi_host_go_on(host);
	for (u32 i = MAX(queue, (u32)SCSI_QUEUE_REQUESTS); i < end; i++)
		virtqueue_announce(device, i);
}

static void scsi_host_forget(struct virtio_device *device)
{
	struct scsi_host *host = scsi_host_of(device);

	host->awaited = NULL;
	for (u32 i = 0; i < VIRTIO_BLK_MAX; i++)
		if (host->disk[i] != NULL)
			blk_forget_all(host->disk[i]);
}

static bool scsi_host_is_ending(struct virtio_device *device)
{
	struct scsi_host *host = scsi_host_of(device);
	bool ending = false;

	for (u32 i = 0; i < VIRTIO_BLK_MAX; i++)
		ending |= host->disk[i] != NULL && virtio_blk_is_landing(host->disk[i]);
	return ending;
}

static u32 scsi_host_config_read(struct virtio_device *device, u32 offset, u32 size)
{
	(void)device;
	return scsi_config_read(HOST_QUEUES_OF_REQUESTS, VIRTIO_BLK_MAX - 1, offset, size);
}

static const struct virtio_ops scsi_host_virtio_ops = {
	.notify = scsi_host_notify,
	.reset = scsi_host_forget,
	.is_ending = scsi_host_is_ending,
	.config_read = scsi_host_config_read,
};

/* Makes a request in the control queue wait anew: for the requests of the disks as loaded. */
static void scsi_host_loaded(struct device *device)
{
	scsi_host_of(virtio_of(device))->awaited = NULL;
	virtio_loaded(device);
}

static const struct device_ops scsi_host_ops = {
	.widest = VIRTIO_WIDEST,
	.read = virtio_read,
	.write = virtio_write,
	.reset = virtio_reset,
	.tick = virtio_tick,
	.loaded = scsi_host_loaded,
	.valid = virtio_valid,
};

/* --- the disks as sections of the VM's state: they have no registers of their own --- */

static struct virtio_blk *scsi_host_disk_of(struct device *device)
{
	return CONTAINER_OF(device, struct virtio_blk, virtio.function.device);
}

static void scsi_host_disk_reset(struct device *device)
{
	struct virtio_blk *blk = scsi_host_disk_of(device);

	blk_forget_all(blk);
	blk->scsi.drive = (struct drive_state){0};
}

static void scsi_host_disk_loaded(struct device *device)
{
	blk_loaded(scsi_host_disk_of(device));
}

static bool scsi_host_disk_valid(const void *bytes)
{
	const struct virtio_scsi_state *state = bytes;

	return state->drive.attention <= DISK_ATTENTION_ALL &&
	       virtio_blk_requests_valid(&state->disk, &scsi_host_protocol);
}

static const struct device_ops scsi_host_disk_ops = {
	.reset = scsi_host_disk_reset,
	.loaded = scsi_host_disk_loaded,
	.valid = scsi_host_disk_valid,
};

static enum status scsi_host_attach_disk(struct platform *platform, struct scsi_host *host,
					 struct virtio_blk *blk)
{
	virtio_blk_look(blk);
	blk->device = &host->virtio;
	blk->protocol = &scsi_host_protocol;
	blk->virtio.function.device = (struct device){
		.name = "virtio_scsi_disk",
		.ops = &scsi_host_disk_ops,
		.state = &blk->scsi,
		.state_bytes = sizeof(blk->scsi),
		.kind = STATE_VIRTIO_SCSI_DISK,
		.version = 1,
	};
	host->disk[blk->number] = blk;
	return platform_add(platform, &blk->virtio.function.device);
}

static enum status scsi_host_attach_self(struct platform *platform,
					 const struct platform_config *config,
					 struct scsi_host *host)
{
	static const struct virtio_identity identity = {
		.type = VIRTIO_SCSI,
		.class_code = CLASS_SCSI,
		.subsystem = VIRTIO_SCSI,
	};

	host->virtio = (struct virtio_device){
		.function.device =
			{
				.name = "virtio_scsi_host",
				.ops = &scsi_host_ops,
				.state = &host->state,
				.state_bytes = sizeof(host->state),
				.kind = STATE_VIRTIO_SCSI_HOST,
				.version = 1,
			},
		.ops = &scsi_host_virtio_ops,
		.state = &host->state,
		.features = BIT(SCSI_F_HOTPLUG) | BIT(SCSI_F_CHANGE),
		.queue_count = HOST_QUEUES,
		.config_bytes = SCSI_CONFIG_BYTES,
	};
	for (u32 i = 0; i < HOST_QUEUES; i++)
		host->virtio.queue_size[i] = VIRTIO_BLK_QUEUE_SIZE;
	return virtio_add(platform, config->memory, &host->virtio, &identity, PCI_SLOT_SCSI);
}

enum status virtio_scsi_host_attach(struct platform *platform, const struct platform_config *config)
{
	struct scsi_host *host = NULL;
	enum status status = STATUS_OK;

	for (u32 i = 0; i < config->blk_count && status == STATUS_OK; i++) {
		if (!config->blk[i].is_unit)
			continue;
		if (host == NULL)
			host = platform_take(platform, sizeof(*host));
		if (host == NULL)
			return STATUS_NO_MEMORY;
		status = scsi_host_attach_disk(platform, host, &config->blk[i]);
	}
	/* the host comes last: once it is loaded it takes requests, for disks that are loaded */
	if (status == STATUS_OK && host != NULL)
		status = scsi_host_attach_self(platform, config, host);
	return status;
}
