/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A driver with links, over a kernel that refuses what a test wants, for
 * driver_link_test.c and link_ends_test.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/string.c"
#include "tests/fake_clock.h"
#include "tests/unit/fake_log.h"
#include "tests/unit/fake_process_end.h"
#undef fail /* driver.c has a function of this name */
#include "vmm/manager/driver/driver.c"
#include "vmm/manager/driver/driver_link.c"
#include "vmm/manager/driver/link_ends.c"
#include "vmm/manager/text/text.c"
#include "vmm/rt/format.c"
#include "vmm/rt/status_text.c"

#define SPACE	77u /* the driver's space */
#define PROCESS 78u
#define CLIENTS 99u /* the group of the clients */

static struct driver_channel channel;
static struct link_memory memory;
static u32 mapped; /* the mappings in the driver */
static u32 grants_left;
static u32 builds;
static u64 pages_tsc;  /* the TSC until which no process can be made */
static u64 made_bytes; /* the link's memory */
/* the bytes of the memory for old blocks that the driver has */
static u64 there_bytes;
/* the bytes of the memory for old blocks that its client was given */
static u64 given_bytes;
static u64 reached_at, reached_bytes; /* the part that the device reaches */
static enum status reach_status;

enum status sys_space_map(handle_t space, u64 at, handle_t object, u64 offset, u64 bytes,
			  u32 rights, u64 *address)
{
	(void)at;
	(void)offset;
	(void)rights;
	if (space == SPACE && object == 6)
		there_bytes = bytes;
	mapped += space == SPACE;
	*address = (u64)(uintptr_t)&memory;
	return STATUS_OK;
}

enum status sys_space_unmap(handle_t space, u64 at, u64 bytes)
{
	(void)bytes;
	assert_int_equal(at, (u64)(uintptr_t)&memory);
	mapped -= space == SPACE;
	return STATUS_OK;
}

enum status sys_handle_grant(handle_t process, handle_t handle, u32 rights, handle_t *theirs)
{
	(void)handle;
	(void)rights;
	assert_int_equal(process, PROCESS);
	if (grants_left == 0)
		return STATUS_NO_QUOTA;
	grants_left--;
	*theirs = 5;
	return STATUS_OK;
}

enum status sys_memory_create(handle_t group, u64 bytes, u32 flags, handle_t *object)
{
	(void)group;
	(void)flags;
	made_bytes = bytes;
	*object = 6;
	return STATUS_OK;
}

/* Whoever takes a signal works for its event's group: for the client, at either end of the link. */
enum status sys_event_create(handle_t group, handle_t *event)
{
	assert_int_equal(group, CLIENTS);
	*event = 7;
	return STATUS_OK;
}

enum status sys_event_signal(handle_t event)
{
	(void)event;
	return STATUS_OK;
}

static u64 quota_pages; /* the driver's quota for its clients' old blocks */

void driver_lower_quota(struct driver *driver, u64 pages)
{
	(void)driver;
	quota_pages -= pages;
}

enum status sys_handle_close(handle_t handle)
{
	(void)handle;
	return STATUS_OK;
}

enum status sys_object_destroy(handle_t handle)
{
	(void)handle;
	return STATUS_OK;
}

handle_t start_handle(enum start_kind kind)
{
	(void)kind;
	return 1;
}

enum status dma_pages_make(handle_t group, const struct dma_window *window, handle_t object,
			   u64 offset, u64 bytes, handle_t *pages)
{
	(void)group;
	(void)window;
	assert_int_equal(object, 6);
	reached_at = offset;
	reached_bytes = bytes;
	*pages = 8;
	return reach_status;
}

struct pci_function *pci_get(u32 number)
{
	(void)number;
	return NULL;
}

enum status iommu_attach(struct pci_function *of, handle_t space)
{
	(void)of;
	(void)space;
	return STATUS_OK;
}

void process_build_map(struct process_build *build, enum start_kind kind, handle_t object,
		       u64 offset, u64 bytes, u32 rights)
{
	(void)build;
	(void)kind;
	(void)object;
	assert_int_equal(offset, 0);
	given_bytes = bytes;
	(void)rights;
	build->info->entry_count++;
}

void process_build_grant(struct process_build *build, enum start_kind kind, handle_t handle,
			 u32 rights, u64 value)
{
	(void)build;
	(void)kind;
	(void)handle;
	(void)rights;
	(void)value;
}

void process_build_name(struct process_build *build, const char *name)
{
	(void)build;
	(void)name;
}

void notice(const char *pattern, ...)
{
	(void)pattern;
}

bool driver_add_store(struct driver *driver, u64 bytes, char *problem, size_t size)
{
	(void)driver;
	(void)bytes;
	(void)problem;
	(void)size;
	return false;
}

enum status driver_build(struct driver *driver, char *problem, size_t size)
{
	if (now < pages_tsc) {
		string_copy(problem, size, "no pages");
		return STATUS_NO_QUOTA;
	}
	builds++;
	memset(&channel, 0, sizeof(channel));
	driver->channel = &channel;
	driver->process = PROCESS;
	driver->space = SPACE;
	return STATUS_OK;
}

static void say_nothing(const struct driver *driver, const struct driver_link *link)
{
	(void)driver;
	(void)link;
}

static void fill_nothing(const struct driver_link *link, struct driver_client *client)
{
	(void)link;
	(void)client;
}

static const struct driver_class class = {
	.link_bytes = PAGE_SIZE, .client_max = 4, .describe = say_nothing, .fill = fill_nothing};
static const struct driver_kind kind = {.image = "switch", .class = &class};
static struct driver *driver;
static char problem[200];

static void driver_says_ready(void)
{
	channel.state = DRIVER_READY;
	driver_signalled(driver_number(driver));
	assert_int_equal(driver->life, DRIVER_LIFE_READY);
}

static struct driver_link *make(void)
{
	const struct driver_link wanted = {.user = "vm"};

	return driver_link_make(driver, CLIENTS, &wanted, problem, sizeof(problem));
}

static int setup(void **state)
{
	(void)state;
	memset(drivers, 0, sizeof(drivers));
	memset(&memory, 0, sizeof(memory));
	mapped = 0;
	builds = 0;
	pages_tsc = 0;
	grants_left = 1000;
	now = NS_PER_S;
	reach_status = STATUS_OK;
	driver = driver_create("lan.switch", &kind, 0, NULL, 0, problem, sizeof(problem));
	assert_non_null(driver);
	driver_says_ready();
	return 0;
}

#define TEST(name) cmocka_unit_test_setup(name, setup)
