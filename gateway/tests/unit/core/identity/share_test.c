/* SPDX-License-Identifier: MIT */
/* Tests of who gives up a place when all are taken, and of what finding out costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/core/identity/share.h"

/* The number of comparisons of credentials by share_place(). */
static size_t compared;

#define share_same(one, other) (compared++, (share_same)(one, other))
#include "gateway/core/identity/share.c"

enum { PLACES = 8, MANY = 1024 };

static const struct identity alice = {.token = 1}, bob = {.account = 1}, root = {.user = 0};

static void fill(struct share *places, unsigned count)
{
	for (unsigned i = 0; i < PLACES; i++)
		places[i] = (struct share){.who = i < count ? &alice : &bob, .since = 100 - i};
}

static void test_free_ones_first(void **state)
{
	struct share places[PLACES] = {0};

	(void)state;
	assert_int_equal(share_place(places, PLACES, &alice, false), 0);
	fill(places, PLACES);
	places[5].who = NULL;
	assert_int_equal(share_place(places, PLACES, &alice, false), 5);
}

static void test_who_has_most_gives_its_oldest(void **state)
{
	struct share places[PLACES];

	(void)state;
	fill(places, PLACES);
	assert_int_equal(share_place(places, PLACES, &bob, false), PLACES - 1);
	assert_int_equal(share_place(places, PLACES, &root, false), PLACES - 1);
	assert_int_equal(share_place(places, PLACES, &alice, false), PLACES);
	assert_int_equal(share_place(places, PLACES, &alice, true), PLACES - 1);
	fill(places, 5);
	assert_int_equal(share_place(places, PLACES, &bob, false), 4);
	/*
	 * A holder with as many places as another gets no more, so that nobody gains by asking
	 * again.
	 */
	fill(places, 4);
	assert_int_equal(share_place(places, PLACES, &bob, false), PLACES);
	assert_int_equal(share_place(places, PLACES, &alice, false), PLACES);
}

/*
 * Of several holders with equally many places, the one whose place comes first gives one up; of
 * places as old, the first.
 */
static void test_ties(void **state)
{
	struct share places[PLACES];

	(void)state;
	for (unsigned i = 0; i < PLACES; i++)
		places[i] = (struct share){.who = i % 2 ? &alice : &bob, .since = 1};
	assert_int_equal(share_place(places, PLACES, &root, false), 0);
	places[2].since = 0;
	assert_int_equal(share_place(places, PLACES, &root, false), 2);
	places[0].who = &alice;
	assert_int_equal(share_place(places, PLACES, &root, false), 0);
	assert_int_equal(share_place(places, 0, &root, true), 0);
}

/* The cost is the same with as many credentials as places, and with one that has them all. */
static void test_cost_grows_with_the_places_alone(void **state)
{
	static struct identity who[MANY];
	static struct share places[MANY];

	(void)state;
	for (unsigned kinds = 0; kinds < 3; kinds++) {
		for (unsigned i = 0; i < MANY; i++) {
			uint64_t number = i + 1;

			who[i] = (struct identity){.token = kinds == 0 ? number : 0,
						   .account = kinds == 1 ? number : 0,
						   .user = 1};
			places[i] = (struct share){.who = &who[i], .since = MANY - i};
		}
		compared = 0;
		assert_int_equal(share_place(places, MANY, &root, true),
				 kinds == 2 ? MANY - 1 : MANY);
		assert_in_range(compared, 1, 4 * MANY);
	}
}

static void test_credentials_are_told_apart(void **state)
{
	(void)state;
	assert_true(share_same(&alice, &alice));
	assert_false(share_same(&alice, &bob));
	assert_false(share_same(&bob, &root));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_free_ones_first),
		cmocka_unit_test(test_who_has_most_gives_its_oldest),
		cmocka_unit_test(test_ties),
		cmocka_unit_test(test_cost_grows_with_the_places_alone),
		cmocka_unit_test(test_credentials_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
