/* SPDX-License-Identifier: MIT */
/* Which stores the manager has given back before the host stops, and how long it waits for that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vmm/manager/disk/store_leave.c"

enum { STORES = 3 };

static struct store stores[STORES];
static struct store_told told[STORES];
static bool idle[STORES];
static bool refused;
static u32 asked[STORES];
static bool answered[STORES];

struct store *store_at(u32 number)
{
	return number < STORES ? &stores[number] : NULL;
}

bool store_told(const struct store *store, struct store_told *copy)
{
	*copy = told[store - stores];
	return copy->state != STORE_LOADING;
}

bool store_is_idle(const struct store *store)
{
	return idle[store - stores];
}

u64 store_ask(struct store *store, enum store_operation operation, const struct store_item *item,
	      u32 count, char *problem, size_t size)
{
	(void)item;
	(void)problem;
	(void)size;
	assert_int_equal(operation, STORE_RELEASE);
	assert_int_equal(count, 1);
	asked[store - stores]++;
	return refused ? 0 : 7;
}

bool store_answered(const struct store *store, u64 number, struct store_answer *answer)
{
	(void)answer;
	assert_int_equal(number, 7);
	return answered[store - stores];
}

/* Three stores that are ready, the second without a lease. */
static int ready(void **state)
{
	(void)state;
	refused = false;
	for (u32 i = 0; i < STORES; i++) {
		stores[i] = (struct store){.place = i};
		told[i] =
			(struct store_told){.state = STORE_READY, .owner.lease_s = i == 1 ? 0 : 20};
		idle[i] = true;
		answered[i] = false;
		asked[i] = 0;
	}
	return 0;
}

static void each_with_a_lease_is_asked_once(void **state)
{
	(void)state;
	assert_false(stores_leave());
	assert_false(stores_leave());
	answered[0] = true;
	assert_false(stores_leave());
	answered[2] = true;
	assert_true(stores_leave());
	assert_int_equal(asked[0], 1);
	assert_int_equal(asked[1], 0);
	assert_int_equal(asked[2], 1);
	stores_stay();
	answered[0] = false;
	assert_false(stores_leave());
	assert_int_equal(asked[0], 2);
}

/* A store that still does another command is asked when that has ended. */
static void busy_one_is_waited_for(void **state)
{
	(void)state;
	idle[0] = false;
	answered[2] = true;
	assert_false(stores_leave());
	assert_int_equal(asked[0], 0);
	idle[0] = true;
	assert_false(stores_leave());
	answered[0] = true;
	assert_true(stores_leave());
}

/* Whoever does not hold a store, or cannot ask for it, does not wait. */
static void others_are_not_asked(void **state)
{
	(void)state;
	for (u32 i = 0; i < STORE_STATE_COUNT; i++) {
		if (i == STORE_READY)
			continue;
		told[0].state = told[2].state = i;
		assert_true(stores_leave());
		assert_int_equal(asked[0] + asked[2], 0);
	}
	told[0].state = STORE_READY;
	refused = true;
	assert_true(stores_leave());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(each_with_a_lease_is_asked_once, ready),
		cmocka_unit_test_setup(busy_one_is_waited_for, ready),
		cmocka_unit_test_setup(others_are_not_asked, ready),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
