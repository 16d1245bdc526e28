/* SPDX-License-Identifier: MIT */
/* What a disk with firmware's variables holds is found out, whatever it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "vmm/monitor/load/variables.c"

#define BYTES	   (16u * FLASH_BLOCK_BYTES)
#define HEAD_BYTES 72u
#define LIST_BYTES (4u * FLASH_BLOCK_BYTES - HEAD_BYTES)
#define FIRST	   (HEAD_BYTES + 28u)

static u8 volume[BYTES] ALIGNED(8);
static struct variables about;

static void sum_up(void)
{
	u16 sum;

	volume[50] = volume[51] = 0;
	sum = (u16)-variables_sum(volume, HEAD_BYTES);
	memcpy(volume + 50, &sum, 2);
}

/* A volume as firmware makes it, without variables. */
static void make(const u8 id[16])
{
	struct volume_header header = {.bytes = BYTES,
				       .signature = VOLUME_SIGNATURE,
				       .header_bytes = HEAD_BYTES,
				       .revision = 2,
				       .block_count = BYTES / FLASH_BLOCK_BYTES,
				       .block_bytes = FLASH_BLOCK_BYTES};
	struct list_header list = {
		.bytes = LIST_BYTES, .format = LIST_FORMATTED, .state = LIST_HEALTHY};

	memset(volume, 0xff, sizeof(volume));
	memset(volume, 0, HEAD_BYTES);
	memcpy(volume, &header, sizeof(header));
	memcpy(list.format_id, id, 16);
	memcpy(volume + HEAD_BYTES, &list, sizeof(list));
	sum_up();
}

/* Adds a variable with 4 bytes of name, and returns where the next goes. */
static u32 add(u32 at, u8 state, u32 data_bytes, u32 sizes_at)
{
	u32 name_bytes = 4;
	u16 start = VARIABLE_START;
	u32 head = sizes_at + 8 + VARIABLE_GUID;

	memset(volume + at, 0, head + name_bytes);
	memcpy(volume + at, &start, 2);
	volume[at + 2] = state;
	memcpy(volume + at + sizes_at, &name_bytes, 4);
	memcpy(volume + at + sizes_at + 4, &data_bytes, 4);
	memset(volume + at + head + name_bytes, 0x11, MIN(data_bytes, BYTES - at - head - 4));
	return (u32)align_up(at + head + name_bytes + data_bytes, 4);
}

static void variables_are_counted(void **state)
{
	u32 at;

	(void)state;
	make(list_signed);
	assert_null(variables_read(volume, BYTES, &about));
	assert_int_equal(about.bytes, BYTES);
	assert_int_equal(about.room_bytes, LIST_BYTES - 28);
	assert_int_equal(about.count, 0);
	at = add(FIRST, 0x3f, 3, 36); /* complete */
	at = add(at, 0x3c, 5, 36);    /* dropped */
	at = add(at, 0x7f, 8, 36);    /* cut off between header and data */
	(void)add(at, 0xff, 0, 36);   /* cut off within the header */
	memset(volume + at + 40, 0xff, 4);
	(void)add(at + 60, 0x3e, 8, 36);
	assert_null(variables_read(volume, BYTES, &about));
	assert_int_equal(about.torn_at, 0);
	assert_int_equal(about.live_bytes, 68 + 72);
	assert_int_equal(about.dead_bytes, 72 + 72 + 60);
	assert_false(variables_is_full(&about));
	make(list_plain);
	(void)add(FIRST, 0x3f, 4, 8);
	assert_null(variables_read(volume, BYTES, &about));
	assert_int_equal(about.count, 1);
	assert_int_equal(about.live_bytes, 40);
}

static void a_full_list_is_seen(void **state)
{
	u32 at = FIRST;

	(void)state;
	make(list_signed);
	while (at + 2 * KIB < HEAD_BYTES + LIST_BYTES)
		at = add(at, 0x3f, 1000, 36);
	assert_null(variables_read(volume, BYTES, &about));
	assert_int_equal(about.torn_at, 0);
	assert_true(variables_is_full(&about));
}

static void a_torn_list_is_seen(void **state)
{
	u32 at;

	(void)state;
	make(list_signed);
	at = add(FIRST, 0x3f, 4, 36);
	volume[at + 9] = 0;
	assert_null(variables_read(volume, BYTES, &about));
	assert_int_equal(about.torn_at, at + 9);
	(void)add(at, 0x3f, LIST_BYTES, 36);
	assert_null(variables_read(volume, BYTES, &about));
	assert_int_equal(about.torn_at, at);
	assert_int_equal(about.count, 1);
}

static void expect_problem(u32 at, u8 value, bool sum, const char *problem)
{
	const char *found;

	make(list_signed);
	volume[at] = value;
	if (sum)
		sum_up();
	found = variables_read(volume, BYTES, &about);
	assert_non_null(found);
	assert_string_equal(found, problem);
}

static void anything_else_is_refused(void **state)
{
	(void)state;
	expect_problem(40, 'x', true, "no volume of UEFI firmware begins there");
	expect_problem(33, 1, false, "the checksum of their header is wrong");
	expect_problem(48, 71, true, "the checksum of their header is wrong");
	expect_problem(49, 0xff, true, "the checksum of their header is wrong");
	expect_problem(34, 2, true, "they are cut off");
	expect_problem(32, 1, true, "they are cut off");
	expect_problem(61, 2, true, "their blocks are not of 4 KiB");
	expect_problem(HEAD_BYTES, 0, false, "the volume holds something else");
	expect_problem(HEAD_BYTES + 20, 0xff, false, "they are not formatted");
	expect_problem(HEAD_BYTES + 21, 0xff, false, "they are not formatted");
	expect_problem(HEAD_BYTES + 19, 1, false, "they are cut off");
	for (u32 bytes = 0; bytes < BYTES; bytes += 7) {
		make(list_signed);
		assert_non_null(variables_read(volume, bytes, &about));
	}
}

static void a_blank_disk_is_seen(void **state)
{
	(void)state;
	memset(volume, 0, sizeof(volume));
	assert_true(variables_is_blank(volume, BYTES));
	volume[BYTES - 1] = 0xff;
	assert_false(variables_is_blank(volume, BYTES));
	memset(volume, 0xff, sizeof(volume));
	assert_true(variables_is_blank(volume, BYTES));
	memset(volume, 0x55, sizeof(volume));
	assert_false(variables_is_blank(volume, BYTES));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(variables_are_counted), cmocka_unit_test(a_full_list_is_seen),
		cmocka_unit_test(a_torn_list_is_seen),	 cmocka_unit_test(anything_else_is_refused),
		cmocka_unit_test(a_blank_disk_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
