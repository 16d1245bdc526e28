/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/bits.h"
#include "lib/types.h"

/*
 * ATA disks, for any controller: ATA/ATAPI-7 volume 1. Queues, trimming and logical sectors of more
 * than 512 bytes (7.16.7): ATA8-ACS-2.
 */

/* The status register. */
#define ATA_STATUS_ERROR  BIT(0)
#define ATA_STATUS_DATA	  BIT(3) /* the disk expects data, or has data to be read */
#define ATA_STATUS_FAULT  BIT(5)
#define ATA_STATUS_READY  BIT(6)
#define ATA_STATUS_BUSY	  BIT(7) /* the disk is busy: no other bit means anything */
#define ATA_STATUS_NOBODY 0xffu

enum ata_command {
	ATA_DATA_SET_MANAGEMENT = 0x06,
	ATA_READ_SECTORS = 0x20,
	ATA_READ_SECTORS_EXT = 0x24,
	ATA_READ_DMA_EXT = 0x25,
	ATA_WRITE_SECTORS = 0x30,
	ATA_WRITE_SECTORS_EXT = 0x34,
	ATA_WRITE_DMA_EXT = 0x35,
	ATA_READ_QUEUED = 0x60, /* READ FPDMA QUEUED */
	ATA_WRITE_QUEUED = 0x61,
	ATA_READ_DMA = 0xc8,
	ATA_WRITE_DMA = 0xca,
	ATA_FLUSH_CACHE = 0xe7,
	ATA_FLUSH_CACHE_EXT = 0xea,
	ATA_IDENTIFY = 0xec,
	ATA_SET_FEATURES = 0xef,
};
/* subcommand of SET FEATURES: sets the transfer mode that the count register holds */
#define ATA_FEATURE_TRANSFER_MODE 0x03u
/* transfer mode of multiword DMA: its number, 0 to 2, is added */
#define ATA_TRANSFER_MULTIWORD 0x20u
#define ATA_FEATURE_NO_CACHE   0x82u
/* for DATA SET MANAGEMENT: trims the sectors in the ranges that are its data */
#define ATA_FEATURE_TRIM 0x01u
/* lowest bit of the number of sectors in a range of TRIM; the bits below hold the first sector */
#define ATA_TRIM_COUNT_SHIFT 48u
#define ATA_TRIM_BYTES	     512u

/* The values of LBA_MID and LBA_HIGH after a reset if the device takes packets (ATAPI). */
#define ATA_PACKET_MID	0x14u
#define ATA_PACKET_HIGH 0xebu

/* The data that IDENTIFY DEVICE returns, by words of 16 bits (ATA/ATAPI-7 volume 1, 6.17). */
#define ATA_IDENTIFY_WORDS 256u
enum ata_word {
	ATA_ID_GENERAL = 0,
	/* the serial number, 10 words; in texts the first character is a word's upper byte */
	ATA_ID_SERIAL = 10,
	ATA_ID_MODEL = 27, /* 20 words */
	ATA_ID_CAPABILITIES = 49,
	ATA_ID_VALID = 53,
	ATA_ID_SECTORS = 60, /* the disk's number of sectors in 28 bits, two words */
	ATA_ID_MULTIWORD = 63,
	/* bits 4:0: the number of commands that the disk's queue holds, minus one */
	ATA_ID_DEPTH = 75,
	ATA_ID_SERIAL_ATA = 76,
	ATA_ID_COMMANDS = 82,
	ATA_ID_COMMANDS_2 = 83,
	ATA_ID_ULTRA = 88,
	ATA_ID_SECTORS_48 = 100, /* the disk's number of sectors in 48 bits, four words */
	ATA_ID_SECTOR_SIZE = 106,
	/*
	 * the size of a logical sector in words of 16 bits, if ATA_SECTOR_LARGE is set; two words
	 */
	ATA_ID_LOGICAL_WORDS = 117,
	ATA_ID_TRIM = 169,
};
#define ATA_GENERAL_PACKET BIT(15)
#define ATA_CAPABILITY_DMA BIT(8)
#define ATA_CAPABILITY_LBA BIT(9)
#define ATA_VALID_ULTRA	   BIT(2)
/* in the words of the multiword and the ultra modes: a bit for the mode that is selected */
#define ATA_MODE_SELECTED  BITS(15, 8)
#define ATA_MODE_OFFERED   BITS(2, 0) /* bits of the multiword DMA modes that the disk has */
#define ATA_COMMANDS_CACHE BIT(5)
#define ATA_COMMANDS_LBA48 BIT(10)
#define ATA_COMMANDS_FLUSH BIT(12)
/* the value 01 marks both words of command sets as valid */
#define ATA_COMMANDS_VALID    BITS(15, 14)
#define ATA_COMMANDS_VALID_IS BIT(14)
/* a logical sector has more than 512 bytes; valid where bits 15:14 are ATA_COMMANDS_VALID_IS */
#define ATA_SECTOR_LARGE BIT(12)
#define ATA_DEPTH	 BITS(4, 0)
/* the disk can queue commands (NCQ); valid if its word is not ffffh */
#define ATA_SERIAL_QUEUED BIT(8)
#define ATA_TRIM	  BIT(0)
#define ATA_NO_WORD	  0xffffu
#define ATA_LBA28_SECTORS BIT(28)
