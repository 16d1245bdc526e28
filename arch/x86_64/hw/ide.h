/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/bits.h"
#include "lib/types.h"

/*
 * ATA disks: ATA/ATAPI-7 volume 1 (commands) and 2 (registers). Controllers: PCI IDE Controller
 * Specification 1.0; bus mastering: Programming Interface for Bus Master IDE Controller 1.0.
 */

/* Of a channel's command block, an offset in bytes. */
enum ide_register {
	IDE_DATA = 0, /* 16 bits */
	IDE_FEATURES = 1, /* written; read: why a command failed */
	IDE_COUNT = 2,
	IDE_LBA_LOW = 3,
	IDE_LBA_MID = 4,
	IDE_LBA_HIGH = 5,
	IDE_DEVICE = 6,
	IDE_COMMAND = 7, /* read: the status, which also takes back the interrupt */
	IDE_COMMAND_PORTS = 8,
};
/* The control block is one register; read it is the status, and nothing else happens. */
#define IDE_CONTROL_NO_INTERRUPT BIT(1)
#define IDE_CONTROL_RESET	 BIT(2) /* both disks of the channel, 5 us at least */

#define IDE_STATUS_ERROR   BIT(0)
#define IDE_STATUS_DATA	   BIT(3) /* it wants or has data */
#define IDE_STATUS_FAULT   BIT(5)
#define IDE_STATUS_READY   BIT(6)
#define IDE_STATUS_BUSY	   BIT(7) /* no other bit means anything */
#define IDE_STATUS_NOBODY  0xffu

#define IDE_DEVICE_SLAVE BIT(4)
#define IDE_DEVICE_LBA	 BIT(6)
#define IDE_DEVICE_OLD	 0xa0u /* bits that were once fixed */

enum ide_command {
	IDE_READ_SECTORS = 0x20,
	IDE_READ_SECTORS_EXT = 0x24,
	IDE_READ_DMA_EXT = 0x25,
	IDE_WRITE_SECTORS = 0x30,
	IDE_WRITE_SECTORS_EXT = 0x34,
	IDE_WRITE_DMA_EXT = 0x35,
	IDE_READ_DMA = 0xc8,
	IDE_WRITE_DMA = 0xca,
	IDE_FLUSH_CACHE = 0xe7,
	IDE_FLUSH_CACHE_EXT = 0xea,
	IDE_IDENTIFY = 0xec,
	IDE_SET_FEATURES = 0xef,
};
#define IDE_FEATURE_TRANSFER_MODE 0x03u /* the count says which */
#define IDE_TRANSFER_MULTIWORD	  0x20u /* and the mode, 0 to 2 */
#define IDE_FEATURE_NO_CACHE	  0x82u

/* After a reset: what LBA_MID and LBA_HIGH say of a device that takes packets instead. */
#define IDE_PACKET_MID	0x14u
#define IDE_PACKET_HIGH 0xebu

/* What IDENTIFY DEVICE returns, by its words: 6.17 */
#define IDE_IDENTIFY_WORDS 256u
enum ide_word {
	IDE_ID_GENERAL = 0,
	IDE_ID_SERIAL = 10, /* 10 words; in texts the first character is the upper byte */
	IDE_ID_MODEL = 27,  /* 20 words */
	IDE_ID_CAPABILITIES = 49,
	IDE_ID_VALID = 53,
	IDE_ID_SECTORS = 60, /* two words */
	IDE_ID_MULTIWORD = 63,
	IDE_ID_COMMANDS = 82,
	IDE_ID_COMMANDS_2 = 83,
	IDE_ID_ULTRA = 88,
	IDE_ID_SECTORS_48 = 100, /* four words */
	IDE_ID_SECTOR_SIZE = 106,
};
#define IDE_GENERAL_PACKET    BIT(15)
#define IDE_CAPABILITY_DMA    BIT(8)
#define IDE_CAPABILITY_LBA    BIT(9)
#define IDE_VALID_ULTRA	      BIT(2)
#define IDE_MODE_SELECTED     BITS(15, 8) /* of both words about modes */
#define IDE_MODE_OFFERED      BITS(2, 0)  /* of multiword DMA */
#define IDE_COMMANDS_CACHE    BIT(5)
#define IDE_COMMANDS_LBA48    BIT(10)
#define IDE_COMMANDS_FLUSH    BIT(12)
#define IDE_COMMANDS_VALID    BITS(15, 14) /* 01: both words mean something */
#define IDE_COMMANDS_VALID_IS BIT(14)
#define IDE_SECTOR_LARGE      BIT(12) /* valid as above */
#define IDE_LBA28_SECTORS     BIT(28)

/* Of a function of class 01, subclass 01, in its interface: */
#define IDE_INTERFACE_NATIVE(channel) BIT(2 * (channel)) /* its ports are in the BARs */
#define IDE_INTERFACE_BUS_MASTER      BIT(7)
/* Else they are these, and the interrupt is an ISA line. */
#define IDE_CHANNELS 2u
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
	IDE_DMA_TABLE = 4, /* 32 bits: the table's host-physical address */
};
#define IDE_DMA_START	  BIT(0)
#define IDE_DMA_TO_MEMORY BIT(3)
#define IDE_DMA_ACTIVE	  BIT(0)
#define IDE_DMA_ERROR	  BIT(1) /* cleared by writing 1, as the next */
#define IDE_DMA_INTERRUPT BIT(2)
#define IDE_DMA_CAPABLE	  BITS(6, 5) /* the firmware's note for both disks */

/* An entry of the table: memory that does not cross 64 KiB. */
struct ide_region {
	u32 address;
	u32 bytes; /* 0: 64 KiB; IDE_REGION_LAST */
};
_Static_assert(sizeof(struct ide_region) == 8, "Bus Master IDE 1.2");
#define IDE_REGION_LAST BIT(31)
