/* SPDX-License-Identifier: MIT */
/* The process that copies disks: what lies in a place when it is done, and when it is not. */
#include "tests/unit/vmm/monitor/save/save_process_fixture.h"

#include "vmm/monitor/save/backup_header.c"
#include "vmm/monitor/save/backup_target.c"
#include "vmm/monitor/save/copier.c"
#include "vmm/monitor/state/record.h"
#include "vmm/rt/crc32c.h"
#include "vmm/rt/format.h"

#define DISK_BYTES (5 * BLOCK_BYTES + 512)
/* the size of a place, no whole number of its blocks */
#define PLACE_BYTES (8 * BLOCK_BYTES + 1024)

enum { A, B, TO_A, TO_B, DISKS };

static u8 disk_bytes[DISKS][PLACE_BYTES];
static u64 disk_size[DISKS];
static u32 writes_left; /* the writes before a place fails */
static u32 flushed[DISKS];
static bool dirty[DISKS]; /* the disks written to since their last flush */
static u32 headers;	  /* the headers in all places, when the first of them was written */
static u64 changed[2];	  /* the changed blocks of A and of B */
/* the driver lies: there are more changes when they are looked at again */
static bool lies;
static u32 grows; /* this place grows while it is written to */
static struct copier_page the_page;

static bool open_disk(struct save_disk *disk, u32 number)
{
	disk->queue = number;
	disk->bytes = disk_size[number];
	return true;
}

bool save_disk_open_link(struct save_disk *disk, struct disk_client *client,
			 const struct start_entry *entry, handle_t queue)
{
	(void)client, (void)queue;
	return open_disk(disk, (u32)entry->value == 3 ? A : B);
}

bool save_disk_open_target(struct save_disk *disk, struct disk_client *client,
			   const struct start_entry *entry, handle_t queue)
{
	(void)client, (void)queue;
	return open_disk(disk, (u32)entry->value == 3 ? TO_A : TO_B);
}

bool save_disk_read(struct save_disk *disk, u64 offset, void *bytes, u32 count)
{
	assert_true(offset + count <= disk->bytes && count <= BLOCK_REQUEST_BYTES);
	memcpy(bytes, disk_bytes[disk->queue] + offset, count);
	if (lies && disk->queue == A)
		changed[0] = ~0ull;
	return true;
}

bool save_disk_write(struct save_disk *disk, u64 offset, const void *bytes, u32 count)
{
	assert_true(disk->queue >= TO_A);
	assert_true(offset + count <= disk->bytes && count % 512 == 0);
	if (memcmp(bytes, BACKUP_MAGIC, 8) == 0) {
		/* all other data of all places are on the medium */
		assert_true(headers++ != 0 || (!dirty[TO_A] && !dirty[TO_B]));
	}
	if (writes_left-- == 0) {
		format(disk->problem, sizeof(disk->problem), "gone");
		return false;
	}
	memcpy(disk_bytes[disk->queue] + offset, bytes, count);
	dirty[disk->queue] = true;
	return true;
}

bool save_disk_has_grown(const struct save_disk *disk)
{
	return disk->queue == grows;
}

bool save_disk_flush(struct save_disk *disk)
{
	flushed[disk->queue]++;
	dirty[disk->queue] = false;
	return true;
}

enum status memory_map(u64 bytes, u64 *at)
{
	static struct copier_room room_memory;

	assert_true(bytes >= sizeof(room_memory));
	memset(&room_memory, 0, sizeof(room_memory));
	*at = (u64)(uintptr_t)&room_memory;
	return STATUS_OK;
}

/* Disks 3 and 4 of a VM. */
static void set_up(enum backup_kind kind)
{
	memset(&start, 0, sizeof(start));
	memset(&the_page, 0, sizeof(the_page));
	memset(dirty, 0, sizeof(dirty));
	count = headers = 0;
	writes_left = 1000;
	start.info.parameter[MONITOR_FLAGS] = MONITOR_COPIER;
	add(START_CHANNEL, 0, &the_page, "");
	for (u32 i = 0; i < 2; i++) {
		add(START_DISK, 3 + i, NULL, i == 0 ? "data" : "more");
		if (kind == BACKUP_DIFF)
			add(START_STATE, 8, &changed[i], "");
		add(START_SAVE, 3 + i, NULL, "alpha");
		disk_size[A + i] = DISK_BYTES;
		disk_size[TO_A + i] = PLACE_BYTES;
		the_page.label[3 + i] = (struct backup_label){
			.chain = {7, (u8)i}, .id = {7, (u8)i}, .kind = (u32)kind};
		the_page.disk_bytes[3 + i] = DISK_BYTES;
		for (u32 at = 0; at < DISK_BYTES; at++)
			disk_bytes[A + i][at] = (u8)(at / 512 + i + 1);
	}
	assert_true(copier_wanted());
}

