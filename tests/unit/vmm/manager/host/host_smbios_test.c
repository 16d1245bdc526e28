/* SPDX-License-Identifier: MIT */
/* Tests of the search for the host's UUID in SMBIOS tables, right ones and any others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/random.h"

#include "lib/string.h"
#include "vmm/manager/host/host_smbios.c"

#define TABLE_AT 0x7ff000u

static u8 area[AREA_BYTES + 32]; /* an anchor that begins in the area may end behind it */
static u8 *table;		 /* of its exact size, so that a read beyond it is noticed */
static u32 table_bytes;
static const u8 uuid[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

static const u8 *read_memory(void *context, u64 hpa, u64 bytes)
{
	(void)context;
	if (hpa == AREA_BEGIN && bytes == AREA_BYTES)
		return area;
	return hpa == TABLE_AT && bytes == table_bytes ? table : NULL;
}

static bool find(u8 id[16])
{
	return host_smbios_uuid(read_memory, NULL, id);
}

static void make_sum_right(u8 *at, u32 bytes, u32 sum_at)
{
	u8 sum = 0;

	at[sum_at] = 0;
	for (u32 i = 0; i < bytes; i++)
		sum = (u8)(sum + at[i]);
	at[sum_at] = (u8)-sum;
}

static void set_anchor(bool wide, u32 place)
{
	u8 *at = area + place;

	memset(area, 0, sizeof(area));
	if (wide) {
		memcpy(at, "_SM3_", 5);
		at[6] = 24;
		memcpy(at + 12, &table_bytes, 4);
		memcpy(at + 16, &(u64){TABLE_AT}, 8);
		make_sum_right(at, 24, 5);
	} else {
		memcpy(at, "_SM_", 4);
		at[5] = 31;
		memcpy(at + 16, "_DMI_", 5);
		memcpy(at + 22, &(u16){(u16)table_bytes}, 2);
		memcpy(at + 24, &(u32){TABLE_AT}, 4);
		make_sum_right(at + 16, 15, 5);
	}
}

/* Makes a table with the firmware's structure, which has strings, and the system's. */
static void set_table(const u8 id[16])
{
	static const u8 bios[] = {0, 6, 0, 0, 1, 2, 'a', 0, 'b', 'c', 0, 0};

	free(table);
	table_bytes = sizeof(bios) + 27 + 2;
	table = calloc(1, table_bytes);
	assert_non_null(table);
	memcpy(table, bios, sizeof(bios));
	table[sizeof(bios)] = TYPE_SYSTEM;
	table[sizeof(bios) + 1] = 27;
	memcpy(table + sizeof(bios) + SYSTEM_UUID_AT, id, 16);
}

static void test_found(void **state)
{
	u8 id[16];

	(void)state;
	set_table(uuid);
	for (u32 wide = 0; wide < 2; wide++) {
		set_anchor(wide != 0, wide * 0x8000 + 0x40);
		assert_true(find(id));
		assert_memory_equal(id, uuid, sizeof(uuid));
		area[wide * 0x8000 + 0x40 + 20] ^= 1; /* the sum is wrong */
		assert_false(find(id));
		set_anchor(wide != 0, AREA_BYTES - 16); /* it does not end within the area */
		assert_false(find(id));
	}
}

/* What a maker has not set is no identity. */
static void test_not_set(void **state)
{
	u8 id[16];

	(void)state;
	for (u32 value = 0; value < 256; value += 255) {
		memset(id, (int)value, sizeof(id));
		set_table(id);
		set_anchor(true, 0);
		assert_false(find(id));
	}
}

/* Tables that are cut or changed anywhere are read within their bounds. */
static void test_any_table(void **state)
{
	u64 seed = RANDOM_SEED;
	u32 found = 0;
	u8 id[16];

	(void)state;
	for (u32 i = 0; i < 3000; i++) {
		u32 bytes;
		u8 *part;

		set_table(uuid);
		bytes = 1 + (u32)(random_step(&seed) >> 20) % table_bytes;
		table[(random_step(&seed) >> 20) % table_bytes] = (u8)(random_step(&seed) >> 20);
		part = malloc(bytes);
		assert_non_null(part);
		memcpy(part, table, bytes);
		free(table);
		table = part;
		table_bytes = bytes;
		set_anchor(i % 2 != 0, 16 * (i % 100));
		found += find(id);
	}
	assert_in_range(found, 1, 2999);
	free(table);
	table = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_not_set),
		cmocka_unit_test(test_any_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
