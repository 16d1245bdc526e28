/* SPDX-License-Identifier: MIT */
/* The key `backup` of a VM: what it may say, what it means, and how it is written back. */
#include "tests/unit/config_fixture.h"

static const char *written(const char *value)
{
	static char text[80];
	struct backup_plan plan;

	assert_true(config_parse_backup(text_of(value), &plan));
	config_backup_text(&plan, text, sizeof(text));
	return text;
}

static void test_plans(void **state)
{
	const struct backup_plan *plan = &config.vm[0].backup;

	(void)state;
	assert_int_equal(parse("[vm a]\nkernel = k\ndisk = main/root\n"
			       "backup = spare every 24h chain 8 keep 3\n"),
			 0);
	assert_string_equal(plan->store, "spare");
	assert_true(plan->every_ns == 86400 * NS_PER_S);
	assert_int_equal(plan->chain, 8);
	assert_int_equal(plan->keep, 3);
	assert_string_equal(written("spare every 24h chain 8 keep 3"),
			    "spare every 1d chain 8 keep 3");
	assert_string_equal(written("spare keep 64  every 90m"), "spare every 90m chain 7 keep 64");
	assert_string_equal(written("spare every 36h"), "spare every 36h chain 7 keep 2");
	assert_string_equal(written("s every 1s chain 1 keep 1"), "s every 1s chain 1 keep 1");
	assert_string_equal(written("s every 1500ms"), "s every 1500000000ns chain 7 keep 2");
	assert_string_equal(written(written("s every 1500ms")),
			    "s every 1500000000ns chain 7 keep 2");
	assert_string_equal(written("s every 366d"), "s every 366d chain 7 keep 2");
	assert_string_equal(written("none"), "");
}

static void test_nonsense(void **state)
{
	static const char *const wrong[] = {
		"spare",
		"every 24h",
		"spare every",
		"spare every 24",
		"spare every 0s",
		"spare every 999ms",
		"spare every 367d",
		"spare every 99999999999999999999d",
		"spare every 213503982d",
		"spare every 1h every 1h",
		"spare every 1h chain 0",
		"spare every 1h chain 9",
		"spare every 1h chain 2 chain 2",
		"spare every 1h keep 0",
		"spare every 1h keep 65",
		"spare every 1h keep",
		"spare every 1h keep -1",
		"spare every 1h full 7",
		"-spare every 1h",
		"spare/web every 1h",
		"abcdefghijklmnopqrstuvwxyz012345 every 1h",
	};
	char text[200];

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(wrong); i++) {
		format(text, sizeof(text), "[vm a]\nkernel = k\ndisk = main/root\nbackup = %s\n",
		       wrong[i]);
		assert_int_equal(parse(text), 1);
		expect_problem(0, 4, 10, "use a store, every and a time from 1s to 366d");
	}
}

/* There has to be something to back up. */
static void test_needs_a_volume(void **state)
{
	static const char *const disks[] = {"", "disk = d\n", "disk = main/root ro\n",
					    "disk = main/root cdrom\n"};
	char text[200];

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(disks); i++) {
		format(text, sizeof(text), "[vm a]\nkernel = k\n%sbackup = spare every 1h\n",
		       disks[i]);
		assert_int_equal(parse(text), 1);
		expect_problem(0, 1, 1,
			       "VM a: backup = spare ... copies volumes, and the VM may write to "
			       "none");
	}
	assert_int_equal(parse("[vm a]\nkernel = k\nbackup = none\n"), 0);
	assert_int_equal(parse("[vm a]\nkernel = k\ndisk = main/root\nbackup = s every 1h\n"
			       "backup = s every 1h\n"),
			 1);
	expect_problem(0, 5, 1, "backup is set a second time");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plans),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_needs_a_volume),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
