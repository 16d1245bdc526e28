/* SPDX-License-Identifier: MIT */
/* Which things have a history when not all can: the bounds of the files, and what is removed. */
#include "gateway/tests/unit/core/history/history_fixture.h"

static void test_more_vms_than_have_files(void **state)
{
	static struct host_vm many[66];
	char name[HISTORY_WHAT_BYTES];
	unsigned files = 0;

	(void)state;
	for (unsigned i = 0; i < ARRAY_COUNT(many); i++) {
		many[i].sampled = true;
		snprintf(many[i].name, sizeof(many[i].name), "vm%u", i);
		host.vms[i] = &many[i];
	}
	host.vm_count = ARRAY_COUNT(many);
	pass(130);
	for (unsigned i = 0; i < ARRAY_COUNT(many); i++) {
		snprintf(name, sizeof(name), "vm-vm%u", i);
		files += is_there(name);
	}
	assert_int_equal(files, 64);
	/* When one that has a file is gone, another one gets the place, and only that one's. */
	for (unsigned i = 0; i < ARRAY_COUNT(many); i++) {
		snprintf(name, sizeof(name), "vm-vm%u", i);
		if (is_there(name)) {
			host.vms[i] = host.vms[--host.vm_count];
			break;
		}
	}
	pass(60);
	assert_false(is_there(name));
	files = 0;
	for (unsigned i = 0; i < ARRAY_COUNT(many); i++) {
		snprintf(name, sizeof(name), "vm-vm%u", i);
		files += is_there(name);
	}
	assert_int_equal(files, 64);
}

/* Runs, each in a VM of its own, take no place, above all not that of a VM that is gone. */
static void test_runs_push_nothing_out(void **state)
{
	static struct host_vm run = {.sampled = true};
	char name[HISTORY_WHAT_BYTES];

	(void)state;
	pass(130);
	assert_true(is_there("vm-web"));
	host.vms[0] = &run;
	for (unsigned i = 0; i < WEB->most + 3; i++) {
		snprintf(run.name, sizeof(run.name), "run_%u", i);
		pass(62);
		snprintf(name, sizeof(name), "vm-run_%u", i);
		assert_false(is_there(name));
	}
	assert_true(is_there("vm-web"));
	assert_null(history.things->next);
}

static void test_nothing_is_removed_in_vain(void **state)
{
	static struct host_vm other = {.name = "other", .sampled = true};
	size_t spare_bytes = history.spare_bytes;

	(void)state;
	pass(130);
	host.vms[0] = &other;
	history.spare_bytes = SIZE_MAX / 4;
	pass(130);
	assert_true(is_there("vm-web"));
	assert_false(is_there("vm-other"));
	history.spare_bytes = spare_bytes;
	/* Room for the files that there are, the host's among them, and for no more. */
	history.most_bytes =
		history_file_bytes(&history_forms[HISTORY_HOST]) + history_file_bytes(WEB);
	pass(60);
	assert_false(is_there("vm-web"));
	assert_true(is_there("vm-other"));
}

static void test_the_bytes_are_bounded(void **state)
{
	(void)state;
	history.most_bytes = history_file_bytes(&history_forms[HISTORY_HOST]);
	pass(130);
	assert_true(is_there("host"));
	assert_false(is_there("vm-web"));
	/* Without a file the last minute or two are still known. */
	assert_int_equal(point_at(BEGIN + 120, 1).count, 1);
}

int main(void)
{
#define ONE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		ONE(test_more_vms_than_have_files),
		ONE(test_runs_push_nothing_out),
		ONE(test_nothing_is_removed_in_vain),
		ONE(test_the_bytes_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
