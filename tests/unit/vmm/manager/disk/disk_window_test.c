/* SPDX-License-Identifier: MIT */
/* Windows into clients' RAM, as the manager opens and closes them: who learns of it in which order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/fake_clock.h"
#include "vmm/manager/disk/disk_window.c"

#define SPACE 77u
#define RAM   78u

static struct driver driver;
static struct driver_channel channel;
static struct link_memory memory;
static struct driver_kind kind;
static struct driver_link *link = &driver.link[1];
static u64 mapped; /* the address at which the RAM is mapped; 0: nowhere */
static enum status map_status;
static u32 unmaps;

enum status sys_space_map(handle_t space, u64 at, handle_t object, u64 offset, u64 bytes,
			  u32 rights, u64 *address)
{
	assert_int_equal(space, SPACE);
	assert_int_equal(object, RAM);
	assert_int_equal(offset, 0);
	assert_int_equal(bytes, 64 * MIB);
	assert_int_equal(rights, RIGHT_READ | RIGHT_WRITE);
	assert_int_equal(mapped, 0);
	if (map_status == STATUS_OK)
		mapped = *address = at;
	return map_status;
}

void driver_link_unmap_ram(struct driver_link *of)
{
	assert_ptr_equal(of, link);
	/* the client still counts on the window: its requests may still land */
	mapped = 0;
	link->ram.at = 0;
	unmaps++;
}

enum status sys_event_signal(handle_t event)
{
	(void)event;
	return STATUS_OK;
}

struct driver *driver_of_link(const struct driver_link *of)
{
	(void)of;
	return &driver;
}

static u32 shown(void)
{
	return ((const struct block_about *)(const void *)memory.about)->window;
}

void driver_link_describe(struct driver_link *of)
{
	((struct block_about *)(void *)memory.about)->window = disk_window_shown(&driver, of);
}

void driver_link_fill(struct driver_link *of)
{
	if (of->driver_at != 0)
		disk_window_fill(of, &channel.client[1].disk);
}

/* The driver serves the client, and has seen what it was told. */
static void driver_sees(void)
{
	channel.served[1] = link->number;
	channel.disk.window[1] = channel.client[1].disk.window;
	disk_windows_signalled(&driver);
}

static int setup(void **state)
{
	(void)state;
	memset(&driver, 0, sizeof(driver));
	memset(&channel, 0, sizeof(channel));
	memset(&memory, 0, sizeof(memory));
	kind = (struct driver_kind){.direct = true};
	driver.kind = &kind;
	driver.channel = &channel;
	driver.life = DRIVER_LIFE_READY;
	*link = (struct driver_link){
		.used = true,
		.number = 5,
		.driver_at = 1,
		.ends.at = &memory,
		.window.space = SPACE,
		.ram = {.memory = RAM, .bytes = 64 * MIB},
	};
	mapped = 0;
	unmaps = 0;
	map_status = STATUS_OK;
	return 0;
}

/*
 * A window opens in this order: the RAM is mapped, then the driver knows the window, then the
 * client.
 */
static void opens(void **state)
{
	(void)state;
	disk_window_want(link, true);
	assert_int_equal(mapped, 36 * GIB);
	assert_int_equal(channel.client[1].disk.window_at, mapped);
	assert_int_equal(channel.client[1].disk.window_pages, 64 * MIB / PAGE_SIZE);
	assert_int_not_equal(channel.client[1].disk.window, 0);
	assert_int_equal(shown(), 0);
	/* the number is that of an earlier client */
	channel.disk.window[1] = channel.client[1].disk.window;
	disk_windows_signalled(&driver);
	assert_int_equal(shown(), 0);
	driver_sees();
	assert_int_equal(shown(), channel.client[1].disk.window);
	assert_string_equal(disk_window_name(link), "open");
}

/* A window closes the other way round; nothing is unmapped until the driver has let go. */
static void closes(void **state)
{
	u32 first;

	(void)state;
	disk_window_want(link, true);
	driver_sees();
	first = shown();
	disk_window_want(link, false);
	assert_int_equal(channel.client[1].disk.window, 0);
	disk_windows_signalled(&driver);
	assert_int_equal(unmaps, 0);
	assert_int_equal(shown(), first);
	assert_string_equal(disk_window_name(link), "closing");
	assert_true(driver_link_is_closing(link));
	driver_sees();
	assert_int_equal(unmaps, 1);
	assert_int_equal(shown(), 0);
	assert_string_equal(disk_window_name(link), "none");
	disk_window_want(link, true);
	driver_sees();
	assert_int_not_equal(shown(), 0);
	assert_int_not_equal(shown(), first);
}

/* A window that is wanted again before it was closed closes first. */
static void changes_its_mind(void **state)
{
	u32 first;

	(void)state;
	disk_window_want(link, true);
	driver_sees();
	first = shown();
	disk_window_want(link, false);
	disk_window_want(link, true);
	assert_int_equal(unmaps, 0);
	assert_int_equal(shown(), first);
	driver_sees();
	assert_int_equal(unmaps, 1);
	assert_int_not_equal(mapped, 0);
	assert_int_equal(shown(), 0);
	driver_sees();
	assert_int_not_equal(shown(), first);
	assert_int_not_equal(shown(), 0);
}

static void end_driver(void)
{
	driver.life = DRIVER_LIFE_RESTARTING;
	link->driver_at = 0;
	disk_windows_ended(&driver);
}

/* The driver ends: what it knew is void, and the client learns that nothing lands. */
static void driver_ends(void **state)
{
	u32 first;

	(void)state;
	disk_window_want(link, true);
	driver_sees();
	first = shown();
	end_driver();
	assert_int_equal(shown(), 0);
	assert_int_equal(unmaps, 0);
	link->driver_at = 1;
	driver.life = DRIVER_LIFE_READY;
	driver_link_fill(link);
	driver_link_describe(link);
	assert_int_not_equal(shown(), first);
	assert_int_equal(shown(), channel.client[1].disk.window);
}

/* The driver ends before it has let go: its device is detached. */
static void driver_ends_closing(void **state)
{
	(void)state;
	disk_window_want(link, true);
	driver_sees();
	disk_window_want(link, false);
	end_driver();
	assert_int_equal(unmaps, 1);
	assert_int_equal(shown(), 0);
}

/* A window that cannot be made leaves the client with copying. */
static void cannot_be(void **state)
{
	(void)state;
	map_status = STATUS_BAD_ADDRESS;
	disk_window_want(link, true);
	driver_sees();
	assert_int_equal(shown(), 0);
	map_status = STATUS_OK;
	kind.direct = false;
	disk_window_want(link, true);
	assert_int_equal(mapped, 0);
	kind.direct = true;
	link->window.space = HANDLE_NONE;
	disk_window_want(link, true);
	assert_int_equal(mapped, 0);
	assert_string_equal(disk_window_name(link), "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(opens, setup),
		cmocka_unit_test_setup(closes, setup),
		cmocka_unit_test_setup(changes_its_mind, setup),
		cmocka_unit_test_setup(driver_ends, setup),
		cmocka_unit_test_setup(driver_ends_closing, setup),
		cmocka_unit_test_setup(cannot_be, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
