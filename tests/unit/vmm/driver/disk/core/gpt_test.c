/* SPDX-License-Identifier: MIT */
/* GUID partition tables: what is in good ones, and why others are not believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "lib/string.h"
#include "vmm/driver/disk/core/gpt.c"
#include "vmm/rt/format.h"

#define DISK_BYTES  (256u * 1024)
#define ENTRY_BYTES 128u

/* A disk: its bytes from block 0 on, as device_read finds them. */
static u8 disk[DISK_BYTES];
static u32 block_bytes;
static u64 blocks; /* the blocks that the disk claims to have */
static u64 entries_block;
static u32 entry_count;
static u32 entry_bytes;
static u32 reads_that_work;
static struct disk_unit unit;

static void put32(u64 at, u32 value)
{
	memcpy(disk + at, &value, sizeof(value));
}

static void put64(u64 at, u64 value)
{
	memcpy(disk + at, &value, sizeof(value));
}

bool device_read(u32 number, u64 sector, u32 sectors, const u8 **data)
{
	static u8 *copy;
	u64 bytes = (u64)sectors * BLOCK_SECTOR_BYTES;

	if (reads_that_work == 0)
		return false;
	reads_that_work--;
	assert_true(bytes != 0 && bytes <= BLOCK_REQUEST_BYTES);
	assert_true(sector * BLOCK_SECTOR_BYTES + bytes <= DISK_BYTES);
	/* the copy has exactly this length, so that ASan sees a read beyond it */
	free(copy);
	copy = malloc(bytes);
	memcpy(copy, disk + sector * BLOCK_SECTOR_BYTES, bytes);
	*data = copy;
	return true;
}

static u64 header_at(u32 offset)
{
	return block_bytes + offset;
}

static u64 entry_at(u32 number, u32 offset)
{
	return entries_block * block_bytes + (u64)number * entry_bytes + offset;
}

static void set_header_crc(void)
{
	u32 bytes;

	memcpy(&bytes, disk + header_at(12), sizeof(bytes));
	put32(header_at(16), 0);
	put32(header_at(16), gpt_crc32(disk + header_at(0), MIN(bytes, block_bytes)));
}

static void set_crcs(void)
{
	put32(header_at(88), gpt_crc32(disk + entry_at(0, 0), (size_t)entry_count * entry_bytes));
	set_header_crc();
}

/* An empty table; blocks 40 to 999 are for partitions. */
static void make_table(u32 bytes_of_block)
{
	memset(disk, 0, sizeof(disk));
	memset(&unit, 0xff, sizeof(unit));
	reads_that_work = 2;
	block_bytes = bytes_of_block;
	blocks = 1024;
	entries_block = 2;
	entry_count = 128;
	entry_bytes = ENTRY_BYTES;
	memcpy(disk + header_at(0), "EFI PART", 8);
	put32(header_at(8), 0x00010000);
	put32(header_at(12), 92);
	put64(header_at(24), 1);
	put64(header_at(32), 1023);
	put64(header_at(40), 40);
	put64(header_at(48), 999);
	put64(header_at(72), entries_block);
	put32(header_at(80), entry_count);
	put32(header_at(84), entry_bytes);
	set_crcs();
}

static void add_partition(u32 entry, u64 first, u64 last, const char *name)
{
	memset(disk + entry_at(entry, 0), 0xa0, 16);
	memset(disk + entry_at(entry, 16), (int)(0xb0 + entry), 16);
	put64(entry_at(entry, 32), first);
	put64(entry_at(entry, 40), last);
	for (u32 i = 0; name[i] != '\0'; i++)
		disk[entry_at(entry, 56 + 2 * i)] = (u8)name[i];
	set_crcs();
}

static void read_table(void)
{
	const struct driver_disk what = {
		.block_bytes = block_bytes,
		.sectors = blocks * (block_bytes / BLOCK_SECTOR_BYTES),
	};

	unit.problem[0] = '\0';
	gpt_read(&what, &unit);
}

static void expect_problem(const char *text)
{
	reads_that_work = 2;
	read_table();
	assert_string_equal(unit.problem, text);
	assert_int_equal(unit.partition_count, 0);
}

static void expect_broken(const char *why)
{
	char text[DRIVER_TEXT_BYTES];

	snprintf(text, sizeof(text), "its partition table is broken: %s", why);
	expect_problem(text);
}

