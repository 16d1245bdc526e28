/* SPDX-License-Identifier: MIT */
/* Views of what is kept of a disk, as the manager goes about them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/string.h"
#include "vmm/manager/disk/disk_view.c"
#include "vmm/rt/format.h"

#define GROUP 7u

static struct driver driver;
static struct driver_link *const source = &driver.link[2];
static struct driver_link *const other = &driver.link[3];
static const char *undo_problem;
static char problem[200];

struct driver *driver_of_link(const struct driver_link *of)
{
	assert_true(of >= driver.link && of < driver.link + DRIVER_CLIENT_MAX);
	return &driver;
}

const char *disk_undo_problem(const struct driver_link *link)
{
	assert_ptr_equal(link, source);
	return undo_problem;
}

struct driver_link *driver_link_make(struct driver *of, handle_t group,
				     const struct driver_link *wanted, char *text, size_t size)
{
	struct driver_link *link = &of->link[9];

	assert_int_equal(group, GROUP);
	if (link->used) {
		format(text, size, "no place");
		return NULL;
	}
	*link = *wanted;
	link->used = true;
	return link;
}

static struct driver_link *make(void)
{
	const struct share_given limit = {.weight = 3};

	problem[0] = '\0';
	return disk_view_make(source, GROUP, "reader", &limit, problem, sizeof(problem));
}

static int setup(void **state)
{
	(void)state;
	memset(&driver, 0, sizeof(driver));
	undo_problem = NULL;
	*source = (struct driver_link){.used = true,
				       .section = 4,
				       .fails = true,
				       .whole = true,
				       .undo = {.number = 5},
				       .disk = {.unit = 1, .first_sector = 2048, .sectors = 8000}};
	*other = (struct driver_link){.used = true, .undo = {.number = 6}};
	return 0;
}

static void from_begin_to_end(void **state)
{
	struct driver_link *view;

	(void)state;
	assert_false(disk_is_viewed(source));
	view = make();
	assert_non_null(view);
	assert_true(disk_is_view(view) && !disk_is_view(source));
	assert_true(view->disk.read_only && view->fails && !view->whole);
	assert_int_equal(view->disk.view.of, 2);
	assert_int_equal(view->disk.view.number, 5);
	assert_int_equal(view->disk.unit, 1);
	assert_int_equal(view->disk.first_sector, 2048);
	assert_int_equal(view->disk.sectors, 8000);
	assert_int_equal(view->disk.limit.weight, 3);
	assert_int_equal(view->section, 4);
	/* the reader does not get these bytes, in which data newer than the snapshot may be */
	assert_int_equal(view->hidden_bytes, BLOCK_BOUNCE_BYTES);
	assert_string_equal(view->user, "reader");
	assert_true(disk_is_viewed(source) && !disk_is_viewed(other) && !disk_is_viewed(view));
	assert_null(disk_view_problem(view));
	assert_null(make());
	assert_string_equal(problem, "no place");
	view->used = false;
	assert_false(disk_is_viewed(source));
}

static void may_be_written(void **state)
{
	const struct share_given limit = {.weight = 3};
	struct driver_link *view =
		disk_view_make_overlay(source, GROUP, "clone", &limit, problem, sizeof(problem));

	(void)state;
	assert_non_null(view);
	assert_true(disk_is_view(view) && !view->disk.read_only);
	assert_ptr_equal(disk_view_source(view), source);
	assert_int_equal(view->undo.number, 0);
	assert_int_equal(view->hidden_bytes, BLOCK_BOUNCE_BYTES);
}

static void lost(void **state)
{
	struct driver_link *view = make();

	(void)state;
	undo_problem = "full";
	assert_string_equal(disk_view_problem(view), "full");
	undo_problem = NULL;
	/* another snapshot has begun, or another client has that place */
	source->undo.number = 8;
	assert_non_null(disk_view_problem(view));
	assert_false(disk_is_viewed(source));
	source->undo.number = 5;
	assert_null(disk_view_problem(view));
	source->used = false;
	assert_non_null(disk_view_problem(view));
}

static void refused(void **state)
{
	(void)state;
	undo_problem = "full";
	assert_null(make());
	assert_string_equal(problem, "full");
	source->undo.number = 0;
	assert_null(make());
	assert_string_equal(problem, "nothing is kept of it");
	/* a disk whose old blocks are not kept is not viewed either */
	driver.link[9].used = true;
	assert_false(disk_is_viewed(source));
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(from_begin_to_end),
		TEST(may_be_written),
		TEST(lost),
		TEST(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
