/* SPDX-License-Identifier: MIT */
/*
 * A volume that a VM writes to gets another key: rounds, the one while its guest stands still, and
 * what ends them.
 */
#include "tests/unit/vmm/manager/disk/rekey_fixture.h"

/* A round of a volume that a VM uses has ended, in which the process has copied so many bytes. */
static void copied(u64 bytes)
{
	step(STEPS_MAX);
	assert_int_equal(rekey.phase, REKEY_COPYING);
	content.moved = bytes;
	content.phase = CONTENT_HOLDING;
	step(STEPS_MAX);
}

/* More has changed than is copied while a guest stands still. */
static void too_much(void)
{
	step(STEPS_MAX);
	assert_int_equal(rekey.phase, REKEY_COPYING);
	content.too_much = true;
	content.phase = CONTENT_ENDING;
	step(1);
	assert_int_equal(rekey_stage(&vm_link), REKEY_STAGE_COPIES);
	content.phase = CONTENT_NONE;
	step(STEPS_MAX);
}

/* The guest stands still, and the last round is under way. */
static u32 standing(void)
{
	u32 number = begun_live();

	assert_int_equal(rekey_stage(&vm_link), REKEY_STAGE_COPIES);
	copied(4 * REKEY_HELD_BYTES);
	copied(REKEY_HELD_BYTES);
	assert_int_equal(rekey_stage(&vm_link), REKEY_STAGE_STAND);
	assert_false(fake.kept);
	rekey_stands();
	return number;
}

static void assert_key(u64 id, const char *name)
{
	assert_int_equal(vm_link.key_id, id);
	assert_string_equal(vm_link.key, name);
}

/* A VM goes on writing: rounds of what it has changed, then one while it stands still. */
static void gets_a_key_while_used(void **state)
{
	u32 number = begun_live();

	(void)state;
	assert_true(rekey_uses(&vm_link));
	assert_false(rekey_uses(NULL));
	step(STEPS_MAX);
	assert_null(fake.changed);
	assert_int_equal(fake.item.key.id, 3); /* the snapshot has the volume's key */
	assert_int_equal(rekey_progress().round, 1);
	copied(4 * REKEY_HELD_BYTES);
	step(STEPS_MAX);
	assert_ptr_equal(fake.changed, &vm_link);
	assert_int_equal(fake.most, 0);
	copied(REKEY_HELD_BYTES);
	assert_int_equal(rekey_stage(&vm_link), REKEY_STAGE_STAND);
	rekey_stands();
	assert_int_equal(rekey_stage(&vm_link), REKEY_STAGE_WORKS);
	assert_string_equal(rekey_progress().state, "stands");
	assert_false(rekey_cancel(problem, sizeof(problem)));
	step(STEPS_MAX);
	assert_int_equal(fake.most, REKEY_HELD_BYTES);
	assert_int_equal(fake.points, 3);
	assert_key(3, "vault");
	fake.silent = true;
	content.phase = CONTENT_HOLDING;
	step(STEPS_MAX);
	assert_int_equal(rekey_stage(&vm_link), REKEY_STAGE_WORKS);
	assert_true(rekey_takes(&store, 1));
	assert_false(rekey_takes(&store, 2));
	fake.silent = false;
	step(STEPS_MAX);
	assert_int_equal(rekey_stage(&vm_link), REKEY_STAGE_TAKEN);
	assert_false(rekey_takes(&store, 1));
	assert_int_equal(fake.item.other, 2);
	assert_int_equal(fake.item.key.id, 7);
	assert_key(7, "other");
	assert_true(fake.kept); /* the new monitor may fail yet */
	assert_false(rekey_ended(number, problem, sizeof(problem)));
	rekey_is_taken();
	step(STEPS_MAX);
	assert_true(rekey_ended(number, problem, sizeof(problem)));
	assert_string_equal(problem, "");
	assert_int_equal(rekey_stage(&vm_link), REKEY_STAGE_ENDED);
	assert_string_equal(rekey_progress().state, "done");
	assert_false(fake.made || fake.kept);
	assert_int_equal(fake.taken, 1);
}

