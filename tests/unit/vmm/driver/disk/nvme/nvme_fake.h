/* SPDX-License-Identifier: MIT */
/*
 * A fake NVMe controller: registers in memory, which it looks at whenever the driver waits, and a
 * disk of 1 MiB. `wrong` makes it misbehave. Included once, by a test of vmm/driver/disk/nvme.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/driver_process_fake.h"
#include "vmm/driver/disk/nvme/nvme_queue.c"
#include "vmm/driver/disk/nvme/nvme_request.c"
#include "vmm/driver/disk/nvme/nvme_start.c"
#include "vmm/rt/format.c"

#define DISK_BYTES (1u << 20)
#define RAM_PAGES  64u
#define RAM_AT	   0x40000000ull

static struct {
	_Alignas(8) u8 registers[2 * PAGE_SIZE];
	_Alignas(PAGE_SIZE) u8 ram[RAM_PAGES * PAGE_SIZE];
	u8 disk[DISK_BYTES];
	u8 controller[PAGE_SIZE]; /* the data that identify gives */
	u8 namespace[PAGE_SIZE];
	u32 sq_head[2], cq_tail[2], sq_size[2], cq_size[2];
	u64 sq[2], cq[2];
	u16 phase[2];
	bool running;
	u32 flushes, deallocated, zeroed, cache, resets;
	u32 interrupt; /* cdw11 of the completion queue */
	u16 last_id;
	/* the ways in which the controller misbehaves */
	bool never_ready, never_stops, fatal, silent, twice, unknown, other_queue, deaf;
	u32 fail_admin; /* the opcode of an admin command that the controller refuses */
	u16 status;	/* the status of all requests */
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
static void *at(u64 address)
{
	for (u32 i = 0; i < RAM_PAGES; i++) {
		if (addresses[i] == (address & ~PAGE_MASK))
			return fake.ram + i * PAGE_SIZE + address % PAGE_SIZE;
	}
	fail_msg("DMA to %#llx", (unsigned long long)address);
	return NULL;
}

static u32 get32(u32 offset)
{
	u32 value;

	memcpy(&value, fake.registers + offset, 4);
	return value;
}

static u64 get64(u32 offset)
{
	return get32(offset) | (u64)get32(offset + 4) << 32;
}

static void put32(u32 offset, u32 value)
{
	memcpy(fake.registers + offset, &value, 4);
}

static void post(u32 queue, u16 id, u16 status, u32 owner)
{
	struct nvme_completion *entry =
		(struct nvme_completion *)at(fake.cq[queue]) + fake.cq_tail[queue];

	*entry = (struct nvme_completion){
		.queue = (u16)owner, .id = id, .status = (u16)(status << 1 | fake.phase[queue])};
	if (++fake.cq_tail[queue] == fake.cq_size[queue]) {
		fake.cq_tail[queue] = 0;
		fake.phase[queue] ^= 1;
	}
}

static void open_queue(u32 queue, bool completions, u64 address, u32 entries)
{
	if (completions) {
		fake.cq[queue] = address;
		fake.cq_size[queue] = entries;
		fake.cq_tail[queue] = 0;
		fake.phase[queue] = 1;
	} else {
		fake.sq[queue] = address;
		fake.sq_size[queue] = entries;
		fake.sq_head[queue] = 0;
		put32(NVME_DOORBELLS + queue * 8, 0);
	}
}

static u16 do_admin(const struct nvme_command *command)
{
	if (command->opcode == fake.fail_admin)
		return 2;
	switch (command->opcode) {
	case NVME_ADMIN_IDENTIFY:
		if (command->cdw10 == NVME_IDENTIFY_NAMESPACE)
			assert_int_equal(command->namespace, 1);
		memcpy(at(command->prp1),
		       command->cdw10 == NVME_IDENTIFY_CONTROLLER ? fake.controller
								  : fake.namespace,
		       PAGE_SIZE);
		return 0;
	case NVME_ADMIN_SET_FEATURES:
		fake.cache |= command->cdw10 == NVME_FEATURE_WRITE_CACHE ? command->cdw11 : 0;
		return 0;
	case NVME_ADMIN_CREATE_CQ:
		fake.interrupt = command->cdw11;
		open_queue(1, true, command->prp1, (command->cdw10 >> 16) + 1);
		return 0;
	case NVME_ADMIN_CREATE_SQ:
		assert_int_equal(command->cdw11, 1 << 16 | 1);
		open_queue(1, false, command->prp1, (command->cdw10 >> 16) + 1);
		return 0;
	default:
		return 1;
	}
}

static void move(bool write, u8 *disk, const struct nvme_command *command, u64 bytes)
{
	u64 pages = (bytes + PAGE_SIZE - 1) / PAGE_SIZE;

	for (u64 i = 0; i < pages; i++) {
		u64 address = i == 0	   ? command->prp1
			      : pages == 2 ? command->prp2
					   : ((u64 *)at(command->prp2))[i - 1];
		u64 part = MIN(bytes - i * PAGE_SIZE, PAGE_SIZE);

		if (write)
			memcpy(disk + i * PAGE_SIZE, at(address), part);
		else
			memcpy(at(address), disk + i * PAGE_SIZE, part);
	}
}

