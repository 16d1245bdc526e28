/* SPDX-License-Identifier: MIT */
#pragma once

/* A platform with a virtio disk, between a guest and a driver that do what the test says. */
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
#include "tests/unit/disk_fixture.h"

#define RAM_BYTES (4 * MIB)
/* the rings of queue 0; those of the next queue are 0x4000 further on */
#define RINGS_AT	    0x10000u
#define AVAILABLE_AT	    0x1000u
#define USED_AT		    0x2000u
#define HEADER_AT	    0x30000u /* the headers of requests, 64 bytes apart: header, status */
#define DATA_AT		    0x100000u
#define SEGMENT(at, length) ((struct virtio_segment){GPA(at), length})
#define NO_STATUS	    0xee

/* Registers of the transport (virtio 1.2, 4.1.4.3) by their offsets. */
#define STATUS_AT (AT_COMMON + 0x14)

static struct platform platform;
static struct virtio_blk blk;
static struct guest_memory guest;
static u8 ram[RAM_BYTES];
static u16 made[VIRTIO_QUEUE_MAX];  /* chains that the guest has made available */
static u16 heard[VIRTIO_QUEUE_MAX]; /* the used requests of each queue that the driver has seen */
static u16 next_descriptor[VIRTIO_QUEUE_MAX];
static u32 next_header;
static UNUSED struct disk_cipher *fixture_cipher; /* of the disk, if it is encrypted */
static UNUSED bool fixture_drive;		  /* the disk is in a CD-ROM drive */
/* the disk is this target of the SCSI host; 0: it is not at that host */
static UNUSED u32 fixture_target;

static UNUSED u32 get(u32 at, u32 size)
{
	return (u32)virtio_read(&blk.device->function.device, BAR_MEMORY, at, size);
}

static UNUSED void set(u32 at, u32 size, u32 value)
{
	virtio_write(&blk.device->function.device, BAR_MEMORY, at, size, value);
}

static UNUSED void poke(u64 at, u64 value, u32 bytes)
{
	assert_true(at + bytes <= RAM_BYTES);
	memcpy(ram + at, &value, bytes);
}

static UNUSED u32 peek(u64 at, u32 bytes)
{
	u32 value = 0;

	memcpy(&value, ram + at, bytes);
	return value;
}

/* A machine with the disk, as the manager and its monitor make it. */
static UNUSED void power_on(void)
{
	struct lapic_page *page[1] = {&fixture_page[0]};
	struct platform_config config = {
		.cpu_count = 1,
		.ram_below_4g = RAM_BYTES,
		.lapic_page = page,
		.pci = true,
		.memory = &guest,
		.blk = &blk,
		.blk_count = 1,
	};

	memset(&platform, 0, sizeof(platform));
	memset(&blk, 0, sizeof(blk));
	blk.cipher = fixture_cipher;
	blk.is_drive = fixture_drive;
	blk.is_unit = fixture_target != 0;
	blk.number = fixture_target;
	memcpy(blk.name, "a-disk-called-data-2", VIRTIO_BLK_NAME_BYTES);
	guest = (struct guest_memory){.count = 1, .region = {{GPA(0), RAM_BYTES, ram}}};
	platform.clock = (struct machine_clock){.tsc_khz = 1000000, .wall_ns = NS_PER_S};
	disk_client_open(&blk.client, disk_memory, disk_ring, NULL);
	assert_int_equal(platform_init(&platform, &config), STATUS_OK);
	virtio_blk_poll_link(&blk);
}

static UNUSED void set_up_queue(u32 queue)
{
	u32 at = RINGS_AT + queue * 0x4000;

	memset(ram + at, 0, 0x4000);
	made[queue] = heard[queue] = next_descriptor[queue] = 0;
	set(AT_COMMON + 0x16, 2, queue);
	set(AT_COMMON + 0x20, 4, at);
	set(AT_COMMON + 0x28, 4, at + AVAILABLE_AT);
	set(AT_COMMON + 0x30, 4, at + USED_AT);
	set(AT_COMMON + 0x1c, 2, 1);
	assert_int_equal(get(AT_COMMON + 0x1c, 2), 1);
}

/* The guest's driver starts the device, without event indices, with indirect descriptors. */
static UNUSED void start_device(void)
{
	pci_config_write(&blk.device->function, PCI_COMMAND, 2,
			 PCI_COMMAND_MEMORY | PCI_COMMAND_BUS_MASTER);
	set(STATUS_AT, 1, 0);
	set(STATUS_AT, 1, 1);
	set(STATUS_AT, 1, 3);
	set(AT_COMMON + 0x08, 4, 1);
	set(AT_COMMON + 0x0c, 4, 1);
	set(AT_COMMON + 0x08, 4, 0);
	set(AT_COMMON + 0x0c, 4, (u32)blk.device->features | 1u << VIRTIO_F_INDIRECT_DESC);
	set(STATUS_AT, 1, 11);
	for (u32 i = 0; i < blk.device->queue_count; i++)
		set_up_queue(i);
	set(STATUS_AT, 1, 15);
	assert_int_equal(get(STATUS_AT, 1), 15);
}

