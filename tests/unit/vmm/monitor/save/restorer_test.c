/* SPDX-License-Identifier: MIT */
/* The process that restores a disk: what is on it once it is done, has failed or has refused. */
#include "tests/unit/vmm/monitor/save/save_process_fixture.h"

#include "vmm/monitor/save/backup_header.c"
#include "vmm/monitor/save/restorer.c"
#include "vmm/monitor/state/record.h"
#include "vmm/rt/crc32c.h"
#include "vmm/rt/format.h"

#define DISK_BYTES  (5 * BLOCK_BYTES + 512)
#define DISK_BLOCKS 6u
/* the size of a place, no whole number of its blocks */
#define PLACE_BYTES (8 * BLOCK_BYTES + 1024)
#define TAIL	    (8 * BLOCK_BYTES - BACKUP_HEADER_BYTES)
#define NEVER	    ~0u

enum { FULL, DIFF_1, DIFF_2, TO, DISKS };

static u8 disk[DISKS][PLACE_BYTES];
static u64 disk_size[DISKS];
static u32 writes_left; /* the writes before the disk fails */
static bool dirty;	/* the disk was written to since its last flush */
static bool lies;	/* a place lies: it has other numbers when it is looked at again */
static struct restorer_page the_page;
static u8 wanted[DISK_BYTES];

static bool open_disk(struct save_disk *of, u32 number)
{
	of->queue = number;
	of->bytes = disk_size[number];
	return true;
}

bool save_disk_open_link(struct save_disk *of, struct disk_client *client,
			 const struct start_entry *entry, handle_t queue)
{
	(void)client, (void)entry, (void)queue;
	return open_disk(of, TO);
}

bool save_disk_open_target(struct save_disk *of, struct disk_client *client,
			   const struct start_entry *entry, handle_t queue)
{
	(void)client, (void)queue;
	return open_disk(of, (u32)entry->value);
}

bool save_disk_read(struct save_disk *of, u64 offset, void *bytes, u32 size)
{
	assert_int_not_equal(of->queue, TO);
	assert_true(offset + size <= of->bytes && size <= BLOCK_REQUEST_BYTES && size % 512 == 0);
	memcpy(bytes, disk[of->queue] + offset, size);
	if (lies && of->queue != FULL && offset == BACKUP_HEADER_BYTES)
		*(u64 *)(void *)(disk[of->queue] + offset) = DISK_BLOCKS;
	return true;
}

bool save_disk_write(struct save_disk *of, u64 offset, const void *bytes, u32 size)
{
	assert_int_equal(of->queue, TO);
	assert_true(offset + size <= DISK_BYTES && size % 512 == 0);
	if (writes_left-- == 0) {
		format(of->problem, sizeof(of->problem), "gone");
		return false;
	}
	memcpy(disk[TO] + offset, bytes, size);
	dirty = true;
	return true;
}

bool save_disk_flush(struct save_disk *of)
{
	assert_int_equal(of->queue, TO);
	dirty = false;
	return true;
}

enum status memory_map(u64 bytes, u64 *at)
{
	static struct restorer_room room_memory;

	assert_true(bytes >= sizeof(room_memory));
	memset(&room_memory, 0, sizeof(room_memory));
	*at = (u64)(uintptr_t)&room_memory;
	return STATUS_OK;
}

static struct backup_header *header_of(u32 place)
{
	return (struct backup_header *)(void *)(disk[place] + (place == FULL ? TAIL : 0));
}

static void seal(u32 place)
{
	header_of(place)->check = backup_header_check(header_of(place));
}

static void make_header(u32 place, u64 blocks)
{
	struct backup_header *header = header_of(place);

	*header = (struct backup_header){
		.version = BACKUP_VERSION,
		.label = {.chain = {9},
			  .id = {9, (u8)place},
			  .sequence = place,
			  .kind = place == FULL ? BACKUP_FULL : BACKUP_DIFF},
		.disk_bytes = DISK_BYTES,
		.block_bytes = BLOCK_BYTES,
		.blocks = blocks,
		.data_at = place == FULL ? 0 : backup_data_at(blocks),
		.unix_seconds = 1000 + place,
		.vm = "alpha",
		.disk = "data",
	};
	memcpy(header->magic, BACKUP_MAGIC, sizeof(header->magic));
	if (place != FULL)
		header->label.base[0] = 9, header->label.base[1] = (u8)(place - 1);
	seal(place);
}

/* Makes a differential backup of these blocks, whose bytes are all `fill`. */
static void make_diff(u32 place, const u64 *numbers, u32 blocks, u8 fill)
{
	memset(disk[place], 0, sizeof(disk[place]));
	make_header(place, blocks);
	for (u32 i = 0; i < blocks; i++) {
		memcpy(disk[place] + BACKUP_HEADER_BYTES + i * sizeof(u64), &numbers[i],
		       sizeof(u64));
		memset(disk[place] + backup_data_at(blocks) + (u64)i * BLOCK_BYTES, fill,
		       BLOCK_BYTES);
		memset(wanted + numbers[i] * BLOCK_BYTES, fill,
		       MIN(DISK_BYTES - numbers[i] * BLOCK_BYTES, BLOCK_BYTES));
	}
}

