/* SPDX-License-Identifier: MIT */
/* Token buckets: exact over time, never stuck, whatever the numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/types.h"
#include "tests/random.h"
#include "vmm/io/bucket.c"

#define SECOND 3000000000ull /* the ticks of a second */
#define START  777ull

/*
 * Returns how many things of this cost go in this many ticks, looked for whenever the bucket says
 * so.
 */
static u64 count_over(struct bucket *bucket, u64 ticks, u32 cost, u64 wanted)
{
	u64 end = bucket->last + ticks;
	u64 now = bucket->last;
	u64 count = 0;

	while (now < end) {
		u64 ready;

		bucket_fill(bucket, now);
		while (bucket_may_go(bucket)) {
			bucket_take(bucket, cost);
			count++;
		}
		ready = bucket_ready_at(bucket, wanted);
		assert_true(ready > now);
		now = ready;
	}
	return count;
}

static void exact_at_any_rate(void **state)
{
	static const u64 rates[] = {1, 3, 7, 10, 100, 997, 100000, 1000003, 3000000000ull};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(rates); i++) {
		struct bucket bucket;
		u64 seconds = rates[i] < 1000000 ? 10 : 1;
		u64 count;

		bucket_open(&bucket, rates[i], 2, SECOND, START);
		if (rates[i] > 1000000000)
			count = count_over(&bucket, SECOND / 1000, 1, 1) * 1000;
		else
			count = count_over(&bucket, seconds * SECOND, 1, 1);
		/* the burst that it began with, and no more */
		assert_in_range(count, rates[i] * seconds, rates[i] * seconds + 2000);
		if (rates[i] <= 1000003)
			assert_in_range(count, rates[i] * seconds, rates[i] * seconds + 2);
	}
}

/* The remainder is kept: a bucket that is filled at each tick gets as much as one filled once. */
static void filled_at_any_time(void **state)
{
	u64 random = RANDOM_SEED;

	(void)state;
	for (u32 i = 0; i < 200; i++) {
		u64 rate = random_step(&random) % 5000000 + 1;
		struct bucket often;
		struct bucket once;
		u64 at = START;

		bucket_open(&often, rate, 1u << 30, SECOND, START);
		bucket_take(&often, 1u << 30);
		once = often;
		for (u32 j = 0; j < 1000; j++) {
			at += random_step(&random) % (j % 10 == 0 ? 100000 : 20);
			bucket_fill(&often, at);
			assert_true(often.remainder < SECOND);
		}
		bucket_fill(&once, at);
		assert_int_equal(often.credit, once.credit);
		assert_int_equal(often.remainder, once.remainder);
	}
}

static void a_burst_after_a_pause(void **state)
{
	struct bucket bucket;
	u32 count = 0;

	(void)state;
	bucket_open(&bucket, 1000, 50, SECOND, START);
	bucket_fill(&bucket, START + 3600 * SECOND);
	for (; bucket_may_go(&bucket); count++)
		bucket_take(&bucket, 1);
	assert_int_equal(count, 50);
	/* a day's silence is not saved up */
	bucket_fill(&bucket, START + 3600 * SECOND + SECOND / 1000);
	assert_true(bucket_may_go(&bucket));
	bucket_take(&bucket, 1);
	assert_false(bucket_may_go(&bucket));
}

/* A thing that is larger than the bucket goes, and is paid for afterwards. */
static void debt(void **state)
{
	struct bucket bucket;

	(void)state;
	bucket_open(&bucket, 1000, 10, SECOND, START);
	bucket_take(&bucket, 5010);
	assert_false(bucket_may_go(&bucket));
	bucket_fill(&bucket, START + 5 * SECOND);
	assert_int_equal(bucket.credit, 0);
	assert_false(bucket_may_go(&bucket));
	assert_in_range(bucket_ready_at(&bucket, 1), START + 5 * SECOND + SECOND / 1000,
			START + 5 * SECOND + SECOND / 1000 + 1);
	bucket_fill(&bucket, bucket_ready_at(&bucket, 1));
	assert_true(bucket_may_go(&bucket));
}

