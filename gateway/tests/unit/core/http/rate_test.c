/* SPDX-License-Identifier: MIT */
/* How many requests each asker may send: those that cost more count for more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/core/common/clock.h"
static double test_clock_s = 1000;
#define clock_now_s() test_clock_s

#include "gateway/core/http/rate.c"

struct settings settings = {.rate = 50, .change_rate = 5};
static struct request alice = {.who.token = 1}, bob = {.who.token = 2};

void answer_retry_after(struct request *request, unsigned seconds)
{
	(void)request, (void)seconds;
}

void answer_problem(struct request *request, unsigned code, const char *word, const char *format,
		    ...)
{
	(void)request, (void)word, (void)format;
	assert_int_equal(code, 429);
}

static int setup(void **state)
{
	(void)state;
	test_clock_s += 1000;
	settings.rate = 50;
	return 0;
}

/* Returns how many of a costly request are served in `seconds` to whoever asks all the time. */
static unsigned served(struct request *request, unsigned cost, unsigned seconds)
{
	unsigned count = 0;

	for (unsigned i = 0; i < 1000 * seconds; i++) {
		test_clock_s += 0.001;
		if (!rate_take(request, false))
			continue;
		rate_charge(request, cost);
		count++;
	}
	return count;
}

static void test_each_counts_once(void **state)
{
	(void)state;
	assert_in_range(served(&alice, 0, 10), 595, 600);
}

static void test_costly_ones_count_for_more(void **state)
{
	(void)state;
	assert_in_range(served(&alice, 49, 20), 21, 23);
	assert_true(rate_take(&bob, false));
	assert_true(rate_take(&alice, true));
}

static void test_one_that_costs_more_than_there_may_be_is_served_and_paid(void **state)
{
	(void)state;
	settings.rate = 10;
	assert_true(rate_take(&alice, false));
	rate_charge(&alice, 99);
	test_clock_s += 7.5;
	assert_false(rate_take(&alice, false));
	test_clock_s += 1;
	assert_true(rate_take(&alice, false));
}

static void test_without_a_limit_nothing_counts(void **state)
{
	(void)state;
	settings.rate = 0;
	assert_int_equal(served(&alice, 1000, 1), 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_each_counts_once, setup),
		cmocka_unit_test_setup(test_costly_ones_count_for_more, setup),
		cmocka_unit_test_setup(
			test_one_that_costs_more_than_there_may_be_is_served_and_paid, setup),
		cmocka_unit_test_setup(test_without_a_limit_nothing_counts, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
