/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/disk/driver.h"
#include "vmm/hw/scsi.h"

/* SCSI disks, whatever carries their commands. Nothing that a disk says is believed unchecked. */

/* Where a command's data are. */
enum scsi_data {
	SCSI_NO_DATA,
	SCSI_DATA_REQUEST, /* the request's pages */
	SCSI_DATA_LIST,	   /* `list` */
	SCSI_DATA_ZEROES,  /* a block of them */
	SCSI_DATA_OWN,	   /* the driver reads */
};

struct scsi_command {
	u8 cdb[SCSI_CDB_BYTES];
	enum scsi_data data;
	u32 bytes;  /* of data */
	bool reads; /* the disk gives them */
	u8 list[SCSI_UNMAP_LIST_BYTES];
};

/* What a disk has said of itself. */
struct scsi_disk {
	u64 sectors; /* of 512 bytes */
	u32 block_bytes;
	u32 features; /* enum disk_feature */
	bool cache;   /* it has one for writes, or does not say that it has none */
	char model[SCSI_VENDOR_BYTES + SCSI_PRODUCT_BYTES + 2];
	char serial[24];
};

enum scsi_outcome {
	SCSI_DONE,
	SCSI_AGAIN, /* it was not done, and may well be if it is asked for again */
	SCSI_UNSUPPORTED,
	SCSI_FAILED,
};

/* Numbers of so many bytes in commands and answers. */
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

/* How a command with that status has ended; `sense` of so many bytes goes with CHECK CONDITION. */
enum scsi_outcome scsi_outcome_of(u8 status, const u8 *sense, u32 bytes);

/* The command for a request of a disk with such blocks; it ends on a block's bounds. */
void scsi_make_request(struct scsi_command *command, const struct driver_request *request,
		       u32 block_bytes);
/* The driver's own commands: each brings at most so many bytes as it has room for. */
void scsi_make_test(struct scsi_command *command);
void scsi_make_inquiry(struct scsi_command *command);
void scsi_make_page(struct scsi_command *command, u8 page);
void scsi_make_capacity(struct scsi_command *command);
void scsi_make_mode(struct scsi_command *command);
void scsi_make_flush(struct scsi_command *command);

/*
 * What those have brought, SCSI_*_BYTES each with zeroes where nothing came. False: `problem` says
 * why it is no disk of use.
 */
bool scsi_read_inquiry(struct scsi_disk *disk, const u8 *data, char *problem, size_t size);
bool scsi_read_capacity(struct scsi_disk *disk, const u8 *data, char *problem, size_t size);
/* NULL: it has no such page. */
bool scsi_read_limits(struct scsi_disk *disk, const u8 *limits, const u8 *provisioning,
		      char *problem, size_t size);
void scsi_read_serial(struct scsi_disk *disk, const u8 *page);
void scsi_read_mode(struct scsi_disk *disk, const u8 *data);
