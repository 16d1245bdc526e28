/* SPDX-License-Identifier: MIT */
/* From whatever state the channel is in to a disk that takes requests. */
#include "lib/string.h"
#include "vmm/driver/disk/ide/ide.h"
#include "vmm/rt/format.h"

#define SECTORS_MAX (1ull << 48)

static bool ide_refuse(char *problem, size_t size, const char *text)
{
	format(problem, size, "%s", text);
	return false;
}

static bool simple(struct ide *ide, enum ide_command command, u8 features, u32 count)
{
	const struct ide_task task = {.command = command, .features = features, .count = count};

	return ide_issue(ide, &task) && ide_wait(ide, IDE_COMMAND_NS) && ide_ended_well(ide);
}

/* What a reset left in the registers tells disks from what takes packets: volume 2, 5.18 */
static bool is_packet(const struct ide *ide)
{
	return ide_in8((u16)(ide->command_port + IDE_LBA_MID)) == IDE_PACKET_MID &&
	       ide_in8((u16)(ide->command_port + IDE_LBA_HIGH)) == IDE_PACKET_HIGH;
}

static bool identify(struct ide *ide, u16 word[IDE_IDENTIFY_WORDS], char *problem, size_t size)
{
	const struct ide_task task = {.command = IDE_IDENTIFY};

	if (!ide_reset(ide))
		return ide_refuse(problem, size, "there is no disk, or it does not become ready");
	if (is_packet(ide))
		return ide_refuse(problem, size, "it is no disk: it takes packets (ATAPI)");
	if (!ide_issue(ide, &task) || ide_status(ide) == 0)
		return ide_refuse(problem, size, "there is no disk");
	if (!ide_wait(ide, IDE_IDENTIFY_NS) || !ide_read_sector(ide, (u8 *)word) ||
	    !ide_ended_well(ide))
		return ide_refuse(problem, size, "the disk does not say what it is");
	return true;
}

/* Two characters a word, the first in its upper byte; padded with spaces. */
static void copy_words(char *to, size_t size, const u16 *word, u32 words)
{
	size_t length = MIN(2 * (size_t)words, size - 1);

	for (size_t i = 0; i < length; i++) {
		u8 byte = (u8)(word[i / 2] >> (i % 2 == 0 ? 8 : 0));

		to[i] = byte >= ' ' && byte <= '~' ? (char)byte : byte == 0 ? ' ' : '?';
	}
	while (length > 0 && to[length - 1] == ' ')
		length--;
	to[length] = '\0';
}

static bool commands_valid(const u16 *word)
{
	return (word[IDE_ID_COMMANDS_2] & IDE_COMMANDS_VALID) == IDE_COMMANDS_VALID_IS;
}

static bool read_size(struct ide *ide, const u16 *word, char *problem, size_t size)
{
	ide->lba48 = commands_valid(word) && (word[IDE_ID_COMMANDS_2] & IDE_COMMANDS_LBA48) != 0;
	ide->sectors = word[IDE_ID_SECTORS] | (u64)word[IDE_ID_SECTORS + 1] << 16;
	ide->sectors = MIN(ide->sectors, IDE_LBA28_SECTORS);
	if (ide->lba48)
		memcpy(&ide->sectors, word + IDE_ID_SECTORS_48, sizeof(ide->sectors));
	if ((word[IDE_ID_GENERAL] & IDE_GENERAL_PACKET) != 0)
		return ide_refuse(problem, size, "it is no disk: it takes packets (ATAPI)");
	if ((word[IDE_ID_CAPABILITIES] & IDE_CAPABILITY_LBA) == 0)
		return ide_refuse(problem, size, "its sectors have no numbers (LBA)");
	if ((word[IDE_ID_SECTOR_SIZE] & IDE_COMMANDS_VALID) == IDE_COMMANDS_VALID_IS &&
	    (word[IDE_ID_SECTOR_SIZE] & IDE_SECTOR_LARGE) != 0)
		return ide_refuse(problem, size, "its sectors do not have 512 bytes");
	if (ide->sectors == 0 || ide->sectors > SECTORS_MAX)
		return ide_refuse(problem, size, "its size cannot be true");
	return true;
}

/* A cache that nothing empties is of no use: it is switched off. */
static bool read_cache(struct ide *ide, const u16 *word, struct driver_disk *disk, char *problem,
		       size_t size)
{
	ide->flush = commands_valid(word) && (word[IDE_ID_COMMANDS_2] & IDE_COMMANDS_FLUSH) != 0;
	if (ide->flush)
		disk->features |= DISK_FLUSH;
	else if (commands_valid(word) && (word[IDE_ID_COMMANDS] & IDE_COMMANDS_CACHE) != 0 &&
		 !simple(ide, IDE_SET_FEATURES, IDE_FEATURE_NO_CACHE, 0))
		return ide_refuse(problem, size, "its write cache can be neither emptied nor "
						 "switched off");
	return true;
}

/* The mode that the firmware has chosen, else the best of the old ones. */
static bool has_mode(struct ide *ide, const u16 *word)
{
	u32 offered = (u32)(word[IDE_ID_MULTIWORD] & IDE_MODE_OFFERED);

	if ((word[IDE_ID_MULTIWORD] & IDE_MODE_SELECTED) != 0 ||
	    ((word[IDE_ID_VALID] & IDE_VALID_ULTRA) != 0 &&
	     (word[IDE_ID_ULTRA] & IDE_MODE_SELECTED) != 0))
		return true;
	return offered != 0 && simple(ide, IDE_SET_FEATURES, IDE_FEATURE_TRANSFER_MODE,
				      IDE_TRANSFER_MULTIWORD | bit_highest(offered));
}

bool ide_start(struct ide *ide, struct driver_disk *disk, char *problem, size_t size)
{
	static u16 word[IDE_IDENTIFY_WORDS];

	if (ide->memory.pages < 1)
		return ide_refuse(problem, size, "no memory that the controller could use");
	if (!identify(ide, word, problem, size) || !read_size(ide, word, problem, size) ||
	    !read_cache(ide, word, disk, problem, size))
		return false;
	ide->dma = ide->dma_port != 0 && ide->memory.address != NULL &&
		   ide->memory.address[0] >> 32 == 0 &&
		   (word[IDE_ID_CAPABILITIES] & IDE_CAPABILITY_DMA) != 0 && has_mode(ide, word);
	disk->sectors = ide->sectors;
	disk->block_bytes = BLOCK_SECTOR_BYTES;
	disk->depth = IDE_DEPTH;
	copy_words(disk->model, sizeof(disk->model), word + IDE_ID_MODEL, 20);
	copy_words(disk->serial, sizeof(disk->serial), word + IDE_ID_SERIAL, 10);
	return true;
}
