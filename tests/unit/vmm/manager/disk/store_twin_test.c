/* SPDX-License-Identifier: MIT */
/* A store whose disk is a copy of another store's: the first of the two is used. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/string.h"
#include "vmm/manager/disk/store_twin.c"
#include "vmm/rt/format.h"

enum { STORES = 3 };

static struct store_config configs[STORES];
static struct store stores[STORES];
static struct store_told told[STORES];
static char text[200];

struct store *store_at(u32 number)
{
	return number < STORES ? &stores[number] : NULL;
}

bool store_told(const struct store *store, struct store_told *copy)
{
	*copy = told[store - stores];
	return copy->state != STORE_LOADING;
}

/* Three stores that are ready, with ids of their own. */
static void ready(void)
{
	static const char *const names[STORES] = {"pool", "copy", "other"};

	for (u32 i = 0; i < STORES; i++) {
		string_copy(configs[i].section.name, sizeof(configs[i].section.name), names[i]);
		stores[i].config = &configs[i];
		told[i] = (struct store_told){.state = STORE_READY, .id = {1, (u8)(i + 1)}};
	}
}

static void each_is_used(void **state)
{
	(void)state;
	ready();
	for (u32 i = 0; i < STORES; i++)
		assert_null(store_twin_problem(&stores[i], text, sizeof(text)));
}

static void first_is_used(void **state)
{
	(void)state;
	ready();
	told[2] = told[1] = told[0];
	assert_null(store_twin_problem(&stores[0], text, sizeof(text)));
	for (u32 i = 1; i < STORES; i++)
		assert_string_equal(store_twin_problem(&stores[i], text, sizeof(text)),
				    "its disk has the same store as that of store pool, which is "
				    "used alone; remove the disk that is the copy");
}

/* Only stores that are ready have an id. */
static void others_are_no_twins(void **state)
{
	(void)state;
	for (u32 i = 0; i < STORE_STATE_COUNT; i++) {
		ready();
		told[1] = told[0];
		told[0].state = i;
		assert_int_equal(store_twin_problem(&stores[1], text, sizeof(text)) != NULL,
				 i == STORE_READY);
		told[1].state = i;
		told[0].state = STORE_READY;
		assert_int_equal(store_twin_problem(&stores[1], text, sizeof(text)) != NULL,
				 i == STORE_READY);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_used),
		cmocka_unit_test(first_is_used),
		cmocka_unit_test(others_are_no_twins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
