/* SPDX-License-Identifier: MIT */
/* A guest tells its disks apart, however long their names are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "lib/string.h"
#include "vmm/io/disk_serial.c"

static void expect(const char *name, const char *wanted)
{
	char serial[DISK_SERIAL_BYTES + 1] = {0};

	serial[DISK_SERIAL_BYTES] = 'x';
	disk_serial(name, serial);
	assert_int_equal(serial[DISK_SERIAL_BYTES], 'x');
	serial[DISK_SERIAL_BYTES] = '\0';
	assert_string_equal(serial, wanted);
}

static void short_names_are_whole(void **state)
{
	(void)state;
	expect("", "");
	expect("data", "data");
	expect("exactly-twenty-chars", "exactly-twenty-chars");
}

static void long_names_have_a_sum(void **state)
{
	static char all[3000][DISK_SERIAL_BYTES];
	char name[32];

	(void)state;
	/* the name is the same each time, as a guest's configuration names it */
	expect("customer-database-volume-a", "customer-da-0e9dd2d0");
	expect("customer-database-volume-b", "customer-da-119dd789");
	for (u32 i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "customer-database-vol-%u", i);
		disk_serial(name, all[i]);
		for (u32 j = 0; j < i; j++)
			assert_memory_not_equal(all[i], all[j], DISK_SERIAL_BYTES);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_names_are_whole),
		cmocka_unit_test(long_names_have_a_sum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
