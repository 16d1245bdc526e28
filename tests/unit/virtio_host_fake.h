/* SPDX-License-Identifier: MIT */
/*
 * A fake virtio device: registers by functions, queues in memory that it looks at whenever the
 * driver waits or the test says so. What a request means is for the test to say (fake_do). Included
 * once, by a test of vmm/driver/virtio or of a driver on top of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/string.h"
#include "tests/driver_process_fake.h"
#include "vmm/driver/virtio/virtio_host.c"
#include "vmm/driver/virtio/virtio_ring.c"
#include "vmm/rt/format.h"

#define RAM_PAGES   256u
#define RAM_AT	    0x140000000ull
#define FAKE_QUEUES 3u
#define FAKE_PARTS  20u
#define MULTIPLIER  4u

/* A request as the device sees it. */
struct fake_request {
	u32 count;
	struct {
		u8 *data;
		u32 bytes;
		bool write;
	} part[FAKE_PARTS];
};
/* Does one request; returns how many bytes it wrote. */
static u32 fake_do(u32 queue, struct fake_request *request);

static struct {
	_Alignas(PAGE_SIZE) u8 ram[RAM_PAGES * PAGE_SIZE];
	_Alignas(8) u8 device[64], notify[64], isr[1];
	u64 features, taken_features;
	u32 select, driver_select, queue_select;
	u8 status, generation;
	u16 config_vector;
	struct {
		u16 size, vector, enabled, taken, done;
		u64 descriptors, driver, device;
	} queue[FAKE_QUEUES];
	u32 resets, reads, doorbells;
	bool config_interrupt;
	/* the ways in which the device misbehaves */
	bool never_reset, refuses, restless, silent;
	u16 notify_offset;     /* added to that of each queue */
	u32 hold[FAKE_QUEUES]; /* the requests that the device leaves lying */
} fake;

static u64 now_tsc;
static u64 addresses[RAM_PAGES];

u64 clock_tsc(void)
{
	return now_tsc += 1000;
}

u64 clock_ns_to_tsc(u64 ns)
{
	return ns;
}

/* Pages are not in order in memory: what takes them for contiguous is found out. */
static u8 *at(u64 address, u32 bytes)
{
	assert_true(bytes <= PAGE_SIZE - address % PAGE_SIZE);
	for (u32 i = 0; i < RAM_PAGES; i++) {
		if (addresses[i] == (address & ~PAGE_MASK))
			return fake.ram + i * PAGE_SIZE + address % PAGE_SIZE;
	}
	fail_msg("DMA to %#llx", (unsigned long long)address);
	return NULL;
}

u32 virtio_host_in(const struct virtio_host *host, enum vio_common where, u32 bytes)
{
	(void)host;
	switch (where) {
	case VIO_DEVICE_FEATURE:
		assert_int_equal(bytes, 4);
		return (u32)(fake.features >> (fake.select * 32));
	case VIO_STATUS:
		assert_int_equal(bytes, 1);
		return fake.status;
	case VIO_GENERATION:
		assert_int_equal(bytes, 1);
		fake.reads++;
		return fake.restless ? fake.generation++ : fake.generation;
	case VIO_QUEUE_SIZE:
		assert_int_equal(bytes, 2);
		return fake.queue[fake.queue_select].size;
	case VIO_QUEUE_NOTIFY_OFFSET:
		assert_int_equal(bytes, 2);
		return fake.queue_select + fake.notify_offset;
	default:
		fail_msg("read of %#x", where);
		return 0;
	}
}

static void set_status(u32 value)
{
	if (value == 0 && !fake.never_reset) {
		fake.resets++;
		for (u32 i = 0; i < FAKE_QUEUES; i++)
			fake.queue[i].enabled = fake.queue[i].taken = fake.queue[i].done = 0;
	}
	if (value == 0 && fake.never_reset)
		return;
	if (fake.refuses)
		value &= ~VIO_FEATURES_OK;
	fake.status = (u8)value;
}

static void set_half(u64 *word, u32 half, u32 value)
{
	*word = (*word & ~(0xffffffffull << (32 * half))) | (u64)value << (32 * half);
}

void virtio_host_out(const struct virtio_host *host, enum vio_common where, u32 bytes, u32 value)
{
	u32 n = fake.queue_select;

	(void)host;
	assert_true(bytes == 4 || value >> (8 * bytes) == 0);
	switch ((u32)where) {
	case VIO_DEVICE_FEATURE_SELECT:
		fake.select = value;
		break;
	case VIO_DRIVER_FEATURE_SELECT:
		fake.driver_select = value;
		break;
	case VIO_DRIVER_FEATURE:
		set_half(&fake.taken_features, fake.driver_select, value);
		break;
	case VIO_CONFIG_VECTOR:
		fake.config_vector = (u16)value;
		break;
	case VIO_STATUS:
		set_status(value);
		break;
	case VIO_QUEUE_SELECT:
		assert_true(value < FAKE_QUEUES);
		fake.queue_select = value;
		break;
	case VIO_QUEUE_SIZE:
		fake.queue[n].size = (u16)value;
		break;
	case VIO_QUEUE_VECTOR:
		fake.queue[n].vector = (u16)value;
		break;
	case VIO_QUEUE_ENABLE:
		fake.queue[n].enabled = (u16)value;
		break;
	case VIO_QUEUE_DESCRIPTORS:
	case VIO_QUEUE_DESCRIPTORS + 4:
		set_half(&fake.queue[n].descriptors, where != VIO_QUEUE_DESCRIPTORS, value);
		break;
	case VIO_QUEUE_DRIVER:
	case VIO_QUEUE_DRIVER + 4:
		set_half(&fake.queue[n].driver, where != VIO_QUEUE_DRIVER, value);
		break;
	case VIO_QUEUE_DEVICE:
	case VIO_QUEUE_DEVICE + 4:
		set_half(&fake.queue[n].device, where != VIO_QUEUE_DEVICE, value);
		break;
	default:
		fail_msg("write of %#x", where);
	}
}

