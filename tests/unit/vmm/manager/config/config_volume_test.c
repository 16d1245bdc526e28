/* SPDX-License-Identifier: MIT */
/* Volumes in configurations: sections [store NAME], and the lines of VMs that use volumes. */
#include "tests/unit/config_fixture.h"

static void test_volumes(void **state)
{
	char text[CONFIG_DISK_BYTES];
	const struct vm_disk *disk;

	(void)state;
	assert_int_equal(parse("[vm a]\nkernel = k\ndisk = main/root ro\n"
			       "disk = d, main/data optional\n"
			       "[store main]\ndisk = d\nmemory = 8M\novercommit = yes\n"
			       "encrypted = yes\nchecksum = yes\nchecksum_after = 5\n"
			       "[disk d]\ncontroller = memory\nsize = 1G\n"),
			 0);
	disk = config.vm[0].disk;
	assert_string_equal(config_disk_name(&disk[0], text), "main/root");
	assert_int_equal(disk[0].flags, VM_DISK_VOLUME | VM_DISK_READ_ONLY);
	assert_string_equal(config_disk_name(&disk[1], text), "d");
	assert_string_equal(config_disk_name(&disk[2], text), "main/data");
	assert_int_equal(disk[2].flags, VM_DISK_VOLUME | VM_DISK_OPTIONAL);
	assert_int_equal(disk[3].number, 0);
	assert_string_equal(config_store(0)->section.name, "main");
	assert_string_equal(config_store(0)->disk, "d");
	assert_int_equal(config_store(0)->memory_bytes, 8 * MIB);
	assert_int_equal(config_store(0)->overcommit, 1);
	assert_int_equal(config_store(0)->encrypted, 1);
	assert_int_equal(config_store(0)->checksum, 1);
	assert_int_equal(config_store(0)->checksum_after, 5);
	assert_null(config_store(1));
}

static void test_mistakes(void **state)
{
	static const char *const wrong[] = {"main/",	"/root",
					    "main/a/b", "main/-a",
					    "a b/c",	"main/abcdefghijklmnopqrstuvwxyz012345"};
	char text[200];

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(wrong); i++) {
		format(text, sizeof(text), "[vm a]\nkernel = k\ndisk = %s\n", wrong[i]);
		assert_int_equal(parse(text), 1);
		expect_problem(0, 3, 8, "use the name of a disk or of a volume (STORE/VOLUME)");
	}
	assert_int_equal(parse("[vm a]\nkernel = k\ndisk = main/a, other/a, main/b\n"), 0);
	assert_int_equal(parse("[vm a]\nkernel = k\ndisk = main/a\ndisk = main/a ro\n"), 1);
	expect_problem(0, 4, 8, "disk: main/a is given a second time; give each disk once");
	assert_int_equal(parse("[store s]\nmemory = 8M\n"), 1);
	expect_problem(0, 1, 1, "store s has no disk; set disk = NAME, of a section [disk NAME]");
	assert_int_equal(parse("[store s]\ndisk = d\nmemory = 4K\n"), 1);
	assert_int_equal(parse("[store s]\ndisk = d\novercommit = maybe\n"), 1);
	assert_int_equal(parse("[store s]\ndisk = d\nlease = 2s\n"), 1);
	assert_int_equal(parse("[store s]\ndisk = d\nlease = 20\n"), 1);
	assert_int_equal(parse("[store s]\ndisk = d\nlease = none\n"), 0);
	assert_int_equal(parse("[store s]\ndisk = d\nlease = 20s\n"), 0);
	assert_int_equal(config_store(0)->lease_ns, 20 * NS_PER_S);
	assert_int_equal(parse("[store s]\ndisk = d\nchecksum_after = 0\n"), 1);
}

/* Quotas are a list of patterns and sizes; a mistake in one of them is a mistake of the section. */
static void test_quotas(void **state)
{
	static const char *const wrong[] = {"web",
					    "web 8G extra",
					    "8G",
					    "web 8G,",
					    "web 8G, team-* x",
					    "*a 8G",
					    "-* 8G",
					    "a/b 8G",
					    "we b 8G",
					    ", web 8G",
					    "a 1, b 1, c 1, d 1, e 1, f 1, "
					    "g 1, h 1, i 1"};
	struct store_quota quota;
	char text[256];

	(void)state;
	assert_int_equal(parse("[store s]\ndisk = d\nquota = team-* 64G, web 8M,* 1T\n"), 0);
	assert_true(config_store_quota(config_store(0), 0, &quota));
	assert_string_equal(quota.pattern, "team-*");
	assert_int_equal(quota.bytes, 64 * GIB);
	assert_true(config_quota_is_for(&quota, "team-a"));
	assert_true(config_quota_is_for(&quota, "team-"));
	assert_false(config_quota_is_for(&quota, "tea"));
	assert_true(config_store_quota(config_store(0), 1, &quota));
	assert_true(config_quota_is_for(&quota, "web"));
	assert_false(config_quota_is_for(&quota, "web2"));
	assert_true(config_store_quota(config_store(0), 2, &quota));
	assert_true(config_quota_is_for(&quota, "anything"));
	assert_false(config_store_quota(config_store(0), 3, &quota));
	for (u32 i = 0; i < ARRAY_COUNT(wrong); i++) {
		format(text, sizeof(text), "[store s]\ndisk = d\nquota = %s\n", wrong[i]);
		if (parse(text) != 1)
			fail_msg("quota = %s", wrong[i]);
	}
	assert_int_equal(parse("[store s]\ndisk = d\n"), 0);
	assert_false(config_store_quota(config_store(0), 0, &quota));
}

static bool is_used(u16 number)
{
	return number % 2 == 0;
}

/* Names that nobody uses make room for others; a name that is used keeps its number. */
static void test_names(void **state)
{
	char name[CONFIG_NAME_BYTES];

	(void)state;
	config_volumes_init();
	for (u32 i = 0; i < CONFIG_VOLUME_MAX; i++) {
		assert_int_equal(config_volumes_are_many(), i > CONFIG_VOLUME_MAX / 2);
		format(name, sizeof(name), "v%u", i);
		assert_int_equal(config_volume_number(text_of(name)), i);
	}
	assert_int_equal(config_volume_number(text_of("more")), -1);
	assert_int_equal(config_volume_number(text_of("v7")), 7);
	config_volumes_sweep(is_used);
	assert_false(config_volumes_are_many());
	assert_int_equal(config_volume_number(text_of("more")), 1);
	assert_string_equal(config_volume_name(1), "more");
	assert_int_equal(config_volume_number(text_of("v8")), 8);
	assert_string_equal(config_volume_name(0xffff), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_volumes),
		cmocka_unit_test(test_quotas),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
