/* SPDX-License-Identifier: MIT */
/*
 * A fake IDE channel with one disk of 1 MiB at port 1F0h, 3F6h and C000h. It does what it is told
 * when the driver waits. `wrong` things are fields. Included once, by a test of the driver.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/string.c"
#include "tests/driver_process_fake.h"
#include "vmm/driver/disk/ata.c"
#include "vmm/driver/disk/ide/ide_command.c"
#include "vmm/driver/disk/ide/ide_request.c"
#include "vmm/driver/disk/ide/ide_start.c"
#include "vmm/rt/format.c"

#define COMMAND_PORT 0x1f0u
#define CONTROL_PORT 0x3f6u
#define DMA_PORT     0xc000u
#define DISK_BYTES   (1u << 20)
#define RAM_PAGES    64u
#define RAM_AT	     0x40000000ull

static struct {
	_Alignas(PAGE_SIZE) u8 ram[RAM_PAGES * PAGE_SIZE];
	u8 disk[DISK_BYTES];
	u16 identify[ATA_IDENTIFY_WORDS];
	u8 reg[8], previous[8], control;
	u8 status, dma_command, dma_status;
	u32 dma_table;
	u8 pending; /* the command under way; 0: there is none */
	u8 data[512];
	u32 resetting;	 /* steps until the reset is over */
	u32 at, left;	 /* bytes of data[] that were moved; sectors still to come */
	u64 sector;	 /* the sector that is moved next */
	u8 last_command; /* the last command that the disk took */
	u8 mode;	 /* transfer mode that was set */
	u32 commands, flushes, resets, by_dma, by_cpu;
	/* the ways in which the disk misbehaves */
	bool absent, packet, never_ready, dies, silent, short_data;
	bool no_interrupt, dma_error, partial;
	bool stuck;	   /* the disk's data request stays */
	u32 fail_commands; /* the number of commands that end with an error */
	u32 reset_steps;   /* the steps of a reset, until which registers stay what they were */
	u8 refuse;	   /* the command that ends with an error */
	u64 far;	   /* subtracted from sectors: the disk pretends to be larger */
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

static u8 *at_address(u32 address, u32 bytes)
{
	assert_true(address % PAGE_SIZE + bytes <= PAGE_SIZE);
	for (u32 i = 0; i < RAM_PAGES; i++) {
		if (addresses[i] == (address & ~PAGE_MASK))
			return fake.ram + i * PAGE_SIZE + address % PAGE_SIZE;
	}
	fail_msg("DMA to %#x", address);
	return NULL;
}

static bool is_ext(u8 command)
{
	return command == ATA_READ_DMA_EXT || command == ATA_WRITE_DMA_EXT ||
	       command == ATA_READ_SECTORS_EXT || command == ATA_WRITE_SECTORS_EXT;
}

static u64 task_sector(void)
{
	u64 low = fake.reg[3] | (u64)fake.reg[4] << 8 | (u64)fake.reg[5] << 16;

	if (is_ext(fake.pending))
		return low | (u64)fake.previous[3] << 24 | (u64)fake.previous[4] << 32 |
		       (u64)fake.previous[5] << 40;
	return low | (u64)(fake.reg[6] & 0xf) << 24;
}

static u8 *disk_at(u64 sector)
{
	assert_true(sector >= fake.far && sector - fake.far < DISK_BYTES / 512);
	return fake.disk + (sector - fake.far) * 512;
}

static void finish_command(bool good)
{
	fake.pending = 0;
	fake.status = (u8)(ATA_STATUS_READY | (good ? 0 : ATA_STATUS_ERROR) |
			   (fake.stuck ? ATA_STATUS_DATA : 0));
	if (!fake.no_interrupt && (fake.control & IDE_CONTROL_NO_INTERRUPT) == 0)
		fake.dma_status |= (u8)IDE_DMA_INTERRUPT;
}

