/* SPDX-License-Identifier: MIT */
/*
 * Reads and checks a disk's GUID partition table (UEFI 2.10, 5.3). Called by driver.c as a disk
 * starts; reads through device_read, treats each byte of the disk as hostile, and never writes.
 */
#include "vmm/driver/disk/core/gpt.h"

#include "lib/string.h"
#include "vmm/rt/format.h"

#define SIGNATURE	 0x5452415020494645ull /* the signature "EFI PART" */
#define REVISION	 0x00010000u
#define HEADER_BYTES_MIN 92u
#define ENTRY_BYTES_MIN	 128u
#define NAME_UNITS	 36u /* 16-bit units of UTF-16 in a partition's name */
#define CRC32_POLYNOMIAL 0xedb88320u
/* The partition table of the MBR in the first sector (UEFI 2.10, 5.2.1). */
#define DOS_ENTRIES_AT	 446u
#define DOS_ENTRY_BYTES	 16u
#define DOS_ENTRIES	 4u
#define DOS_TYPE_AT	 4u
#define DOS_FIRST_AT	 8u
#define DOS_SIGNATURE_AT 510u
#define DOS_SIGNATURE	 0xaa55u
#define DOS_TYPE_GPT	 0xeeu

static u32 gpt_crc32(const u8 *bytes, size_t count)
{
	u32 crc = ~0u;

	for (size_t i = 0; i < count; i++) {
		crc ^= bytes[i];
		for (u32 bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ ((crc & 1) != 0 ? CRC32_POLYNOMIAL : 0);
	}
	return ~crc;
}

static u32 gpt_get32(const u8 *bytes)
{
	u32 value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static u64 gpt_get64(const u8 *bytes)
{
	u64 value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

bool gpt_counts(const u8 *sector)
{
	const u8 *entry = sector + DOS_ENTRIES_AT;
	bool zeros = true;

	for (u32 i = 0; i < BLOCK_SECTOR_BYTES && zeros; i++)
		zeros = sector[i] == 0;
	if (zeros)
		return true;
	if ((sector[DOS_SIGNATURE_AT] | sector[DOS_SIGNATURE_AT + 1] << 8) != DOS_SIGNATURE)
		return false;
	for (u32 i = 0; i < DOS_ENTRIES; i++, entry += DOS_ENTRY_BYTES) {
		if (entry[DOS_TYPE_AT] == DOS_TYPE_GPT && gpt_get32(entry + DOS_FIRST_AT) == 1)
			return true;
	}
	return false;
}

static bool gpt_header_crc_fits(const u8 *block, u32 bytes)
{
	u8 copy[4096];

	memcpy(copy, block, bytes);
	/* the header's checksum counts the field of the checksum as zero (table 5-5) */
	memset(copy + 16, 0, 4);
	return gpt_crc32(copy, bytes) == gpt_get32(block + 16);
}

/* Returns the fault of the GPT header in `block`, in words, or NULL. */
static const char *gpt_find_header_fault(const u8 *block, u32 block_bytes, u64 blocks,
					 const struct gpt_header *header)
{
	u32 bytes = gpt_get32(block + 12);
	u64 table;

	if (gpt_get32(block + 8) != REVISION)
		return "its revision is not 1.0";
	if (bytes < HEADER_BYTES_MIN || bytes > block_bytes || bytes > 4096)
		return "its header has an impossible size";
	if (!gpt_header_crc_fits(block, bytes))
		return "the checksum of its header is wrong";
	if (gpt_get64(block + 24) != 1)
		return "its header says that it lies elsewhere";
	if (header->first_usable > header->last_usable || header->last_usable >= blocks)
		return "it reaches beyond the end of the disk";
	if (header->entry_bytes < ENTRY_BYTES_MIN || header->entry_bytes % 8 != 0 ||
	    header->entry_bytes > BLOCK_REQUEST_BYTES || header->entry_count == 0 ||
	    header->entry_count > BLOCK_REQUEST_BYTES / header->entry_bytes)
		return "it has more entries than 64 KiB, or none";
	table = ((u64)header->entry_count * header->entry_bytes + block_bytes - 1) / block_bytes;
	if (header->entries < 2 || header->entries >= header->first_usable ||
	    header->first_usable - header->entries < table)
		return "its entries lie where partitions may lie";
	return NULL;
}

static bool gpt_is_there(const u8 *block)
{
	return gpt_get64(block) == SIGNATURE;
}

enum gpt_result gpt_parse_header(const u8 *block, u32 block_bytes, u64 blocks,
				 struct gpt_header *header, char *problem, size_t size)
{
	const char *fault;

	problem[0] = '\0';
	if (!gpt_is_there(block))
		return GPT_NONE;
	*header = (struct gpt_header){
		.first_usable = gpt_get64(block + 40),
		.last_usable = gpt_get64(block + 48),
		.entries = gpt_get64(block + 72),
		.entry_count = gpt_get32(block + 80),
		.entry_bytes = gpt_get32(block + 84),
		.entries_crc = gpt_get32(block + 88),
	};
	fault = gpt_find_header_fault(block, block_bytes, blocks, header);
	if (fault == NULL)
		return GPT_GOOD;
	format(problem, size, "its partition table is broken: %s", fault);
	return GPT_BROKEN;
}

/* Converts a UTF-16 name to printable ASCII. */
static void gpt_copy_name(char *name, size_t size, const u8 *units)
{
	size_t length = 0;

	for (u32 i = 0; i < NAME_UNITS && length + 1 < size; i++, units += 2) {
		u32 unit = units[0] | (u32)units[1] << 8;

		if (unit == 0)
			break;
		name[length++] = unit >= 0x20 && unit < 0x7f ? (char)unit : '?';
	}
	name[length] = '\0';
}

static bool gpt_overlaps(const struct disk_partition *partition, u32 count,
			 const struct disk_partition *added)
{
	for (u32 i = 0; i < count; i++) {
		if (added->first_sector < partition[i].first_sector + partition[i].sectors &&
		    partition[i].first_sector < added->first_sector + added->sectors)
			return true;
	}
	return false;
}

int gpt_parse_entries(const u8 *entries, const struct gpt_header *header, u32 block_bytes,
		      struct disk_partition partition[DISK_PARTITION_MAX], char *problem,
		      size_t size)
{
	static const u8 unused[16];
	u64 per_block = block_bytes / BLOCK_SECTOR_BYTES;
	u32 count = 0;

	problem[0] = '\0';
	if (gpt_crc32(entries, (size_t)header->entry_count * header->entry_bytes) !=
	    header->entries_crc) {
		format(problem, size,
		       "its partition table is broken: the checksum of its entries is wrong");
		return -1;
	}
	for (u32 i = 0; i < header->entry_count; i++) {
		const u8 *entry = entries + (size_t)i * header->entry_bytes;
		u64 first = gpt_get64(entry + 32);
		u64 last = gpt_get64(entry + 40);
		struct disk_partition *added = &partition[count];

		if (memcmp(entry, unused, sizeof(unused)) == 0)
			continue;
		if (count == DISK_PARTITION_MAX) {
			format(problem, size, "it has more than %u partitions", DISK_PARTITION_MAX);
			return -1;
		}
		if (first < header->first_usable || last > header->last_usable || first > last) {
			format(problem, size,
			       "its partition table is broken: partition %u lies outside the disk",
			       i + 1);
			return -1;
		}
		memcpy(added->type, entry, sizeof(added->type));
		memcpy(added->id, entry + 16, sizeof(added->id));
		added->first_sector = first * per_block;
		added->sectors = (last - first + 1) * per_block;
		gpt_copy_name(added->name, sizeof(added->name), entry + 56);
		if (gpt_overlaps(partition, count, added)) {
			format(problem, size,
			       "its partition table is broken: partition %u overlaps another",
			       i + 1);
			return -1;
		}
		count++;
	}
	return (int)count;
}

static int gpt_read_all(const struct driver_disk *disk, struct disk_unit *unit)
{
	u32 per_block = disk->block_bytes / BLOCK_SECTOR_BYTES;
	char *problem = unit->problem;
	size_t size = sizeof(unit->problem);
	struct gpt_header header;
	enum gpt_result result;
	const u8 *data;
	u32 blocks;

	unit->gpt_ignored = 0;
	problem[0] = '\0';
	if (disk->sectors / per_block < 3 || !device_read(disk->unit, 0, 2 * per_block, &data)) {
		format(problem, size, "its partition table cannot be read");
		return -1;
	}
	unit->gpt_ignored = gpt_is_there(data + disk->block_bytes) && !gpt_counts(data);
	if (unit->gpt_ignored != 0)
		return 0;
	result = gpt_parse_header(data + disk->block_bytes, disk->block_bytes,
				  disk->sectors / per_block, &header, problem, size);
	if (result != GPT_GOOD)
		return result == GPT_NONE ? 0 : -1;
	blocks = (header.entry_count * header.entry_bytes + disk->block_bytes - 1) /
		 disk->block_bytes;
	if (!device_read(disk->unit, header.entries * per_block, blocks * per_block, &data)) {
		format(problem, size, "its partition table cannot be read");
		return -1;
	}
	return gpt_parse_entries(data, &header, disk->block_bytes, unit->partition, problem, size);
}

void gpt_read(const struct driver_disk *disk, struct disk_unit *unit)
{
	int count = gpt_read_all(disk, unit);

	unit->partition_count = count > 0 ? (u32)count : 0;
}
