/* SPDX-License-Identifier: MIT */
/*
 * A guest with a socket device and no operating system. Breaks the rules of virtio 1.2, 5.10, one
 * at a time and checks the answers; then serves port 9: it sends back what it gets, and closes when
 * its client has ended. Ends on 'q'. With `calls` it first connects to port 5000 of the host.
 */
#include "tests/guest/rt/cpu.h"
#include "tests/guest/rt/devices.h"
#include "tests/guest/rt/virtio.h"

#define SOCKET	    19u
#define NO_VECTOR   0xffffu
#define COM1	    0x3f8
#define COM1_LSR    (COM1 + 5)
#define DATA_READY  1u
#define HOST	    2u
#define PORT	    9u
#define CALLED_PORT 5000u
#define LIMIT_US    10000000u
#define HEADER	    44u
#define BUFFER	    4096u
#define ROOM	    2000u /* the bytes that a client may send before they are sent back */
#define CONNECTIONS 64u
#define AT(thing)   ((u64)(word)(thing))

enum { RECEIVE, TRANSMIT, EVENT };
enum { REQUEST = 1, RESPONSE, RST, SHUTDOWN, RW, CREDIT_UPDATE, CREDIT_REQUEST };

struct packet {
	u64 source_cid, target_cid;
	u32 source_port, target_port;
	u32 bytes;
	u16 type, operation;
	u32 flags, room, taken;
	u8 data[BUFFER - HEADER];
} __attribute__((packed));

struct connection {
	u32 host_port; /* 0: free */
	u32 sent, host_room, host_taken;
	u32 taken; /* the bytes of the host that were sent back */
	u32 held;
	bool ended;
	u8 bytes[ROOM];
};

static struct virtio device;
static struct virtq queue[3];
static struct packet buffer[VIRTQ_SIZE];
static struct packet out;
static struct connection connection[CONNECTIONS];
static u32 cid;
static u16 receive_seen;
static u32 events;
static u16 event_seen;
static u32 event_id;

static void give(u32 number)
{
	queue[RECEIVE].table[number] =
		(struct virtq_descriptor){AT(&buffer[number]), BUFFER, VIRTQ_WRITE, 0};
	virtio_submit(&device, RECEIVE, &queue[RECEIVE], (u16)number);
}

static void give_event(void)
{
	event_id = 0x55;
	queue[EVENT].table[0] = (struct virtq_descriptor){AT(&event_id), 4, VIRTQ_WRITE, 0};
	virtio_submit(&device, EVENT, &queue[EVENT], 0);
}

static bool start(void)
{
	bool works = virtio_begin(&device, VIRTIO_VERSION_1) != 0;

	for (u32 i = 0; i < 3; i++)
		works &= virtio_add_queue(&device, i, &queue[i], NO_VECTOR);
	works &= virtio_start(&device);
	receive_seen = event_seen = 0;
	for (u32 i = 0; works && i < VIRTQ_SIZE; i++)
		give(i);
	if (works)
		give_event();
	return works;
}

/* The device takes a packet before the doorbell returns, or soon after. */
static void put(u32 bytes)
{
	u16 before = queue[TRANSMIT].used.index;
	u32 began = clock_ticks();

	queue[TRANSMIT].table[0] = (struct virtq_descriptor){AT(&out), bytes, 0, 0};
	virtio_submit(&device, TRANSMIT, &queue[TRANSMIT], 0);
	while (queue[TRANSMIT].used.index == before && clock_us_since(began) < LIMIT_US)
		relax();
}

static void fill(u32 operation, u32 port, u32 host_port)
{
	out.source_cid = cid;
	out.target_cid = HOST;
	out.source_port = port;
	out.target_port = host_port;
	out.bytes = 0;
	out.type = 1;
	out.operation = (u16)operation;
	out.flags = 0;
	out.room = ROOM;
	out.taken = 0;
}

