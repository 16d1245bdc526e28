/* SPDX-License-Identifier: MIT */
/*
 * Brings a controller and its disks from any state to one that takes requests: AHCI 1.3.1, 10.1.
 * Defines `driver_ops`, which the core calls. Resets the controller and its ports; owns the one
 * controller that the manager has given.
 */
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/driver/disk/ahci/ahci.h"
#include "vmm/driver/disk/ata.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

static bool ahci_refuse(char *problem, size_t size, const char *text)
{
	format(problem, size, "%s", text);
	return false;
}

/* Waits at most `ns` until the given bits of the register are 0. */
static bool ahci_start_wait_clear(const struct ahci *ahci, u32 offset, u64 bits, u64 ns)
{
	u64 until = clock_tsc() + clock_ns_to_tsc(ns);

	while ((ahci_read(ahci, offset) & bits) != 0) {
		if (clock_tsc() >= until)
			return false;
		process_pause();
	}
	return true;
}

/*
 * Takes the controller from the firmware (AHCI 1.3.1, 10.6.3). If the firmware does not answer in
 * time, the driver continues: the reset that follows takes the controller, too.
 */
static void ahci_start_hand_off(const struct ahci *ahci)
{
	if ((ahci_read(ahci, AHCI_CAP2) & AHCI_CAP2_HAND_OFF) == 0)
		return;
	ahci_write(ahci, AHCI_BOHC, ahci_read(ahci, AHCI_BOHC) | (u32)AHCI_BOHC_OS);
	(void)!ahci_start_wait_clear(ahci, AHCI_BOHC, AHCI_BOHC_BIOS | AHCI_BOHC_BUSY,
				     AHCI_HAND_OFF_NS);
}

static bool ahci_start_check_controller(const struct ahci *ahci, char *problem, size_t size)
{
	if (ahci->memory.address == NULL || ahci->memory.pages < (u64)ahci->port_count * AHCI_PAGES)
		return ahci_refuse(problem, size, "no memory that the controller could use");
	if (ahci->register_bytes < AHCI_FIRST_PORT)
		return ahci_refuse(problem, size, "the controller's registers are missing");
	if (ahci_read(ahci, AHCI_CAP) == ~0u)
		return ahci_refuse(problem, size, "the controller does not answer");
	return true;
}

static bool ahci_start_has_registers(const struct ahci *ahci, const struct ahci_port *port)
{
	return ahci->register_bytes >= AHCI_FIRST_PORT + (port->number + 1ull) * AHCI_PORT_BYTES;
}

/*
 * Resets the controller, which also leaves AHCI mode; then spins up the ports whose disks await
 * staggered spin-up.
 */
static bool ahci_start_reset(struct ahci *ahci, char *problem, size_t size)
{
	ahci_write(ahci, AHCI_GHC, (u32)AHCI_GHC_ENABLE);
	ahci_write(ahci, AHCI_GHC, (u32)(AHCI_GHC_ENABLE | AHCI_GHC_RESET));
	if (!ahci_start_wait_clear(ahci, AHCI_GHC, AHCI_GHC_RESET, AHCI_RESET_NS))
		return ahci_refuse(problem, size, "the controller does not return from its reset");
	ahci_write(ahci, AHCI_GHC, (u32)AHCI_GHC_ENABLE);
	ahci->capabilities = ahci_read(ahci, AHCI_CAP);
	if ((ahci->capabilities & AHCI_CAP_64) == 0)
		return ahci_refuse(problem, size, "the controller reaches the first 4 GiB only");
	for (u32 i = 0; i < ahci->port_count && ahci_start_has_registers(ahci, &ahci->port[i]); i++)
		ahci_port_write(
			ahci, &ahci->port[i], AHCI_PORT_COMMAND,
			(u32)(AHCI_COMMAND_SPIN_UP | AHCI_COMMAND_POWER | AHCI_COMMAND_ACTIVE));
	return true;
}