static u16 *available(u32 n)
{
	return (u16 *)(uintptr_t)at(fake.queue[n].driver, 6 + 2 * fake.queue[n].size);
}

static u16 *used(u32 n)
{
	return (u16 *)(uintptr_t)at(fake.queue[n].device, 6 + 8 * fake.queue[n].size);
}

/* Returns how many requests the device has not taken. */
static u32 fake_waiting(u32 n)
{
	return fake.queue[n].enabled ? (u16)(available(n)[1] - fake.queue[n].taken) : 0;
}

static struct fake_request read_chain(u32 n, u16 head)
{
	const struct vio_descriptor *table = (struct vio_descriptor *)(uintptr_t)at(
		fake.queue[n].descriptors, 16 * fake.queue[n].size);
	struct fake_request request = {0};
	bool writes = false;

	for (u16 i = head;; i = table[i].next) {
		assert_true(i < fake.queue[n].size && request.count < FAKE_PARTS);
		request.part[request.count].data = at(table[i].address, table[i].bytes);
		request.part[request.count].bytes = table[i].bytes;
		request.part[request.count].write = (table[i].flags & VIO_WRITE) != 0;
		assert_true(!writes || request.part[request.count].write);
		writes = request.part[request.count].write;
		request.count++;
		if ((table[i].flags & VIO_NEXT) == 0)
			return request;
	}
}

static void put_used(u32 n, u32 id, u32 bytes)
{
	struct vio_used *entry = (struct vio_used *)(uintptr_t)(used(n) + 2) +
				 fake.queue[n].done % fake.queue[n].size;

	*entry = (struct vio_used){.id = id, .bytes = bytes};
	used(n)[1] = ++fake.queue[n].done;
}

/* Takes the next request of that queue, and ends it. */
static void fake_one(u32 n)
{
	u16 head = available(n)[2 + fake.queue[n].taken++ % fake.queue[n].size];
	struct fake_request request = read_chain(n, head);

	put_used(n, head, fake_do(n, &request));
}

static void fake_queue(u32 n)
{
	while ((fake.status & VIO_DRIVER_OK) != 0 && !fake.silent && fake_waiting(n) > fake.hold[n])
		fake_one(n);
	/* the device wants to be told of the next request */
	if (fake.queue[n].enabled)
		used(n)[2 + 4 * fake.queue[n].size] = fake.queue[n].taken;
}

static void fake_step(void)
{
	for (u32 n = 0; n < FAKE_QUEUES; n++)
		fake_queue(n);
}

void process_pause(void)
{
	now_tsc += NS_PER_MS;
	fake_step();
}

/* Gives the driver what the manager gives of the device. */
static UNUSED void fake_give(void)
{
	process_given.registers[0].name = DRIVER_VIRTIO_COMMON;
	/* the driver's functions do not look at this address */
	process_given.registers[0].at = fake.device;
	process_given.registers[0].bytes = VIO_COMMON_BYTES;
	process_given.registers[1].name = DRIVER_VIRTIO_NOTIFY;
	process_given.registers[1].at = fake.notify;
	process_given.registers[1].bytes = sizeof(fake.notify);
	process_given.registers[2].name = DRIVER_VIRTIO_ISR;
	process_given.registers[2].at = fake.isr;
	process_given.registers[2].bytes = 1;
	process_given.registers[3].name = DRIVER_VIRTIO_DEVICE;
	process_given.registers[3].at = fake.device;
	process_given.registers[3].bytes = sizeof(fake.device);
	process_given.info.parameter[DRIVER_NOTIFY_MULTIPLIER] = MULTIPLIER;
	process_given.has_interrupt = true;
	process_given.memory = (struct driver_dma){fake.ram, addresses, RAM_PAGES};
}

/* A device that was left running, with those features. */
static void fake_init(struct virtio_host *host, u64 features)
{
	memset(&fake, 0, sizeof(fake));
	for (u32 i = 0; i < RAM_PAGES; i++)
		addresses[i] = RAM_AT + (u64)(i * 37 % RAM_PAGES) * 2 * PAGE_SIZE;
	fake.status = 0xf;
	fake.features = features | VIO_F_VERSION_1;
	for (u32 i = 0; i < FAKE_QUEUES; i++)
		fake.queue[i].size = 256;
	/* the driver's functions do not look at this address */
	*host = (struct virtio_host){.common = fake.device,
				     .common_bytes = VIO_COMMON_BYTES,
				     .notify = fake.notify,
				     .notify_bytes = sizeof(fake.notify),
				     .isr = fake.isr,
				     .isr_bytes = 1,
				     .device = fake.device,
				     .device_bytes = sizeof(fake.device),
				     .multiplier = MULTIPLIER,
				     .interrupts = true,
				     .memory = {fake.ram, addresses, RAM_PAGES}};
}
