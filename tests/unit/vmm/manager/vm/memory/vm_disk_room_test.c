/* SPDX-License-Identifier: MIT */
/* How much memory a VM's disks have for their old blocks: what is paid for it, when it is more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/string.h"
#include "tests/fake_clock.h"
#include "vmm/manager/vm/memory/vm_quota.c"
#include "vmm/manager/vm/vm_turn.c"
#include "vmm/manager/vm/disks/vm_snapshot_disk.c"
#include "vmm/rt/format.h"
#include "vmm/rt/status_text.h"

static struct vm vm;
static struct driver_link links[2];
static struct disk_config config;
static u64 most; /* pages that can be promised */
static u64 used; /* the used pages of the group */
static bool low;
static char noticed[300];
static char problem[300];

struct disk_config *config_disk(u32 number)
{
	(void)number;
	return &config;
}

/* Beside the quota that the VM has. */
u64 vm_overcommit_available(u64 pages)
{
	(void)pages;
	return most - vm.quota_pages;
}

enum status sys_group_set(handle_t group, enum group_setting setting, u64 value)
{
	(void)group;
	if (setting == GROUP_TIDY)
		return STATUS_OK;
	assert_int_equal(setting, GROUP_QUOTA);
	return value < used ? STATUS_IN_USE : STATUS_OK;
}

bool disk_undo_make(struct driver_link *link, handle_t group, u64 bytes, char *why, size_t size)
{
	(void)group, (void)why, (void)size;
	link->undo.parts++;
	link->undo.bytes += bytes;
	link->undo.low_told = false;
	return true;
}

bool disk_undo_becomes_low(struct driver_link *link)
{
	bool becomes = low && !link->undo.low_told;

	link->undo.low_told |= becomes;
	return becomes;
}

bool disk_undo_release(struct driver_link *link)
{
	bool there = link->undo.parts != 0;

	link->undo = (struct link_undo){.parts = 0};
	return there;
}

u64 disk_undo_kept_bytes(const struct driver_link *link)
{
	return link->undo.bytes / 4 * 3;
}

void notice(const char *pattern, ...)
{
	va_list arguments;

	va_start(arguments, pattern);
	format_va(noticed, sizeof(noticed), pattern, arguments);
	va_end(arguments);
}

void log_message(enum log_level level, enum log_category category, const char *name,
		 const char *pattern, ...)
{
	(void)level, (void)category, (void)name, (void)pattern;
}

/* Fails: these tests do not come to this function. */
void disk_window_want(struct driver_link *link, bool wanted)
{
	(void)link, (void)wanted;
}

void disk_undo_begin(struct driver_link *link)
{
	(void)link;
}

enum disk_undo_state disk_undo_begun(const struct driver_link *link)
{
	(void)link;
	return DISK_UNDO_DONE;
}

const char *disk_undo_problem(const struct driver_link *link)
{
	(void)link;
	return NULL;
}

void disk_undo_put_back(struct driver_link *link)
{
	(void)link;
}

enum disk_undo_state disk_undo_is_back(const struct driver_link *link)
{
	(void)link;
	return DISK_UNDO_DONE;
}

void disk_undo_go_on(struct driver_link *link)
{
	(void)link;
}

void disk_undo_close(struct driver_link *link)
{
	(void)link;
}

bool disk_is_viewed(const struct driver_link *link)
{
	(void)link;
	return false;
}

struct driver *driver_of_link(const struct driver_link *link)
{
	(void)link;
	return NULL;
}

static int setup(void **state)
{
	(void)state;
	vm = (struct vm){.config = {.name = "alpha", .disk_undo_bytes = 16 * MIB}};
	memset(links, 0, sizeof(links));
	links[0] =
		(struct driver_link){.used = true, .name = "data", .disk = {.sectors = GIB / 512}};
	links[1] =
		(struct driver_link){.used = true, .name = "data", .disk = {.sectors = MIB / 512}};
	vm.link[0] = &links[0];
	vm.link[3] = &links[1];
	most = 100000;
	used = 0;
	low = false;
	noticed[0] = problem[0] = '\0';
	return 0;
}

