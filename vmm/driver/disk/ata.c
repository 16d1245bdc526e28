/* SPDX-License-Identifier: MIT */
/*
 * Reads the answer to IDENTIFY DEVICE: ATA/ATAPI-7 volume 1, 6.17; ATA8-ACS-2, 7.16. Called by the
 * AHCI and IDE drivers as a disk starts; reads the untrusted answer and touches no hardware.
 */
#include "vmm/driver/disk/ata.h"

#include "lib/string.h"
#include "vmm/rt/format.h"

#define SECTOR_BYTES 512u
#define SECTORS_MAX  (1ull << 48)

static bool ata_refuse(char *problem, size_t size, const char *text)
{
	format(problem, size, "%s", text);
	return false;
}

/* Copies an ATA string: two characters a word, the first in the upper byte, padded with spaces. */
static void ata_copy_words(char *to, size_t size, const u16 *word, u32 words)
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

static bool ata_is_valid(u16 word)
{
	return (word & ATA_COMMANDS_VALID) == ATA_COMMANDS_VALID_IS;
}

/* Returns the bytes of a logical sector, the unit in which ATA commands count. */
static u32 ata_read_block_bytes(const u16 *word)
{
	u32 words = SECTOR_BYTES / 2;

	if (ata_is_valid(word[ATA_ID_SECTOR_SIZE]) &&
	    (word[ATA_ID_SECTOR_SIZE] & ATA_SECTOR_LARGE) != 0)
		memcpy(&words, word + ATA_ID_LOGICAL_WORDS, sizeof(words));
	return words == SECTOR_BYTES / 2 || words == 8 * SECTOR_BYTES / 2 ? 2 * words : 0;
}

static bool ata_read_size(const u16 *word, struct ata_identity *identity, char *problem,
			  size_t size)
{
	u64 blocks = word[ATA_ID_SECTORS] | (u64)word[ATA_ID_SECTORS + 1] << 16;

	identity->lba48 = ata_is_valid(word[ATA_ID_COMMANDS_2]) &&
			  (word[ATA_ID_COMMANDS_2] & ATA_COMMANDS_LBA48) != 0;
	blocks = MIN(blocks, ATA_LBA28_SECTORS);
	if (identity->lba48)
		memcpy(&blocks, word + ATA_ID_SECTORS_48, sizeof(blocks));
	identity->block_bytes = ata_read_block_bytes(word);
	if (identity->block_bytes == 0)
		return ata_refuse(problem, size, "its sectors have neither 512 nor 4096 bytes");
	if (blocks == 0 || blocks > SECTORS_MAX)
		return ata_refuse(problem, size, "its size cannot be true");
	identity->sectors = blocks * (identity->block_bytes / SECTOR_BYTES);
	return true;
}

static u32 ata_read_depth(const u16 *word)
{
	u16 serial = word[ATA_ID_SERIAL_ATA];

	if (serial == ATA_NO_WORD || (serial & ATA_SERIAL_QUEUED) == 0)
		return 1;
	return (u32)(word[ATA_ID_DEPTH] & ATA_DEPTH) + 1;
}

bool ata_identify(const u16 word[ATA_IDENTIFY_WORDS], struct ata_identity *identity, char *problem,
		  size_t size)
{
	bool valid = ata_is_valid(word[ATA_ID_COMMANDS_2]);

	*identity = (struct ata_identity){0};
	if ((word[ATA_ID_GENERAL] & ATA_GENERAL_PACKET) != 0)
		return ata_refuse(problem, size, "it is no disk: it takes packets (ATAPI)");
	if ((word[ATA_ID_CAPABILITIES] & ATA_CAPABILITY_LBA) == 0)
		return ata_refuse(problem, size, "its sectors have no numbers (LBA)");
	if (!ata_read_size(word, identity, problem, size))
		return false;
	identity->flush = valid && (word[ATA_ID_COMMANDS_2] & ATA_COMMANDS_FLUSH) != 0;
	identity->cache = valid && (word[ATA_ID_COMMANDS] & ATA_COMMANDS_CACHE) != 0;
	identity->depth = ata_read_depth(word);
	identity->trim = word[ATA_ID_TRIM] != ATA_NO_WORD && (word[ATA_ID_TRIM] & ATA_TRIM) != 0;
	ata_copy_words(identity->model, sizeof(identity->model), word + ATA_ID_MODEL, 20);
	ata_copy_words(identity->serial, sizeof(identity->serial), word + ATA_ID_SERIAL, 10);
	return true;
}