/* Moves the data of all regions, as far as the command's sectors go: both must end at once. */
static void do_dma(bool write)
{
	const struct ide_region *region = (const struct ide_region *)at_address(fake.dma_table, 8);
	u32 bytes = fake.reg[2] * 512u;
	u8 *disk = disk_at(task_sector());

	assert_int_equal(fake.reg[2] == 0, 0);
	assert_int_equal((fake.dma_command & IDE_DMA_TO_MEMORY) != 0, !write);
	fake.by_dma++;
	if (fake.dma_error || fake.partial) {
		if (fake.dma_error)
			fake.dma_status = (u8)IDE_DMA_ERROR;
		finish_command(true);
		return;
	}
	for (;; region++) {
		u32 part = region->bytes & 0xffff;
		u8 *memory = at_address(region->address, part);

		assert_true(part != 0 && part <= bytes);
		memcpy(write ? disk : memory, write ? memory : disk, part);
		disk += part;
		bytes -= part;
		if ((region->bytes & IDE_REGION_LAST) != 0)
			break;
	}
	assert_int_equal(bytes, 0);
	fake.dma_status &= (u8)~IDE_DMA_ACTIVE;
	finish_command(true);
}

static void offer(const void *data)
{
	memcpy(fake.data, data, 512);
	fake.at = 0;
	fake.status = (u8)(ATA_STATUS_READY | ATA_STATUS_DATA);
}

static void begin_cpu(bool write)
{
	fake.by_cpu++;
	fake.sector = task_sector();
	fake.left = fake.reg[2];
	if (write) {
		fake.at = 0;
		fake.status = (u8)(ATA_STATUS_READY | ATA_STATUS_DATA);
	} else {
		offer(disk_at(fake.sector));
	}
}

static void run_command(void)
{
	u8 command = fake.pending;

	if (fake.fail_commands > 0 || command == fake.refuse) {
		fake.fail_commands -= fake.fail_commands > 0;
		fake.dma_status &= (u8)~IDE_DMA_ACTIVE;
		finish_command(false);
		return;
	}
	switch (command) {
	case ATA_IDENTIFY:
		fake.left = 1;
		offer(fake.identify);
		return;
	case ATA_SET_FEATURES:
		fake.mode = fake.reg[1] == ATA_FEATURE_TRANSFER_MODE ? fake.reg[2] : fake.mode;
		finish_command(true);
		return;
	case ATA_FLUSH_CACHE:
	case ATA_FLUSH_CACHE_EXT:
		fake.flushes++;
		finish_command(true);
		return;
	case ATA_READ_SECTORS:
	case ATA_READ_SECTORS_EXT:
	case ATA_WRITE_SECTORS:
	case ATA_WRITE_SECTORS_EXT:
		begin_cpu(command == ATA_WRITE_SECTORS || command == ATA_WRITE_SECTORS_EXT);
		return;
	case ATA_READ_DMA:
	case ATA_READ_DMA_EXT:
	case ATA_WRITE_DMA:
	case ATA_WRITE_DMA_EXT:
		if ((fake.dma_command & IDE_DMA_START) != 0)
			do_dma(command == ATA_WRITE_DMA || command == ATA_WRITE_DMA_EXT);
		return;
	default:
		fail_msg("command %#x", command);
	}
}

static void end_reset(void)
{
	fake.silent = fake.silent && fake.never_ready;
	fake.status = fake.never_ready || fake.dies ? (u8)ATA_STATUS_BUSY : (u8)ATA_STATUS_READY;
	memset(fake.reg, 0, sizeof(fake.reg));
	fake.reg[4] = fake.packet ? ATA_PACKET_MID : 0;
	fake.reg[5] = fake.packet ? ATA_PACKET_HIGH : 0;
}

/* Does what the channel does while nobody looks. */
static void fake_step(void)
{
	if (fake.resetting != 0 && --fake.resetting == 0)
		end_reset();
	if (fake.pending != 0 && !fake.silent && (fake.status & ATA_STATUS_BUSY) != 0)
		run_command();
}

void process_pause(void)
{
	now_tsc += NS_PER_MS;
	fake_step();
}

static void fake_reset(void)
{
	fake.resets++;
	fake.pending = 0;
	fake.status = (u8)ATA_STATUS_BUSY;
	fake.resetting = fake.reset_steps;
	if (fake.resetting == 0)
		end_reset();
}

static bool is_chosen(void)
{
	return (fake.reg[6] & IDE_DEVICE_SLAVE) == 0;
}

