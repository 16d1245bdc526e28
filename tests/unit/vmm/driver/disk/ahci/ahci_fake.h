/* SPDX-License-Identifier: MIT */
/*
 * A fake AHCI controller with disks of 1 MiB at ports 1 and 4. It does what it is told when the
 * driver waits, or when the test says fake_step. Wrong things are fields. Included once, by a test
 * of vmm/driver/disk/ahci.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "lib/string.h"
#include "tests/driver_process_fake.h"
#include "vmm/driver/disk/ahci/ahci_start.c"
#include "vmm/driver/disk/ata.h"
#include "vmm/rt/format.h"

#define DISK_BYTES (1u << 20)
#define DISKS	   2u
#define RAM_PAGES  160u
#define RAM_AT	   0x1240000000ull
#define NO_SECTOR  (~0ull)

static const u32 port_numbers[DISKS] = {1, 4};

struct fake_port {
	u32 list, list_high, fis, fis_high;
	u32 is, ie, command, task, signature, status, control, error, active, issue;
	bool halted; /* the port has stopped after an error, until the driver stops it */
	u32 commands, queued, flushes, trims, resets, cache_off, most;
	u64 trim_first;
	u32 trim_count;
	u8 disk[DISK_BYTES];
	u16 identify[ATA_IDENTIFY_WORDS];
	/* the ways in which the port misbehaves */
	bool absent, never_ready, stuck, silent, no_return;
	bool holds;	/* queued commands end when the test says so */
	u64 bad_sector; /* the sector whose transfers fail */
	u32 fail_commands;
};

