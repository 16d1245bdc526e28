/* SPDX-License-Identifier: MIT */
/*
 * A virtio console with ports (virtio 1.2, 5.3). Attached by platform.c; console.c moves its bytes.
 * Reads and writes guest RAM through its queues.
 */
#include "vmm/monitor/virtio/virtio_console.h"

#include "vmm/monitor/platform/platform_add.h"

#define CLASS_COMMUNICATION 0x078000u
#define FEATURE_MULTIPORT   1u
/* feature: a register that takes a byte from a kernel without a driver (virtio 1.2, 5.3.3) */
#define FEATURE_EMERGENCY 2u
#define CONFIG_BYTES	  12u
#define CONFIG_PORTS	  4u
#define CONFIG_EMERGENCY  8u
#define PIECE_BYTES	  256u

/*
 * The queues' numbers (virtio 1.2, 5.3.2): the first two are port 0's; then come those of control
 * messages, then those of further ports.
 */
#define QUEUE_CONTROL_RECEIVE  2u
#define QUEUE_CONTROL_TRANSMIT 3u
#define QUEUES_WITHOUT_CONTROL 2u

/* The events of control messages (virtio 1.2, 5.3.6.2). */
enum control_event {
	CONTROL_DEVICE_READY = 0,
	CONTROL_PORT_ADD = 1,
	CONTROL_PORT_READY = 3,
	CONTROL_CONSOLE_PORT = 4,
	CONTROL_PORT_OPEN = 6,
	CONTROL_PORT_NAME = 7,
};

struct control {
	u32 port;
	u16 event;
	u16 value;
};

static struct virtio_console *virtio_console_of(struct virtio_device *device)
{
	return CONTAINER_OF(device, struct virtio_console, virtio);
}

static u32 virtio_console_receive_queue(u32 port)
{
	return port == 0 ? 0 : 2 + 2 * port;
}

/* Returns the number of the port to which a queue, not one for control messages, belongs. */
static u32 virtio_console_port_of(u32 queue)
{
	return queue < QUEUES_WITHOUT_CONTROL ? 0 : queue / 2 - 1;
}

static bool virtio_console_has_control(const struct virtio_console *console)
{
	return virtio_has(&console->virtio, FEATURE_MULTIPORT);
}

static void virtio_console_show(struct virtio_console *console, u32 port,
				const struct virtio_chain *chain)
{
	u64 left = MIN(chain->readable_bytes, (u64)VIRTIO_CONSOLE_BURST);
	u8 piece[PIECE_BYTES];
	u64 bytes = 1;

	for (u64 done = 0; done < left && bytes != 0; done += bytes) {
		bytes = virtio_chain_read(console->virtio.memory, chain, done, piece,
					  MIN(left - done, (u64)PIECE_BYTES));
		for (u64 i = 0; i < bytes; i++)
			console->put(console->context, port, piece[i]);
	}
}

static void virtio_console_transmit(struct virtio_console *console, u32 queue)
{
	struct virtio_device *device = &console->virtio;
	struct virtio_chain chain;
	u32 port = virtio_console_port_of(queue);
	/* other vCPUs may add requests as fast as this thread takes them */
	u32 left = VIRTIO_CONSOLE_QUEUE_SIZE;

	for (; left > 0 && virtqueue_pop(device, queue, &chain); left--) {
		if (console->exists[port])
			virtio_console_show(console, port, &chain);
		virtqueue_push(device, queue, chain.head, 0);
	}
	if (left == 0)
		virtio_look_again(device, queue);
	virtqueue_announce(device, queue);
}

static struct control virtio_console_control_of(enum console_message message, u32 port)
{
	static const u16 events[] = {
		[CONSOLE_ADD] = CONTROL_PORT_ADD,
		[CONSOLE_IS_CONSOLE] = CONTROL_CONSOLE_PORT,
		[CONSOLE_NAME] = CONTROL_PORT_NAME,
		[CONSOLE_OPEN] = CONTROL_PORT_OPEN,
	};

	return (struct control){.port = port, .event = events[message], .value = 1};
}

/*
 * Sends the guest the port's next control message. If the guest's buffer is too short, the rest of
 * the message is lost.
 */
static void virtio_console_tell(struct virtio_console *console, const struct virtio_chain *chain,
				u32 port)
{
	u8 *messages = &console->state.messages[port];
	u32 message = *messages & (u32) - *messages;
	struct control control = virtio_console_control_of(message, port);
	struct virtio_device *device = &console->virtio;
	u64 written = virtio_chain_write(device->memory, chain, 0, &control, sizeof(control));

	if (message == CONSOLE_NAME)
		written += virtio_chain_write(device->memory, chain, sizeof(control),
					      console->name[port], strlen(console->name[port]));
	*messages &= (u8)~message;
	virtqueue_push(device, QUEUE_CONTROL_RECEIVE, chain->head, (u32)written);
}