u8 ide_in8(u16 port)
{
	if (port == DMA_PORT + IDE_DMA_STATUS)
		return fake.dma_status;
	if (fake.absent)
		return 0xff;
	if (port == CONTROL_PORT || port == COMMAND_PORT + IDE_COMMAND)
		return is_chosen() ? fake.status : 0;
	assert_true(port > COMMAND_PORT && port < COMMAND_PORT + 8);
	return fake.reg[port - COMMAND_PORT];
}

u16 ide_in16(u16 port)
{
	u16 word;

	assert_int_equal(port, COMMAND_PORT);
	if ((fake.status & ATA_STATUS_DATA) == 0)
		return 0xffff;
	memcpy(&word, fake.data + fake.at, 2);
	fake.at += 2;
	if (fake.short_data && fake.at == 100)
		finish_command(true);
	if (fake.at < 512)
		return word;
	fake.sector++;
	if (--fake.left > 0)
		offer(disk_at(fake.sector));
	else
		finish_command(true);
	return word;
}

void ide_out16(u16 port, u16 value)
{
	assert_int_equal(port, COMMAND_PORT);
	assert_true((fake.status & ATA_STATUS_DATA) != 0);
	memcpy(fake.data + fake.at, &value, 2);
	fake.at += 2;
	if (fake.at < 512)
		return;
	memcpy(disk_at(fake.sector++), fake.data, 512);
	fake.at = 0;
	if (--fake.left == 0)
		finish_command(true);
}

static void put_register(u32 number, u8 value)
{
	if (fake.resetting != 0)
		return;
	fake.previous[number] = fake.reg[number];
	fake.reg[number] = value;
	if (number != IDE_COMMAND || !is_chosen())
		return;
	assert_int_equal(fake.status & (ATA_STATUS_BUSY | ATA_STATUS_DATA), 0);
	fake.commands++;
	fake.last_command = value;
	fake.pending = value;
	fake.status = (u8)ATA_STATUS_BUSY;
}

void ide_out8(u16 port, u8 value)
{
	if (port == CONTROL_PORT) {
		if ((value & IDE_CONTROL_RESET) == 0 && (fake.control & IDE_CONTROL_RESET) != 0)
			fake_reset();
		fake.control = value;
	} else if (port == DMA_PORT + IDE_DMA_COMMAND) {
		fake.dma_command = value;
		fake.dma_status &= (u8)~IDE_DMA_ACTIVE;
		if ((value & IDE_DMA_START) != 0)
			fake.dma_status |= (u8)IDE_DMA_ACTIVE;
	} else if (port == DMA_PORT + IDE_DMA_STATUS) {
		fake.dma_status =
			(u8)((fake.dma_status & ~value & (IDE_DMA_ERROR | IDE_DMA_INTERRUPT)) |
			     (fake.dma_status & IDE_DMA_ACTIVE) | (value & IDE_DMA_CAPABLE));
	} else {
		assert_true(port > COMMAND_PORT && port < COMMAND_PORT + 8);
		put_register(port - COMMAND_PORT, value);
	}
}

void ide_out32(u16 port, u32 value)
{
	assert_int_equal(port, DMA_PORT + IDE_DMA_TABLE);
	fake.dma_table = value;
}

static void put_words(u32 word, const char *text)
{
	for (u32 i = 0; text[i] != '\0'; i++)
		fake.identify[word + i / 2] |= (u16)((u8)text[i] << (i % 2 == 0 ? 8 : 0));
}

/* A disk of 28 bits that can DMA and flush, left in the midst of a command. */
static void fake_init(void)
{
	memset(&fake, 0, sizeof(fake));
	for (u32 i = 0; i < RAM_PAGES; i++)
		addresses[i] = RAM_AT + (u64)(i * 37 % RAM_PAGES) * 2 * PAGE_SIZE;
	fake.status = (u8)(ATA_STATUS_READY | ATA_STATUS_DATA);
	fake.dma_status = 0x60;
	put_words(ATA_ID_MODEL, "Fake\x01 disk          ");
	put_words(ATA_ID_SERIAL, "SN 1  ");
	fake.identify[ATA_ID_CAPABILITIES] = 0x300;
	fake.identify[ATA_ID_SECTORS] = DISK_BYTES / 512;
	fake.identify[ATA_ID_MULTIWORD] = 0x407;
	fake.identify[ATA_ID_COMMANDS] = 0x20;
	fake.identify[ATA_ID_COMMANDS_2] = 0x5000;
}
