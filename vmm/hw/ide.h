/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/hw/ata.h"

/*
 * ATA disks behind IDE: ATA/ATAPI-7 volume 2 (registers). Controllers: PCI IDE Controller
 * Specification 1.0; bus mastering: Programming Interface for Bus Master IDE Controller 1.0.
 */

/* Registers of a channel's command block, as offsets in bytes. */
enum ide_register {
	IDE_DATA = 0,	  /* 16 bits */
	IDE_FEATURES = 1, /* features of a command, when written; when read, why a command failed */
	IDE_COUNT = 2,
	IDE_LBA_LOW = 3,
	IDE_LBA_MID = 4,
	IDE_LBA_HIGH = 5,
	IDE_DEVICE = 6,
	/* the command, when written; when read, the status, and reading takes the interrupt back */
	IDE_COMMAND = 7,
	IDE_COMMAND_PORTS = 8,
};
/* The control block's only register; reading it gives the status and has no effect. */
#define IDE_CONTROL_NO_INTERRUPT BIT(1)
/* The bit resets both disks of the channel while it is set, 5 us at least. */
#define IDE_CONTROL_RESET BIT(2)

#define IDE_DEVICE_SLAVE BIT(4)
#define IDE_DEVICE_LBA	 BIT(6)
#define IDE_DEVICE_OLD	 0xa0u /* bits that once had fixed values */

/* Bits of the interface byte of a function of class 01, subclass 01. */
#define IDE_INTERFACE_NATIVE(channel) BIT(2 * (channel)) /* the channel's ports are in the BARs */
#define IDE_INTERFACE_BUS_MASTER      BIT(7)
/* The ports of a channel that has no BARs; its interrupt is then an ISA line. */
#define IDE_CHANNELS		  2u
#define IDE_DISKS		  (2 * IDE_CHANNELS)
#define IDE_COMMAND_PORT(channel) ((channel) == 0 ? 0x1f0u : 0x170u)
#define IDE_CONTROL_PORT(channel) ((channel) == 0 ? 0x3f6u : 0x376u)
#define IDE_LINE(channel)	  (14u + (channel))
#define IDE_CONTROL_IN_BAR	  2u

/* Bus mastering: BAR 4 has so many ports for each channel. */
#define IDE_DMA_BAR   4u
#define IDE_DMA_PORTS 8u
enum ide_dma_register {
	IDE_DMA_COMMAND = 0,
	IDE_DMA_STATUS = 2,
	IDE_DMA_TABLE = 4, /* 32 bits: the host-physical address of the table */
};
#define IDE_DMA_START	  BIT(0)
#define IDE_DMA_TO_MEMORY BIT(3)
#define IDE_DMA_ACTIVE	  BIT(0)
#define IDE_DMA_ERROR	  BIT(1) /* cleared by writing 1, as the interrupt bit is */
#define IDE_DMA_INTERRUPT BIT(2)
#define IDE_DMA_CAPABLE	  BITS(6, 5) /* the firmware's note of what both disks can do */

/* An entry of the table: memory that does not cross a multiple of 64 KiB. */
struct ide_region {
	u32 address;
	u32 bytes; /* 0 means 64 KiB; IDE_REGION_LAST marks the last entry */
};
_Static_assert(sizeof(struct ide_region) == 8, "Bus Master IDE 1.2");
#define IDE_REGION_LAST BIT(31)