static UNUSED int setup_with(u32 features)
{
	memset(ram, 0, sizeof(ram));
	next_header = 0;
	disk_make(features);
	power_on();
	start_device();
	return 0;
}

static UNUSED int setup(void **state)
{
	(void)state;
	return setup_with(DISK_FLUSH | DISK_DISCARD | DISK_WRITE_ZEROES);
}

static UNUSED int teardown(void **state)
{
	(void)state;
	disk_end();
	return 0;
}

static UNUSED void notify(u32 queue)
{
	virtio_write(&blk.device->function.device, BAR_DOORBELL, 0, 2, queue);
}

/* Makes a chain available; its first `readable` segments are for the device to read. */
static UNUSED void add_chain(u32 queue, const struct virtio_segment *segment, u32 count,
			     u32 readable)
{
	u32 at = RINGS_AT + queue * 0x4000;
	u16 head = next_descriptor[queue];

	for (u32 i = 0; i < count; i++) {
		u16 number = next_descriptor[queue];
		u64 descriptor = at + number * 16u;

		next_descriptor[queue] = (u16)((number + 1) % VIRTIO_BLK_QUEUE_SIZE);
		poke(descriptor, segment[i].gpa.value, 8);
		poke(descriptor + 8, segment[i].bytes, 4);
		poke(descriptor + 12, (i + 1 < count ? 1 : 0) | (i >= readable ? 2 : 0), 2);
		poke(descriptor + 14, next_descriptor[queue], 2);
	}
	poke(at + AVAILABLE_AT + 4 + made[queue] % VIRTIO_BLK_QUEUE_SIZE * 2, head, 2);
	poke(at + AVAILABLE_AT + 2, ++made[queue], 2);
}

/* Fills in the next request's header and returns its place; its status is 32 bytes further on. */
static UNUSED u32 make_header(u32 type, u64 sector)
{
	u32 at = HEADER_AT + next_header++ % 2048 * 64;

	poke(at, type, 8);
	poke(at + 8, sector, 8);
	poke(at + 32, NO_STATUS, 1);
	return at;
}

/*
 * Sends a request with `bytes` bytes of data at `data` in one segment. Returns its header's place.
 */
static UNUSED u32 send_to(u32 queue, u32 type, u64 sector, u32 data, u32 bytes)
{
	bool reads = type != BLK_T_IN && type != BLK_T_GET_ID; /* the device does */
	u32 header = make_header(type, sector);
	const struct virtio_segment segment[] = {SEGMENT(header, 16), SEGMENT(data, bytes),
						 SEGMENT(header + 32, 1)};
	const struct virtio_segment without[] = {SEGMENT(header, 16), SEGMENT(header + 32, 1)};

	if (bytes != 0)
		add_chain(queue, segment, 3, reads ? 2 : 1);
	else
		add_chain(queue, without, 2, 1);
	notify(queue);
	return header;
}

static UNUSED u32 send(u32 type, u64 sector, u32 bytes)
{
	return send_to(0, type, sector, DATA_AT, bytes);
}

static UNUSED u8 status_of(u32 header)
{
	return ram[header + 32];
}

/* Returns how many requests have been used that the guest has not yet seen. */
static UNUSED u32 used_new(u32 queue)
{
	return (u16)(peek(RINGS_AT + queue * 0x4000 + USED_AT + 2, 2) - heard[queue]);
}

/* The next used one; the bytes that the device says to have written. */
static UNUSED u32 hear(u32 queue)
{
	u32 entry =
		RINGS_AT + queue * 0x4000 + USED_AT + 4 + heard[queue] % VIRTIO_BLK_QUEUE_SIZE * 8;

	assert_true(used_new(queue) != 0);
	heard[queue]++;
	return peek(entry + 4, 4);
}

static UNUSED void expect_done(u32 header, u8 status, u32 written)
{
	assert_int_equal(used_new(0), 1);
	assert_int_equal(hear(0), written);
	assert_int_equal(status_of(header), status);
}

static UNUSED void expect_not_done(u32 header)
{
	assert_int_equal(used_new(0), 0);
	assert_int_equal(status_of(header), NO_STATUS);
}

/* Driver and monitor work until neither has anything to do. */
static UNUSED void settle(void)
{
	do
		virtio_blk_poll_link(&blk);
	while (disk_do_all() != 0);
	virtio_blk_poll_link(&blk);
}

static UNUSED bool needs_reset(void)
{
	return (get(STATUS_AT, 1) & VIRTIO_NEEDS_RESET) != 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
