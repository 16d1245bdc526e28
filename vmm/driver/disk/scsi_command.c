/* SPDX-License-Identifier: MIT */
/*
 * Builds the commands for SCSI disks: SPC-4 6, SBC-3 5. Called by the virtio SCSI driver for
 * requests and at the start; fills the command structure and touches no hardware.
 */
#include "vmm/driver/disk/scsi.h"

/*
 * Builds a 16-byte command, with its first block number at byte 2 and the number of blocks at byte
 * 10.
 */
static void scsi_make_16(struct scsi_command *command, enum scsi_command_code code, u64 block,
			 u64 blocks)
{
	command->cdb[0] = (u8)code;
	scsi_put(command->cdb + 2, 8, block);
	scsi_put(command->cdb + 10, 4, blocks);
}

static void scsi_make_unmap(struct scsi_command *command, u64 block, u64 blocks)
{
	command->data = SCSI_DATA_LIST;
	command->bytes = SCSI_UNMAP_LIST_BYTES;
	command->cdb[0] = SCSI_UNMAP;
	scsi_put(command->cdb + 7, 2, SCSI_UNMAP_LIST_BYTES);
	scsi_put(command->list, 2, SCSI_UNMAP_LIST_BYTES - 2);
	/* the number of bytes of the block ranges that follow (UNMAP) */
	scsi_put(command->list + 2, 2, 16);
	scsi_put(command->list + 8, 8, block);
	scsi_put(command->list + 16, 4, blocks);
}

void scsi_make_flush(struct scsi_command *command)
{
	*command = (struct scsi_command){.cdb[0] = SCSI_SYNCHRONIZE_CACHE_10};
}

void scsi_make_request(struct scsi_command *command, const struct driver_request *request,
		       u32 block_bytes)
{
	u64 block = request->sector / (block_bytes / BLOCK_SECTOR_BYTES);
	u64 blocks = request->sectors / (block_bytes / BLOCK_SECTOR_BYTES);

	*command = (struct scsi_command){.reads = request->operation == BLOCK_READ};
	switch (request->operation) {
	case BLOCK_READ:
	case BLOCK_WRITE:
		command->data = SCSI_DATA_REQUEST;
		command->bytes = request->sectors * BLOCK_SECTOR_BYTES;
		scsi_make_16(command, command->reads ? SCSI_READ_16 : SCSI_WRITE_16, block, blocks);
		break;
	case BLOCK_DISCARD:
		scsi_make_unmap(command, block, blocks);
		break;
	case BLOCK_WRITE_ZEROES:
		command->data = SCSI_DATA_ZEROES;
		command->bytes = block_bytes;
		scsi_make_16(command, SCSI_WRITE_SAME_16, block, blocks);
		break;
	case BLOCK_FLUSH:
	default:
		scsi_make_flush(command);
		break;
	}
}

static void scsi_make_own(struct scsi_command *command, enum scsi_command_code code, u32 bytes)
{
	*command = (struct scsi_command){.cdb[0] = (u8)code,
					 .data = bytes != 0 ? SCSI_DATA_OWN : SCSI_NO_DATA,
					 .bytes = bytes,
					 .reads = true};
}

void scsi_make_test(struct scsi_command *command)
{
	scsi_make_own(command, SCSI_TEST_UNIT_READY, 0);
}

void scsi_make_inquiry(struct scsi_command *command)
{
	scsi_make_own(command, SCSI_INQUIRY, SCSI_INQUIRY_BYTES);
	scsi_put(command->cdb + 3, 2, SCSI_INQUIRY_BYTES);
}

void scsi_make_page(struct scsi_command *command, u8 page)
{
	scsi_make_own(command, SCSI_INQUIRY, SCSI_LIMITS_BYTES);
	command->cdb[1] = SCSI_INQUIRY_PAGES;
	command->cdb[2] = page;
	scsi_put(command->cdb + 3, 2, SCSI_LIMITS_BYTES);
}

void scsi_make_capacity(struct scsi_command *command)
{
	scsi_make_own(command, SCSI_SERVICE_ACTION_IN_16, SCSI_CAPACITY_BYTES);
	command->cdb[1] = SCSI_READ_CAPACITY_16;
	scsi_put(command->cdb + 10, 4, SCSI_CAPACITY_BYTES);
}

void scsi_make_mode(struct scsi_command *command)
{
	scsi_make_own(command, SCSI_MODE_SENSE_6, SCSI_MODE_BYTES);
	command->cdb[1] = SCSI_MODE_NO_BLOCKS;
	command->cdb[2] = SCSI_MODE_CACHING;
	command->cdb[4] = SCSI_MODE_BYTES;
}
