/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/hw/ata.h"

/*
 * ATA disks behind IDE: ATA/ATAPI-7 volume 2 (registers). Controllers: PCI IDE Controller
 * Specification 1.0; bus mastering: Programming Interface for Bus Master IDE Controller 1.0.
 */

/* Registers of a channel's command block, as offsets in bytes. */
enum ide_register {
	IDE_DATA = 0, /* 16 bits */
	/* when written, the features of a command; when read, why the last command failed */
	IDE_FEATURES = 1,
	IDE_COUNT = 2,
	IDE_LBA_LOW = 3,
	IDE_LBA_MID = 4,
	IDE_LBA_HIGH = 5,
	IDE_DEVICE = 6,
	/* the command, when written; when read, the status, which also ends the interrupt */
	IDE_COMMAND = 7,
	IDE_COMMAND_PORTS = 8,
};
/*
 * A bit, which turns the channel's interrupt off, of the only register in the control block.
 * Reading that register gives the status, without ending the interrupt.
 */
#define IDE_CONTROL_NO_INTERRUPT BIT(1)
/* This bit of the control register, set for 5 us at least, resets both disks of the channel. */
#define IDE_CONTROL_RESET BIT(2)

#define IDE_DEVICE_SLAVE BIT(4)
#define IDE_DEVICE_LBA	 BIT(6)
/* bits of the device register that older standards require to be set */
#define IDE_DEVICE_OLD 0xa0u

/* Bits of the interface byte of a PCI function of class 01, subclass 01 (IDE). */
/* the channel's ports are in the function's BARs */
#define IDE_INTERFACE_NATIVE(channel) BIT(2 * (channel))
#define IDE_INTERFACE_BUS_MASTER      BIT(7)
/* The ports of a channel that has no BARs; such a channel interrupts by an ISA line. */
#define IDE_CHANNELS		  2u
#define IDE_DISKS		  (2 * IDE_CHANNELS)
#define IDE_COMMAND_PORT(channel) ((channel) == 0 ? 0x1f0u : 0x170u)
#define IDE_CONTROL_PORT(channel) ((channel) == 0 ? 0x3f6u : 0x376u)
#define IDE_LINE(channel)	  (14u + (channel))
#define IDE_CONTROL_IN_BAR	  2u

/* Bus mastering: BAR 4 has IDE_DMA_PORTS ports for each channel. */
#define IDE_DMA_BAR   4u
#define IDE_DMA_PORTS 8u
enum ide_dma_register {
	IDE_DMA_COMMAND = 0,
	IDE_DMA_STATUS = 2,
	/* the host-physical address of the table of regions (PRD table), 32 bits */
	IDE_DMA_TABLE = 4,
};
#define IDE_DMA_START	  BIT(0)
#define IDE_DMA_TO_MEMORY BIT(3)
#define IDE_DMA_ACTIVE	  BIT(0)
/* a DMA transfer failed; cleared by writing 1, like IDE_DMA_INTERRUPT */
#define IDE_DMA_ERROR	  BIT(1)
#define IDE_DMA_INTERRUPT BIT(2)
/* bits in which the firmware notes that the two disks can do DMA */
#define IDE_DMA_CAPABLE BITS(6, 5)

/*
 * An entry of the table of regions (PRD table): memory for DMA that does not cross a multiple of 64
 * KiB.
 */
struct ide_region {
	u32 address;
	u32 bytes; /* the region's size; 0 means 64 KiB; IDE_REGION_LAST marks the last entry */
};
_Static_assert(sizeof(struct ide_region) == 8, "Bus Master IDE 1.2");
#define IDE_REGION_LAST BIT(31)