static void empty_places(void)
{
	memset(disk_bytes[TO_A], 0, sizeof(disk_bytes[TO_A]));
	memset(disk_bytes[TO_B], 0, sizeof(disk_bytes[TO_B]));
}

static bool runs(void)
{
	if (setjmp(the_end) == 0)
		copier_run();
	assert_int_not_equal(the_page.state, COPIER_COPIES);
	return the_page.state == COPIER_DONE;
}

static const struct backup_header *header_at(u32 disk, u64 at)
{
	const struct backup_header *header = (const void *)(disk_bytes[disk] + at);

	return memcmp(header->magic, BACKUP_MAGIC, 8) == 0 &&
			       header->check == backup_header_check(header)
		       ? header
		       : NULL;
}

#define TAIL (8 * BLOCK_BYTES - BACKUP_HEADER_BYTES)

static void copies_all(void **state)
{
	(void)state;
	set_up(BACKUP_FULL);
	empty_places();
	assert_true(runs());
	for (u32 i = 0; i < 2; i++) {
		const struct backup_header *header = header_at(TO_A + i, TAIL);

		assert_memory_equal(disk_bytes[TO_A + i], disk_bytes[A + i], DISK_BYTES);
		assert_non_null(header);
		assert_int_equal(header->disk_bytes, DISK_BYTES);
		assert_string_equal(header->vm, "alpha");
		assert_string_equal(header->disk, i == 0 ? "data" : "more");
		assert_int_equal(header->label.id[1], i);
		assert_false(dirty[TO_A + i]);
	}
	assert_int_equal(the_page.copied_bytes, 2 * DISK_BYTES);
	assert_int_equal(the_page.all_bytes, 2 * DISK_BYTES);
}

static void copies_what_changed(void **state)
{
	const u64 *index = (const void *)(disk_bytes[TO_A] + BACKUP_HEADER_BYTES);
	const struct backup_header *header;

	(void)state;
	set_up(BACKUP_DIFF);
	empty_places();
	changed[0] = BIT(1) | BIT(5) | BIT(6); /* the last of these blocks is beyond the disk */
	changed[1] = 0;
	assert_true(runs());
	header = header_at(TO_A, 0);
	assert_non_null(header);
	assert_int_equal(header->blocks, 2);
	assert_int_equal(header->data_at, 2 * BACKUP_HEADER_BYTES);
	assert_int_equal(index[0], 1);
	assert_int_equal(index[1], 5);
	assert_int_equal(index[2], 0);
	assert_memory_equal(disk_bytes[TO_A] + header->data_at, disk_bytes[A] + BLOCK_BYTES,
			    BLOCK_BYTES);
	assert_memory_equal(disk_bytes[TO_A] + header->data_at + BLOCK_BYTES,
			    disk_bytes[A] + 5 * BLOCK_BYTES, 512);
	assert_int_equal(disk_bytes[TO_A][header->data_at + BLOCK_BYTES + 512], 0);
	header = header_at(TO_B, 0);
	assert_non_null(header);
	assert_int_equal(header->blocks, 0);
	assert_int_equal(the_page.copied_bytes, BLOCK_BYTES + 512);
	assert_int_equal(the_page.all_bytes, BLOCK_BYTES + 512);
}

/* A driver adds blocks after they were counted: there is no room for these. */
static void is_lied_to(void **state)
{
	(void)state;
	set_up(BACKUP_DIFF);
	empty_places();
	changed[0] = 2;
	changed[1] = 0;
	lies = true;
	assert_false(runs());
	lies = false;
	assert_string_equal(the_page.problem,
			    "disk data: its driver has added to the changes meanwhile");
	assert_null(header_at(TO_A, 0));
}

/*
 * Whenever the copier ends: unless it says that it is done there is no backup, neither new nor old.
 */
