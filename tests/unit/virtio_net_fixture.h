/* SPDX-License-Identifier: MIT */
#pragma once

/* A platform with a virtio network card, between a guest and a switch as the test wants them. */
#include "tests/unit/irqchip_fixture.h"

#include "vmm/monitor/bus/bus.h"
#include "vmm/monitor/dev/acpi_pm.h"
#include "vmm/monitor/dev/crtc.h"
#include "vmm/monitor/dev/debug.h"
#include "vmm/monitor/dev/fw_cfg.h"
#include "vmm/monitor/dev/hpet.h"
#include "vmm/monitor/dev/pit.h"
#include "vmm/monitor/dev/pit_channel.h"
#include "vmm/monitor/dev/firmware_log.h"
#include "vmm/monitor/dev/flash.h"
#include "vmm/monitor/dev/platform.h"
#include "vmm/monitor/platform/platform_add.h"
#include "tests/unit/platform_saved.h"
#include "vmm/monitor/dev/pvpanic.h"
#include "vmm/monitor/dev/reset.h"
#include "vmm/monitor/dev/rtc.h"
#include "vmm/rt/date.h"
#include "vmm/monitor/dev/serial.h"
#include "vmm/monitor/dev/test_device.h"
#include "vmm/monitor/dev/watchdog.h"
#include "vmm/monitor/memory/guest_memory.h"
#include "tests/unit/pci_sources.h"

#include <stdlib.h>

#define RAM_BYTES (8 * MIB)
#undef QUEUES /* the balloon's, whose source pci_sources.h includes */
#define QUEUES (2 * VIRTIO_NET_PAIRS + 1)
/* the rings of queue 0; those of the next queue are 0x4000 further on */
#define RINGS_AT     0x10000u
#define RINGS_BYTES  0x4000u
#define AVAILABLE_AT 0x1000u
#define USED_AT	     0x2000u
/* the command on the control queue; its answer is 0x8000 further on */
#define COMMAND_AT	    0x80000u
#define ANSWER_AT	    0x88000u
#define SEND_AT		    0x100000u
#define RECEIVE_AT	    0x200000u /* buffers, each BUFFER_BYTES further on */
#define BUFFER_BYTES	    0x800u
#define SEGMENT(at, length) ((struct virtio_segment){GPA(at), length})
#define NO_ANSWER	    0xee
#define OWN_MAC		    0x560403020102ull /* 02:01:02:03:04:56 */
#define STATUS_AT	    (AT_COMMON + 0x14)
#define CONFIG(offset)	    (AT_DEVICE + (offset))
#define ALL_FEATURES	    (~0ull)

static struct platform platform;
static struct virtio_net net;
static struct guest_memory guest;
static u8 ram[RAM_BYTES];
static u64 features;	  /* the features that the guest has taken */
static u16 made[QUEUES];  /* chains that the guest has made available */
static u16 heard[QUEUES]; /* the used buffers of each queue that the driver has seen */
static u16 next_descriptor[QUEUES];
static struct link_memory *wire;
static struct link_end port; /* the switch's end */
static u32 rings;	     /* signals to the switch */
static u32 cpus;

static UNUSED void ring_switch(void *context)
{
	(void)context;
	rings++;
}

static UNUSED u32 get(u32 at, u32 size)
{
	return (u32)virtio_read(&net.virtio.function.device, BAR_MEMORY, at, size);
}

static UNUSED void set(u32 at, u32 size, u32 value)
{
	virtio_write(&net.virtio.function.device, BAR_MEMORY, at, size, value);
}

static UNUSED void poke(u64 at, u64 value, u32 bytes)
{
	assert_true(at + bytes <= RAM_BYTES);
	memcpy(ram + at, &value, bytes);
}

static UNUSED u64 peek(u64 at, u32 bytes)
{
	u64 value = 0;

	memcpy(&value, ram + at, bytes);
	return value;
}

static UNUSED struct net_about *wire_about(void)
{
	return (struct net_about *)(void *)wire->about;
}

/* A switch has been started, and sees the card. */
static UNUSED void new_switch(void)
{
	wire->generation++;
	assert_true(link_renewed(&port));
}

static UNUSED void make_wire(void)
{
	free(wire);
	wire = aligned_alloc(PAGE_SIZE, FRAMES_LINK_BYTES);
	memset(wire, 0, FRAMES_LINK_BYTES);
	*wire_about() = (struct net_about){.mac = OWN_MAC, .mtu = 1500, .flags = NET_LINK_UP};
	frames_open(&port, wire, LINK_SERVER);
	new_switch();
	rings = 0;
}

