/* SPDX-License-Identifier: MIT */
/* Which ended runs are forgotten: nobody pushes out others' results by runs of their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/core/live/run_kept.c"

enum { ALICE = 1, BOB, CAROL };

static struct run runs[RUNS];
static double now_s;

struct run *run_next(const struct run *run)
{
	for (size_t i = run ? (size_t)(run - runs) + 1 : 0; i < RUNS; i++) {
		if (runs[i].state != RUN_FREE)
			return &runs[i];
	}
	return NULL;
}

void run_free(struct run *run)
{
	*run = (struct run){0};
}

size_t run_room(const struct run *run)
{
	return run->limits.output_bytes - run->out.count;
}

/* A run of that owner, in that state, that has printed so much. */
static struct run *put(uint64_t owner, enum run_state state, size_t printed)
{
	size_t at = 0;

	while (at < RUNS && runs[at].state != RUN_FREE)
		at++;
	if (at == RUNS) {
		struct run *first = run_kept_first(RUN_ALONE);

		if (!first)
			return NULL;
		at = (size_t)(first - runs);
	}
	runs[at] = (struct run){.state = state,
				.owner.token = owner,
				.ended_s = ++now_s,
				.limits.output_bytes = RUN_OUTPUT_MAX,
				.out.count = printed};
	return &runs[at];
}

static size_t count(uint64_t owner)
{
	size_t has = 0;

	for (size_t i = 0; i < RUNS; i++)
		has += runs[i].state != RUN_FREE && runs[i].owner.token == owner;
	return has;
}

static int ready(void **state)
{
	(void)state;
	memset(runs, 0, sizeof(runs));
	now_s = 0;
	return 0;
}

static void test_places(void **state)
{
	struct run *old;

	(void)state;
	for (int i = 0; i < 5; i++)
		put(ALICE, RUN_DONE, 5);
	put(BOB, RUN_DONE, 5);
	for (int i = 0; i < 300; i++)
		put(CAROL, RUN_DONE, 0);
	/* the oldest of who has most give way, and those of nobody else */
	assert_int_equal(count(ALICE), 5);
	assert_int_equal(count(BOB), 1);
	assert_int_equal(count(CAROL), RUNS - 6);
	old = run_kept_first(RUN_ALONE);
	assert_int_equal(old->owner.token, CAROL);
	for (size_t i = 0; i < RUNS; i++)
		assert_true(runs[i].owner.token != CAROL || runs[i].ended_s >= old->ended_s);
	/* two who have as many each share the places */
	for (int i = 0; i < 300; i++)
		put(BOB, RUN_DONE, 0);
	assert_int_equal(count(ALICE), 5);
	assert_in_range(count(BOB), (RUNS - 5) / 2, (RUNS - 5) / 2 + 1);
}

static void test_only_what_has_ended(void **state)
{
	(void)state;
	put(BOB, RUN_DONE, 0);
	for (int i = 0; i < RUNS - 1; i++)
		put(ALICE, RUN_WAITING, 0);
	assert_int_equal(run_kept_first(RUN_ALONE)->owner.token, BOB);
	put(ALICE, RUN_WAITING, 0);
	assert_null(run_kept_first(RUN_ALONE));
	assert_null(put(BOB, RUN_WAITING, 0));
}

static void test_bytes(void **state)
{
	struct run *last = NULL;

	(void)state;
	put(ALICE, RUN_DONE, 5);
	put(BOB, RUN_DONE, RUN_OUTPUT_MAX);
	for (int i = 0; i < 40; i++) {
		last = put(CAROL, RUN_DONE, RUN_OUTPUT_MAX);
		run_kept_bound(last);
		assert_int_equal(last->state, RUN_DONE);
	}
	assert_int_equal(count(ALICE), 1);
	assert_int_equal(count(BOB), 1);
	assert_int_equal(count(CAROL), RUN_KEPT_BYTES / RUN_OUTPUT_MAX - 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_places, ready),
		cmocka_unit_test_setup(test_only_what_has_ended, ready),
		cmocka_unit_test_setup(test_bytes, ready),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
