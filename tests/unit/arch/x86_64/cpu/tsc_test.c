/* SPDX-License-Identifier: MIT */
/* Nanoseconds in TSC ticks: exact enough, and without overflow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "arch/x86_64/cpu/tsc.c"

static const u32 rates[] = {50000, 999999, 1000000, 1193182, 2400000, 3700001, 6000000};

/* Ten years at each rate: off by a hundred-millionth at most. */
static void test_matches_division(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rates); i++) {
		u64 seconds = 10ull * 365 * 86400;

		tsc_set_khz(rates[i]);
		assert_int_equal(tsc_khz(), rates[i]);
		for (u64 s = 1; s < seconds; s *= 7) {
			u64 ticks = s * rates[i] * 1000;
			u64 ns = s * NS_PER_S;

			assert_in_range(tsc_from_ns(ns), ticks - ticks / 100000000 - 1, ticks);
		}
	}
}

static void test_small_values(void **state)
{
	(void)state;
	tsc_set_khz(1000000);
	assert_int_equal(tsc_from_ns(0), 0);
	assert_int_equal(tsc_from_ns(123), 123);
	tsc_set_khz(2000000);
	assert_int_equal(tsc_from_ns(10), 20);
}

static void test_saturates(void **state)
{
	(void)state;
	tsc_set_khz(50000);
	assert_true(tsc_from_ns(~0ull) < ~0ull / 19);
	tsc_set_khz(3000000);
	assert_true(tsc_from_ns(~0ull) == ~0ull);
	assert_true(tsc_from_ns(~0ull / 4) > ~0ull / 4 * 2);
}

static void test_never_goes_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rates); i++) {
		u64 last = 0;

		tsc_set_khz(rates[i]);
		for (u64 ns = 1ull << 40; ns < (1ull << 40) + 10000; ns++) {
			assert_true(tsc_from_ns(ns) >= last);
			last = tsc_from_ns(ns);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matches_division),
		cmocka_unit_test(test_small_values),
		cmocka_unit_test(test_saturates),
		cmocka_unit_test(test_never_goes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
