/* SPDX-License-Identifier: MIT */
/*
 * Talks to its host as fast as possible and for ever, by the word on the command line: `requests`,
 * sockets' connections to where nobody listens; `strangers`, bytes of connections that there are
 * not; `credit`, questions about these; `port`, bytes into the port of a guest agent; `control`,
 * messages about ports. The neighbour keeps its share.
 */
#include "tests/guest/rt/devices.h"
#include "tests/guest/rt/rt.h"
#include "tests/guest/rt/virtio.h"

#define SOCKET	  19u
#define CONSOLE	  3u
#define NO_VECTOR 0xffffu
#define MULTIPORT (1ull << 1)
#define HEADER	  44u
#define BUFFER	  4096u
#define HOST	  2u
#define AT(thing) ((u64)(word)(thing))

/* virtio 1.2, 5.10.6 and 5.3.6 */
enum { REQUEST = 1, RW = 5, CREDIT_REQUEST = 7 };
enum { DEVICE_READY = 0, PORT_READY = 3, PORT_OPEN = 6 };
enum { SOCKET_RECEIVE, SOCKET_TRANSMIT, SOCKET_EVENT, SOCKET_QUEUES };
enum { CONTROL_RECEIVE = 2, CONTROL_TRANSMIT, PORT_RECEIVE, PORT_TRANSMIT, CONSOLE_QUEUES };

struct packet {
	u64 source_cid, target_cid;
	u32 source_port, target_port;
	u32 bytes;
	u16 type, operation;
	u32 flags, room, taken;
	u8 data[BUFFER - HEADER];
} __attribute__((packed));

struct message {
	u32 port;
	u16 event, value;
};

static struct virtio device;
static struct virtq queue[CONSOLE_QUEUES];
static struct packet received[VIRTQ_SIZE], sent[VIRTQ_SIZE];
static struct message message[VIRTQ_SIZE];

static bool start(u32 queues, u64 features)
{
	bool works = virtio_begin(&device, VIRTIO_VERSION_1 | features) != 0;

	for (u32 i = 0; i < queues; i++)
		works &= virtio_add_queue(&device, i, &queue[i], NO_VECTOR);
	return works & virtio_start(&device);
}

/* Gives a queue all its buffers back that the device has used, so that answers do not stop it. */
static void refill(u32 number, u16 *seen)
{
	for (; *seen != queue[number].used.index; (*seen)++)
		virtio_submit(&device, number, &queue[number],
			      (u16)queue[number].used.entry[*seen % VIRTQ_SIZE].head);
}

static void offer(u32 number)
{
	for (u32 i = 0; i < VIRTQ_SIZE; i++) {
		queue[number].table[i] =
			(struct virtq_descriptor){AT(&received[i]), BUFFER, VIRTQ_WRITE, 0};
		virtio_submit(&device, number, &queue[number], (u16)i);
	}
}

/* Sends all that a queue's table has, and waits until the device has taken it. */
static void send(u32 number)
{
	u16 end = (u16)(queue[number].available.index + VIRTQ_SIZE);

	for (u32 i = 0; i < VIRTQ_SIZE; i++)
		virtio_submit(&device, number, &queue[number], (u16)i);
	while (queue[number].used.index != end)
		relax();
}

static void fill(u32 number, const void *from, u32 stride, u32 bytes)
{
	for (u32 i = 0; i < VIRTQ_SIZE; i++)
		queue[number].table[i] =
			(struct virtq_descriptor){AT(from) + i * stride, bytes, 0, 0};
}

static void storm_sockets(u16 operation)
{
	u32 bytes = operation == RW ? BUFFER - HEADER : 0, port = 0;
	u16 seen = 0;

	check("device", virtio_find(&device, SOCKET) && start(SOCKET_QUEUES, 0), "there is none");
	offer(SOCKET_RECEIVE);
	for (u32 i = 0; i < VIRTQ_SIZE; i++)
		sent[i] = (struct packet){
			.source_cid = virtio_get(&device.device, 0, 4),
			.target_cid = HOST,
			.bytes = bytes,
			.type = 1,
			.operation = operation,
			.room = BUFFER,
		};
	fill(SOCKET_TRANSMIT, sent, BUFFER, HEADER + bytes);
	for (;;) {
		for (u32 i = 0; i < VIRTQ_SIZE; i++) {
			sent[i].source_port = ++port;
			sent[i].target_port = 5000 + port % 1000;
		}
		send(SOCKET_TRANSMIT);
		refill(SOCKET_RECEIVE, &seen);
	}
}

static void tell(u32 port, u16 event)
{
	for (u32 i = 0; i < VIRTQ_SIZE; i++)
		message[i] = (struct message){port, event, 1};
	fill(CONTROL_TRANSMIT, message, sizeof(message[0]), sizeof(message[0]));
	send(CONTROL_TRANSMIT);
}

static void storm_console(bool control)
{
	u16 seen = 0;

	check("device", virtio_find(&device, CONSOLE) && start(CONSOLE_QUEUES, MULTIPORT),
	      "there is none");
	offer(CONTROL_RECEIVE);
	tell(0, DEVICE_READY);
	for (u16 event = PORT_READY; event <= PORT_OPEN; event += PORT_OPEN - PORT_READY)
		tell(1, event);
	fill(PORT_TRANSMIT, sent, BUFFER, BUFFER);
	for (u16 i = 0;; i++) {
		if (control)
			tell(i % 3, i % 8);
		else
			send(PORT_TRANSMIT);
		refill(CONTROL_RECEIVE, &seen);
	}
}

void guest_main(void)
{
	if (option("requests"))
		storm_sockets(REQUEST);
	if (option("strangers"))
		storm_sockets(RW);
	if (option("credit"))
		storm_sockets(CREDIT_REQUEST);
	storm_console(option("control"));
}