static void send(u32 operation, u32 port, u32 host_port)
{
	fill(operation, port, host_port);
	put(HEADER);
}

/*
 * Returns the next packet from the host, which is given back with `done`; NULL: none came within
 * that time.
 */
static struct packet *next(u32 limit_us)
{
	u32 began = clock_ticks();

	while (queue[RECEIVE].used.index == receive_seen) {
		if (clock_us_since(began) >= limit_us)
			return NULL;
		relax();
	}
	return &buffer[queue[RECEIVE].used.entry[receive_seen % VIRTQ_SIZE].head];
}

static void done(void)
{
	give(queue[RECEIVE].used.entry[receive_seen++ % VIRTQ_SIZE].head);
}

/* Returns the operation of the next packet, which is for that port; 0: none came. */
static u32 answer(u32 port, u32 limit_us)
{
	struct packet *packet = next(limit_us);
	u32 operation;

	if (packet == NULL)
		return 0;
	operation = packet->target_cid == cid && packet->target_port == port ? packet->operation
									     : 0xffu;
	done();
	return operation;
}

/* --- what belongs to no connection --- */

static void test_strangers(void)
{
	for (u32 i = 1; i < 10; i++) {
		send(i, 40, 41);
		if (answer(40, i == RST ? 1000 : LIMIT_US) != (i == RST ? 0u : RST))
			fail("stranger", "no RST, or one for an RST");
	}
	pass("stranger");
	fill(REQUEST, 40, 41);
	out.type = 7;
	put(HEADER);
	check_equal("type", answer(40, LIMIT_US), RST);
	fill(REQUEST, 40, 41);
	out.target_cid = cid + 1;
	put(HEADER);
	check_equal("other-guest", answer(40, LIMIT_US), RST);
	fill(REQUEST, 40, 41);
	out.source_cid = cid + 1;
	put(HEADER);
	check_equal("other-source", answer(40, 1000), 0);
	fill(RW, 40, 41);
	out.bytes = ~0u;
	put(HEADER);
	check_equal("length", answer(40, LIMIT_US), RST);
	fill(REQUEST, 40, 41);
	put(HEADER - 1);
	check_equal("cut-off", answer(40, 1000), 0);
	check_equal("status", virtio_status(&device), 0xf);
}

/* Connections of the guest's, to where somebody listens and says what it got. */
static void test_call(void)
{
	struct packet *packet;

	send(REQUEST, 50, CALLED_PORT);
	check_equal("call", answer(50, LIMIT_US), RESPONSE);
	fill(RW, 50, CALLED_PORT);
	out.bytes = 5;
	for (u32 i = 0; i < 5; i++)
		out.data[i] = (u8) "hello"[i];
	put(HEADER + 5);
	packet = next(LIMIT_US);
	while (packet != NULL && packet->operation == CREDIT_UPDATE) {
		done();
		packet = next(LIMIT_US);
	}
	check("call-answer",
	      packet != NULL && packet->operation == RW && packet->bytes == 3 &&
		      packet->data[0] == 'y',
	      "not yes");
	if (packet != NULL)
		done();
	fill(SHUTDOWN, 50, CALLED_PORT);
	out.flags = 3;
	put(HEADER);
	check_equal("call-end", answer(50, LIMIT_US), RST);
	/*
	 * the call gives no credit: the client reads nothing of this connection, and the device
	 * keeps 4096 bytes
	 */
	send(REQUEST, 51, CALLED_PORT);
	check_equal("liar", answer(51, LIMIT_US), RESPONSE);
	for (u32 i = 0; i < 5; i++) {
		fill(RW, 51, CALLED_PORT);
		out.bytes = 1000;
		put(HEADER + 1000);
	}
	check_equal("liar-end", answer(51, LIMIT_US), RST);
}

/* --- the server --- */

static struct connection *find(u32 host_port)
{
	for (u32 i = 0; i < CONNECTIONS; i++)
		if (connection[i].host_port == host_port)
			return &connection[i];
	return NULL;
}

