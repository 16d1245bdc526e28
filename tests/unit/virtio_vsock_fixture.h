/* SPDX-License-Identifier: MIT */
#pragma once

/* A virtio socket device, a driver for it, and a manager at the other side of the shared area. */
#include "tests/unit/virtio_fixture.h"

#define VSOCK	     PCI_SLOT_VSOCK
#define CID	     7u
#define SIZE	     VIRTIO_VSOCK_QUEUE_SIZE
#define HEADER	     sizeof(struct vio_vsock_header)
#define BUFFER_BYTES 0x1000u
#define RX_BUFFERS   0x100000u /* SIZE buffers of BUFFER_BYTES to receive */
#define TX_BUFFERS   0x140000u /* SIZE buffers of BUFFER_BYTES to send */

#define GUEST_PORT 1000u
#define HOST_PORT  5000u
#define FIRST_GUEST                                                                                \
	VSOCK_SLOTS_MANAGER /* the slot of the first connection that the guest opens               \
			     */

static struct vsock_area area;
static u32 told;
static u32 rx_seen;
static u32 rx_given;
static u32 tx_given;

static void tell_manager(void *context)
{
	(void)context;
	told++;
}

static struct virtio_vsock *the_vsock(void)
{
	return fixture_platform.virtio_vsock;
}

static UNUSED int vsock_setup(void **state)
{
	const struct platform_config config = {
		.memory = &ram_map,
		.vsock = &area,
		.vsock_cid = CID,
		.vsock_tell = tell_manager,
	};

	pci_setup(state);
	memset(&area, 0, sizeof(area));
	told = rx_seen = rx_given = tx_given = 0;
	fixture_attach(virtio_vsock_attach, &config);
	return 0;
}

/* --- the driver --- */

/* Gives a buffer of so many bytes for packets. */
static UNUSED void give_buffer(u32 bytes)
{
	u32 head = rx_given++ % SIZE;

	put_descriptor(VSOCK_QUEUE_RECEIVE, head, RX_BUFFERS + head * BUFFER_BYTES, bytes, WRITE,
		       0);
	offer(VSOCK_QUEUE_RECEIVE, SIZE, head);
}

static UNUSED void give_buffers(u32 count)
{
	while (count-- > 0)
		give_buffer(BUFFER_BYTES);
	kick(VSOCK, VSOCK_QUEUE_RECEIVE);
}

static UNUSED void vsock_up(u32 buffers)
{
	rx_seen = rx_given = tx_given = 0;
	memset(ram, 0, VSOCK_QUEUES * RINGS);
	bring_up(VSOCK, VERSION_1 | VIO_VSOCK_F_STREAM, VSOCK_QUEUES, SIZE);
	virtio_vsock_poll(the_vsock());
	give_buffers(buffers);
}

static UNUSED struct vio_vsock_header packet(u32 operation, u32 port, u32 host_port)
{
	return (struct vio_vsock_header){
		.source_cid = CID,
		.target_cid = VSOCK_CID_HOST,
		.source_port = port,
		.target_port = host_port,
		.type = VIO_VSOCK_TYPE_STREAM,
		.operation = (u16)operation,
		.room = 65536,
	};
}

static UNUSED void offer_packet(const struct vio_vsock_header *header, const void *bytes,
				u32 length)
{
	u32 head = tx_given++ % SIZE;
	u64 at = TX_BUFFERS + head * BUFFER_BYTES;

	memcpy(ram + at, header, sizeof(*header));
	if (length != 0)
		memcpy(ram + at + sizeof(*header), bytes, length);
	put_descriptor(VSOCK_QUEUE_TRANSMIT, head, at, (u32)sizeof(*header) + length, 0, 0);
	offer(VSOCK_QUEUE_TRANSMIT, SIZE, head);
}

static UNUSED void send_packet(struct vio_vsock_header header)
{
	offer_packet(&header, NULL, 0);
	kick(VSOCK, VSOCK_QUEUE_TRANSMIT);
}

static UNUSED void send_plain(u32 operation, u32 port, u32 host_port)
{
	send_packet(packet(operation, port, host_port));
}

static UNUSED void send_bytes(u32 port, u32 host_port, const void *bytes, u32 length)
{
	struct vio_vsock_header header = packet(VIO_VSOCK_RW, port, host_port);

	header.bytes = length;
	offer_packet(&header, bytes, length);
	kick(VSOCK, VSOCK_QUEUE_TRANSMIT);
}

