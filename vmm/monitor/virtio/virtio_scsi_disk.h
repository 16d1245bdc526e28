/* SPDX-License-Identifier: MIT */
#pragma once

/* A disk as a SCSI unit: the answers to its commands, and the blocks that they want. */
#include "vmm/monitor/virtio/virtio_blk.h"
#include "vmm/monitor/virtio/virtio_scsi_queue.h"

/*
 * News about a disk that the guest has not got yet, a bit for each: the next command fails, and
 * reports one of them.
 */
enum disk_attention {
	DISK_ATTENTION_CAPACITY = 1 << 0, /* the disk's size has changed */
	/* requests were given up, as the guest has reset the unit */
	DISK_ATTENTION_RESET = 1 << 1,
	DISK_ATTENTION_ALL = DISK_ATTENTION_CAPACITY | DISK_ATTENTION_RESET,
};

/*
 * Carries out a command for a unit of the disk's target, as far as that needs no driver; only unit
 * 0 is there. The chain is the request's, with the data that come with the command.
 */
void disk_command(struct virtio_blk *blk, u32 unit, const struct virtio_chain *chain,
		  const u8 command[SCSI_COMMAND_BYTES], struct scsi_answer *answer);
/* Returns how many sectors of 512 bytes one of the disk's blocks has. */
u32 disk_block_sectors(const struct virtio_blk *blk);
