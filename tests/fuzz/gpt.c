/* SPDX-License-Identifier: MIT */
/*
 * A GUID partition table: a good one in which the input changes what it likes, its checksums
 * corrected afterwards if the input says so.
 */
#include "tests/fuzz/fuzz.h"

#include "lib/string.c"
#include "vmm/driver/disk/core/gpt.c"
#include "vmm/rt/format.c"

static u8 *start; /* blocks 0 and 1 */
static u8 *block; /* 1 */
static u8 *entries;
static u32 block_bytes;

static void put32(u8 *at, u32 value)
{
	memcpy(at, &value, sizeof(value));
}

/* Reads the first sectors, and then the entries, each in memory of exactly its size. */
bool device_read(u32 number, u64 sector, u32 sectors, const u8 **data)
{
	u64 bytes = (u64)sectors * BLOCK_SECTOR_BYTES;
	u8 *whole;

	CHECK_THAT(bytes != 0 && bytes <= BLOCK_REQUEST_BYTES);
	if (sector == 0) {
		CHECK_THAT(bytes == 2 * block_bytes);
		*data = start;
		return true;
	}
	CHECK_THAT(sector >= 2 * block_bytes / BLOCK_SECTOR_BYTES);
	whole = malloc(bytes);
	memcpy(whole, entries, bytes);
	free(entries);
	entries = whole;
	*data = whole;
	return true;
}

/* Blocks 40 to 999 of 1024, and eight entries, all unused; `first`: what block 0 has. */
static void make_table(u8 first)
{
	start = calloc(2, block_bytes);
	block = start + block_bytes;
	if ((first & 0x30) != 0) {
		put32(start + 508, 0xaa550000);
		start[446 + (first >> 6) * 16 + 4] = (first & 0x10) != 0 ? 0xee : 0x83;
		start[446 + (first >> 6) * 16 + 8] = 1;
	}
	entries = calloc(1, BLOCK_REQUEST_BYTES);
	memcpy(block, "EFI PART", 8);
	put32(block + 8, REVISION);
	put32(block + 12, HEADER_BYTES_MIN);
	put32(block + 24, 1);
	put32(block + 40, 40);
	put32(block + 48, 999);
	put32(block + 72, 2);
	put32(block + 80, 8);
	put32(block + 84, ENTRY_BYTES_MIN);
}

static void change(struct fuzz *fuzz)
{
	u8 what = fuzz_u8(fuzz);
	u8 *entry = entries + (what >> 2 & 7) * ENTRY_BYTES_MIN;
	u64 first;

	switch (what & 3) {
	case 0:
		block[what >> 2] = fuzz_u8(fuzz);
		break;
	case 1:
		if ((what & 0x80) != 0)
			start[400 + (what >> 2) % 32 * 4] = fuzz_u8(fuzz);
		else
			block[64 + (what >> 2) % 32] = fuzz_u8(fuzz);
		break;
	case 2:
		entries[fuzz_u16(fuzz)] = fuzz_u8(fuzz);
		break;
	default:
		entry[0] = 1;
		first = 40 + fuzz_u16(fuzz) % 1024;
		memcpy(entry + 32, &first, sizeof(first));
		first += fuzz_number(fuzz);
		memcpy(entry + 40, &first, sizeof(first));
		entry[56 + (what >> 5) * 2] = fuzz_u8(fuzz);
	}
}

/* Corrects the checksums, so that the driver believes whatever is in the table. */
static void correct(void)
{
	u32 bytes = gpt_get32(block + 12);
	u64 all = (u64)gpt_get32(block + 80) * gpt_get32(block + 84);

	memcpy(block, "EFI PART", 8);
	if (all <= BLOCK_REQUEST_BYTES)
		put32(block + 88, gpt_crc32(entries, all));
	put32(block + 16, 0);
	if (bytes <= block_bytes)
		put32(block + 16, gpt_crc32(block, bytes));
}

/*
 * Returns whether the first sector says that the disk is somebody's: then no entry is believed that
 * this sector does not know of.
 */
static bool is_protected(void)
{
	static const u8 zeros[BLOCK_SECTOR_BYTES];
	bool found = false;

	for (u32 i = 446; i < 510; i += 16)
		found |= start[i + 4] == 0xee && gpt_get32(start + i + 8) == 1;
	return memcmp(start, zeros, sizeof(zeros)) == 0 ||
	       (found && start[510] == 0x55 && start[511] == 0xaa);
}

static void check_partition(const struct disk_unit *unit, u32 number, u64 sectors)
{
	const struct disk_partition *partition = &unit->partition[number];

	CHECK_THAT(partition->sectors != 0 && partition->sectors <= sectors &&
		   partition->first_sector <= sectors - partition->sectors);
	CHECK_THAT(strnlen(partition->name, sizeof(partition->name)) < sizeof(partition->name));
	for (const char *c = partition->name; *c != '\0'; c++)
		CHECK_THAT(*c >= ' ' && *c < 0x7f);
	for (u32 i = 0; i < number; i++)
		CHECK_THAT(partition->first_sector >=
				   unit->partition[i].first_sector + unit->partition[i].sectors ||
			   unit->partition[i].first_sector >=
				   partition->first_sector + partition->sectors);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct disk_unit unit;
	struct fuzz fuzz = {bytes, size};
	u8 what = fuzz_u8(&fuzz);
	struct driver_disk disk = {.block_bytes = what & 1 ? 4096 : 512};

	block_bytes = disk.block_bytes;
	disk.sectors = what & 4 ? fuzz_number(&fuzz) & (~0ull >> 9)
				: 1024 * (block_bytes / BLOCK_SECTOR_BYTES);
	make_table(what);
	while (fuzz.left > 0)
		change(&fuzz);
	if (what & 2)
		correct();
	memset(&unit, 0xff, sizeof(unit));
	gpt_read(&disk, &unit);
	CHECK_THAT(unit.partition_count <= DISK_PARTITION_MAX);
	CHECK_THAT(strnlen(unit.problem, DRIVER_TEXT_BYTES) < DRIVER_TEXT_BYTES);
	CHECK_THAT(unit.partition_count == 0 || unit.problem[0] == '\0');
	for (u32 i = 0; i < unit.partition_count; i++)
		check_partition(&unit, i, disk.sectors);
	CHECK_THAT(unit.partition_count == 0 || (is_protected() && unit.gpt_ignored == 0));
	CHECK_THAT(unit.gpt_ignored == 0 || !is_protected());
	free(start);
	free(entries);
	return 0;
}