static void expect_partition(u32 number, u64 first_sector, u64 sectors, const char *name)
{
	const struct disk_partition *partition = &unit.partition[number];

	assert_true(number < unit.partition_count);
	assert_int_equal(partition->first_sector, first_sector);
	assert_int_equal(partition->sectors, sectors);
	assert_string_equal(partition->name, name);
	assert_int_equal(partition->type[15], 0xa0);
}

/* The check value that catalogues of CRCs give for CRC-32. */
static void checksum(void **state)
{
	(void)state;
	assert_int_equal(gpt_crc32((const u8 *)"123456789", 9), 0xcbf43926);
	assert_int_equal(gpt_crc32(NULL, 0), 0);
}

static void good_tables(void **state)
{
	static const u32 sizes[] = {512, 4096};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(sizes); i++) {
		u32 per_block = sizes[i] / 512;

		make_table(sizes[i]);
		read_table();
		assert_int_equal(unit.partition_count, 0);
		assert_string_equal(unit.problem, "");
		add_partition(0, 40, 40, "root"); /* touching, not in order, with a gap */
		add_partition(5, 100, 999, "data");
		add_partition(127, 41, 99, "");
		reads_that_work = 2;
		read_table();
		assert_string_equal(unit.problem, "");
		assert_int_equal(unit.partition_count, 3);
		expect_partition(0, 40 * per_block, per_block, "root");
		expect_partition(1, 100 * per_block, 900 * per_block, "data");
		expect_partition(2, 41 * per_block, 59 * per_block, "");
		assert_int_equal(unit.partition[1].id[0], 0xb5);
	}
}

/* Larger entries, fewer of them, at the last place before the partitions; a longer header. */
static void unusual_tables(void **state)
{
	(void)state;
	make_table(512);
	entry_count = 3;
	entry_bytes = 384;
	entries_block = 37;
	put32(header_at(12), 512);
	put64(header_at(72), entries_block);
	put32(header_at(80), entry_count);
	put32(header_at(84), entry_bytes);
	add_partition(2, 40, 999, "last");
	read_table();
	assert_string_equal(unit.problem, "");
	expect_partition(0, 40, 960, "last");
}

static void put_dos_entry(u32 entry, u8 type, u32 first)
{
	disk[446 + 16 * entry + 4] = type;
	put32(446 + 16 * entry + 8, first);
	disk[510] = 0x55;
	disk[511] = 0xaa;
}

static void expect_ignored(bool ignored)
{
	reads_that_work = 2;
	read_table();
	assert_string_equal(unit.problem, "");
	assert_int_equal(unit.gpt_ignored, ignored);
	assert_int_equal(unit.partition_count, ignored ? 0 : 1);
}

/* A table counts if the first sector knows of it (5.2.3), or has nothing to say. */
static void what_the_first_sector_says(void **state)
{
	static const u32 sizes[] = {512, 4096};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(sizes); i++) {
		for (u32 entry = 0; entry < 4; entry++) {
			make_table(sizes[i]);
			add_partition(0, 40, 50, "data");
			expect_ignored(false);
			put_dos_entry((entry + 1) % 4, 0x83, 40); /* a disk of a DOS table */
			expect_ignored(true);
			put_dos_entry(entry, 0xee, 1); /* the entry makes the table a hybrid one */
			expect_ignored(false);
			put_dos_entry(entry, 0xee, 2);
			expect_ignored(true);
			put_dos_entry(entry, 0xee, 1);
			disk[511] = 0;
			expect_ignored(true);
		}
		make_table(sizes[i]);
		put_dos_entry(0, 0xee, 1); /* alone, as usual */
		add_partition(0, 40, 50, "data");
		expect_ignored(false);
		/* a first sector that is no table of partitions is somebody's as well */
		for (u32 at = 0; at < 512; at += 73) {
			make_table(sizes[i]);
			add_partition(0, 40, 50, "data");
			disk[at] = 1;
			expect_ignored(true);
		}
		disk[header_at(20)] ^= 1; /* nobody asks whether the header is whole */
		expect_ignored(true);
		disk[header_at(0)] = 0;
		reads_that_work = 2;
		read_table();
		assert_int_equal(unit.gpt_ignored, 0);
	}
}

static void disks_without_one(void **state)
{
	(void)state;
	make_table(512);
	disk[header_at(7)] = 'X';
	expect_problem("");
	make_table(512);
	reads_that_work = 0;
	read_table();
	assert_string_equal(unit.problem, "its partition table cannot be read");
	make_table(512);
	reads_that_work = 1;
	read_table();
	assert_string_equal(unit.problem, "its partition table cannot be read");
	make_table(512);
	blocks = 2; /* there is no room for a GPT */
	expect_problem("its partition table cannot be read");
}

