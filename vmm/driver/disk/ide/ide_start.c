/* SPDX-License-Identifier: MIT */
/*
 * Brings a disk from any state of the channel to one that takes requests. Defines `driver_ops`,
 * which the core calls. Resets the channel and sets the disk's transfer mode and cache; owns one
 * disk and the ports that the manager has given.
 */
#include "lib/string.h"
#include "vmm/driver/disk/ata.h"
#include "vmm/driver/disk/ide/ide.h"
#include "vmm/rt/format.h"

static bool ide_refuse(char *problem, size_t size, const char *text)
{
	format(problem, size, "%s", text);
	return false;
}

static bool ide_start_simple(struct ide *ide, enum ata_command command, u8 features, u32 count)
{
	const struct ide_task task = {.command = command, .features = features, .count = count};

	return ide_issue(ide, &task) && ide_wait(ide, IDE_COMMAND_NS) && ide_ended_well(ide);
}

/*
 * Returns whether the signature after a reset is that of a packet device (ATA/ATAPI-7 volume 2,
 * 5.18).
 */
static bool ide_start_is_packet(const struct ide *ide)
{
	return ide_in8((u16)(ide->command_port + IDE_LBA_MID)) == ATA_PACKET_MID &&
	       ide_in8((u16)(ide->command_port + IDE_LBA_HIGH)) == ATA_PACKET_HIGH;
}

static bool ide_start_identify(struct ide *ide, u16 word[ATA_IDENTIFY_WORDS], char *problem,
			       size_t size)
{
	const struct ide_task task = {.command = ATA_IDENTIFY};

	if (!ide_reset(ide))
		return ide_refuse(problem, size, "there is no disk, or it does not become ready");
	if (ide_start_is_packet(ide))
		return ide_refuse(problem, size, "it is no disk: it takes packets (ATAPI)");
	if (!ide_issue(ide, &task) || ide_status(ide) == 0)
		return ide_refuse(problem, size, "there is no disk");
	if (!ide_wait(ide, IDE_IDENTIFY_NS) || !ide_read_sector(ide, (u8 *)word) ||
	    !ide_ended_well(ide))
		return ide_refuse(problem, size, "the disk does not say what it is");
	return true;
}

/* Disables the write cache of a disk that has no command to flush it. */
static bool ide_start_read_cache(struct ide *ide, const struct ata_identity *identity,
				 struct driver_disk *disk, char *problem, size_t size)
{
	ide->flush = identity->flush;
	if (ide->flush)
		disk->features |= DISK_FLUSH;
	else if (identity->cache &&
		 !ide_start_simple(ide, ATA_SET_FEATURES, ATA_FEATURE_NO_CACHE, 0))
		return ide_refuse(problem, size,
				  "its write cache can be neither emptied nor "
				  "switched off");
	return true;
}

/*
 * Returns whether the disk uses a DMA mode. Keeps the one that the firmware has set; without one,
 * sets the highest multiword DMA mode that the disk offers.
 */
static bool ide_start_has_mode(struct ide *ide, const u16 *word)
{
	u32 offered = (u32)(word[ATA_ID_MULTIWORD] & ATA_MODE_OFFERED);

	if ((word[ATA_ID_MULTIWORD] & ATA_MODE_SELECTED) != 0 ||
	    ((word[ATA_ID_VALID] & ATA_VALID_ULTRA) != 0 &&
	     (word[ATA_ID_ULTRA] & ATA_MODE_SELECTED) != 0))
		return true;
	return offered != 0 && ide_start_simple(ide, ATA_SET_FEATURES, ATA_FEATURE_TRANSFER_MODE,
						ATA_TRANSFER_MULTIWORD | bit_highest(offered));
}

bool ide_start(struct ide *ide, struct driver_disk *disk, char *problem, size_t size)
{
	static u16 word[ATA_IDENTIFY_WORDS];
	struct ata_identity identity;

	if (ide->memory.pages < 1)
		return ide_refuse(problem, size, "no memory that the controller could use");
	if (!ide_start_identify(ide, word, problem, size) ||
	    !ata_identify(word, &identity, problem, size))
		return false;
	if (identity.block_bytes != BLOCK_SECTOR_BYTES)
		return ide_refuse(problem, size, "its sectors do not have 512 bytes");
	if (!ide_start_read_cache(ide, &identity, disk, problem, size))
		return false;
	ide->lba48 = identity.lba48;
	ide->dma = ide->dma_port != 0 && ide->memory.address != NULL &&
		   ide->memory.address[0] >> 32 == 0 &&
		   (word[ATA_ID_CAPABILITIES] & ATA_CAPABILITY_DMA) != 0 &&
		   ide_start_has_mode(ide, word);
	disk->sectors = identity.sectors;
	disk->block_bytes = BLOCK_SECTOR_BYTES;
	disk->depth = IDE_DEPTH;
	string_copy(disk->model, sizeof(disk->model), identity.model);
	string_copy(disk->serial, sizeof(disk->serial), identity.serial);
	return true;
}

/* --- driver_ops, for core/device.h --- */

static struct ide ide;

static bool ide_ops_start(struct driver_disk *disk, char *problem, size_t size)
{
	ide.command_port = process_ports(DRIVER_PORTS_COMMAND);
	ide.control_port = process_ports(DRIVER_PORTS_CONTROL);
	ide.dma_port = process_ports(DRIVER_PORTS_DMA);
	ide.slave = start_info->parameter[DRIVER_UNIT] != 0;
	ide.memory = driver_dma();
	if (ide.command_port != 0 && ide.control_port != 0)
		return ide_start(&ide, disk, problem, size);
	format(problem, size, "the controller's ports are missing");
	return false;
}

static bool ide_ops_submit(struct driver_request *request)
{
	return ide_submit(&ide, request);
}

static void ide_ops_poll(void)
{
	ide_poll(&ide);
	if (ide.failure != NULL)
		driver_give_up("%s", ide.failure);
}

const struct driver_ops driver_ops = {
	.start = ide_ops_start, .submit = ide_ops_submit, .poll = ide_ops_poll};
