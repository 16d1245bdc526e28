/* SPDX-License-Identifier: MIT */
/*
 * A virtio socket device (virtio 1.2, 5.10): its queues, its reset and its loaded state. Attached
 * by platform.c; pending.c has it look at the manager's changes.
 */
#include "vmm/monitor/virtio/virtio_vsock.h"

#include "vmm/monitor/platform/platform_add.h"
#include "vmm/monitor/virtio/virtio_vsock_parts.h"

#define CLASS_COMMUNICATION_OTHER 0x078000u
/* the size of the configuration: the guest's CID (virtio 1.2, 5.10.4) */
#define VSOCK_CONFIG_BYTES 8u

static struct virtio_vsock *virtio_vsock_of(struct virtio_device *device)
{
	return CONTAINER_OF(device, struct virtio_vsock, virtio);
}

static void virtio_vsock_tell(struct virtio_vsock *vsock)
{
	if (!vsock->news)
		return;
	vsock->news = false;
	vsock_store(&vsock->area->monitor_bell, vsock->area->monitor_bell + 1);
	vsock->tell(vsock->context);
}

/*
 * Tells the guest that its connections are gone (virtio 1.2, 5.10.6.7). The event waits until the
 * guest has given a buffer for it.
 */
static void virtio_vsock_tell_reset(struct virtio_vsock *vsock)
{
	const u32 event = VIO_VSOCK_TRANSPORT_RESET;
	struct virtio_chain chain;

	if (vsock->state.reset_owed == 0 ||
	    !virtqueue_pop(&vsock->virtio, VSOCK_QUEUE_EVENT, &chain))
		return;
	if (virtio_chain_write(vsock->virtio.memory, &chain, 0, &event, sizeof(event)) !=
	    sizeof(event)) {
		virtio_needs_reset(&vsock->virtio);
		return;
	}
	vsock->state.reset_owed = 0;
	virtqueue_push(&vsock->virtio, VSOCK_QUEUE_EVENT, chain.head, sizeof(event));
	virtqueue_announce(&vsock->virtio, VSOCK_QUEUE_EVENT);
}

/*
 * Takes packets that the guest has sent. Each may have to be answered by an RST: when no more RSTs
 * can be kept, the queue waits until the guest gives buffers for those that are kept.
 */
static void virtio_vsock_transmit(struct virtio_vsock *vsock)
{
	struct virtio_device *device = &vsock->virtio;
	struct virtio_chain chain;
	/* other vCPUs may add packets as fast as this thread takes them */
	u32 left = VIRTIO_VSOCK_QUEUE_SIZE;

	while (left > 0 && vsock->stray_count < VIRTIO_VSOCK_STRAYS &&
	       virtqueue_pop(device, VSOCK_QUEUE_TRANSMIT, &chain)) {
		virtio_vsock_take(vsock, &chain);
		virtqueue_push(device, VSOCK_QUEUE_TRANSMIT, chain.head, 0);
		left--;
	}
	if (left == 0)
		virtio_look_again(device, VSOCK_QUEUE_TRANSMIT);
	virtqueue_announce(device, VSOCK_QUEUE_TRANSMIT);
}

/*
 * Sends the guest the packets that are due, and signals the manager if something has changed. Until
 * the guest knows that its old connections are gone, it gets nothing of new ones.
 */
static void virtio_vsock_work(struct virtio_vsock *vsock)
{
	bool full = vsock->stray_count == VIRTIO_VSOCK_STRAYS;

	virtio_vsock_tell_reset(vsock);
	if (vsock->state.reset_owed == 0 &&
	    virtio_queue_is_live(&vsock->virtio, VSOCK_QUEUE_RECEIVE))
		virtio_vsock_send_all(vsock);
	if (full && vsock->stray_count < VIRTIO_VSOCK_STRAYS)
		virtio_look_again(&vsock->virtio, VSOCK_QUEUE_TRANSMIT);
	virtio_vsock_tell(vsock);
}

static void virtio_vsock_notify(struct virtio_device *device, u32 queue)
{
	struct virtio_vsock *vsock = virtio_vsock_of(device);

	if (vsock->stale) {
		device->function.device.events->pending |= MACHINE_LOOK;
		return;
	}
	if (queue == VSOCK_QUEUE_TRANSMIT)
		virtio_vsock_transmit(vsock);
	virtio_vsock_work(vsock);
}

