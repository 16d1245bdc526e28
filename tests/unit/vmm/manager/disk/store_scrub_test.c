/* SPDX-License-Identifier: MIT */
/* What the log and the events say of a scrub, once, whatever the driver claims. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "vmm/manager/disk/store_scrub.c"
#include "lib/string.h"
#include "vmm/rt/format.h"

static struct store_config pool = {.section.name = "pool"};
static struct store_page page;
static struct store store = {.config = &pool, .page = &page};
static char log_text[4][300];
static u32 lines, warnings, events;

void log_message(enum log_level level, enum log_category category, const char *vm,
		 const char *pattern, ...)
{
	va_list arguments;

	(void)category, (void)vm;
	va_start(arguments, pattern);
	vsnprintf(log_text[lines++ % 4], sizeof(log_text[0]), pattern, arguments);
	va_end(arguments);
	warnings += level == LOG_WARNING;
}

void vm_event(const char *name, const char *uuid, enum vm_event event, const char *reason)
{
	assert_string_equal(name, "");
	assert_string_equal(uuid, "");
	assert_int_equal(event, EVENT_STORE_DAMAGED);
	assert_string_equal(reason, log_text[0]);
	events++;
}

bool store_told(const struct store *in, struct store_told *told)
{
	*told = in->page->told;
	return true;
}

bool store_volume_find_id(const struct store *in, u64 id, struct store_volume *volume)
{
	static const struct store_volume list[] = {{.id = 4, .name = "web"},
						   {.id = 9, .name = "clone"}};

	(void)in;
	for (u32 i = 0; i < 2; i++) {
		*volume = list[i];
		if (volume->id == id)
			return true;
	}
	return false;
}

static void test_say(void **state)
{
	(void)state;
	store_scrub_say(&store);
	assert_int_equal(lines, 0);
	page.told = (struct store_told){.scrub = STORE_CHECK_ENDED,
					.scrub_number = 1,
					.scrub_sums = 7,
					.scrub_without = 2,
					.chunk_bytes = 64 * KIB};
	store_scrub_say(&store);
	store_scrub_say(&store);
	assert_int_equal(lines, 1);
	assert_int_equal(warnings + events, 0);
	lines = 0;
	page.told.scrub_number = 2;
	page.told.scrub_faults = 1;
	page.told.rot_count = 3;
	page.told.rot[0] = (struct store_rot){.volume = 4, .sector = 256};
	page.told.rot[1] = (struct store_rot){.volume = 5, .sector = 256}; /* dropped since */
	page.told.rot[2] = (struct store_rot){.volume = 9, .sector = 0};
	store_scrub_say(&store);
	store_scrub_say(&store);
	assert_int_equal(events, 1);
	assert_int_equal(lines, 3);
	assert_int_equal(warnings, 3);
	assert_string_equal(log_text[0],
			    "store pool: a scrub has compared 7 chunks with their sums; 1 are "
			    "damaged on the disk, and 2 have no sum");
	assert_string_equal(log_text[1],
			    "store pool: volume web is damaged in the 64 KiB from byte 131072 on");
	assert_string_equal(log_text[2],
			    "store pool: volume clone is damaged in the 64 KiB from byte 0 on");
	/* one that is under way says nothing yet */
	page.told.scrub_number = 3;
	page.told.scrub = STORE_CHECK_UNDER_WAY;
	store_scrub_say(&store);
	assert_int_equal(lines, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_say)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