static void ahci_start_set_ports(struct ahci *ahci, u32 ports)
{
	const u64 pages = AHCI_PAGES;

	for (; ports != 0 && ahci->port_count < DISK_UNIT_MAX; ports &= ports - 1) {
		u64 first = ahci->port_count * pages;

		ahci->port[ahci->port_count++] = (struct ahci_port){
			.number = bit_lowest(ports),
			.memory = {.memory = ahci->memory.memory + first * PAGE_SIZE,
				   .address = ahci->memory.address != NULL
						      ? ahci->memory.address + first
						      : NULL,
				   .pages = pages},
		};
	}
}

bool ahci_start(struct ahci *ahci, u32 ports, char *problem, size_t size)
{
	ahci_start_set_ports(ahci, ports);
	if (!ahci_start_check_controller(ahci, problem, size))
		return false;
	ahci_start_hand_off(ahci);
	if (!ahci_start_reset(ahci, problem, size))
		return false;
	ahci_write(ahci, AHCI_IS, ~0u);
	if (ahci->interrupts)
		ahci_write(ahci, AHCI_GHC, (u32)(AHCI_GHC_ENABLE | AHCI_GHC_INTERRUPTS));
	ahci->up = true;
	return true;
}

/* Runs one command with its data and waits until it ends. */
static bool ahci_start_run(const struct ahci *ahci, struct ahci_port *port,
			   enum ata_command command, u8 features, u32 bytes)
{
	const struct ahci_fis fis = {.type = AHCI_FIS_TO_DEVICE,
				     .flags = (u8)AHCI_FIS_IS_COMMAND,
				     .command = (u8)command,
				     .features = features};
	u64 until = clock_tsc() + clock_ns_to_tsc(AHCI_IDENTIFY_NS);
	u64 data = ahci_address(port, AHCI_DATA_AT);

	ahci_make(port, 0, &fis, false, &data, bytes);
	ahci_port_write(ahci, port, AHCI_PORT_ISSUE, 1);
	while ((ahci_port_read(ahci, port, AHCI_PORT_ISSUE) & 1) != 0) {
		if (clock_tsc() >= until ||
		    (ahci_port_read(ahci, port, AHCI_PORT_IS) & AHCI_INT_FATAL) != 0)
			return false;
		process_pause();
	}
	return (ahci_port_read(ahci, port, AHCI_PORT_TASK) &
		(ATA_STATUS_BUSY | ATA_STATUS_DATA | ATA_STATUS_ERROR | ATA_STATUS_FAULT)) == 0;
}

static bool ahci_start_check_signature(u32 signature, char *problem, size_t size)
{
	if (signature == AHCI_SIGNATURE_PACKET)
		return ahci_refuse(problem, size, "it is no disk: it takes packets (ATAPI)");
	if (signature == AHCI_SIGNATURE_MULTIPLIER)
		return ahci_refuse(problem, size, "it is a port multiplier, which is not served");
	return true;
}

static bool ahci_start_identify(struct ahci *ahci, struct ahci_port *port,
				struct ata_identity *identity, char *problem, size_t size)
{
	u16 word[ATA_IDENTIFY_WORDS];

	if (!ahci_port_reset(ahci, port, AHCI_SPIN_UP_NS))
		return ahci_refuse(problem, size, "there is no disk, or it does not become ready");
	if (!ahci_start_check_signature(ahci_port_read(ahci, port, AHCI_PORT_SIGNATURE), problem,
					size))
		return false;
	ahci_port_go(ahci, port);
	memset(port->memory.memory + AHCI_DATA_AT, 0, sizeof(word));
	if (!ahci_start_run(ahci, port, ATA_IDENTIFY, 0, sizeof(word)))
		return ahci_refuse(problem, size, "the disk does not say what it is");
	memcpy(word, port->memory.memory + AHCI_DATA_AT, sizeof(word));
	__asm__ volatile("" ::: "memory");
	return ata_identify(word, identity, problem, size);
}

/* Disables the write cache of a disk that has no command to flush it. */
static bool ahci_start_set_cache(const struct ahci *ahci, struct ahci_port *port,
				 const struct ata_identity *identity, char *problem, size_t size)
{
	port->flush = identity->flush;
	if (!identity->flush && identity->cache &&
	    !ahci_start_run(ahci, port, ATA_SET_FEATURES, ATA_FEATURE_NO_CACHE, 0))
		return ahci_refuse(problem, size,
				   "its write cache can be neither emptied nor switched off");
	return true;
}

