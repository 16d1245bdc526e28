/* SPDX-License-Identifier: MIT */
/* A volume gets another key: what the store and the process that copies may do meanwhile. */
#include "tests/unit/vmm/manager/disk/rekey_fixture.h"

/* The volume has its new key after one command, while nobody else can use it. */
static void gets_a_key(void **state)
{
	u32 number = begun();

	(void)state;
	step(STEPS_MAX);
	assert_int_equal(rekey.phase, REKEY_COPYING);
	assert_int_equal(rekey_begin(&store, &volume, NULL, "other", problem, sizeof(problem)), 0);
	assert_non_null(strstr(problem, "only one can at a time"));
	content.phase = CONTENT_HOLDING;
	fake.silent = true;
	now_tsc += 1000 * ASK_NS; /* however long that takes */
	step(STEPS_MAX);
	assert_int_equal(fake.operation, STORE_ROLLBACK);
	assert_int_equal(fake.item.volume, 1);
	assert_int_equal(fake.item.other, 2);
	assert_int_equal(fake.item.key.id, 7);
	assert_string_equal(fake.item.key.name, "other");
	assert_false(rekey_ended(number, problem, sizeof(problem)));
	assert_true(fake.held);
	fake.silent = false;
	step(STEPS_MAX);
	assert_int_equal(fake.taken, 1);
	assert_true(fake.held_at_take);
	assert_false(fake.held);
	assert_false(fake.made);
	assert_true(rekey_ended(number, problem, sizeof(problem)));
	assert_string_equal(problem, "");
}

/* Whatever fails before that command, the volume keeps its key, and the new one is dropped. */
static void fails(void **state)
{
	u32 number = begun();

	step(STEPS_MAX);
	content.phase = CONTENT_ENDING;
	string_copy(content.problem, sizeof(content.problem), "its disk cannot read there");
	keeps_its_key(number, "cannot read");
	assert_false(fake.made);

	(void)forget(state);
	fake.no_content = true;
	keeps_its_key(begun(), "no memory");
	assert_false(fake.made);

	/* its tag is by the key that had the name before, so nobody could use the volume */
	(void)forget(state);
	number = begun();
	fake.key_changed = true;
	step(STEPS_MAX);
	content.phase = CONTENT_HOLDING;
	keeps_its_key(number, "the key is wrong");
	assert_false(fake.made);

	/* a process that could not be made had a link already, and a volume in use is not dropped
	 */
	(void)forget(state);
	fake.no_content = true;
	fake.used = true;
	number = begun();
	step(STEPS_MAX);
	assert_int_equal(fake.operation, STORE_CREATE);
	assert_false(rekey_ended(number, problem, sizeof(problem)));
	fake.used = false;
	keeps_its_key(number, "no memory");
	assert_int_equal(fake.operation, STORE_DROP);
	assert_false(fake.made);

	(void)forget(state);
	fake.status = STORE_NO_SPACE;
	keeps_its_key(begun(), "could not do it");

	(void)forget(state);
	fake.silent = true;
	number = begun();
	step(STEPS_MAX);
	assert_false(rekey_ended(number, problem, sizeof(problem)));
	now_tsc += ASK_NS;
	keeps_its_key(number, "does not answer");

	(void)forget(state);
	fake.busy = true;
	number = begun();
	step(STEPS_MAX);
	assert_int_equal(fake.asked, 0);
	assert_true(rekey_deadline() != ~0ull);
	now_tsc += ASK_NS;
	step(1);
	now_tsc += ASK_NS;
	keeps_its_key(number, "does not answer");
}

/*
 * A command that the store had already when the rekey began has changed the volume: by the tag for
 * its old name the volume could never be used again, and with its old size it would shrink.
 */
static void is_changed(void **state)
{
	for (u32 i = 0; i < 3; i++) {
		u32 number;

		(void)forget(state);
		fake.busy = true;
		number = begun();
		step(1);
		if (i == 0)
			string_copy(fake.now.name, sizeof(fake.now.name), "web-old");
		else if (i == 1)
			fake.now.sectors *= 2;
		else
			fake.now.id++; /* dropped, and another one has its name */
		fake.busy = false;
		step(STEPS_MAX);
		content.phase = CONTENT_HOLDING;
		step(STEPS_MAX);
		keeps_its_key(number, "changed meanwhile");
		assert_false(fake.made);
	}
}

/* The volume is copied only once the store has no command that might change it meanwhile. */
static void waits_for_the_store(void **state)
{
	u32 number = begun();

	(void)state;
	fake.silent = true;
	step(1);
	assert_int_equal(fake.operation, STORE_CREATE);
	fake.silent = false;
	fake.busy = true; /* with the next command, of somebody else */
	step(STEPS_MAX);
	assert_false(fake.held);
	assert_true(rekey_is_of(&store, 1));
	assert_false(rekey_is_of(&store, 2));
	fake.busy = false;
	step(STEPS_MAX);
	assert_true(fake.held);
	content.phase = CONTENT_HOLDING;
	step(STEPS_MAX);
	assert_true(rekey_ended(number, problem, sizeof(problem)));
	assert_string_equal(problem, "");
	assert_false(rekey_is_of(&store, 1));
}

/* Who asked for a rekey hears how it ended although others have been begun since. */
static void says_how_it_ended(void **state)
{
	u32 number = begun();
	u32 failed;

	(void)state;
	step(STEPS_MAX);
	content.phase = CONTENT_HOLDING;
	step(STEPS_MAX);
	fake.no_content = true;
	failed = begun();
	step(STEPS_MAX);
	fake.no_content = false;
	(void)begun();
	assert_true(rekey_ended(number, problem, sizeof(problem)));
	assert_string_equal(problem, "");
	assert_true(rekey_ended(failed, problem, sizeof(problem)));
	assert_non_null(strstr(problem, "no memory"));
}

/*
 * A store that refuses the last command leaves the volume as it was. If the store's disk fails
 * then, nobody knows what of the command is on the disk.
 */
static void is_refused(void **state)
{
	u32 number = begun();

	(void)state;
	step(STEPS_MAX);
	content.phase = CONTENT_HOLDING;
	fake.status = STORE_NO_SPACE;
	keeps_its_key(number, "could not do it");

	(void)forget(state);
	number = begun();
	step(STEPS_MAX);
	content.phase = CONTENT_HOLDING;
	fake.status = STORE_DISK_ERROR;
	step(STEPS_MAX);
	assert_true(rekey_ended(number, problem, sizeof(problem)));
	assert_non_null(strstr(problem, "could not do it"));
	assert_null(strstr(problem, "keeps its key"));
	assert_non_null(strstr(problem, "keep both"));
	assert_false(fake.held);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(gets_a_key, forget),
		cmocka_unit_test_setup(fails, forget),
		cmocka_unit_test_setup(is_changed, forget),
		cmocka_unit_test_setup(waits_for_the_store, forget),
		cmocka_unit_test_setup(says_how_it_ended, forget),
		cmocka_unit_test_setup(is_refused, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