/* A machine with the card, as the manager and its monitor make it. */
static UNUSED void power_on(void)
{
	struct lapic_page *page[] = {&fixture_page[0], &fixture_page[1], &fixture_page[2],
				     &fixture_page[3]};
	struct platform_config config = {
		.cpu_count = cpus,
		.ram_below_4g = RAM_BYTES,
		.lapic_page = page,
		.pci = true,
		.memory = &guest,
		.net = &net,
		.net_count = 1,
	};

	memset(&platform, 0, sizeof(platform));
	memset(&net, 0, sizeof(net));
	net.number = 2;
	guest = (struct guest_memory){.count = 1, .region = {{GPA(0), RAM_BYTES, ram}}};
	platform.clock = (struct machine_clock){.tsc_khz = 1000000, .wall_ns = NS_PER_S};
	virtio_net_open(&net, wire, ring_switch, NULL);
	assert_int_equal(platform_init(&platform, &config), STATUS_OK);
	virtio_net_poll_link(&net);
}

static UNUSED void set_up_queue(u32 queue)
{
	u32 at = RINGS_AT + queue * RINGS_BYTES;

	memset(ram + at, 0, RINGS_BYTES);
	made[queue] = heard[queue] = next_descriptor[queue] = 0;
	set(AT_COMMON + 0x16, 2, queue);
	set(AT_COMMON + 0x20, 4, at);
	set(AT_COMMON + 0x28, 4, at + AVAILABLE_AT);
	set(AT_COMMON + 0x30, 4, at + USED_AT);
	set(AT_COMMON + 0x1c, 2, 1);
	assert_int_equal(get(AT_COMMON + 0x1c, 2), 1);
}

/* The guest's driver starts the device with what it knows of its features; no event indices. */
static bool is_old; /* the guest does not take version 1 */
static UNUSED void start_device(u64 known)
{
	pci_config_write(&net.virtio.function, PCI_COMMAND, 2,
			 PCI_COMMAND_MEMORY | PCI_COMMAND_BUS_MASTER);
	features = (net.virtio.features & known) | BIT(VIRTIO_F_INDIRECT_DESC) |
		   (is_old ? 0 : BIT(VIRTIO_F_VERSION_1));
	set(STATUS_AT, 1, 0);
	set(STATUS_AT, 1, 1);
	set(STATUS_AT, 1, 3);
	set(AT_COMMON + 0x08, 4, 1);
	set(AT_COMMON + 0x0c, 4, (u32)(features >> 32));
	set(AT_COMMON + 0x08, 4, 0);
	set(AT_COMMON + 0x0c, 4, (u32)features);
	set(STATUS_AT, 1, 11);
	for (u32 i = 0; i < net.virtio.queue_count; i++)
		set_up_queue(i);
	set(STATUS_AT, 1, 15);
	assert_int_equal(get(STATUS_AT, 1), 15);
}

static UNUSED int setup_with(u32 cpu_count, u64 known)
{
	memset(ram, 0, sizeof(ram));
	cpus = cpu_count;
	make_wire();
	power_on();
	start_device(known);
	return 0;
}

static UNUSED int setup(void **state)
{
	(void)state;
	return setup_with(4, ALL_FEATURES);
}

static UNUSED int teardown(void **state)
{
	(void)state;
	free(wire);
	wire = NULL;
	return 0;
}

static UNUSED void notify(u32 queue)
{
	virtio_write(&net.virtio.function.device, BAR_DOORBELL, 0, 2, queue);
}

/* Makes a chain available; its first `readable` segments are for the device to read. */
static UNUSED void add_chain(u32 queue, const struct virtio_segment *segment, u32 count,
			     u32 readable)
{
	u32 at = RINGS_AT + queue * RINGS_BYTES;
	u16 head = next_descriptor[queue];

	for (u32 i = 0; i < count; i++) {
		u16 number = next_descriptor[queue];
		u64 descriptor = at + number * 16u;

		next_descriptor[queue] = (u16)((number + 1) % VIRTIO_NET_QUEUE_SIZE);
		poke(descriptor, segment[i].gpa.value, 8);
		poke(descriptor + 8, segment[i].bytes, 4);
		poke(descriptor + 12, (i + 1 < count ? 1 : 0) | (i >= readable ? 2 : 0), 2);
		poke(descriptor + 14, next_descriptor[queue], 2);
	}
	poke(at + AVAILABLE_AT + 4 + made[queue] % VIRTIO_NET_QUEUE_SIZE * 2, head, 2);
	poke(at + AVAILABLE_AT + 2, ++made[queue], 2);
}

/* Returns how many buffers have been used that the guest has not yet seen. */
static UNUSED u32 used_new(u32 queue)
{
	return (u16)(peek(RINGS_AT + queue * RINGS_BYTES + USED_AT + 2, 2) - heard[queue]);
}

/* The next used one; the bytes that the device says to have written. */
static UNUSED u32 hear(u32 queue)
{
	u32 entry = RINGS_AT + queue * RINGS_BYTES + USED_AT + 4 +
		    heard[queue] % VIRTIO_NET_QUEUE_SIZE * 8;

	assert_true(used_new(queue) != 0);
	heard[queue]++;
	return (u32)peek(entry + 4, 4);
}

/* --- the guest's frames --- */

/* Fills a frame with bytes that differ from each other, at SEND_AT behind room for the header. */
static UNUSED u8 *fill_frame(u32 bytes)
{
	u8 *frame = ram + SEND_AT + sizeof(struct net_header);

	for (u32 i = 0; i < bytes; i++)
		frame[i] = (u8)(i * 7 + (i >> 8));
	return frame;
}