static void as_much_as_there_is_of_the_disk(void **state)
{
	(void)state;
	assert_true(vm_disks_prepare(&vm, problem, sizeof(problem)));
	assert_int_equal(links[0].undo.bytes, 16 * MIB);
	/* all of the memory: a head, a group's two pages, its pieces */
	assert_int_equal(links[1].undo.bytes, MIB + 3 * PAGE_SIZE);
	assert_int_equal(disk_undo_room(links[1].undo.bytes), MIB / PAGE_SIZE);
	/* the next snapshot has them already */
	assert_true(vm_disks_prepare(&vm, problem, sizeof(problem)));
	assert_int_equal(links[0].undo.parts, 1);
	vm_disks_release(&vm);
	assert_int_equal(vm.quota_pages, 0);
}

static void more_while_in_use(void **state)
{
	(void)state;
	assert_true(vm_disks_make_room(&vm, GIB, problem, sizeof(problem)));
	assert_int_equal(links[0].undo.parts, 0); /* there is no snapshot */
	assert_true(vm_disks_prepare(&vm, problem, sizeof(problem)));
	assert_true(vm_disks_make_room(&vm, 64 * MIB, problem, sizeof(problem)));
	assert_int_equal(links[0].undo.bytes, 64 * MIB);
	assert_int_equal(links[1].undo.parts, 1);
	/* less is nothing to do, more than there is changes nothing */
	assert_true(vm_disks_make_room(&vm, MIB, problem, sizeof(problem)));
	most = vm.quota_pages + 100;
	assert_false(vm_disks_make_room(&vm, 128 * MIB, problem, sizeof(problem)));
	assert_string_equal(problem,
			    "disk data: memory: only 400 KiB are promised to nobody; it takes "
			    "65680 KiB, so 65280 KiB are missing (disk.undo = 131072K)");
	assert_int_equal(links[0].undo.bytes, 64 * MIB);
	vm_disks_release(&vm);
	assert_int_equal(vm.quota_pages, 0);
}

/* A monitor that at once uses what is freed has no more by that, however often it happens. */
static void taken_by_its_monitor(void **state)
{
	u64 with_room;

	(void)state;
	vm.link[3] = NULL;
	vm.quota_pages = 1000;
	assert_true(vm_disks_prepare(&vm, problem, sizeof(problem)));
	with_room = vm.quota_pages;
	for (u32 i = 0; i < 5; i++) {
		used = with_room;
		vm_disks_release(&vm);
		assert_int_equal(vm.quota_pages, with_room);
		assert_true(vm_disks_prepare(&vm, problem, sizeof(problem)));
		assert_int_equal(vm.quota_pages, with_room);
	}
	/* a quota above the former one is raised by the rest */
	vm_disks_release(&vm);
	vm.config.disk_undo_bytes *= 2;
	assert_true(vm_disks_prepare(&vm, problem, sizeof(problem)));
	assert_int_equal(vm.quota_pages - 1000, vm_pages_for(32 * MIB));
	used = vm.quota_pages;
	vm_disks_release(&vm);
	assert_int_equal(vm.quota_pages - 1000, vm_pages_for(32 * MIB));
	/* The request is not forgotten, however long it takes, and not tried all the time. */
	for (u32 i = 0; i < 1000; i++) {
		now = vm_quota_deadline(&vm);
		vm_quota_look(&vm);
	}
	used = 500;
	vm_quota_look(&vm);
	assert_int_not_equal(vm.quota_pages, 1000);
	now = vm_quota_deadline(&vm);
	vm_quota_look(&vm);
	assert_int_equal(vm.quota_pages, 1000);
	assert_int_equal(vm_quota_deadline(&vm), ~0ull);
}

/* The operator is told while something can be done, once for so much room. */
static void little_is_left(void **state)
{
	(void)state;
	assert_true(vm_disks_prepare(&vm, problem, sizeof(problem)));
	vm_disks_look_at_room(&vm);
	assert_string_equal(noticed, "");
	links[1].undo.low_told = low = true;
	vm_disks_look_at_room(&vm);
	assert_string_equal(noticed, "alpha: disk data: 12288 of 16384 KiB are used for old "
				     "blocks, `vm set alpha disk.undo=32M` makes room\n");
	noticed[0] = '\0';
	vm_disks_look_at_room(&vm);
	assert_string_equal(noticed, "");
	/* a disk that has grown may need more than all of what it was */
	links[1].disk.sectors = 2 * MIB / 512;
	vm_disks_look_at_room(&vm);
	assert_int_equal(disk_undo_room(links[1].undo.bytes), 2 * MIB / PAGE_SIZE);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(as_much_as_there_is_of_the_disk),
		TEST(more_while_in_use),
		TEST(taken_by_its_monitor),
		TEST(little_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