static void ahci_start_stop_disk(const struct ahci *ahci, const struct ahci_port *port)
{
	ahci_port_write(ahci, port, AHCI_PORT_IE, 0);
	ahci_port_write(ahci, port, AHCI_PORT_COMMAND, 0);
}

static u32 ahci_start_depth_of(const struct ahci *ahci, u32 wanted)
{
	u32 slots = (u32)((ahci->capabilities & AHCI_CAP_SLOTS) >> AHCI_CAP_SLOTS_SHIFT) + 1;

	return MIN(slots, wanted);
}

static bool ahci_start_find_disk(struct ahci *ahci, struct ahci_port *port,
				 struct ata_identity *identity, char *problem, size_t size)
{
	if (!ahci_start_identify(ahci, port, identity, problem, size))
		return false;
	if (!identity->lba48)
		return ahci_refuse(problem, size, "it has no commands for 48-bit sector numbers");
	return ahci_start_set_cache(ahci, port, identity, problem, size);
}

static bool ahci_start_check_port(const struct ahci *ahci, const struct ahci_port *port,
				  char *problem, size_t size)
{
	if (!ahci->up)
		return ahci_refuse(problem, size, "its controller cannot be used");
	if (!ahci_start_has_registers(ahci, port) ||
	    (ahci_read(ahci, AHCI_PI) & BIT(port->number)) == 0)
		return ahci_refuse(problem, size, "the controller has no such port");
	return true;
}

bool ahci_start_disk(struct ahci *ahci, struct driver_disk *disk, char *problem, size_t size)
{
	struct ahci_port *port = &ahci->port[disk->unit];
	struct ata_identity identity;

	if (!ahci_start_check_port(ahci, port, problem, size))
		return false;
	if (!ahci_start_find_disk(ahci, port, &identity, problem, size)) {
		ahci_start_stop_disk(ahci, port);
		return false;
	}
	port->queue = (ahci->capabilities & AHCI_CAP_QUEUED) != 0 && identity.depth > 1;
	port->depth = ahci_start_depth_of(ahci, port->queue ? identity.depth : AHCI_ALONE_DEPTH);
	port->block_shift = identity.block_bytes == BLOCK_SECTOR_BYTES ? 9 : 12;
	port->there = true;
	port->events = 0;
	disk->sectors = identity.sectors;
	disk->block_bytes = identity.block_bytes;
	disk->depth = port->depth;
	disk->features =
		(identity.flush ? (u32)DISK_FLUSH : 0) | (identity.trim ? (u32)DISK_DISCARD : 0);
	string_copy(disk->model, sizeof(disk->model), identity.model);
	string_copy(disk->serial, sizeof(disk->serial), identity.serial);
	return true;
}

/* --- driver_ops, for core/device.h --- */

/*
 * The interval of checks whether the controller still works, which are rare because the registers
 * are slow to read.
 */
#define LOOK_NS (100 * NS_PER_MS)

static struct ahci ahci;
static u64 look_tsc;

static bool ahci_start_controller(char *problem, size_t size)
{
	ahci.registers = process_registers("5", &ahci.register_bytes);
	ahci.memory = driver_dma();
	ahci.interrupts = process_has_interrupt();
	return ahci_start(&ahci, (u32)start_info->parameter[DRIVER_UNITS], problem, size);
}

static bool ahci_ops_start(struct driver_disk *disk, char *problem, size_t size)
{
	if (disk->unit == 0 && !ahci_start_controller(problem, size))
		return false;
	return disk->unit < ahci.port_count && ahci_start_disk(&ahci, disk, problem, size);
}

static bool ahci_ops_submit(struct driver_request *request)
{
	return ahci_submit(&ahci, request);
}

static void ahci_ops_poll(void)
{
	ahci_poll(&ahci);
	if (ahci.failure == NULL && clock_tsc() >= look_tsc) {
		look_tsc = clock_tsc() + clock_ns_to_tsc(LOOK_NS);
		ahci_look(&ahci);
	}
	if (ahci.failure != NULL)
		driver_give_up("%s", ahci.failure);
}

const struct driver_ops driver_ops = {
	.start = ahci_ops_start, .submit = ahci_ops_submit, .poll = ahci_ops_poll};
