/* SPDX-License-Identifier: MIT */
/* The keys of encrypted disks: what a module's text gives, and which disk has which key. */
#include "tests/unit/config_fixture.h"

#include "vmm/manager/config/disk_key.c"
#include "vmm/rt/crypto/hkdf.h"

#define HEX "00112233445566778899aabbccddeeff"

static char reported[1024];

static void report(const char *problem)
{
	strncat(reported, problem, sizeof(reported) - strlen(reported) - 2);
	strcat(reported, "\n");
}

static int forget(void **state)
{
	(void)state;
	memset(read_keys, 0, sizeof(read_keys));
	disk_key_forget();
	reported[0] = '\0';
	return 0;
}

static void is_read(void **state)
{
	(void)state;
	disk_key_read(text_of("# two keys\n\nvault = " HEX HEX "\r\n  other=" HEX HEX), report);
	assert_string_equal(reported, "");
	assert_true(disk_key_is_there("vault"));
	assert_true(disk_key_is_there("other"));
	assert_false(disk_key_is_there("third"));
	assert_int_equal(read_keys[0].key.bytes[31], 0xff);
}

/* The sentences have the line's number, and nothing of a key. */
static void mistakes(void **state)
{
	(void)state;
	disk_key_read(text_of("vault = " HEX "\nvault\n= " HEX HEX "\na b = " HEX HEX
			      "\nvault = " HEX HEX "\nvault = " HEX HEX "\n"),
		      report);
	assert_non_null(strstr(reported, "skerry.keys:1: the key is not valid"));
	assert_non_null(strstr(reported, "skerry.keys:2: this is no key"));
	assert_non_null(strstr(reported, "skerry.keys:3: this is no key"));
	assert_non_null(strstr(reported, "skerry.keys:4: this is no key"));
	assert_non_null(strstr(reported, "skerry.keys:6: the key is there a second time"));
	assert_null(strstr(reported, "0011"));
	assert_true(disk_key_is_there("vault"));
}

static void too_many(void **state)
{
	char line[128];

	(void)state;
	for (u32 i = 0; i <= KEY_MAX; i++) {
		snprintf(line, sizeof(line), "key%u = %s", i, HEX HEX);
		disk_key_read(text_of(line), report);
	}
	assert_string_equal(
		reported, "skerry.keys:1: there are more than 16 keys; the others are left out\n");
	for (u32 i = 0; i <= KEY_MAX; i++) {
		snprintf(line, sizeof(line), "key%u", i);
		assert_int_equal(disk_key_take(line, text_of(HEX HEX)), i < KEY_MAX);
	}
}

/* Another disk or another key: another derived key, and none is the key itself. */
static void keys_differ(void **state)
{
	static const char *const names[] = {"vault", "other"};
	static const char *const disks[] = {"data", "dat", "data2"};
	u8 keys[6][DISK_KEY_BYTES];
	u8 again[DISK_KEY_BYTES];

	(void)state;
	disk_key_read(text_of("vault = " HEX HEX "\nother = ff" HEX HEX), report);
	disk_key_read(text_of("other = " HEX "ffeeddccbbaa99887766554433221100"), report);
	for (u32 i = 0; i < 6; i++) {
		assert_true(disk_key_make(names[i / 3], disks[i % 3], keys[i]));
		assert_memory_not_equal(keys[i], read_keys[i / 3].key.bytes, DISK_KEY_BYTES);
		for (u32 j = 0; j < i; j++)
			assert_memory_not_equal(keys[i], keys[j], DISK_KEY_BYTES);
	}
	assert_true(disk_key_make("vault", "data", again));
	assert_memory_equal(again, keys[0], DISK_KEY_BYTES);
	assert_false(disk_key_make("third", "data", again));
}

/* What was typed counts first, until it is forgotten. */
static void is_typed(void **state)
{
	u8 read[DISK_KEY_BYTES];
	u8 typed[DISK_KEY_BYTES];

	(void)state;
	assert_false(disk_key_take("vault", text_of("no key")));
	assert_false(disk_key_is_there("vault"));
	disk_key_read(text_of("vault = " HEX HEX), report);
	assert_true(disk_key_make("vault", "data", read));
	assert_true(disk_key_take("vault", text_of(HEX "ffeeddccbbaa99887766554433221100")));
	assert_true(disk_key_make("vault", "data", typed));
	assert_memory_not_equal(read, typed, DISK_KEY_BYTES);
	disk_key_forget();
	assert_true(disk_key_make("vault", "data", typed));
	assert_memory_equal(read, typed, DISK_KEY_BYTES);
	for (u32 i = 0; i < sizeof(typed_keys); i++)
		assert_int_equal(((u8 *)typed_keys)[i], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(is_read, forget),
		cmocka_unit_test_setup(mistakes, forget),
		cmocka_unit_test_setup(too_many, forget),
		cmocka_unit_test_setup(keys_differ, forget),
		cmocka_unit_test_setup(is_typed, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