void virtio_vsock_poll(struct virtio_vsock *vsock)
{
	u32 bell = vsock_load(&vsock->area->manager_bell);

	if (likely(!vsock->stale && bell == vsock->bell_seen))
		return;
	vsock->bell_seen = bell;
	if (vsock->stale) {
		virtio_vsock_forget(vsock);
		vsock->stale = false;
		for (u32 i = 0; i < VSOCK_QUEUES; i++)
			virtio_look_again(&vsock->virtio, i);
	}
	virtio_vsock_look(vsock);
	virtio_vsock_work(vsock);
}

/*
 * Forgets all connections. The area shared with the manager is cleared later (virtio_vsock_poll):
 * until the VM runs in this process, another process uses it.
 */
static void virtio_vsock_restart(struct virtio_device *device)
{
	struct virtio_vsock *vsock = virtio_vsock_of(device);

	vsock->state.reset_owed = 0;
	vsock->stale = true;
	device->function.device.events->pending |= MACHINE_LOOK;
}

/*
 * Is called after a load of the state of a snapshot, a save or another process: a guest without a
 * driver has no connections.
 */
static void virtio_vsock_loaded(struct device *device)
{
	struct virtio_vsock *vsock = virtio_vsock_of(virtio_of(device));

	vsock->stale = true;
	if ((vsock->state.virtio.status & VIRTIO_DRIVER_OK) != 0)
		vsock->state.reset_owed = 1;
	virtio_loaded(device);
}

static u32 virtio_vsock_config_read(struct virtio_device *device, u32 offset, u32 size)
{
	u32 value = 0;

	memcpy(&value, (const u8 *)&virtio_vsock_of(device)->cid + offset, size);
	return value;
}

static bool virtio_vsock_valid(const void *bytes)
{
	const struct virtio_vsock_state *state = bytes;

	return state->reset_owed <= 1 && state->reserved == 0 && virtio_valid(bytes);
}

static const struct virtio_ops virtio_vsock_virtio_ops = {
	.notify = virtio_vsock_notify,
	.reset = virtio_vsock_restart,
	.config_read = virtio_vsock_config_read,
};

static const struct device_ops virtio_vsock_ops = {
	.widest = VIRTIO_WIDEST,
	.read = virtio_read,
	.write = virtio_write,
	.reset = virtio_reset,
	.tick = virtio_tick,
	.loaded = virtio_vsock_loaded,
	.valid = virtio_vsock_valid,
};

enum status virtio_vsock_attach(struct platform *platform, const struct platform_config *config)
{
	static const struct virtio_identity identity = {
		.type = VIRTIO_SOCKET,
		.class_code = CLASS_COMMUNICATION_OTHER,
		.subsystem = VIRTIO_SOCKET,
	};
	struct virtio_vsock *vsock;

	if (config->vsock == NULL)
		return STATUS_OK;
	vsock = platform_take(platform, sizeof(*vsock));
	if (vsock == NULL)
		return STATUS_NO_MEMORY;
	vsock->area = config->vsock;
	vsock->cid = config->vsock_cid;
	vsock->tell = config->vsock_tell;
	vsock->context = config->serial_context;
	vsock->virtio = (struct virtio_device){
		.function.device =
			{
				.name = "virtio_vsock",
				.ops = &virtio_vsock_ops,
				.state = &vsock->state,
				.state_bytes = sizeof(vsock->state),
				.kind = STATE_VIRTIO_VSOCK,
				.version = 1,
			},
		.ops = &virtio_vsock_virtio_ops,
		.state = &vsock->state.virtio,
		.features = VIO_VSOCK_F_STREAM,
		.queue_count = VSOCK_QUEUES,
		.config_bytes = VSOCK_CONFIG_BYTES,
		.queue_size = {VIRTIO_VSOCK_QUEUE_SIZE, VIRTIO_VSOCK_QUEUE_SIZE,
			       VIRTIO_VSOCK_QUEUE_SIZE},
	};
	platform->virtio_vsock = vsock;
	return virtio_add(platform, config->memory, &vsock->virtio, &identity, PCI_SLOT_VSOCK);
}
