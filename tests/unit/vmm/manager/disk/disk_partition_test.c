/* SPDX-License-Identifier: MIT */
/* Which partition a name or a UUID means; none where it could be two. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/string.h"
#include "vmm/manager/disk/disk_partition.c"
#include "vmm/manager/text/guid.h"
#include "vmm/rt/format.h"

#define ID_0 "00000000-0000-0000-0000-0000000000a0"
#define ID_1 "00000000-0000-0000-0000-0000000000a1"
#define ID_2 "00000000-0000-0000-0000-0000000000a2"

static struct disk_unit unit;
static struct disk_partition found;
static char problem[256];

/* The UUID of the n-th ends in 0xa0 + n. */
static void has(const char *const names[], u32 count)
{
	unit = (struct disk_unit){.partition_count = count};
	for (u32 i = 0; i < MIN(count, 3u); i++) {
		string_copy(unit.partition[i].name, sizeof(unit.partition[i].name), names[i]);
		unit.partition[i].id[15] = (u8)(0xa0 + i);
		unit.partition[i].first_sector = 100 * i;
	}
}

static bool finds(const char *wanted)
{
	return disk_partition_find(&unit, wanted, "nvme0", &found, problem, sizeof(problem));
}

static void by_its_name_or_uuid(void **state)
{
	static const char *const names[] = {"root", "data", "root2"};

	(void)state;
	has(names, 3);
	assert_true(finds("root"));
	assert_int_equal(found.first_sector, 0);
	assert_true(finds("data"));
	assert_int_equal(found.first_sector, 100);
	assert_true(finds(ID_2));
	assert_int_equal(found.first_sector, 200);
	assert_true(finds("00000000-0000-0000-0000-0000000000A1"));
	assert_int_equal(found.first_sector, 100);
	assert_false(finds("roo"));
	assert_string_equal(problem, "partition: there is no \"roo\" on nvme0; `disk list` "
				     "shows those that there are");
}

static void not_by_the_name_of_two(void **state)
{
	static const char *const names[] = {"primary", "data", "primary"};
	static const char *const one_as_the_other[] = {"primary", ID_0, "data"};

	(void)state;
	has(names, 3);
	assert_false(finds("primary"));
	assert_string_equal(problem,
			    "partition: \"primary\" is there twice on nvme0; use a UUID, " ID_0
			    " or " ID_2);
	assert_true(finds(ID_2));
	assert_int_equal(found.first_sector, 200);
	has(one_as_the_other, 3);
	assert_false(finds(ID_0));
	assert_non_null(strstr(problem, ID_1));
	/* a copy of a partition has its UUID, too */
	has(names, 3);
	unit.partition[1].id[15] = 0xa0;
	assert_false(finds(ID_0));
	unit.partition_count = 1;
	assert_true(finds("primary"));
}

/* A partition lies within the disk, whatever a driver says. */
static void within_its_bounds(void **state)
{
	static const char *const names[] = {"one", "two", "three"};

	(void)state;
	has(names, 3);
	unit.partition_count = ~0u;
	memset(unit.partition[2].name, 'x', sizeof(unit.partition[2].name));
	assert_true(finds("two"));
	assert_false(finds("four"));
}

static void says_why_none_is_there(void **state)
{
	(void)state;
	has(NULL, 0);
	unit.gpt_ignored = 1;
	assert_false(finds("data"));
	assert_string_equal(problem,
			    "partition: \"data\" is not looked for, as the GPT on nvme0 is left "
			    "over: the first sector has no entry of type 0xEE; use the whole disk");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_its_name_or_uuid),
		cmocka_unit_test(not_by_the_name_of_two),
		cmocka_unit_test(within_its_bounds),
		cmocka_unit_test(says_why_none_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
