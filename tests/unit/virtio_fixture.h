/* SPDX-License-Identifier: MIT */
#pragma once

/* A driver for the devices of pci_fixture.h. Queue n's rings lie at n * RINGS in its RAM. */
#include "tests/unit/pci_fixture.h"

#define RINGS	  0x10000u
#define TABLE	  0x0000u
#define AVAILABLE 0x4000u
#define USED_RING 0x8000u
#define BUFFERS	  0x80000u
#define NEXT	  1u
#define WRITE	  2u
#define INDIRECT  4u
#define VERSION_1 BIT(VIRTIO_F_VERSION_1)
#define EVENTS	  BIT(VIRTIO_F_EVENT_IDX)
#define INDIRECTS BIT(VIRTIO_F_INDIRECT_DESC)
#define STATUS_UP 0x0fu

static u32 common_in(u32 slot, u32 at, u32 size)
{
	return (u32)load(memory_of(slot) + AT_COMMON + at, size);
}

static void common_out(u32 slot, u32 at, u32 size, u32 value)
{
	store(memory_of(slot) + AT_COMMON + at, size, value);
}

static UNUSED u8 status_of(u32 slot)
{
	return (u8)common_in(slot, COMMON_STATUS, 1);
}

static void set_status(u32 slot, u8 status)
{
	common_out(slot, COMMON_STATUS, 1, status);
}

static void set_features(u32 slot, u64 features)
{
	for (u32 i = 0; i < 2; i++) {
		common_out(slot, COMMON_DRIVER_SELECT, 4, i);
		common_out(slot, COMMON_DRIVER_FEATURE, 4, (u32)(features >> 32 * i));
	}
}

static UNUSED u64 features_of(u32 slot)
{
	u64 features = 0;

	for (u32 i = 0; i < 2; i++) {
		common_out(slot, COMMON_DEVICE_SELECT, 4, i);
		features |= (u64)common_in(slot, COMMON_DEVICE_FEATURE, 4) << 32 * i;
	}
	return features;
}

static void set_address(u32 slot, u32 at, u64 address)
{
	common_out(slot, at, 4, (u32)address);
	common_out(slot, at + 4, 4, address >> 32);
}

static void setup_queue(u32 slot, u32 queue, u32 size)
{
	common_out(slot, COMMON_QUEUE_SELECT, 2, queue);
	common_out(slot, COMMON_QUEUE_SIZE, 2, size);
	common_out(slot, COMMON_QUEUE_VECTOR, 2, queue + 1);
	set_address(slot, COMMON_QUEUE_DESCRIPTORS, queue * RINGS + TABLE);
	set_address(slot, COMMON_QUEUE_AVAILABLE, queue * RINGS + AVAILABLE);
	set_address(slot, COMMON_QUEUE_USED, queue * RINGS + USED_RING);
}

static void enable_queue(u32 slot, u32 queue)
{
	common_out(slot, COMMON_QUEUE_SELECT, 2, queue);
	common_out(slot, COMMON_QUEUE_ENABLE, 2, 1);
}

/* Negotiates features, up to FEATURES_OK. */
static void negotiate(u32 slot, u64 features)
{
	set_command(slot, COMMAND_ALL);
	set_status(slot, 0);
	set_status(slot, 1);
	set_status(slot, 3);
	set_features(slot, features);
	set_status(slot, 0xb);
}

static UNUSED void bring_up(u32 slot, u64 features, u32 queues, u32 size)
{
	negotiate(slot, features);
	for (u32 i = 0; i < queues; i++) {
		setup_queue(slot, i, size);
		enable_queue(slot, i);
	}
	set_status(slot, STATUS_UP);
	assert_int_equal(status_of(slot), STATUS_UP);
}

static void ram_put(u64 at, u32 size, u64 value)
{
	memcpy(ram + at, &value, size);
}

static u64 ram_get(u64 at, u32 size)
{
	u64 value = 0;

	memcpy(&value, ram + at, size);
	return value;
}

static UNUSED void put_descriptor_at(u64 at, u64 address, u32 bytes, u32 flags, u32 next)
{
	ram_put(at, 8, address);
	ram_put(at + 8, 4, bytes);
	ram_put(at + 12, 2, flags);
	ram_put(at + 14, 2, next);
}

static UNUSED void put_descriptor(u32 queue, u32 number, u64 address, u32 bytes, u32 flags,
				  u32 next)
{
	put_descriptor_at(queue * RINGS + TABLE + 16 * number, address, bytes, flags, next);
}

static UNUSED u16 available_index(u32 queue)
{
	return (u16)ram_get(queue * RINGS + AVAILABLE + 2, 2);
}

/* Makes a head available; the queue has `size` entries. */
static UNUSED void offer(u32 queue, u32 size, u32 head)
{
	u16 index = available_index(queue);

	ram_put(queue * RINGS + AVAILABLE + 4 + 2 * (index % size), 2, head);
	ram_put(queue * RINGS + AVAILABLE + 2, 2, (u16)(index + 1));
}

static UNUSED u16 used_index(u32 queue)
{
	return (u16)ram_get(queue * RINGS + USED_RING + 2, 2);
}

static UNUSED u32 used_head(u32 queue, u32 number)
{
	return (u32)ram_get(queue * RINGS + USED_RING + 4 + 8 * number, 4);
}

static UNUSED u32 used_written(u32 queue, u32 number)
{
	return (u32)ram_get(queue * RINGS + USED_RING + 8 + 8 * number, 4);
}

static UNUSED void kick(u32 slot, u32 queue)
{
	out((u32)ports_of(slot), 2, queue);
}