static u16 do_request(const struct nvme_command *command, u32 shift)
{
	u64 first = (command->cdw10 | (u64)command->cdw11 << 32) << shift;
	u64 bytes = ((u64)(command->cdw12 & 0xffff) + 1) << shift;
	const struct nvme_range *range;

	assert_int_equal(command->namespace, 1);
	if (fake.status != 0)
		return fake.status;
	switch (command->opcode) {
	case NVME_FLUSH:
		fake.flushes++;
		return 0;
	case NVME_READ:
	case NVME_WRITE:
		assert_true(first + bytes <= DISK_BYTES);
		move(command->opcode == NVME_WRITE, fake.disk + first, command, bytes);
		return 0;
	case NVME_WRITE_ZEROES:
		assert_true(first + bytes <= DISK_BYTES);
		memset(fake.disk + first, 0, bytes);
		fake.zeroed++;
		return 0;
	case NVME_DATASET_MANAGEMENT:
		range = at(command->prp1);
		assert_int_equal(command->cdw11, 4);
		assert_true((range->first + range->blocks) << shift <= DISK_BYTES);
		memset(fake.disk + (range->first << shift), 0xdd, (u64)range->blocks << shift);
		fake.deallocated++;
		return 0;
	default:
		return 1;
	}
}

static void serve(u32 queue)
{
	u32 tail = get32(NVME_DOORBELLS + queue * 8);

	while (fake.sq_size[queue] != 0 && fake.sq_head[queue] != tail && !fake.silent) {
		struct nvme_command command =
			((struct nvme_command *)at(fake.sq[queue]))[fake.sq_head[queue]];
		u16 status =
			queue == 0 ? do_admin(&command) : do_request(&command, fake.namespace[130]);

		assert_true(tail < fake.sq_size[queue]);
		fake.sq_head[queue] = (fake.sq_head[queue] + 1) % fake.sq_size[queue];
		fake.last_id = command.id;
		if (fake.unknown)
			post(queue, (u16)(command.id ^ 0x1c0), status, queue);
		if (fake.other_queue)
			post(queue, command.id, 0x281, queue + 1);
		post(queue, command.id, status, queue);
		if (fake.twice)
			post(queue, command.id, status, queue);
	}
}

static void fake_step(void)
{
	bool enabled = (get32(NVME_CC) & NVME_CC_ENABLE) != 0;

	if (enabled && !fake.running && !fake.never_ready) {
		fake.running = true;
		assert_int_equal(get32(NVME_CC), NVME_CC_ENABLE | NVME_CC_IOSQES | NVME_CC_IOCQES);
		open_queue(0, false, get64(NVME_ASQ), (get32(NVME_AQA) & 0xfff) + 1);
		open_queue(0, true, get64(NVME_ACQ), (get32(NVME_AQA) >> 16) + 1);
		put32(NVME_CSTS, (u32)NVME_CSTS_READY);
	} else if (!enabled && !fake.never_stops) {
		fake.resets += fake.running;
		fake.running = false;
		fake.sq_size[1] = 0;
		put32(NVME_CSTS, 0);
	}
	if (fake.fatal)
		put32(NVME_CSTS, (u32)NVME_CSTS_FATAL);
	for (u32 queue = 0; queue < 2 && fake.running && !fake.deaf; queue++)
		serve(queue);
}

void process_pause(void)
{
	now_tsc += NS_PER_MS;
	fake_step();
}

/* A controller that was left running, with 512-byte blocks. */
static void fake_init(void)
{
	u64 blocks = DISK_BYTES / 512;

	memset(&fake, 0, sizeof(fake));
	for (u32 i = 0; i < RAM_PAGES; i++)
		addresses[i] = RAM_AT + (u64)(i * 37 % RAM_PAGES) * 2 * PAGE_SIZE;
	put32(NVME_CAP, 2 << 24 | 1023);
	put32(NVME_CAP + 4, 1 << 5);
	put32(NVME_CC, 1);
	put32(NVME_CSTS, 1);
	fake.running = true;
	fake.fail_admin = 0xff;
	memcpy(fake.controller + NVME_CTRL_SERIAL, "SN 1                ", 20);
	memcpy(fake.controller + NVME_CTRL_MODEL, "Fake\x01 controller", 16);
	fake.controller[NVME_CTRL_MDTS] = 5;
	fake.controller[NVME_CTRL_ONCS] = 0x0c;
	fake.controller[NVME_CTRL_VWC] = 1;
	memcpy(fake.namespace, &blocks, 8);
	fake.namespace[NVME_NS_LBAF + 2] = 9;
}