/* When the bucket says that it is ready it is, and that time always comes. */
static void never_stuck(void **state)
{
	static const u64 edges[] = {0,		1,	    2,		63,
				    SECOND - 1, SECOND,	    SECOND + 1, 1ull << 32,
				    1ull << 62, 1ull << 63, ~0ull - 1,	~0ull};
	static const u64 ticks[] = {1, 1000, SECOND, 5000000000ull};
	static const u32 costs[] = {1, 64, 65536, ~0u};
	u64 random = RANDOM_SEED;

	(void)state;
	for (u32 i = 0; i < 200000; i++) {
		u64 rate = edges[random_step(&random) % ARRAY_COUNT(edges)];
		u64 burst = edges[random_step(&random) % ARRAY_COUNT(edges)];
		u64 wanted = edges[random_step(&random) % ARRAY_COUNT(edges)];
		struct bucket bucket;
		u64 now = START;

		bucket_open(&bucket, rate, burst, ticks[random_step(&random) % 4], now);
		for (u32 j = 0; j < 5; j++) {
			u64 ready;

			if (bucket_may_go(&bucket))
				bucket_take(&bucket, costs[random_step(&random) % 4]);
			ready = bucket_ready_at(&bucket, wanted);
			assert_true(ready >= now);
			/* a century */
			if (bucket_ready_at(&bucket, 1) - now > 1ull << 63)
				assert_true(bucket.credit < -(s64)(1u << 31));
			if (ready == ~0ull || ready - now > 1ull << 62)
				break;
			now = ready;
			bucket_fill(&bucket, now);
			assert_true(bucket_may_go(&bucket));
			assert_true(bucket.rate == 0 || bucket.credit <= (s64)bucket.burst);
		}
	}
}

/* For one unit at a time the wait is never longer than the unit's share of a second. */
static void the_wait_for_one(void **state)
{
	(void)state;
	for (u64 rate = 1; rate < 1ull << 40; rate = rate * 3 + 1) {
		struct bucket bucket;

		bucket_open(&bucket, rate, 1, SECOND, START);
		bucket_take(&bucket, 1);
		assert_in_range(bucket_ready_at(&bucket, 1) - START, 1, SECOND / rate + 1);
	}
}

static void no_limit(void **state)
{
	struct bucket bucket;

	(void)state;
	bucket_open(&bucket, 0, 0, SECOND, START);
	for (u32 i = 0; i < 1000; i++) {
		assert_true(bucket_may_go(&bucket));
		bucket_take(&bucket, ~0u);
	}
	assert_int_equal(bucket_ready_at(&bucket, 1), START);
}

static void changed_while_in_use(void **state)
{
	struct bucket bucket;
	u64 at = START;

	(void)state;
	bucket_open(&bucket, 100, 1, SECOND, START);
	bucket_take(&bucket, 1001);
	bucket_change(&bucket, 100000, 1, at);
	assert_int_equal(bucket.credit, -1000);
	bucket_fill(&bucket, at += SECOND / 100 + SECOND / 100000);
	assert_true(bucket_may_go(&bucket));
	/* a bucket whose limit begins owes nothing */
	bucket_change(&bucket, 0, 1, at);
	bucket_take(&bucket, 1000000);
	bucket_change(&bucket, 10, 5, at);
	assert_int_equal(bucket.credit, 5);
	assert_int_equal(count_over(&bucket, SECOND, 1, 1), 5 + 10 - 1);
}

/* Another CPU's clock that is a little behind gives neither credit nor harm. */
static void a_clock_that_steps_back(void **state)
{
	struct bucket bucket;

	(void)state;
	bucket_open(&bucket, 1000, 10, SECOND, START + SECOND);
	bucket_take(&bucket, 20);
	bucket_fill(&bucket, START + SECOND - 5000);
	assert_int_equal(bucket.credit, -10);
	assert_int_equal(bucket.last, START + SECOND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exact_at_any_rate),
		cmocka_unit_test(filled_at_any_time),
		cmocka_unit_test(a_burst_after_a_pause),
		cmocka_unit_test(debt),
		cmocka_unit_test(never_stuck),
		cmocka_unit_test(the_wait_for_one),
		cmocka_unit_test(no_limit),
		cmocka_unit_test(changed_while_in_use),
		cmocka_unit_test(a_clock_that_steps_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