/* Sends the guest the control messages that are due, as long as the guest has buffers for them. */
static void virtio_console_tell_all(struct virtio_console *console)
{
	struct virtio_chain chain;

	if (!virtio_queue_is_live(&console->virtio, QUEUE_CONTROL_RECEIVE))
		return;
	for (u32 port = 0; port < VIRTIO_CONSOLE_PORTS; port++) {
		while (console->state.messages[port] != 0 &&
		       virtqueue_pop(&console->virtio, QUEUE_CONTROL_RECEIVE, &chain))
			virtio_console_tell(console, &chain, port);
	}
	virtqueue_announce(&console->virtio, QUEUE_CONTROL_RECEIVE);
}

static void virtio_console_port_ready(struct virtio_console *console, u32 port)
{
	console->state.messages[port] |=
		port == 0 ? CONSOLE_IS_CONSOLE | CONSOLE_OPEN : CONSOLE_NAME | CONSOLE_OPEN;
}

static void virtio_console_device_ready(struct virtio_console *console)
{
	for (u32 port = 0; port < VIRTIO_CONSOLE_PORTS; port++)
		console->state.messages[port] = console->exists[port] ? CONSOLE_ADD : 0;
}

/*
 * Handles a control message of the guest. Ports that do not exist, and events that only the device
 * sends, have no effect.
 */
static void virtio_console_control_handle(struct virtio_console *console,
					  const struct control *control)
{
	if (control->event == CONTROL_DEVICE_READY && control->value == 1)
		virtio_console_device_ready(console);
	if (control->port >= VIRTIO_CONSOLE_PORTS || !console->exists[control->port])
		return;
	if (control->event == CONTROL_PORT_READY && control->value == 1)
		virtio_console_port_ready(console, control->port);
	if (control->event == CONTROL_PORT_OPEN) {
		console->state.open[control->port] = control->value == 1;
		console->virtio.function.device.events->pending |= MACHINE_ROOM;
	}
}

static void virtio_console_control_receive(struct virtio_console *console)
{
	struct virtio_device *device = &console->virtio;
	struct virtio_chain chain;
	u32 left = VIRTIO_CONSOLE_QUEUE_SIZE;

	for (; left > 0 && virtqueue_pop(device, QUEUE_CONTROL_TRANSMIT, &chain); left--) {
		struct control control = {.event = CONTROL_PORT_ADD};

		if (virtio_chain_read(device->memory, &chain, 0, &control, sizeof(control)) ==
		    sizeof(control))
			virtio_console_control_handle(console, &control);
		virtqueue_push(device, QUEUE_CONTROL_TRANSMIT, chain.head, 0);
	}
	if (left == 0)
		virtio_look_again(device, QUEUE_CONTROL_TRANSMIT);
	virtqueue_announce(device, QUEUE_CONTROL_TRANSMIT);
	virtio_console_tell_all(console);
}

static void virtio_console_notify(struct virtio_device *device, u32 queue)
{
	struct virtio_console *console = virtio_console_of(device);

	if (queue >= QUEUES_WITHOUT_CONTROL && !virtio_console_has_control(console))
		return;
	if (queue == QUEUE_CONTROL_RECEIVE)
		virtio_console_tell_all(console);
	else if (queue == QUEUE_CONTROL_TRANSMIT)
		virtio_console_control_receive(console);
	else if (queue % 2 == 0)
		device->function.device.events->pending |= MACHINE_ROOM;
	else
		virtio_console_transmit(console, queue);
}

bool virtio_console_is_open(const struct virtio_console *console, u32 port)
{
	if (!console->exists[port] ||
	    !virtio_queue_is_live(&console->virtio, virtio_console_receive_queue(port)))
		return false;
	return virtio_console_has_control(console) ? console->state.open[port] != 0 : port == 0;
}

u32 virtio_console_input(struct virtio_console *console, u32 port, const u8 *bytes, u32 count)
{
	struct virtio_device *device = &console->virtio;
	struct virtio_chain chain;
	u32 queue = virtio_console_receive_queue(port);
	u32 left = VIRTIO_CONSOLE_QUEUE_SIZE;
	u32 done = 0;

	for (; left > 0 && done < count && virtqueue_pop(device, queue, &chain); left--) {
		u32 piece = (u32)virtio_chain_write(device->memory, &chain, 0, bytes + done,
						    count - done);

		virtqueue_push(device, queue, chain.head, piece);
		done += piece;
	}
	if (left == 0)
		virtio_look_again(device, queue);
	virtqueue_announce(device, queue);
	return done;
}

