/* SPDX-License-Identifier: MIT */
/* What is kept of a disk for a snapshot, as the manager goes about it: who learns what when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/string.h"
#include "vmm/manager/disk/disk_undo.c"
#include "vmm/rt/format.h"
#include "vmm/rt/status_text.h"

#define GROUP  7u /* the VM's group */
#define MEMORY 30u
#define BYTES  (4 * MIB)

static struct driver driver;
static struct driver_channel channel;
static struct driver_link *const link = &driver.link[2];
static struct disk_undo_given *const given = &channel.client[2].disk.undo;
static struct disk_undo_told *const told = &channel.disk.undo[2];
static u64 quota; /* the pages by which the quota was raised */
static bool may_raise;
static enum status create_status, map_status;
static u32 memories, maps;
static char problem[200];

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

void driver_lower_quota(struct driver *of, u64 count)
{
	(void)of;
	quota -= count;
}

enum status sys_memory_create(handle_t group, u64 bytes, u32 flags, handle_t *memory)
{
	(void)flags;
	assert_int_equal(group, GROUP);
	assert_int_equal(bytes % BYTES, 0);
	memories += create_status == STATUS_OK;
	*memory = MEMORY + memories;
	return create_status;
}

enum status sys_object_destroy(handle_t handle)
{
	assert_in_range(handle, MEMORY, MEMORY + LINK_UNDO_PARTS);
	memories--;
	return STATUS_OK;
}

enum status driver_link_map_undo_part(struct driver_link *of, u32 part)
{
	assert_int_equal(part, of->undo.parts);
	if (map_status != STATUS_OK)
		return map_status;
	if (part == 0)
		return driver_link_map_undo(of);
	assert_int_not_equal(of->undo.driver_at, 0);
	return STATUS_OK;
}

enum status driver_link_map_undo(struct driver_link *of)
{
	if (of->undo.driver_at == 0 && map_status == STATUS_OK) {
		of->undo.driver_at = 0x5000;
		maps++;
	}
	return map_status;
}

void driver_link_unmap_undo(struct driver_link *of)
{
	maps -= of->undo.driver_at != 0;
	of->undo.driver_at = 0;
}

/* Fills the link as disk_class.c does: never a number without the memory that belongs to it. */
void driver_link_fill(struct driver_link *of)
{
	struct disk_undo_given part = disk_undo_given(of, given);

	if (of->driver_at == 0)
		return;
	*given = part;
	assert_true(given->number == 0 || given->at != 0);
	disk_undo_show(of, given);
	assert_true(given->number == 0 || given->at != 0);
}

/* A process comes and serves the link. */
static void serves(void)
{
	memset(&channel, 0, sizeof(channel));
	assert_int_equal(driver_link_map_undo(link), STATUS_OK);
	link->driver_at = 0x1000;
	driver_link_fill(link);
	channel.served[2] = link->number = link->number + 1;
	told->number = given->number;
}

static void dies(void)
{
	driver_link_unmap_undo(link);
	link->driver_at = 0;
}

static bool make_it(void)
{
	problem[0] = '\0';
	return disk_undo_make(link, GROUP, BYTES, problem, sizeof(problem));
}

static int setup(void **state)
{
	(void)state;
	driver = (struct driver){.channel = &channel};
	quota = memories = maps = 0;
	may_raise = true;
	create_status = map_status = STATUS_OK;
	serves();
	return 0;
}

static void from_begin_to_end(void **state)
{
	(void)state;
	assert_true(make_it());
	assert_int_equal(quota, BYTES / (2 * MIB) + TABLE_OTHERS);
	assert_int_equal(given->number, 0);
	assert_int_equal(given->bytes, BYTES);
	disk_undo_begin(link);
	assert_int_equal(disk_undo_begun(link), DISK_UNDO_PENDING);
	told->number = given->number;
	assert_int_equal(disk_undo_begun(link), DISK_UNDO_DONE);
	told->kept_bytes = ~0ull;
	assert_int_equal(disk_undo_kept_bytes(link), BYTES);
	disk_undo_put_back(link);
	assert_int_not_equal(given->put_back, 0);
	assert_int_equal(disk_undo_is_back(link), DISK_UNDO_PENDING);
	told->put_back = given->put_back;
	assert_int_equal(disk_undo_is_back(link), DISK_UNDO_DONE);
	disk_undo_go_on(link);
	assert_int_equal(given->put_back, 0);
	/* the next order has another number */
	disk_undo_put_back(link);
	assert_int_equal(disk_undo_is_back(link), DISK_UNDO_PENDING);
	told->not_put_back = given->put_back;
	assert_int_equal(disk_undo_is_back(link), DISK_UNDO_FAILED);
	disk_undo_go_on(link);
	disk_undo_close(link);
	assert_false(disk_undo_release(link)); /* the driver still uses the memory */
	assert_int_equal(memories, 1);
	told->number = 0;
	assert_true(disk_undo_release(link));
	assert_int_equal(memories + maps, 0);
	assert_int_equal(quota, 0);
	assert_false(disk_undo_release(link));
}

