/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* Commands of SCSI units and disks, and their answers: SPC-4 and SBC-3. Numbers are big-endian. */

#define SCSI_CDB_BYTES	 16u /* the length of the longest command that is used here */
#define SCSI_SENSE_BYTES 96u
enum scsi_command_code {
	SCSI_TEST_UNIT_READY = 0x00,
	SCSI_REQUEST_SENSE = 0x03,
	SCSI_INQUIRY = 0x12,
	SCSI_MODE_SENSE_6 = 0x1a,
	SCSI_SYNCHRONIZE_CACHE_10 = 0x35,
	SCSI_UNMAP = 0x42,
	SCSI_READ_16 = 0x88,
	SCSI_WRITE_16 = 0x8a,
	SCSI_WRITE_SAME_16 = 0x93,
	SCSI_SERVICE_ACTION_IN_16 = 0x9e,
};
#define SCSI_READ_CAPACITY_16 0x10u /* the service action that reads the capacity (SBC-3 5.16) */

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
#define SCSI_KEY_ABORTED	 0xbu
#define SCSI_ASC_NO_COMMAND	 0x20u /* sense code: the command's operation code is unknown */
#define SCSI_ASC_NO_FIELD	 0x24u /* sense code: a field of the command is invalid */

/* Standard INQUIRY data (SPC-4 6.4.2). */
#define SCSI_INQUIRY_BYTES 36u
/* bit of the INQUIRY command: asks for a page of vital product data */
#define SCSI_INQUIRY_PAGES 0x01u
#define SCSI_INQUIRY_TYPE  0x1fu /* bits of INQUIRY's first byte that hold the type of device */
#define SCSI_TYPE_DISK	   0x00u
/* value of INQUIRY's first byte from which on no disk is connected at the unit */
#define SCSI_NO_UNIT	     0x20u
#define SCSI_INQUIRY_VENDOR  8u
#define SCSI_VENDOR_BYTES    8u
#define SCSI_INQUIRY_PRODUCT 16u
#define SCSI_PRODUCT_BYTES   16u

/* Pages of vital product data (SPC-4 7.8, SBC-3 6.5). */
#define SCSI_PAGE_SERIAL       0x80u
#define SCSI_PAGE_LIMITS       0xb0u
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

/* READ CAPACITY (16): SBC-3 5.16.2. */
#define SCSI_CAPACITY_BYTES 32u
/* offset of the size of a block in bytes; the number of the disk's last block comes before */
#define SCSI_CAPACITY_BLOCK 8u

/* MODE SENSE (6) of the caching page: SPC-4 7.5.5 and SBC-3 6.4.5. */
/* bit in the second byte of the command: return no block descriptors */
#define SCSI_MODE_NO_BLOCKS 0x08u
#define SCSI_MODE_CACHING   0x08u
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
