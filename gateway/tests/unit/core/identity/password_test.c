/* SPDX-License-Identifier: MIT */
/* How places for passwords that are looked at are shared; the helper process is not started. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/buffer.c"
#include "gateway/base/bytes.c"
#include "gateway/core/identity/password.c"

void login_key(const char *address, char *key, size_t room)
{
	strncpy(key, address, room);
}

static void take(unsigned place, const char *address)
{
	jobs[place] = (struct job){.used = true};
	strcpy(jobs[place].address, address);
}

static int leave(void **state)
{
	(void)state;
	memset(jobs, 0, sizeof(jobs));
	return 0;
}

static void test_an_address_has_so_many(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PASSWORD_PER_ADDRESS; i++) {
		assert_true(password_place("10.0.0.1", true) < PASSWORD_JOBS);
		take(i, "10.0.0.1");
	}
	assert_int_equal(password_place("10.0.0.1", true), PASSWORD_JOBS);
	assert_true(password_place("10.0.0.2", false) < PASSWORD_JOBS);
	/* The passwords of new users, whose makers are known, count for no address. */
	assert_true(password_place("", true) < PASSWORD_JOBS);
}

static void test_the_last_ones_are_for_who_is_known(void **state)
{
	char address[] = "10.0.0.0";

	(void)state;
	for (unsigned i = 0; i < PASSWORD_JOBS - PASSWORD_KEPT; i++) {
		address[7] = (char)('0' + i);
		assert_true(password_place(address, false) < PASSWORD_JOBS);
		take(i, address);
	}
	assert_int_equal(password_place("10.0.0.8", false), PASSWORD_JOBS);
	for (unsigned i = PASSWORD_JOBS - PASSWORD_KEPT; i < PASSWORD_JOBS; i++) {
		assert_int_not_equal(password_place("10.0.0.8", true), PASSWORD_JOBS);
		take(i, "10.0.0.9");
	}
	assert_int_equal(password_place("10.0.0.8", true), PASSWORD_JOBS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_an_address_has_so_many, leave),
		cmocka_unit_test_teardown(test_the_last_ones_are_for_who_is_known, leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