static void is_cut_off(void **state)
{
	(void)state;
	for (enum backup_kind kind = BACKUP_FULL; kind <= BACKUP_DIFF; kind++) {
		for (u32 writes = 0;; writes++) {
			set_up(BACKUP_FULL);
			empty_places();
			assert_true(runs());
			set_up(kind);
			the_page.label[3].chain[0] = the_page.label[4].chain[0] = 8;
			the_page.overwrite = 1;
			changed[0] = changed[1] = 0x3f;
			disk_size[TO_A] = disk_size[TO_B] = PLACE_BYTES;
			writes_left = writes;
			if (runs())
				break;
			assert_non_null(strstr(the_page.problem, "the copy of disk "));
			if (writes < 4)
				continue; /* the headers are wiped one after the other */
			/* the first place may have its header: it is whole */
			assert_true(headers != 0 || header_at(TO_A, 0) == NULL);
			assert_true(headers != 0 || header_at(TO_A, TAIL) == NULL);
			assert_null(header_at(TO_B, 0));
			assert_null(header_at(TO_B, TAIL));
		}
	}
}

static void refuses(const char *words)
{
	static u8 before[DISKS][PLACE_BYTES];

	memcpy(before, disk_bytes, sizeof(before));
	assert_false(runs());
	if (strstr(the_page.problem, words) == NULL)
		fail_msg("%s", the_page.problem);
	assert_memory_equal(before, disk_bytes, sizeof(before));
}

/* No place is touched before each has been looked at. */
static void looks_first(void **state)
{
	static const u32 at[] = {0, 511, 4096, 32768, 65536, 131071, TAIL, TAIL + 4095};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(at); i++) {
		set_up(BACKUP_FULL);
		empty_places();
		disk_bytes[TO_B][at[i]] = 1;
		refuses("the copy of disk more: the place holds something else; use an empty "
			"place");
		set_up(BACKUP_FULL);
		the_page.overwrite = 1;
		assert_true(runs());
	}
	set_up(BACKUP_FULL);
	empty_places();
	disk_size[TO_B] = 6 * BLOCK_BYTES; /* one block more than needed */
	assert_true(runs());
	set_up(BACKUP_FULL);
	empty_places();
	disk_size[TO_B] = 5 * BLOCK_BYTES + 4096 + 4095;
	refuses("the place has 327 KiB, but it takes at least 328 KiB");
	set_up(BACKUP_DIFF);
	changed[0] = changed[1] = 3;
	disk_size[TO_A] = 2 * 4096 + 2 * BLOCK_BYTES - 512;
	refuses("it takes at least");
	set_up(BACKUP_FULL);
	disk_size[A] = the_page.disk_bytes[3] = 0;
	refuses("disk data: it has no bytes");
}

/* All backups of a chain have one size: what could not be restored is no backup. */
static void has_another_size(void **state)
{
	(void)state;
	for (u32 i = 0; i < 4; i++) {
		set_up(i % 2 == 0 ? BACKUP_FULL : BACKUP_DIFF);
		empty_places();
		disk_size[B] = i < 2 ? DISK_BYTES + 512 : DISK_BYTES - 512;
		refuses("disk more: its size has changed meanwhile; make a full backup of what it "
			"is now");
	}
}

/* The place grows, so that its header would not be where one looks for it. */
static void a_place_grows(void **state)
{
	(void)state;
	set_up(BACKUP_FULL);
	empty_places();
	grows = TO_B;
	assert_false(runs());
	grows = 0;
	assert_string_equal(the_page.problem, "the copy of disk more: the place has grown "
					      "meanwhile; use one that keeps its size");
	assert_null(header_at(TO_B, TAIL));
}

/* A backup keeps the backups on which it builds, also where it may overwrite. */
static void keeps_its_base(void **state)
{
	(void)state;
	for (enum backup_kind kind = BACKUP_FULL; kind <= BACKUP_DIFF; kind++) {
		set_up(kind);
		empty_places();
		changed[0] = changed[1] = 1;
		assert_true(runs());
		set_up(BACKUP_DIFF);
		the_page.overwrite = 1;
		refuses("the place holds a backup that this one builds upon");
		/* another chain is kept too, as it is none of the copier's business */
		set_up(BACKUP_DIFF);
		the_page.overwrite = 1;
		the_page.label[3].chain[0] = the_page.label[4].chain[0] = 8;
		assert_true(runs());
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_all),	    cmocka_unit_test(copies_what_changed),
		cmocka_unit_test(is_lied_to),	    cmocka_unit_test(is_cut_off),
		cmocka_unit_test(looks_first),	    cmocka_unit_test(keeps_its_base),
		cmocka_unit_test(has_another_size), cmocka_unit_test(a_place_grows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