/*
 * The memory grows while it is in use: the driver learns of more only behind what it has; all of it
 * goes at once.
 */
static void grows(void **state)
{
	u64 before;

	(void)state;
	link->disk.sectors = 64 * MIB / 512;
	assert_true(make_it());
	disk_undo_begin(link);
	told->number = given->number;
	before = given->number;
	told->kept_bytes = BYTES / 2;
	assert_false(disk_undo_becomes_low(link));
	told->kept_bytes = BYTES / 4 * 3;
	assert_true(disk_undo_becomes_low(link));
	assert_false(disk_undo_becomes_low(link));
	assert_true(make_it());
	assert_int_equal(given->bytes, 2 * BYTES);
	assert_int_equal(given->number, before);
	assert_int_equal(memories, 2);
	assert_false(disk_undo_becomes_low(link));
	told->kept_bytes = 2 * BYTES;
	assert_true(disk_undo_becomes_low(link));
	/* a part that cannot be mapped leaves what there is */
	map_status = STATUS_IN_USE;
	assert_false(make_it());
	map_status = STATUS_OK;
	assert_int_equal(given->bytes, 2 * BYTES);
	assert_int_equal(memories, 2);
	dies();
	while (link->undo.parts < LINK_UNDO_PARTS)
		assert_true(make_it());
	assert_false(make_it());
	assert_non_null(strstr(problem, "can grow no more"));
	serves();
	assert_int_equal(given->bytes, LINK_UNDO_PARTS * BYTES);
	/* memory that holds all of the disk never counts as low */
	told->kept_bytes = given->bytes;
	link->disk.sectors = BYTES / 512;
	assert_false(disk_undo_becomes_low(link));
	disk_undo_close(link);
	told->number = 0;
	assert_true(disk_undo_release(link));
	assert_int_equal(memories + maps, 0);
	assert_int_equal(quota, 0);
}

/* Old blocks are put back once: not again by a process that comes later. */
static void dies_meanwhile(void **state)
{
	(void)state;
	assert_true(make_it());
	disk_undo_begin(link);
	told->number = given->number;
	disk_undo_put_back(link);
	told->put_back = given->put_back;
	dies();
	assert_int_equal(disk_undo_is_back(link), DISK_UNDO_PENDING);
	assert_null(disk_undo_problem(link));
	assert_int_equal(disk_undo_kept_bytes(link), 0);
	serves();
	assert_int_not_equal(given->put_back, 0);
	assert_int_equal(disk_undo_is_back(link), DISK_UNDO_PENDING);
	told->put_back = given->put_back;
	assert_int_equal(disk_undo_is_back(link), DISK_UNDO_DONE);
	dies();
	disk_undo_go_on(link);
	serves();
	assert_int_equal(given->put_back, 0);
	assert_int_not_equal(given->number, 0);
	/* the link is closed while there is no process */
	dies();
	disk_undo_close(link);
	assert_true(disk_undo_release(link));
	serves();
	assert_int_equal(given->number, 0);
}

static void words(void **state)
{
	(void)state;
	assert_true(make_it());
	disk_undo_begin(link);
	told->problem = DISK_UNDO_FULL;
	assert_null(disk_undo_problem(link)); /* the problem belongs to an earlier number */
	told->number = given->number;
	assert_true(disk_undo_is_full(link));
	assert_string_equal(disk_undo_problem(link),
			    "the room for its old blocks (disk.undo) is full");
	assert_int_equal(disk_undo_begun(link), DISK_UNDO_FAILED);
	told->problem = 77;
	assert_false(disk_undo_is_full(link));
	assert_string_equal(disk_undo_problem(link), "its driver has lost its old blocks");
	/* before the driver has seen the link, what stands there is another link's */
	channel.served[2] = 0;
	assert_null(disk_undo_problem(link));
}

static void refused(void **state)
{
	(void)state;
	may_raise = false;
	assert_false(make_it());
	may_raise = true;
	create_status = STATUS_NO_MEMORY;
	assert_false(make_it());
	assert_non_null(strstr(problem, "while making room for old blocks"));
	create_status = STATUS_OK;
	map_status = STATUS_NO_QUOTA;
	assert_false(make_it());
	assert_int_equal(quota, 0);
	assert_int_equal(memories, 0);
	map_status = STATUS_OK;
	assert_true(make_it());
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(from_begin_to_end), TEST(grows), TEST(dies_meanwhile), TEST(words),
		TEST(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