static UNUSED u32 packets_waiting(void)
{
	return (u16)(used_index(VSOCK_QUEUE_RECEIVE) - rx_seen);
}

/* Takes the next packet from the device; its bytes lie at *bytes. */
static UNUSED struct vio_vsock_header receive_packet(const u8 **bytes)
{
	struct vio_vsock_header header;
	u32 head;

	assert_true(packets_waiting() > 0);
	head = used_head(VSOCK_QUEUE_RECEIVE, rx_seen % SIZE);
	memcpy(&header, ram + RX_BUFFERS + head * BUFFER_BYTES, sizeof(header));
	assert_int_equal(used_written(VSOCK_QUEUE_RECEIVE, rx_seen % SIZE), HEADER + header.bytes);
	if (bytes != NULL)
		*bytes = ram + RX_BUFFERS + head * BUFFER_BYTES + sizeof(header);
	rx_seen++;
	assert_int_equal(header.target_cid, CID);
	assert_int_equal(header.type, VIO_VSOCK_TYPE_STREAM);
	return header;
}

static UNUSED struct vio_vsock_header receive_plain(u32 operation, u32 port)
{
	struct vio_vsock_header header = receive_packet(NULL);

	assert_int_equal(header.operation, operation);
	assert_int_equal(header.target_port, port);
	assert_int_equal(header.bytes, 0);
	return header;
}

/* --- the manager --- */

static UNUSED void ring_bell(void)
{
	area.manager_bell++;
	virtio_vsock_poll(the_vsock());
	device_tick(&the_vsock()->virtio.function.device);
}

static UNUSED u32 mark_of(u32 slot)
{
	return vsock_word_mark(area.slot[slot].monitor_word);
}

static UNUSED void set_mark(u32 slot, enum vsock_mark mark)
{
	area.slot[slot].manager_word =
		vsock_word(vsock_word_use(area.slot[slot].manager_word), mark);
	ring_bell();
}

static UNUSED void call_guest(u32 slot, u32 port)
{
	u32 use = vsock_word_use(area.slot[slot].manager_word) + 1;

	area.slot[slot].called_port = port;
	area.slot[slot].called_cid = VSOCK_CID_HOST;
	area.slot[slot].input_written = 0;
	area.slot[slot].output_read = 0;
	area.slot[slot].manager_word = vsock_word(use, VSOCK_ASKS);
	ring_bell();
}

/* Answers the guest's call in a slot. */
static UNUSED void answer_guest(u32 slot, enum vsock_mark mark)
{
	area.slot[slot].input_written = 0;
	area.slot[slot].output_read = 0;
	area.slot[slot].manager_word =
		vsock_word(vsock_word_use(area.slot[slot].monitor_word), mark);
	ring_bell();
}

static UNUSED void write_bytes(u32 slot, const u8 *bytes, u32 count)
{
	for (u32 i = 0; i < count; i++)
		area.rings[slot].input[area.slot[slot].input_written++ % VSOCK_RING_BYTES] =
			bytes[i];
	ring_bell();
}

static UNUSED u32 bytes_waiting(u32 slot)
{
	return area.slot[slot].output_written - area.slot[slot].output_read;
}

static UNUSED void read_bytes(u32 slot, u32 count)
{
	area.slot[slot].output_read += count;
	ring_bell();
}

/* --- what both sides use --- */

static u8 pattern[2 * VSOCK_RING_BYTES];

static UNUSED void fill_pattern(void)
{
	for (u32 i = 0; i < sizeof(pattern); i++)
		pattern[i] = (u8)(i * 7 + i / 256);
}

/* Returns the host's port of a connection that the manager has opened to GUEST_PORT. */
static UNUSED u32 open_by_host(u32 slot)
{
	u32 host_port;

	call_guest(slot, GUEST_PORT);
	host_port = receive_plain(VIO_VSOCK_REQUEST, GUEST_PORT).source_port;
	send_plain(VIO_VSOCK_RESPONSE, GUEST_PORT, host_port);
	assert_int_equal(mark_of(slot), VSOCK_OPEN);
	set_mark(slot, VSOCK_OPEN);
	return host_port;
}

static UNUSED void open_by_guest(void)
{
	area.listen[3] = HOST_PORT;
	send_plain(VIO_VSOCK_REQUEST, GUEST_PORT, HOST_PORT);
	assert_int_equal(mark_of(FIRST_GUEST), VSOCK_ASKS);
	answer_guest(FIRST_GUEST, VSOCK_OPEN);
	receive_plain(VIO_VSOCK_RESPONSE, GUEST_PORT);
}
