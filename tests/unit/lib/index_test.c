/* SPDX-License-Identifier: MIT */
/* What speculation past a failed check would use as the index. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/index.h"

static void test_masked(void **state)
{
	static const u64 sizes[] = {1, 2, 38, 255, 4095, 1ull << 32, 1ull << 63, ~0ull};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
		assert_int_equal(index_masked(0, sizes[i]), 0);
		assert_int_equal(index_masked(sizes[i] / 2, sizes[i]), sizes[i] / 2);
		assert_int_equal(index_masked(sizes[i] - 1, sizes[i]), sizes[i] - 1);
		assert_int_equal(index_masked(sizes[i], sizes[i]), 0);
		assert_int_equal(index_masked(sizes[i] + 1, sizes[i]), 0);
		assert_int_equal(index_masked(~0ull, sizes[i]), 0);
	}
	assert_int_equal(index_masked(5, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_masked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
