/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/disk/core/device.h"
#include "vmm/hw/scsi.h"

/* Commands and answers of SCSI disks, for any transport. Each answer is checked before its use. */

/* The place of a command's data. */
enum scsi_data {
	SCSI_NO_DATA,
	SCSI_DATA_REQUEST, /* the data are in the request's pages */
	SCSI_DATA_LIST,	   /* the data are in the command structure's `list` */
	SCSI_DATA_ZEROES,  /* the data are one block of zeros */
	SCSI_DATA_OWN,	   /* the data are in a buffer of the driver's own */
};

struct scsi_command {
	u8 cdb[SCSI_CDB_BYTES];
	enum scsi_data data;
	u32 bytes;  /* the length of the command's data */
	bool reads; /* the disk sends the data; else it receives them */
	u8 list[SCSI_UNMAP_LIST_BYTES];
};

/* A disk's answers about itself. */
struct scsi_disk {
	u64 sectors; /* the disk's size in sectors of 512 bytes */
	u32 block_bytes;
	u32 features; /* the disk's abilities, enum disk_feature */
	bool cache;   /* the disk has, or may have, a write cache */
	char model[SCSI_VENDOR_BYTES + SCSI_PRODUCT_BYTES + 2];
	char serial[24];
};

enum scsi_outcome {
	SCSI_DONE,
	SCSI_AGAIN, /* the command failed, but may succeed if repeated */
	SCSI_UNSUPPORTED,
	SCSI_FAILED,
};

/*
 * Returns how a command with that status has ended; `sense` (`bytes` bytes) belongs to CHECK
 * CONDITION.
 */
enum scsi_outcome scsi_outcome_of(u8 status, const u8 *sense, u32 bytes);

/*
 * Builds the command for a request to a disk with that block size; the request must begin and end
 * at boundaries of blocks.
 */
void scsi_make_request(struct scsi_command *command, const struct driver_request *request,
		       u32 block_bytes);
/*
 * Build commands of the driver's own, by which it asks a disk for its type and limits; each fetches
 * at most SCSI_*_BYTES.
 */
void scsi_make_test(struct scsi_command *command);
void scsi_make_inquiry(struct scsi_command *command);
void scsi_make_page(struct scsi_command *command, u8 page);
void scsi_make_capacity(struct scsi_command *command);
void scsi_make_mode(struct scsi_command *command);
void scsi_make_flush(struct scsi_command *command);

/*
 * Parse the disk's answers to those commands, SCSI_*_BYTES each, zeros where the disk sent nothing.
 * Return false if the disk cannot be used; `problem` then says why.
 */
bool scsi_read_inquiry(struct scsi_disk *disk, const u8 *data, char *problem, size_t size);
bool scsi_read_capacity(struct scsi_disk *disk, const u8 *data, char *problem, size_t size);
/*
 * Reads the disk's limits; `limits` and `provisioning`, two of its vital product data pages, are
 * NULL if it has no such page.
 */
bool scsi_read_limits(struct scsi_disk *disk, const u8 *limits, const u8 *provisioning,
		      char *problem, size_t size);
void scsi_read_serial(struct scsi_disk *disk, const u8 *page);
void scsi_read_mode(struct scsi_disk *disk, const u8 *data);
