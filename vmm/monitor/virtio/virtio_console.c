/* SPDX-License-Identifier: MIT */
#include "vmm/monitor/virtio/virtio_console.h"

#include "vmm/monitor/dev/platform.h"

#define CLASS_COMMUNICATION 0x078000u
#define FEATURE_EMERGENCY   2u /* 5.3.3: a register for a byte from a kernel without a driver */
#define CONFIG_BYTES	    12u
#define CONFIG_EMERGENCY    8u
#define PIECE_BYTES	    256u

enum console_queue { QUEUE_RECEIVE, QUEUE_TRANSMIT, QUEUE_COUNT };

static struct virtio_console *virtio_console_of(struct virtio_device *device)
{
	return CONTAINER_OF(device, struct virtio_console, virtio);
}

static void virtio_console_show(struct virtio_console *console, const struct virtio_chain *chain)
{
	u64 left = MIN(chain->readable_bytes, (u64)VIRTIO_CONSOLE_BURST);
	u8 piece[PIECE_BYTES];
	u64 bytes = 1;

	for (u64 done = 0; done < left && bytes != 0; done += bytes) {
		bytes = virtio_chain_read(console->virtio.memory, chain, done, piece,
					  MIN(left - done, (u64)PIECE_BYTES));
		for (u64 i = 0; i < bytes; i++)
			console->put(console->context, piece[i]);
	}
}

static void virtio_console_transmit(struct virtio_console *console)
{
	struct virtio_device *device = &console->virtio;
	struct virtio_chain chain;
	u32 left = VIRTIO_CONSOLE_QUEUE_SIZE; /* other CPUs may add as fast as this one takes */

	for (; left > 0 && virtqueue_pop(device, QUEUE_TRANSMIT, &chain); left--) {
		virtio_console_show(console, &chain);
		virtqueue_push(device, QUEUE_TRANSMIT, chain.head, 0);
	}
	virtqueue_announce(device, QUEUE_TRANSMIT);
}

static void virtio_console_notify(struct virtio_device *device, u32 queue)
{
	if (queue == QUEUE_RECEIVE)
		device->function.device.events->pending |= MACHINE_ROOM;
	else
		virtio_console_transmit(virtio_console_of(device));
}

bool virtio_console_is_open(const struct virtio_console *console)
{
	return virtio_queue_is_live(&console->virtio, QUEUE_RECEIVE);
}

u32 virtio_console_input(struct virtio_console *console, const u8 *bytes, u32 count)
{
	struct virtio_device *device = &console->virtio;
	struct virtio_chain chain;
	u32 left = VIRTIO_CONSOLE_QUEUE_SIZE;
	u32 done = 0;

	for (; left > 0 && done < count && virtqueue_pop(device, QUEUE_RECEIVE, &chain); left--) {
		u32 piece = (u32)virtio_chain_write(device->memory, &chain, 0, bytes + done,
						    count - done);

		virtqueue_push(device, QUEUE_RECEIVE, chain.head, piece);
		done += piece;
	}
	virtqueue_announce(device, QUEUE_RECEIVE);
	return done;
}

static u32 virtio_console_config_read(struct virtio_device *device, u32 offset, u32 size)
{
	(void)device, (void)offset, (void)size;
	return 0; /* what is there belongs to features that are not offered */
}

static void virtio_console_config_write(struct virtio_device *device, u32 offset, u32 size,
					u32 value)
{
	(void)size;
	if (offset == CONFIG_EMERGENCY)
		virtio_console_of(device)->put(virtio_console_of(device)->context, (u8)value);
}

static const struct virtio_ops virtio_console_virtio_ops = {
	.notify = virtio_console_notify,
	.config_read = virtio_console_config_read,
	.config_write = virtio_console_config_write,
};

static const struct device_ops virtio_console_ops = {
	.widest = VIRTIO_WIDEST,
	.read = virtio_read,
	.write = virtio_write,
	.reset = virtio_reset,
	.loaded = virtio_loaded,
	.valid = virtio_valid,
};

enum status virtio_console_attach(struct platform *platform, const struct platform_config *config)
{
	static const struct virtio_identity identity = {
		.type = VIRTIO_CONSOLE,
		.class_code = CLASS_COMMUNICATION,
		.subsystem = VIRTIO_CONSOLE,
	};
	struct virtio_console *console;

	if (!config->virtio_console)
		return STATUS_OK;
	console = platform_take(platform, sizeof(*console));
	if (console == NULL)
		return STATUS_NO_MEMORY;
	console->put = config->serial_put;
	console->context = config->serial_context;
	console->virtio = (struct virtio_device){
		.function.device =
			{
				.name = "virtio_console",
				.ops = &virtio_console_ops,
				.state = &console->state,
				.state_bytes = sizeof(console->state),
				.kind = STATE_VIRTIO_CONSOLE,
				.version = 1,
			},
		.ops = &virtio_console_virtio_ops,
		.state = &console->state,
		.features = 1 << FEATURE_EMERGENCY,
		.queue_count = QUEUE_COUNT,
		.config_bytes = CONFIG_BYTES,
		.queue_size = {VIRTIO_CONSOLE_QUEUE_SIZE, VIRTIO_CONSOLE_QUEUE_SIZE},
	};
	platform->virtio_console = console;
	return virtio_add(platform, config->memory, &console->virtio, &identity, PCI_SLOT_CONSOLE);
}
