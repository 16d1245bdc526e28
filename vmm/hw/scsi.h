/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* Commands of SCSI units and disks, and their answers: SPC-4 and SBC-3. Numbers are big-endian. */

#define SCSI_CDB_BYTES	 16u /* the length of the longest command that is used here */
#define SCSI_SENSE_BYTES 96u
enum scsi_command_code {
	SCSI_TEST_UNIT_READY = 0x00,
	SCSI_REQUEST_SENSE = 0x03,
	SCSI_READ_6 = 0x08,
	SCSI_WRITE_6 = 0x0a,
	SCSI_INQUIRY = 0x12,
	SCSI_MODE_SENSE_6 = 0x1a,
	SCSI_START_STOP_UNIT = 0x1b,
	SCSI_READ_CAPACITY_10 = 0x25,
	SCSI_READ_10 = 0x28,
	SCSI_WRITE_10 = 0x2a,
	SCSI_VERIFY_10 = 0x2f,
	SCSI_SYNCHRONIZE_CACHE_10 = 0x35,
	SCSI_WRITE_SAME_10 = 0x41,
	SCSI_UNMAP = 0x42,
	SCSI_MODE_SENSE_10 = 0x5a,
	SCSI_READ_16 = 0x88,
	SCSI_WRITE_16 = 0x8a,
	SCSI_VERIFY_16 = 0x8f,
	SCSI_SYNCHRONIZE_CACHE_16 = 0x91,
	SCSI_WRITE_SAME_16 = 0x93,
	SCSI_SERVICE_ACTION_IN_16 = 0x9e,
	SCSI_REPORT_LUNS = 0xa0,
	SCSI_READ_12 = 0xa8,
	SCSI_WRITE_12 = 0xaa,
};
#define SCSI_SERVICE_ACTION   0x1fu /* bits of the second byte that hold a service action */
#define SCSI_READ_CAPACITY_16 0x10u /* the service action that reads the capacity (SBC-3 5.16) */

/* bit of the fifth byte of START STOP UNIT: a unit that stops need not write its cache out */
#define SCSI_STOP_NO_FLUSH 0x04u

/* Status codes: SAM-5 5.3. */
#define SCSI_GOOD	     0x00u
#define SCSI_CHECK_CONDITION 0x02u
#define SCSI_BUSY	     0x08u
#define SCSI_TASK_SET_FULL   0x28u

/* Sense data in either format (SPC-4 4.5). */
#define SCSI_SENSE_CODE 0x7fu /* bits of the first byte that hold the response code */
/* fixed format; 0x71 is the same for an error of an earlier command */
#define SCSI_SENSE_FIXED 0x70u
/* descriptor format; 0x73 is the same for an error of an earlier command */
#define SCSI_SENSE_DESCRIPTOR	 0x72u
#define SCSI_SENSE_KEY		 0x0fu
#define SCSI_KEY_RECOVERED	 0x1u
#define SCSI_KEY_NOT_READY	 0x2u
#define SCSI_KEY_MEDIUM_ERROR	 0x3u
#define SCSI_KEY_ILLEGAL_REQUEST 0x5u
#define SCSI_KEY_UNIT_ATTENTION	 0x6u
#define SCSI_KEY_DATA_PROTECT	 0x7u
#define SCSI_KEY_ABORTED	 0xbu
#define SCSI_ASC_NO_COMMAND	 0x20u /* sense code: the command's operation code is unknown */
#define SCSI_ASC_NO_FIELD	 0x24u /* sense code: a field of the command is invalid */

#define SCSI_FIXED_SENSE_BYTES 18u

/* Sense codes with their qualifiers (ASC, and ASCQ in the low byte): SPC-4, annex F.2. */
#define SCSI_CODE_NOT_READY	    0x0400u
#define SCSI_CODE_WRITE_ERROR	    0x0c00u
#define SCSI_CODE_READ_ERROR	    0x1100u
#define SCSI_CODE_LIST_LENGTH	    0x1a00u /* a list of parameters is too short */
#define SCSI_CODE_NO_COMMAND	    (SCSI_ASC_NO_COMMAND << 8)
#define SCSI_CODE_OUT_OF_RANGE	    0x2100u
#define SCSI_CODE_NO_FIELD	    (SCSI_ASC_NO_FIELD << 8)
#define SCSI_CODE_NO_UNIT	    0x2500u
#define SCSI_CODE_LIST_FIELD	    0x2600u /* a field in a list of parameters is invalid */
#define SCSI_CODE_PROTECTED	    0x2700u
#define SCSI_CODE_CHANGED	    0x2800u
#define SCSI_CODE_UNIT_RESET	    0x2903u
#define SCSI_CODE_CAPACITY_CHANGED  0x2a09u
#define SCSI_CODE_NO_MEDIUM_CLOSED  0x3a01u
#define SCSI_CODE_NO_MEDIUM_OPEN    0x3a02u
#define SCSI_CODE_REMOVAL_PREVENTED 0x5302u

/* Standard INQUIRY data (SPC-4 6.4.2). */
#define SCSI_INQUIRY_BYTES 36u
/* bit of the INQUIRY command: asks for a page of vital product data */
#define SCSI_INQUIRY_PAGES 0x01u
#define SCSI_INQUIRY_TYPE  0x1fu /* bits of INQUIRY's first byte that hold the type of device */
#define SCSI_TYPE_DISK	   0x00u
#define SCSI_TYPE_NONE	   0x7fu /* the first byte of INQUIRY's data if the unit does not exist */
#define SCSI_VERSION_SPC_3 0x05u
/* value of INQUIRY's first byte from which on no disk is connected at the unit */
#define SCSI_NO_UNIT	     0x20u
#define SCSI_INQUIRY_VENDOR  8u
#define SCSI_INQUIRY_QUEUE   0x02u /* bit of byte 7: the unit takes several commands at once */
#define SCSI_VENDOR_BYTES    8u
#define SCSI_INQUIRY_PRODUCT 16u
#define SCSI_PRODUCT_BYTES   16u

