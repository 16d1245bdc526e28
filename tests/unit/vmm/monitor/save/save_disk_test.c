/* SPDX-License-Identifier: MIT */
/* A disk that is read and written in sequence: no request crosses a boundary of the disk's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/string.h"
#include "vmm/monitor/save/save_disk.c"
#include "vmm/rt/format.h"

enum { SECTORS = 1024 };

static struct disk_client client;
static struct save_disk disk;
static u8 medium[SECTORS * BLOCK_SECTOR_BYTES];
static u8 piece_data[BLOCK_REQUEST_BYTES];
static u32 boundary, requests, fails_at;
static struct {
	enum block_operation operation;
	u64 sector;
	u32 sectors;
	bool there;
} asked;

struct block_about disk_client_about(const struct disk_client *of)
{
	(void)of;
	return (struct block_about){.sectors = SECTORS, .boundary = boundary};
}

bool disk_client_renewed(struct disk_client *of)
{
	(void)of;
	return false;
}

int disk_client_take(struct disk_client *of, u32 bytes, u8 **data)
{
	(void)of;
	assert_in_range(bytes, 1, BLOCK_REQUEST_BYTES);
	*data = piece_data;
	return 3;
}

void disk_client_ask(struct disk_client *of, int piece, enum block_operation operation, u64 sector,
		     u32 sectors, u32 tag)
{
	(void)of, (void)piece, (void)tag;
	if (boundary != 0)
		assert_true(sector / boundary == (sector + sectors - 1) / boundary);
	asked.operation = operation;
	asked.sector = sector;
	asked.sectors = sectors;
	asked.there = true;
	requests++;
}

bool disk_client_answer(struct disk_client *of, u32 *tag, enum block_status *status,
			const u8 **data, int *piece)
{
	u8 *at = medium + asked.sector * BLOCK_SECTOR_BYTES;

	(void)of, (void)tag;
	if (!asked.there)
		return false;
	if (asked.operation == BLOCK_WRITE)
		memcpy(at, piece_data, asked.sectors * BLOCK_SECTOR_BYTES);
	*data = at;
	*piece = 3;
	*status = requests == fails_at ? BLOCK_ERROR : BLOCK_OK;
	asked.there = false;
	return true;
}

void disk_client_give_back(struct disk_client *of, int piece)
{
	(void)of;
	assert_int_equal(piece, 3);
}

void disk_client_flush(struct disk_client *of)
{
	(void)of;
}

void disk_client_open(struct disk_client *of, struct link_memory *memory, void (*ring)(void *),
		      void *context)
{
	(void)of, (void)memory, (void)ring, (void)context;
}

u64 clock_tsc(void)
{
	return 0;
}

u64 clock_ns_to_tsc(u64 ns)
{
	return ns;
}

enum status sys_queue_wait(handle_t queue, u64 deadline, u64 *key)
{
	(void)queue, (void)deadline, (void)key;
	return STATUS_OK;
}

enum status sys_event_signal(handle_t event)
{
	(void)event;
	return STATUS_OK;
}

enum status sys_object_bind(handle_t object, handle_t queue, u64 key)
{
	(void)object, (void)queue, (void)key;
	return STATUS_OK;
}

const struct start_entry *start_find(enum start_kind kind)
{
	(void)kind;
	return NULL;
}

handle_t start_handle(enum start_kind kind)
{
	(void)kind;
	return HANDLE_NONE;
}

handle_t start_handle_of(enum start_kind kind, u64 value)
{
	(void)kind, (void)value;
	return HANDLE_NONE;
}

/* Whatever place and size: what was written is read again, in as few requests as there can be. */
static void crosses_none(void **state)
{
	static u8 out[BLOCK_REQUEST_BYTES], in[BLOCK_REQUEST_BYTES];

	(void)state;
	for (u32 i = 0; i < sizeof(out); i++)
		out[i] = (u8)(i * 7 + i / 251);
	for (boundary = 0; boundary <= 128; boundary += 128) {
		for (u64 at = 0; at < 200; at += 8) {
			save_disk_over(&disk, &client, 0);
			memset(medium, 0, sizeof(medium));
			requests = 0;
			assert_true(
				save_disk_write(&disk, at * BLOCK_SECTOR_BYTES, out, sizeof(out)));
			assert_int_equal(requests, boundary != 0 && at % boundary != 0 ? 2 : 1);
			assert_memory_equal(medium + at * BLOCK_SECTOR_BYTES, out, sizeof(out));
			assert_true(save_disk_read(&disk, at * BLOCK_SECTOR_BYTES, in, sizeof(in)));
			assert_memory_equal(in, out, sizeof(out));
		}
	}
}

/* More than a request can have goes in several, the last of which is shorter. */
static void splits_what_is_long(void **state)
{
	static u8 out[3 * BLOCK_REQUEST_BYTES + PAGE_SIZE], in[sizeof(out)];

	(void)state;
	for (u32 i = 0; i < sizeof(out); i++)
		out[i] = (u8)(i * 7 + i / 251);
	for (boundary = 0; boundary <= 128; boundary += 128) {
		save_disk_over(&disk, &client, 0);
		memset(medium, 0, sizeof(medium));
		requests = 0;
		assert_true(save_disk_write(&disk, PAGE_SIZE, out, sizeof(out)));
		assert_int_equal(requests, 4);
		assert_memory_equal(medium + PAGE_SIZE, out, sizeof(out));
		assert_true(save_disk_read(&disk, PAGE_SIZE, in, sizeof(in)));
		assert_int_equal(requests, 8);
		assert_memory_equal(in, out, sizeof(out));
	}
}

static void says_why(void **state)
{
	static u8 bytes[BLOCK_REQUEST_BYTES];

	(void)state;
	boundary = 128;
	save_disk_over(&disk, &client, 0);
	requests = 0;
	assert_false(save_disk_write(&disk, disk.bytes - 4096, bytes, 8192));
	assert_string_equal(disk.problem, "its disk ends before that");
	assert_int_equal(requests, 0);
	fails_at = 2;
	assert_false(save_disk_read(&disk, 4096, bytes, sizeof(bytes)));
	assert_string_equal(disk.problem, "its disk cannot read or write there");
	fails_at = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crosses_none),
		cmocka_unit_test(splits_what_is_long),
		cmocka_unit_test(says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