/* Sends what is at SEND_AT, behind this header, in one segment. */
static UNUSED void send_as(u32 queue, const struct net_header *header, u32 bytes)
{
	const struct virtio_segment segment = SEGMENT(SEND_AT, (u32)sizeof(*header) + bytes);

	memcpy(ram + SEND_AT, header, sizeof(*header));
	add_chain(queue, &segment, 1, 1);
	notify(queue);
}

static UNUSED void send(u32 bytes)
{
	const struct net_header header = {0};

	(void)fill_frame(bytes);
	send_as(1, &header, bytes);
}

/* Checks the frame that the switch gets next. */
static UNUSED struct frame_header expect_frame(const u8 *bytes, u32 count)
{
	struct frame_header header = {0};
	const u8 *frame;

	assert_true(frames_next(&port, &header, &frame));
	assert_int_equal(header.bytes, count);
	assert_memory_equal(frame, bytes, count);
	frames_drop(&port, &header);
	return header;
}

static UNUSED void expect_no_frame(void)
{
	struct frame_header header;
	const u8 *frame;

	assert_false(frames_next(&port, &header, &frame));
	assert_false(port.broken);
}

/* --- frames for the guest --- */

static UNUSED u8 pattern(u32 i)
{
	return (u8)(i * 5 + (i >> 8) + 1);
}

/* The switch has a frame, whose destination is `mac`; it is shown by port_publish. */
static UNUSED void put_frame_as(u64 mac, const struct frame_header *header)
{
	u8 *frame = frames_reserve(&port, header->bytes);

	assert_non_null(frame);
	for (u32 i = 0; i < header->bytes; i++)
		frame[i] = pattern(i);
	memcpy(frame, &mac, NET_MAC_BYTES);
	frames_add(&port, header);
}

static UNUSED void port_publish(void)
{
	(void)!link_publish(&port);
	virtio_net_poll_link(&net);
}

static UNUSED void give_as(u64 mac, const struct frame_header *header)
{
	put_frame_as(mac, header);
	port_publish();
}

static UNUSED void give(u32 bytes)
{
	const struct frame_header header = {.bytes = bytes};

	give_as(OWN_MAC, &header);
}

/* Buffers number `from` on of `bytes` each, for the device to write to. */
static UNUSED void add_buffers(u32 queue, u32 from, u32 count, u32 bytes)
{
	for (u32 i = 0; i < count; i++) {
		const struct virtio_segment segment =
			SEGMENT(RECEIVE_AT + (from + i) * BUFFER_BYTES, bytes);

		memset(ram + segment.gpa.value, 0xcc, BUFFER_BYTES);
		add_chain(queue, &segment, 1, 0);
	}
	notify(queue);
}

static UNUSED struct net_header header_in(u32 buffer)
{
	struct net_header header;

	memcpy(&header, ram + RECEIVE_AT + buffer * BUFFER_BYTES, sizeof(header));
	return header;
}

/* The next used buffer has a frame of put_frame_as in it, and nothing behind. */
static UNUSED void expect_received(u32 queue, u32 buffer, u32 bytes)
{
	const u8 *frame = ram + RECEIVE_AT + buffer * BUFFER_BYTES + sizeof(struct net_header);

	assert_int_equal(hear(queue), bytes + sizeof(struct net_header));
	for (u32 i = NET_MAC_BYTES; i < bytes; i++)
		assert_int_equal(frame[i], pattern(i));
	assert_int_equal(frame[bytes], 0xcc);
}

/* --- the control queue --- */

/* Returns the answer. */
static UNUSED u8 command(u32 class, u32 number, const void *data, u32 bytes)
{
	const struct virtio_segment segment[] = {SEGMENT(COMMAND_AT, 2 + bytes),
						 SEGMENT(ANSWER_AT, 1)};
	u32 queue = net_control_queue(&net);

	ram[COMMAND_AT] = (u8) class;
	ram[COMMAND_AT + 1] = (u8)number;
	if (bytes != 0)
		memcpy(ram + COMMAND_AT + 2, data, bytes);
	ram[ANSWER_AT] = NO_ANSWER;
	add_chain(queue, segment, 2, 1);
	notify(queue);
	assert_int_equal(used_new(queue), 1);
	assert_int_equal(hear(queue), 1);
	return ram[ANSWER_AT];
}

static UNUSED u8 command_u8(u32 class, u32 number, u8 value)
{
	return command(class, number, &value, sizeof(value));
}

static UNUSED u8 command_u16(u32 class, u32 number, u16 value)
{
	return command(class, number, &value, sizeof(value));
}

static UNUSED bool needs_reset(void)
{
	return (get(STATUS_AT, 1) & VIRTIO_NEEDS_RESET) != 0;
}

static UNUSED u64 lost_in_all(void)
{
	u64 lost = 0;

	for (u32 i = 0; i < NET_LOSS_COUNT; i++)
		lost += net.counts.lost[i];
	return lost;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
