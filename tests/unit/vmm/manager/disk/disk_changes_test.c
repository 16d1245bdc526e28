/* SPDX-License-Identifier: MIT */
/* What a client changes of a disk, as the manager goes about it: who learns what when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/string.h"
#include "vmm/manager/disk/disk_changes.c"
#include "vmm/rt/format.h"
#include "vmm/rt/status_text.h"

#define GROUP	7u /* the VM's group */
#define MEMORY	30u
#define SECTORS (3 * GIB / BLOCK_SECTOR_BYTES)

static struct driver driver;
static struct driver_channel channel;
static struct driver_link *const link = &driver.link[2];
/* What a process was given: which bytes of the list of changes. */
static u64 mapped_at, mapped_bytes;

void process_build_map(struct process_build *build, enum start_kind kind, handle_t memory,
		       u64 offset, u64 bytes, u32 rights)
{
	(void)build, (void)memory;
	assert_int_equal(kind, START_STATE);
	assert_int_equal(rights, RIGHT_READ);
	mapped_at = offset;
	mapped_bytes = bytes;
}

static struct disk_changes_given *const given = &channel.client[2].disk.changes;
static struct disk_changes_head head;
static const struct start_info info;
const struct start_info *start_info = &info;
static u64 quota; /* the pages by which the quota was raised */
static bool may_raise;
static enum status create_status, map_status;
static u32 memories;
static char problem[200];

handle_t start_handle(enum start_kind kind)
{
	return (handle_t)kind;
}

struct driver *driver_of_link(const struct driver_link *of)
{
	assert_ptr_equal(of, link);
	return &driver;
}

bool driver_raise_quota(struct driver *of, u64 count)
{
	(void)of;
	quota += may_raise ? count : 0;
	return may_raise;
}

enum status sys_memory_create(handle_t group, u64 bytes, u32 flags, handle_t *memory)
{
	(void)flags;
	assert_int_equal(group, GROUP);
	/* a page, and two halves of a bit for each 64 KiB */
	assert_int_equal(bytes, PAGE_SIZE + 2 * align_up(3 * GIB / 65536 / 8 + 1, PAGE_SIZE));
	memories += create_status == STATUS_OK;
	*memory = MEMORY;
	return create_status;
}

enum status sys_space_map(handle_t space, u64 at, handle_t memory, u64 offset, u64 bytes,
			  u32 rights, u64 *address)
{
	(void)at, (void)space;
	assert_int_equal(memory, MEMORY);
	assert_int_equal(offset, 0);
	assert_int_equal(bytes, PAGE_SIZE);
	assert_int_equal(rights, RIGHT_READ);
	*address = (u64)(uintptr_t)&head;
	return STATUS_OK;
}

enum status driver_link_map_changes(struct driver_link *of)
{
	if (map_status == STATUS_OK)
		of->changes.driver_at = 0x5000;
	return map_status;
}

void driver_link_drop_changes(struct driver_link *of)
{
	memories -= of->changes.memory != HANDLE_NONE;
	quota -= of->changes.table_pages;
	of->changes = (struct link_changes){.memory = HANDLE_NONE};
}

/* Fills the link as disk_class.c does: never a number without the memory that belongs to it. */
void driver_link_fill(struct driver_link *of)
{
	*given = disk_changes_given(of, given);
	assert_true(given->number == 0 || given->at != 0);
	disk_changes_show(of, given);
}

static int setup(void **state)
{
	(void)state;
	memset(&driver, 0, sizeof(driver));
	memset(&channel, 0, sizeof(channel));
	memset(&head, 0, sizeof(head));
	driver.channel = &channel;
	*link = (struct driver_link){
		.used = true, .number = 9, .driver_at = 0x4000, .disk = {.sectors = SECTORS}};
	channel.served[2] = 9;
	quota = memories = 0;
	may_raise = true;
	create_status = map_status = STATUS_OK;
	return 0;
}

static bool make_list(void)
{
	problem[0] = '\0';
	return disk_changes_make(link, GROUP, problem, sizeof(problem));
}

static void points(void **state)
{
	(void)state;
	assert_false(disk_changes_are_whole(link));
	assert_true(make_list());
	assert_true(make_list()); /* the list is made once */
	assert_int_equal(memories, 1);
	assert_true(quota > 0);
	assert_true(disk_changes_pages(link) >= link->changes.bytes / PAGE_SIZE);
	assert_true(disk_changes_are_whole(link));
	disk_changes_begin(link, false);
	assert_int_equal(given->number, 1);
	assert_int_equal(given->at, 0x5000);
	assert_int_equal(given->bytes, link->changes.bytes);
	assert_int_equal(given->merge, 0);
	assert_false(disk_changes_begun(link));
	channel.disk.changes[2] = 1;
	assert_true(disk_changes_begun(link));
	channel.served[2] = 8; /* the driver has said that of another link */
	assert_false(disk_changes_begun(link));
	channel.served[2] = 9;
	disk_changes_begin(link, true);
	assert_int_equal(given->number, 2);
	assert_int_equal(given->merge, 1);
	assert_false(disk_changes_begun(link));
	/* what changed between the points 1 and 2 is in the half with odd numbers */
	disk_changes_give(link, NULL);
	assert_int_equal(mapped_bytes, disk_changes_half_bytes(link->changes.bytes));
	assert_int_equal(mapped_at, PAGE_SIZE + mapped_bytes);
	link->driver_at = 0; /* there is no process */
	channel.disk.changes[2] = 2;
	assert_false(disk_changes_begun(link));
	head.lost = 1;
	assert_false(disk_changes_are_whole(link));
}

static void there_is_no_room(void **state)
{
	(void)state;
	for (u32 i = 0; i < 3; i++) {
		may_raise = i != 0;
		create_status = i == 1 ? STATUS_NO_MEMORY : STATUS_OK;
		map_status = i == 2 ? STATUS_NO_QUOTA : STATUS_OK;
		assert_false(make_list());
		assert_non_null(strstr(problem, "while making room for a list of changes"));
		assert_int_equal(link->changes.memory, HANDLE_NONE);
		assert_int_equal(memories, 0);
		assert_int_equal(quota, 0);
	}
	map_status = STATUS_OK;
	assert_true(make_list());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(points, setup),
		cmocka_unit_test_setup(there_is_no_room, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