static void reply(const struct connection *to, u32 operation, u32 flags, u32 bytes)
{
	fill(operation, PORT, to->host_port);
	out.flags = flags;
	out.bytes = bytes;
	out.taken = to->taken;
	put(HEADER + bytes);
}

/* Sends back as much as the host has room for, and closes behind the last byte of a client. */
static void flush(struct connection *to)
{
	u32 room = to->host_room - (to->sent - to->host_taken);
	u32 bytes = to->held < room ? to->held : room;

	for (u32 i = 0; i < bytes; i++)
		out.data[i] = to->bytes[i];
	for (u32 i = bytes; i < to->held; i++)
		to->bytes[i - bytes] = to->bytes[i];
	to->held -= bytes;
	to->taken += bytes;
	to->sent += bytes;
	if (bytes != 0)
		reply(to, RW, 0, bytes);
	if (to->ended && to->held == 0)
		reply(to, SHUTDOWN, 3, 0);
}

static void hold(struct connection *to, const struct packet *packet)
{
	u32 bytes = packet->bytes;

	if (bytes > ROOM - to->held) {
		fail("credit", "more than there is room for");
		return;
	}
	for (u32 i = 0; i < bytes; i++)
		to->bytes[to->held + i] = packet->data[i];
	to->held += bytes;
}

static void show(const char *name, u32 number)
{
	print(name);
	print(" ");
	print_hex(number);
	print("\n");
}

/* Takes an event: all connections are gone, and perhaps the guest is another one now. */
static void take_event(void)
{
	event_seen++;
	for (u32 i = 0; i < CONNECTIONS; i++)
		connection[i].host_port = 0;
	cid = virtio_get(&device.device, 0, 4);
	check_equal("event", event_id, 0);
	give_event();
	show("RESET", ++events);
	show("CID", cid);
}

/* Takes a packet, if there is one. */
static bool serve(void)
{
	struct packet *packet = next(0);
	struct connection *to;
	u32 operation;

	if (packet == NULL)
		return false;
	if (queue[EVENT].used.index != event_seen) /* the event came before the packet */
		take_event();
	to = find(packet->source_port);
	if (packet->operation == REQUEST && packet->target_port == PORT && to == NULL)
		to = find(0);
	if (to == NULL || packet->target_port != PORT) {
		u32 port = packet->target_port, host_port = packet->source_port;
		bool answers = packet->operation != RST;

		done();
		if (answers)
			send(RST, port, host_port);
		return true;
	}
	to->host_room = packet->room;
	to->host_taken = packet->taken;
	operation = packet->operation;
	if (operation == REQUEST) {
		to->host_port = packet->source_port;
		to->sent = to->taken = to->held = 0;
		to->ended = false;
	} else if (operation == RW) {
		hold(to, packet);
	}
	to->ended |= operation == SHUTDOWN;
	done();
	if (operation == REQUEST)
		reply(to, RESPONSE, 0, 0);
	else if (operation == RST)
		to->host_port = 0;
	else if (operation == CREDIT_REQUEST)
		reply(to, CREDIT_UPDATE, 0, 0);
	else
		flush(to);
	return true;
}

void guest_main(void)
{
	check("pm-timer", clock_init(), "no FADT with a PM timer");
	pic_mask_all();
	check("device", virtio_find(&device, SOCKET) && start(), "there is none");
	cid = virtio_get(&device.device, 0, 4);
	check("cid", cid >= 3 && virtio_get(&device.device, 4, 4) == 0, "it is a reserved one");
	test_strangers();
	if (option("calls"))
		test_call();
	show("CID", cid);
	pass("serves");
	for (;;) {
		if ((in8(COM1_LSR) & DATA_READY) != 0 && in8(COM1) == 'q')
			break;
		if (queue[EVENT].used.index != event_seen)
			take_event();
		if (!serve())
			relax();
	}
}
