/* SPDX-License-Identifier: MIT */
/*
 * The kernel's symbol table: addresses and names are found both ways, and a broken table is
 * refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/string.h"
#include "lib/symbols.c"
#include "vmm/manager/inspect/symbol_table.c"

static const char text[] = "start\0middle\0end";

static union {
	struct symbol_table table;
	u8 bytes[256];
} image;

#define IMAGE_BYTES (sizeof(struct symbol_table) + 3 * sizeof(struct symbol) + sizeof(text))

static struct symbol_table *good(void)
{
	struct symbol_table *table = &image.table;
	struct symbol *symbol = (struct symbol *)(image.bytes + sizeof(*table));

	memset(&image, 0xff, sizeof(image));
	*table = (struct symbol_table){
		.magic = SYMBOLS_MAGIC, .base = 0x1000, .count = 3, .names_bytes = sizeof(text)};
	symbol[0] = (struct symbol){0x10, 0};
	symbol[1] = (struct symbol){0x20, 6};
	symbol[2] = (struct symbol){0x40, 13};
	memcpy(&symbol[3], text, sizeof(text));
	return table;
}

static void test_valid(void **state)
{
	struct symbol_table *table = good();
	struct symbol *symbol = (struct symbol *)(image.bytes + sizeof(*table));

	(void)state;
	assert_true(symbols_valid(table, IMAGE_BYTES));
	assert_true(symbols_valid(table, IMAGE_BYTES + 1));
	assert_false(symbols_valid(table, IMAGE_BYTES - 1));
	assert_false(symbols_valid(table, sizeof(*table) - 1));
	table->magic++;
	assert_false(symbols_valid(table, IMAGE_BYTES));
	good()->count = ~0u;
	assert_false(symbols_valid(table, IMAGE_BYTES));
	good()->names_bytes = ~0u;
	assert_false(symbols_valid(table, IMAGE_BYTES));
	good()->names_bytes--; /* the last name is not terminated */
	assert_false(symbols_valid(table, IMAGE_BYTES));
	good();
	symbol[1].name = sizeof(text);
	assert_false(symbols_valid(table, IMAGE_BYTES));
	good();
	symbol[1].offset = 0xf;
	assert_false(symbols_valid(table, IMAGE_BYTES));
}

static void test_name(void **state)
{
	const struct symbol_table *table = good();
	u64 distance = 99;

	(void)state;
	assert_null(symbols_name(table, 0xf, &distance));
	assert_string_equal(symbols_name(table, 0x10, &distance), "start");
	assert_int_equal(distance, 0);
	assert_string_equal(symbols_name(table, 0x1f, &distance), "start");
	assert_int_equal(distance, 0xf);
	assert_string_equal(symbols_name(table, 0x20, &distance), "middle");
	assert_string_equal(symbols_name(table, 0x12345678901, &distance), "end");
}

static void test_find(void **state)
{
	const struct symbol_table *table = good();
	u64 offset = 0;

	(void)state;
	assert_true(symbols_find(table, "end", &offset));
	assert_int_equal(offset, 0x40);
	assert_true(symbols_find(table, "middle", &offset));
	assert_int_equal(offset, 0x20);
	assert_false(symbols_find(table, "mid", &offset));
	assert_false(symbols_find(table, "", &offset));
}

static void test_empty(void **state)
{
	struct symbol_table table = {.magic = SYMBOLS_MAGIC};
	u64 value;

	(void)state;
	assert_true(symbols_valid(&table, sizeof(table)));
	assert_null(symbols_name(&table, 0, &value));
	assert_false(symbols_find(&table, "x", &value));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid),
		cmocka_unit_test(test_name),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
