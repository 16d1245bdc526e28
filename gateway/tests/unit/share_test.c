/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/core/share.c"

enum { PLACES = 8 };

static const struct identity alice = {.token = 1}, bob = {.account = 1}, root = {.user = 0};

static void fill(struct share *places, unsigned count)
{
	for (unsigned i = 0; i < PLACES; i++)
		places[i] = (struct share){i < count ? &alice : &bob, 100 - i};
}

static void test_free_ones_first(void **state)
{
	struct share places[PLACES] = {{NULL, 0}};

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
	/* Nobody's turn for ever: with as many as the other one, one gets no more. */
	fill(places, 4);
	assert_int_equal(share_place(places, PLACES, &bob, false), PLACES);
	assert_int_equal(share_place(places, PLACES, &alice, false), PLACES);
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
		cmocka_unit_test(test_credentials_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
