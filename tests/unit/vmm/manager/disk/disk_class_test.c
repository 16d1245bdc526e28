/* SPDX-License-Identifier: MIT */
/* What clients are told of a driver's disks: which grow, which are gone while others are served. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "lib/string.h"
#include "vmm/io/disk_changes.h"
#include "vmm/manager/disk/disk_class.c"

#define UNITS 3u

static struct driver_channel channel;
static struct driver driver;
static struct link_memory memory;
static u32 logged, warned;

void log_message(enum log_level level, enum log_category category, const char *vm,
		 const char *pattern, ...)
{
	(void)category, (void)vm, (void)pattern;
	logged++;
	warned += level == LOG_WARNING;
}

void driver_text(const char *from, size_t bytes, char *to, size_t size)
{
	(void)bytes;
	string_copy(to, size, from);
}

void driver_model(const struct driver *of, char *text, size_t size)
{
	string_copy(text, size, of->channel->model);
}

void controller_disk_name(const struct driver *of, u32 unit, char name[DRIVER_NAME_BYTES])
{
	(void)of, (void)unit;
	name[0] = '\0';
}

/* Windows have a test of their own, disk_window_test.c. */
void disk_window_fill(const struct driver_link *link, struct disk_client_part *part)
{
	(void)link, (void)part;
}

u32 disk_window_shown(const struct driver *of, const struct driver_link *link)
{
	(void)of, (void)link;
	return 0;
}

u32 store_boundary(const struct driver *of, const struct driver_link *link)
{
	(void)of;
	(void)link;
	return 128;
}

void disks_look_again(const struct driver *driver)
{
	(void)driver;
}

void stores_ready(struct driver *of)
{
	(void)of;
}

void stores_open(struct driver *of)
{
	(void)of;
}

void stores_ended(struct driver *of)
{
	(void)of;
}

void disk_windows_signalled(struct driver *of)
{
	(void)of;
}

void disk_windows_ended(struct driver *of)
{
	(void)of;
}

/* Stands in for disk_undo.c, which disk_undo_test.c tests. */
struct disk_undo_given disk_undo_given(const struct driver_link *link,
				       const struct disk_undo_given *shown)
{
	(void)link;
	return *shown;
}

/* Stands in for disk_changes.c, which disk_changes_test.c tests. */
struct disk_changes_given disk_changes_given(const struct driver_link *link,
					     const struct disk_changes_given *shown)
{
	(void)link;
	return *shown;
}

void disk_changes_show(const struct driver_link *link, struct disk_changes_given *shown)
{
	(void)link, (void)shown;
}

void driver_link_drop_changes(struct driver_link *link)
{
	assert_int_equal(link->changes.driver_at, 0); /* the new process has nothing of it yet */
	link->changes = (struct link_changes){.memory = HANDLE_NONE};
}

void disk_undo_show(const struct driver_link *link, struct disk_undo_given *shown)
{
	(void)link, (void)shown;
}

static int set_up(void **state)
{
	static const struct driver_kind kind = {.class = &disk_class, .units = UNITS};

	(void)state;
	memset(&channel, 0, sizeof(channel));
	memset(&memory, 0, sizeof(memory));
	logged = warned = 0;
	driver = (struct driver){.kind = &kind, .channel = &channel, .life = DRIVER_LIFE_READY};
	for (u32 i = 0; i < UNITS; i++) {
		channel.disk.unit[i] = (struct disk_unit){.sectors = 1000 * (i + 1),
							  .block_bytes = 512,
							  .features = DISK_FLUSH | 0x100};
		driver.link[i] = (struct driver_link){.used = true,
						      .whole = i != 1,
						      .ends.at = &memory,
						      .disk = {.unit = i, .sectors = 100}};
	}
	return 0;
}

static struct block_about describe(u32 link)
{
	disk_class.describe(&driver, &driver.link[link]);
	return *(const struct block_about *)(const void *)memory.about;
}

/* A link with all of a disk gets what the disk has grown by. */
static void grows(void **state)
{
	(void)state;
	disk_class.ready(&driver);
	assert_int_equal(driver.link[0].disk.sectors, 1000);
	assert_int_equal(driver.link[1].disk.sectors, 100);
	assert_int_equal(driver.link[2].disk.sectors, 3000);
	assert_int_equal(logged, 1 + UNITS);
	assert_int_equal(warned, 0);
	assert_int_equal(describe(2).sectors, 3000);
	assert_int_equal(describe(2).features, DISK_FLUSH);
}

/* A list of changes without room for what is new would count as lost for ever. */
static void outgrows_its_list(void **state)
{
	/* the reach of a list with one page in each half */
	const u64 reach = 32768ull * DISK_CHANGES_BLOCK_SECTORS;

	(void)state;
	for (u32 i = 0; i < UNITS; i++)
		driver.link[i].changes = (struct link_changes){
			.memory = 9, .bytes = disk_changes_bytes(100), .number = 1};
	channel.disk.unit[0].sectors = reach - DISK_CHANGES_BLOCK_SECTORS;
	channel.disk.unit[1].sectors = channel.disk.unit[2].sectors = reach + 1;
	disk_class.ready(&driver);
	assert_int_equal(driver.link[0].changes.memory, 9);
	assert_int_equal(driver.link[1].changes.memory, 9); /* a partition stays as it is */
	assert_int_equal(driver.link[2].changes.memory, HANDLE_NONE);
}

/* One disk is gone: its clients wait or fail as configured, the others are served. */
static void one_is_gone(void **state)
{
	(void)state;
	channel.disk.unit[1].sectors = 0;
	string_copy(channel.disk.unit[1].problem, DISK_TEXT_BYTES, "there is no disk");
	disk_class.ready(&driver);
	assert_int_equal(warned, 1);
	driver.link[1].fails = driver.link[2].fails = true;
	assert_int_equal(describe(1).features & DISK_LOST, DISK_LOST);
	assert_int_equal(describe(2).features & DISK_LOST, 0);
	driver.link[1].fails = false;
	assert_int_equal(describe(1).features & DISK_LOST, 0);
	/* nobody knows while the driver is started anew */
	driver.link[1].fails = true;
	driver.life = DRIVER_LIFE_STARTING;
	assert_int_equal(describe(1).features & DISK_LOST, 0);
	driver.link[0].lost = true;
	assert_int_equal(describe(0).features & DISK_LOST, DISK_LOST);
}

/* The place of the pool is the driver's own matter, the limits are the VM's. */
static void what_the_driver_gets(void **state)
{
	struct driver_client client = {.link = 5};

	(void)state;
	driver.link[1].pool_pages_at = 0x5000;
	driver.link[1].disk.limit.weight = 7;
	disk_class.fill(&driver.link[1], &client);
	assert_int_equal(client.disk.pool_pages, 0x5000);
	assert_int_equal(client.disk.unit, 1);
	assert_int_equal(client.disk.limit.weight, 7);
	assert_int_equal(client.link, 5);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {TEST(grows), TEST(outgrows_its_list), TEST(one_is_gone),
					   TEST(what_the_driver_gets)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