/* A chain of three: the second has the first block, the third the last one, which is short. */
static void set_up(void)
{
	memset(&start, 0, sizeof(start));
	memset(&the_page, 0, sizeof(the_page));
	memset(disk[TO], 0x77, sizeof(disk[TO]));
	count = 0;
	lies = dirty = false;
	writes_left = NEVER;
	start.info.parameter[MONITOR_FLAGS] = MONITOR_RESTORER;
	add(START_CHANNEL, 0, &the_page, "");
	add(START_DISK, 0, NULL, "back");
	add(START_SAVE, FULL, NULL, "v0");
	add(START_SAVE, DIFF_1, NULL, "v1");
	add(START_SAVE, DIFF_2, NULL, "v2");
	for (u32 i = 0; i < DISKS; i++)
		disk_size[i] = PLACE_BYTES;
	for (u32 at = 0; at < DISK_BYTES; at++)
		disk[FULL][at] = wanted[at] = (u8)(at / 512 + 1);
	make_header(FULL, 0);
	make_diff(DIFF_1, (const u64[]){0, 2, 3}, 3, 0xa1);
	make_diff(DIFF_2, (const u64[]){3, 5}, 2, 0xa2);
	assert_true(restorer_wanted());
}

static bool runs(void)
{
	if (setjmp(the_end) == 0)
		restorer_run();
	assert_int_not_equal(the_page.state, RESTORER_COPIES);
	return the_page.state == RESTORER_DONE;
}

static void restores_a_chain(void **state)
{
	(void)state;
	set_up();
	assert_true(runs());
	assert_memory_equal(disk[TO], wanted, DISK_BYTES);
	assert_int_equal(disk[TO][DISK_BYTES], 0x77);
	assert_false(dirty);
	assert_int_equal(the_page.copied_bytes, DISK_BYTES + 4 * BLOCK_BYTES + 512);
	assert_int_equal(the_page.all_bytes, the_page.copied_bytes);
	assert_int_equal(the_page.unix_seconds, 1000 + DIFF_2);
	assert_string_equal(the_page.vm, "alpha");
	assert_string_equal(the_page.disk, "data");
}

/* Whenever the restorer ends: unless it says that it is done, the disk begins with zeros. */
static void is_cut_off(void **state)
{
	static const u8 zeros[512];

	(void)state;
	for (u32 writes = 1;; writes++) {
		set_up();
		writes_left = writes;
		if (runs())
			break;
		assert_string_equal(the_page.problem, "gone");
		assert_int_equal(the_page.touched, 1);
		assert_memory_equal(disk[TO], zeros, sizeof(zeros));
	}
}

static void refuses(const char *words)
{
	assert_false(runs());
	if (strstr(the_page.problem, words) == NULL)
		fail_msg("%s", the_page.problem);
	assert_int_equal(the_page.touched, 0);
	for (u32 at = 0; at < PLACE_BYTES; at++)
		assert_int_equal(disk[TO][at], 0x77);
}

static void looks_first(void **state)
{
	(void)state;
	set_up();
	header_of(FULL)->vm[0] ^= 1; /* and the header's checksum is another one's */
	refuses("the backup on disk v0: it is no full backup");
	set_up();
	header_of(DIFF_2)->label.kind = BACKUP_FULL;
	seal(DIFF_2);
	refuses("the backup on disk v2: it is no differential backup");
	set_up();
	header_of(DIFF_2)->label.base[1] = FULL;
	seal(DIFF_2);
	refuses("the backup on disk v2: it does not follow the one before it");
	set_up();
	header_of(DIFF_1)->label.chain[0] = 8;
	seal(DIFF_1);
	refuses("it does not follow");
	set_up();
	header_of(DIFF_1)->disk_bytes += 512;
	seal(DIFF_1);
	refuses("it does not follow");
	set_up();
	disk_size[TO] = DISK_BYTES - 512;
	refuses("the disk has 320 KiB, but the backup needs at least 320 KiB");
}

/* Sizes, places and numbers in headers that are otherwise whole. */
static void believes_nothing(void **state)
{
	static const u64 bytes[] = {0, 1, 511, PLACE_BYTES, 1ull << 63, ~0ull, ~511ull};
	static const u64 blocks[] = {DISK_BLOCKS + 1, 1ull << 48, ~0ull};
	/* clang-format off */
	static const u64 places[] = {0, BACKUP_HEADER_BYTES, 2 * BACKUP_HEADER_BYTES + 1,
				     6 * BLOCK_BYTES, 1ull << 63, ~4095ull};
	/* clang-format on */

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(bytes); i++) {
		set_up();
		header_of(FULL)->disk_bytes = bytes[i];
		seal(FULL);
		refuses("the backup on disk v0: ");
	}
	for (u32 i = 0; i < ARRAY_COUNT(blocks); i++) {
		set_up();
		header_of(DIFF_1)->blocks = blocks[i];
		seal(DIFF_1);
		refuses("the backup on disk v1: the disk ends before the backup does");
	}
	for (u32 i = 0; i < ARRAY_COUNT(places); i++) {
		set_up();
		header_of(DIFF_1)->data_at = places[i];
		seal(DIFF_1);
		refuses("the backup on disk v1: the disk ends before the backup does");
	}
	set_up();
	make_diff(DIFF_2, (const u64[]){1, 1}, 2, 0xa3);
	*(u64 *)(void *)(disk[DIFF_2] + BACKUP_HEADER_BYTES + sizeof(u64)) = DISK_BLOCKS;
	refuses("the backup on disk v2: it has a block beyond the disk's end");
}

/* A place says one thing when it is checked, and another one when it is used. */
static void is_lied_to(void **state)
{
	(void)state;
	set_up();
	lies = true;
	assert_false(runs());
	assert_string_equal(the_page.problem,
			    "the backup on disk v1: it has a block beyond the disk's end");
	assert_int_equal(the_page.touched, 1);
	assert_int_equal(disk[TO][0], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(restores_a_chain), cmocka_unit_test(is_cut_off),
		cmocka_unit_test(looks_first),	    cmocka_unit_test(believes_nothing),
		cmocka_unit_test(is_lied_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