static void virtio_console_forget(struct virtio_device *device)
{
	struct virtio_console *console = virtio_console_of(device);

	memset(console->state.messages, 0, sizeof(console->state.messages));
	memset(console->state.open, 0, sizeof(console->state.open));
}

/* Reads the configuration. Columns and rows belong to a feature that is not offered. */
static u32 virtio_console_config_read(struct virtio_device *device, u32 offset, u32 size)
{
	u32 config[CONFIG_BYTES / sizeof(u32)] = {
		[CONFIG_PORTS / sizeof(u32)] =
			device->queue_count > QUEUES_WITHOUT_CONTROL ? VIRTIO_CONSOLE_PORTS : 0};
	u32 value = 0;

	memcpy(&value, (const u8 *)config + offset, size);
	return value;
}

static void virtio_console_config_write(struct virtio_device *device, u32 offset, u32 size,
					u32 value)
{
	struct virtio_console *console = virtio_console_of(device);

	(void)size;
	if (offset == CONFIG_EMERGENCY && console->exists[0])
		console->put(console->context, 0, (u8)value);
}

static bool virtio_console_valid(const void *bytes)
{
	const struct virtio_console_state *state = bytes;

	for (u32 i = 0; i < VIRTIO_CONSOLE_PORTS; i++) {
		if (state->messages[i] >= CONSOLE_OPEN << 1 || state->open[i] > 1)
			return false;
	}
	return virtio_valid(bytes);
}

static const struct virtio_ops virtio_console_virtio_ops = {
	.notify = virtio_console_notify,
	.reset = virtio_console_forget,
	.config_read = virtio_console_config_read,
	.config_write = virtio_console_config_write,
};

static const struct device_ops virtio_console_ops = {
	.widest = VIRTIO_WIDEST,
	.read = virtio_read,
	.write = virtio_write,
	.reset = virtio_reset,
	.tick = virtio_tick,
	.loaded = virtio_loaded,
	.valid = virtio_console_valid,
};

static bool virtio_console_is_named(const struct platform_config *config, u32 port)
{
	return config->port_name != NULL && config->port_name[port][0] != '\0';
}

static bool virtio_console_has_further(const struct platform_config *config)
{
	bool further = false;

	for (u32 i = 1; i < VIRTIO_CONSOLE_PORTS; i++)
		further |= virtio_console_is_named(config, i);
	return further;
}

/*
 * Adds the ports beyond port 0. Control messages and their queues exist only if there are such
 * ports.
 */
static void virtio_console_add_ports(struct virtio_console *console,
				     const struct platform_config *config)
{
	struct virtio_device *device = &console->virtio;

	console->exists[0] = config->virtio_console;
	console->name = config->port_name;
	for (u32 i = 1; i < VIRTIO_CONSOLE_PORTS; i++)
		console->exists[i] = virtio_console_is_named(config, i);
	device->queue_count = QUEUES_WITHOUT_CONTROL;
	if (virtio_console_has_further(config)) {
		device->queue_count = virtio_console_receive_queue(VIRTIO_CONSOLE_PORTS);
		device->features |= BIT(FEATURE_MULTIPORT);
	}
	for (u32 i = 0; i < device->queue_count; i++)
		device->queue_size[i] = VIRTIO_CONSOLE_QUEUE_SIZE;
}

enum status virtio_console_attach(struct platform *platform, const struct platform_config *config)
{
	static const struct virtio_identity identity = {
		.type = VIRTIO_CONSOLE,
		.class_code = CLASS_COMMUNICATION,
		.subsystem = VIRTIO_CONSOLE,
	};
	struct virtio_console *console;

	if (!config->virtio_console && !virtio_console_has_further(config))
		return STATUS_OK;
	console = platform_take(platform, sizeof(*console));
	if (console == NULL)
		return STATUS_NO_MEMORY;
	console->put = config->port_put;
	console->context = config->serial_context;
	console->virtio = (struct virtio_device){
		.function.device =
			{
				.name = "virtio_console",
				.ops = &virtio_console_ops,
				.state = &console->state,
				.state_bytes = sizeof(console->state),
				.kind = STATE_VIRTIO_CONSOLE,
				.version = 2,
			},
		.ops = &virtio_console_virtio_ops,
		.state = &console->state.virtio,
		.features = BIT(FEATURE_EMERGENCY),
		.config_bytes = CONFIG_BYTES,
	};
	virtio_console_add_ports(console, config);
	platform->virtio_console = console;
	return virtio_add(platform, config->memory, &console->virtio, &identity, PCI_SLOT_CONSOLE);
}