/* One field of the header has a value that it must not have. */
static void broken_headers(void **state)
{
	static const char size[] = "its header has an impossible size";
	static const char beyond[] = "it reaches beyond the end of the disk";
	static const char entries[] = "it has more entries than 64 KiB, or none";
	static const char place[] = "its entries lie where partitions may lie";
	static const struct {
		u32 at;
		u32 bytes;
		u64 value;
		const char *why;
	} cases[] = {
		{8, 4, 0x00010001, "its revision is not 1.0"},
		{12, 4, 91, size},
		{12, 4, 513, size},
		{12, 4, ~0u, size},
		{24, 8, 2, "its header says that it lies elsewhere"},
		{40, 8, 1000, beyond},
		{48, 8, 1024, beyond},
		{48, 8, ~0ull, beyond},
		{84, 4, 64, entries},
		{84, 4, 132, entries},
		{84, 4, 0, entries},
		{84, 4, 65536 + 8, entries},
		{80, 4, 0, entries},
		{80, 4, 513, entries},
		{80, 4, ~0u, entries},
		{72, 8, 1, place},
		{72, 8, 9, place}, /* the table's 32 blocks end one block too late */
		{72, 8, 40, place},
		{72, 8, ~0ull, place},
		{40, 8, 33, place},
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(cases); i++) {
		make_table(512);
		if (cases[i].bytes == 4)
			put32(header_at(cases[i].at), (u32)cases[i].value);
		else
			put64(header_at(cases[i].at), cases[i].value);
		set_header_crc();
		expect_broken(cases[i].why);
	}
	make_table(512);
	put64(header_at(32), 5);
	expect_broken("the checksum of its header is wrong");
	make_table(512);
	put64(header_at(40), 34); /* this value is just possible */
	set_header_crc();
	expect_problem("");
}

static void broken_entries(void **state)
{
	static const u64 outside[][2] = {{39, 50}, {50, 1000}, {60, 59}, {0, ~0ull}, {40, ~0ull}};

	(void)state;
	make_table(512);
	disk[entry_at(127, 127)] = 1;
	expect_broken("the checksum of its entries is wrong");
	for (u32 i = 0; i < ARRAY_COUNT(outside); i++) {
		make_table(512);
		add_partition(6, outside[i][0], outside[i][1], "far");
		expect_broken("partition 7 lies outside the disk");
	}
}

static void overlapping_entries(void **state)
{
	static const u64 others[][2] = {{40, 100}, {200, 300}, {120, 130}, {50, 900}, {100, 200}};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(others); i++) {
		make_table(512);
		add_partition(0, 100, 200, "first");
		add_partition(1, 400, 500, "second");
		add_partition(3, others[i][0], others[i][1], "third");
		expect_broken("partition 4 overlaps another");
	}
}

static void too_many(void **state)
{
	(void)state;
	make_table(512);
	entry_count = 130;
	put32(header_at(80), entry_count);
	put64(header_at(40), 60);
	for (u32 i = 0; i < DISK_PARTITION_MAX; i++)
		add_partition(i, 100 + i, 100 + i, "one");
	reads_that_work = 2;
	read_table();
	assert_int_equal(unit.partition_count, DISK_PARTITION_MAX);
	expect_partition(127, 227, 1, "one");
	add_partition(129, 90, 90, "more");
	expect_problem("it has more than 128 partitions");
}

/*
 * A name is in UTF-16: a character that no console shows is a '?'; all 36 units are used without a
 * zero behind them.
 */
static void names(void **state)
{
	static const u16 units[] = {'a', 0xe4, 0x2603, 0x7f,   0x1f,
				    ' ', '~',  0xd83d, 0xde00, 0x0141};

	(void)state;
	make_table(512);
	add_partition(0, 40, 50, "123456789012345678901234567890123456");
	add_partition(1, 51, 60, "");
	memcpy(disk + entry_at(1, 56), units, sizeof(units));
	set_crcs();
	read_table();
	expect_partition(0, 40, 11, "123456789012345678901234567890123456");
	expect_partition(1, 51, 10, "a???? ~???");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checksum),	     cmocka_unit_test(good_tables),
		cmocka_unit_test(unusual_tables),    cmocka_unit_test(what_the_first_sector_says),
		cmocka_unit_test(disks_without_one), cmocka_unit_test(broken_headers),
		cmocka_unit_test(broken_entries),    cmocka_unit_test(overlapping_entries),
		cmocka_unit_test(too_many),	     cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