/* The new monitor cannot go on: the volume and the link get the old content and key back. */
static void goes_back(void **state)
{
	u32 number = standing();

	copied(0);
	assert_key(7, "other");
	rekey_goes_back("no memory");
	assert_int_equal(rekey_stage(&vm_link), REKEY_STAGE_WORKS);
	step(STEPS_MAX);
	assert_int_equal(fake.taken, 2);
	assert_key(3, "vault");
	assert_true(rekey_ended(number, problem, sizeof(problem)));
	assert_string_equal(problem, "it keeps its key: no memory");

	/* the time is over while the store exchanges the two: whatever it answers, they go back */
	(void)forget(state);
	number = standing();
	step(STEPS_MAX);
	fake.silent = true;
	copied(0);
	rekey_goes_back("too long");
	step(STEPS_MAX);
	assert_int_equal(rekey_stage(&vm_link), REKEY_STAGE_WORKS);
	fake.silent = false;
	step(STEPS_MAX);
	assert_int_equal(fake.taken, 2);
	assert_key(3, "vault");

	/* before the exchange nothing needs to go back */
	(void)forget(state);
	number = standing();
	step(STEPS_MAX);
	rekey_goes_back("too long");
	content.phase = CONTENT_NONE;
	keeps_its_key(number, "too long");
	assert_key(3, "vault");
	assert_false(fake.made || fake.kept);
}

/* A guest that changes more at the last moment runs on; one that always does keeps its key. */
static void is_too_fast(void **state)
{
	u32 number = standing();

	(void)state;
	too_much();
	assert_true(fake.merged); /* what this round should have copied goes to the next */
	copied(REKEY_HELD_BYTES + 1);
	assert_int_equal(fake.most, 0);
	step(STEPS_MAX);
	assert_false(fake.merged);
	for (u32 i = rekey.round; i < ROUNDS_MAX; i++)
		copied(REKEY_HELD_BYTES + 1);
	copied(REKEY_HELD_BYTES + 1);
	keeps_its_key(number, "writes faster than it is copied");
	assert_false(fake.made || fake.kept);
}

/* Whatever happens while the guest runs, the volume keeps its key, and nothing is left behind. */
static void is_given_up(void **state)
{
	u32 number = begun_live();

	step(STEPS_MAX);
	assert_true(rekey_cancel(problem, sizeof(problem)));
	keeps_its_key(number, "cancelled");
	assert_false(fake.made || fake.kept);
	assert_false(rekey_cancel(problem, sizeof(problem)));

	(void)forget(state);
	number = begun_live();
	step(STEPS_MAX);
	rekey_abandon(&vm_link, "its VM has ended");
	assert_false(rekey_uses(&vm_link));
	keeps_its_key(number, "its VM has ended");

	(void)forget(state);
	number = begun_live();
	step(STEPS_MAX);
	fake.not_whole = true;
	copied(4 * REKEY_HELD_BYTES);
	keeps_its_key(number, "not all changes");

	(void)forget(state);
	number = begun_live();
	fake.no_point = true;
	step(STEPS_MAX);
	now_tsc += ASK_NS;
	keeps_its_key(number, "does not answer");

	(void)forget(state);
	number = begun_live();
	copied(0);
	assert_int_equal(rekey_stage(&vm_link), REKEY_STAGE_STAND);
	now_tsc += ASK_NS;
	keeps_its_key(number, "busy");
}

/* The VM ends while the store exchanges the two: whatever the store answers is so. */
static void ends_meanwhile(void **state)
{
	u32 number = standing();

	step(STEPS_MAX);
	fake.silent = true;
	copied(0);
	rekey_abandon(&vm_link, "its VM has ended");
	step(STEPS_MAX);
	assert_true(rekey_takes(&store, 1));
	fake.silent = false;
	step(STEPS_MAX);
	assert_true(rekey_ended(number, problem, sizeof(problem)));
	assert_string_equal(problem, "");
	assert_key(3, "vault"); /* the link is another VM's by now */

	(void)forget(state);
	number = standing();
	copied(0);
	rekey_abandon(&vm_link, "its VM has ended");
	step(STEPS_MAX);
	assert_true(rekey_ended(number, problem, sizeof(problem)));
	assert_string_equal(problem, "");
	assert_int_equal(fake.taken, 1);
}

/* The store's disk fails at the exchange: the guest may not go on by either key. */
static void is_lost(void **state)
{
	u32 number = standing();

	(void)state;
	step(STEPS_MAX);
	fake.status = STORE_DISK_ERROR;
	copied(0);
	assert_int_equal(rekey_stage(&vm_link), REKEY_STAGE_LOST);
	assert_true(rekey_ended(number, problem, sizeof(problem)));
	assert_non_null(strstr(problem, "keep both"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(gets_a_key_while_used, forget),
		cmocka_unit_test_setup(goes_back, forget),
		cmocka_unit_test_setup(is_too_fast, forget),
		cmocka_unit_test_setup(is_given_up, forget),
		cmocka_unit_test_setup(ends_meanwhile, forget),
		cmocka_unit_test_setup(is_lost, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