static struct {
	_Alignas(PAGE_SIZE) u8 ram[RAM_PAGES * PAGE_SIZE];
	struct fake_port port[DISKS];
	u32 cap, ghc, is, pi, bohc, resets;
	bool gone, stays_in_reset, firmware_keeps;
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

static u8 *at_address(u64 address, u64 bytes)
{
	assert_true(address % PAGE_SIZE + bytes <= PAGE_SIZE);
	for (u32 i = 0; i < RAM_PAGES; i++) {
		if (addresses[i] == (address & ~PAGE_MASK))
			return fake.ram + i * PAGE_SIZE + address % PAGE_SIZE;
	}
	fail_msg("DMA to %#lx", address);
	return NULL;
}

static u64 sector_of(const struct ahci_fis *fis)
{
	u64 sector = 0;

	for (u32 i = 0; i < 3; i++)
		sector |= (u64)fis->lba_low[i] << 8 * i | (u64)fis->lba_high[i] << (24 + 8 * i);
	return sector;
}

/* All regions, between memory and `data`. */
static void move(const struct ahci_header *header, u8 *data, u64 bytes)
{
	const u8 *table = at_address(header->table, AHCI_TABLE_BYTES);
	const struct ahci_region *region = (const void *)(table + AHCI_TABLE_REGIONS);

	for (u32 i = 0; i < header->regions; i++) {
		u64 part = region[i].bytes + 1ull;
		u8 *memory = at_address(region[i].address, part);

		assert_true(part % 2 == 0 && part <= bytes);
		if ((header->flags & AHCI_HEADER_WRITE) != 0)
			memcpy(data, memory, part);
		else
			memcpy(memory, data, part);
		data += part;
		bytes -= part;
	}
	assert_int_equal(bytes, 0);
}

static void trim(struct fake_port *port, const struct ahci_fis *fis,
		 const struct ahci_header *header)
{
	u8 block[ATA_TRIM_BYTES];
	u64 range;

	assert_int_equal(fis->features, ATA_FEATURE_TRIM);
	assert_int_equal(fis->count, 1);
	move(header, block, sizeof(block));
	memcpy(&range, block, sizeof(range));
	port->trims++;
	port->trim_first = range & ((1ull << 48) - 1);
	port->trim_count = (u32)(range >> 48);
	for (u32 i = 8; i < sizeof(block); i++)
		assert_int_equal(block[i], 0);
}

/* Moves the data of a command; returns false if the command fails. */
static bool transfer(struct fake_port *port, const struct ahci_fis *fis,
		     const struct ahci_header *header, u32 blocks)
{
	u64 sector = sector_of(fis);
	bool write = fis->command == ATA_WRITE_QUEUED || fis->command == ATA_WRITE_DMA_EXT;

	assert_int_equal(fis->device, AHCI_DEVICE_LBA);
	assert_int_equal((header->flags & AHCI_HEADER_WRITE) != 0, write);
	assert_true(blocks != 0 && sector + blocks <= DISK_BYTES / 512);
	if (port->bad_sector >= sector && port->bad_sector < sector + blocks)
		return false;
	move(header, port->disk + sector * 512, blocks * 512ull);
	return true;
}

/* Executes the command in a slot; returns false if it fails. */
static bool execute(struct fake_port *port, u32 slot)
{
	const struct ahci_header *header =
		(const void *)at_address((port->list | (u64)port->list_high << 32) + 32 * slot, 32);
	const struct ahci_fis *fis = (const void *)at_address(header->table, AHCI_TABLE_BYTES);

	assert_int_equal(header->flags & 0x1f, AHCI_HEADER_FIS_WORDS);
	assert_int_equal(header->table % 128, 0);
	assert_int_equal(fis->type, AHCI_FIS_TO_DEVICE);
	assert_int_equal(fis->flags, AHCI_FIS_IS_COMMAND);
	port->commands++;
	if (port->fail_commands != 0) {
		port->fail_commands--;
		return false;
	}
	switch (fis->command) {
	case ATA_IDENTIFY:
		move(header, (u8 *)port->identify, sizeof(port->identify));
		return true;
	case ATA_SET_FEATURES:
		port->cache_off += fis->features == ATA_FEATURE_NO_CACHE;
		return true;
	case ATA_FLUSH_CACHE_EXT:
		assert_int_equal(port->active, 0);
		port->flushes++;
		return true;
	case ATA_DATA_SET_MANAGEMENT:
		assert_int_equal(port->active, 0);
		trim(port, fis, header);
		return true;
	case ATA_READ_QUEUED:
	case ATA_WRITE_QUEUED:
		assert_int_equal(fis->count, slot << AHCI_TAG_SHIFT);
		assert_true((port->active >> slot & 1) != 0);
		port->queued++;
		return transfer(port, fis, header, fis->features | fis->features_high << 8u);
	default:
		assert_true(fis->command == ATA_READ_DMA_EXT || fis->command == ATA_WRITE_DMA_EXT);
		assert_int_equal(port->active, 0);
		return transfer(port, fis, header, fis->count | fis->count_high << 8u);
	}
}

static void raise(struct fake_port *port, u64 events)
{
	port->is |= (u32)events;
	if ((port->is & port->ie) != 0)
		fake.is |= 1u << port_numbers[port - fake.port];
}

/* A command that was handed over ends; a queued one's slot is cleared in `active`. */
static void end_command(struct fake_port *port, u32 slot)
{
	u32 bit = 1u << slot;
	bool queued = (port->active & bit) != 0;

	if (!execute(port, slot)) {
		port->task = (u32)(ATA_STATUS_READY | ATA_STATUS_ERROR);
		port->halted = true;
		port->issue &= queued ? ~bit : ~0u;
		raise(port, AHCI_INT_TASK);
		return;
	}
	port->task = (u32)ATA_STATUS_READY;
	port->issue &= ~bit;
	port->active &= ~bit;
	raise(port, 1);
}

static u32 count_bits(u32 bits)
{
	u32 count = 0;

	for (; bits != 0; bits &= bits - 1)
		count++;
	return count;
}

static void step_port(struct fake_port *port)
{
	u32 commands = port->issue;

	port->most = MAX(port->most, count_bits(port->active | port->issue));
	if ((port->command & AHCI_COMMAND_START) == 0 || port->silent)
		return;
	/* the last slot comes first, as nobody says in which order queued commands end */
	while (commands != 0 && !port->halted) {
		u32 slot = bit_highest(commands);

		commands &= ~(1u << slot);
		if ((port->active >> slot & 1) != 0 && port->holds)
			continue;
		end_command(port, slot);
	}
}

static void fake_step(void)
{
	for (u32 i = 0; i < DISKS; i++)
		step_port(&fake.port[i]);
}

void process_pause(void)
{
	now_tsc += NS_PER_MS;
	fake_step();
}

/* Gives the driver what a disk says after a reset, once the port receives. */
static void say_ready(struct fake_port *port)
{
	if (port->absent || (port->command & AHCI_COMMAND_FIS) == 0)
		return;
	port->task = port->never_ready ? (u32)ATA_STATUS_BUSY : (u32)ATA_STATUS_READY;
}

static void reset_fake_port(struct fake_port *port)
{
	port->resets++;
	port->task = 0x7f;
	port->status = port->absent || (port->no_return && port->resets > 2) ? 0 : 0x113;
}

static void write_command(struct fake_port *port, u32 value)
{
	u32 started = value & ~port->command;

	if ((value & AHCI_COMMAND_START) != 0) {
		/*
		 * the port starts only once the disk is ready, and with an area for what it
		 * receives (10.1.2)
		 */
		if ((started & AHCI_COMMAND_START) != 0)
			assert_int_equal(port->task & 0x88, 0);
		assert_true((value & AHCI_COMMAND_FIS) != 0 && port->list != 0 && port->fis != 0);
		value |= (u32)AHCI_COMMAND_RUNS;
	} else if (!port->stuck) {
		value &= ~(u32)AHCI_COMMAND_RUNS;
		port->issue = port->active = 0;
		port->halted = false;
	}
	value &= ~(u32)AHCI_COMMAND_FIS_RUNS;
	if ((value & AHCI_COMMAND_FIS) != 0)
		value |= (u32)AHCI_COMMAND_FIS_RUNS;
	port->command = value;
	if ((started & AHCI_COMMAND_FIS) != 0)
		say_ready(port);
}

static u32 *port_register(struct fake_port *port, u32 at)
{
	switch (at) {
	/* clang-format off */
	case AHCI_PORT_LIST: return &port->list;
	case AHCI_PORT_LIST + 4: return &port->list_high;
	case AHCI_PORT_FIS: return &port->fis;
	case AHCI_PORT_FIS + 4: return &port->fis_high;
	case AHCI_PORT_IS: return &port->is;
	case AHCI_PORT_IE: return &port->ie;
	case AHCI_PORT_COMMAND: return &port->command;
	case AHCI_PORT_TASK: return &port->task;
	case AHCI_PORT_SIGNATURE: return &port->signature;
	case AHCI_PORT_STATUS: return &port->status;
	case AHCI_PORT_CONTROL: return &port->control;
	case AHCI_PORT_ERROR: return &port->error;
	case AHCI_PORT_ACTIVE: return &port->active;
	case AHCI_PORT_ISSUE: return &port->issue;
	default: fail_msg("port register %#x", at); return NULL;
		/* clang-format on */
	}
}

static struct fake_port *port_at(u32 offset)
{
	for (u32 i = 0; i < DISKS; i++) {
		if (port_numbers[i] == (offset - AHCI_FIRST_PORT) / AHCI_PORT_BYTES)
			return &fake.port[i];
	}
	fail_msg("register %#x", offset);
	return NULL;
}

u32 ahci_read(const struct ahci *ahci, u32 offset)
{
	assert_true(offset % 4 == 0 && offset + 4 <= ahci->register_bytes);
	if (fake.gone)
		return ~0u;
	if (offset >= AHCI_FIRST_PORT)
		return *port_register(port_at(offset), offset % AHCI_PORT_BYTES);
	switch (offset) {
	/* clang-format off */
	case AHCI_CAP: return fake.cap;
	case AHCI_GHC: return fake.ghc;
	case AHCI_IS: return fake.is;
	case AHCI_PI: return fake.pi;
	case AHCI_CAP2: return (u32)AHCI_CAP2_HAND_OFF;
	case AHCI_BOHC: return fake.bohc;
	default: fail_msg("register %#x", offset); return 0;
		/* clang-format on */
	}
}

static void write_port(struct fake_port *port, u32 at, u32 value)
{
	u32 before = port->control;

	switch (at) {
	case AHCI_PORT_COMMAND:
		write_command(port, value);
		break;
	case AHCI_PORT_IS:
		port->is &= ~value;
		break;
	case AHCI_PORT_ERROR:
		port->error &= ~value;
		break;
	case AHCI_PORT_ACTIVE:
	case AHCI_PORT_ISSUE:
		assert_true((port->command & AHCI_COMMAND_START) != 0);
		*port_register(port, at) |= value;
		break;
	case AHCI_PORT_CONTROL:
		assert_int_equal(port->command & AHCI_COMMAND_START, 0);
		port->control = value;
		if ((before & 0xf) == AHCI_CONTROL_RESET && (value & 0xf) == 0)
			reset_fake_port(port);
		break;
	default:
		*port_register(port, at) = value;
	}
}

void ahci_write(const struct ahci *ahci, u32 offset, u32 value)
{
	assert_true(offset % 4 == 0 && offset + 4 <= ahci->register_bytes);
	if (offset >= AHCI_FIRST_PORT) {
		write_port(port_at(offset), offset % AHCI_PORT_BYTES, value);
	} else if (offset == AHCI_GHC) {
		fake.resets += (value & AHCI_GHC_RESET) != 0;
		fake.ghc = fake.stays_in_reset ? value : value & ~(u32)AHCI_GHC_RESET;
	} else if (offset == AHCI_IS) {
		fake.is &= ~value;
	} else {
		assert_int_equal(offset, AHCI_BOHC);
		fake.bohc = fake.firmware_keeps ? value : value & ~(u32)AHCI_BOHC_BIOS;
	}
}

static void make_identify(u16 *word)
{
	memset(word, 0, 512);
	word[ATA_ID_SERIAL] = 'S' << 8 | '1';
	for (u32 i = 1; i < 10; i++)
		word[ATA_ID_SERIAL + i] = 0x2020;
	for (u32 i = 0; i < 20; i++)
		word[ATA_ID_MODEL + i] = i < 2 ? 'A' << 8 | 'B' : 0x2020;
	word[ATA_ID_CAPABILITIES] = 0x300;
	word[ATA_ID_DEPTH] = 31;
	word[ATA_ID_SERIAL_ATA] = 0x0100;
	word[ATA_ID_COMMANDS] = 0x0020;
	word[ATA_ID_COMMANDS_2] = 0x7400;
	word[ATA_ID_SECTORS_48] = DISK_BYTES / 512;
	word[ATA_ID_TRIM] = 1;
}

static void make_fake(void)
{
	memset(&fake, 0, sizeof(fake));
	now_tsc = 0;
	fake.cap = (u32)(AHCI_CAP_64 | AHCI_CAP_QUEUED | 31u << AHCI_CAP_SLOTS_SHIFT);
	fake.pi = 0x3f;
	fake.bohc = (u32)AHCI_BOHC_BIOS;
	for (u32 i = 0; i < RAM_PAGES; i++)
		addresses[i] = RAM_AT + (u64)(i * 37 % RAM_PAGES) * 3 * PAGE_SIZE;
	for (u32 i = 0; i < DISKS; i++) {
		struct fake_port *port = &fake.port[i];

		port->signature = AHCI_SIGNATURE_DISK;
		port->status = 0x113;
		port->task = 0x7f;
		port->bad_sector = NO_SECTOR;
		make_identify(port->identify);
		for (u32 at = 0; at < DISK_BYTES; at++)
			port->disk[at] = (u8)(at / 512 * 7 + at + i);
	}
}