/* Pages of vital product data (SPC-4 7.8, SBC-3 6.5). */
#define SCSI_PAGE_SERIAL       0x80u
#define SCSI_PAGE_IDENTITY     0x83u
#define SCSI_PAGE_LIMITS       0xb0u
#define SCSI_PAGE_MEDIUM       0xb1u
#define SCSI_PAGE_PROVISIONING 0xb2u
/* size of a page's header, in which byte 1 is the page's code and byte 2 the length */
#define SCSI_PAGE_HEADER 4u
/*
 * offset in the page of block limits of the longest transfer, which like all limits counts blocks
 */
#define SCSI_LIMITS_TRANSFER	 8u
#define SCSI_LIMITS_UNMAP	 20u
#define SCSI_LIMITS_UNMAP_RANGES 24u
#define SCSI_LIMITS_SAME	 36u /* 64 bits */
#define SCSI_LIMITS_BYTES	 64u
#define SCSI_PROVISIONING_AT	 5u
#define SCSI_PROVISIONING_UNMAP	 0x80u
#define SCSI_PROVISIONING_SAME	 0x60u /* WRITE SAME (16) and (10) unmap */
#define SCSI_PROVISIONING_THIN	 2u    /* the type of provisioning, at offset 6 */
/*
 * offset, in the page of block limits, of the bit that tells that WRITE SAME of 0 blocks is refused
 */
#define SCSI_LIMITS_SAME_NONE 4u
#define SCSI_LIMITS_GRAIN     28u /* a number of blocks; UNMAP should be given multiples of it */
/* offset, in the page of the medium's characteristics, of its rotation rate: 16 bits */
#define SCSI_MEDIUM_RATE	4u
#define SCSI_MEDIUM_SOLID_STATE 1u
#define SCSI_MEDIUM_BYTES	64u

/*
 * The designator in page SCSI_PAGE_IDENTITY: a vendor and the vendor's name for the unit (SPC-4
 * 7.8.6).
 */
#define SCSI_IDENTITY_ASCII  2u
#define SCSI_IDENTITY_VENDOR 1u
#define SCSI_IDENTITY_HEADER                                                                       \
	4u /* size of a designator's header; byte 3 is the length behind it                        \
	    */

/* READ CAPACITY (16): SBC-3 5.16.2. */
#define SCSI_CAPACITY_BYTES 32u
/* offset of the size of a block in bytes; the number of the disk's last block comes before */
#define SCSI_CAPACITY_BLOCK 8u
/* offset of a byte; its highest bit is set if the disk has UNMAP */
#define SCSI_CAPACITY_UNMAP 14u
#define SCSI_CAPACITY_THIN  0x80u

/* MODE SENSE (6) of the caching page: SPC-4 7.5.5 and SBC-3 6.4.5. */
/* bit in the second byte of the command: return no block descriptors */
#define SCSI_MODE_NO_BLOCKS 0x08u
#define SCSI_MODE_CACHING   0x08u
#define SCSI_MODE_ALL	    0x3fu /* bits of a page's code; all set: every page */
#define SCSI_MODE_CHANGEABLE                                                                       \
	1u /* kind of values in the upper two bits: those that can be changed */
#define SCSI_MODE_HEADER_10 8u
#define SCSI_CACHING_BYTES  20u
#define SCSI_MODE_THROUGH   0x10u /* bit of the device-specific byte: reads and writes take FUA */
#define SCSI_MODE_BYTES	    64u
#define SCSI_MODE_DEVICE    2u /* offset of the device-specific byte in MODE SENSE's header */
#define SCSI_MODE_PROTECTED 0x80u
/* offset of the size of the block descriptors, which precede the page */
#define SCSI_MODE_BLOCKS  3u
#define SCSI_MODE_HEADER  4u
#define SCSI_CACHE_AT	  2u /* offset of the caching page's flags from the page's begin */
#define SCSI_CACHE_WRITES 0x04u

/* UNMAP's list with one range: SBC-3 5.28.2. */
#define SCSI_UNMAP_LIST_BYTES 24u
#define SCSI_UNMAP_HEADER     8u
#define SCSI_UNMAP_RANGE      16u

/* Bits of the second byte of commands that access blocks: SBC-3 5. */
#define SCSI_PROTECT_BITS 0xe0u /* protection information is to be checked */
#define SCSI_THROUGH	  0x08u /* FUA: the medium is accessed, not a cache */
#define SCSI_VERIFY_DATA  0x06u /* VERIFY: the disk compares its data with the command's data */
#define SCSI_SAME_ANCHOR  0x10u
#define SCSI_SAME_UNMAP	  0x08u
#define SCSI_SAME_NO_DATA 0x01u /* WRITE SAME (16): the command has no data, and writes zeros */

/* Read and write big-endian numbers of `bytes` bytes. */
static inline u64 scsi_get(const u8 *at, u32 bytes)
{
	u64 number = 0;

	for (u32 i = 0; i < bytes; i++)
		number = number << 8 | at[i];
	return number;
}

static inline void scsi_put(u8 *at, u32 bytes, u64 number)
{
	while (bytes-- > 0) {
		at[bytes] = (u8)number;
		number >>= 8;
	}
}
