/* SPDX-License-Identifier: MIT */
/* What the audit finds in hand-made lists: each rule is once kept and once broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "kernel/abi/object.h"
#include "kernel/abi/pages.h"
#include "vmm/manager/inspect/audit.c"
#include "vmm/manager/inspect/page_names.c"
#include "vmm/rt/format.h"

#define WINDOW 64u /* frames: the machine has several windows */

enum {
	GROUP_A = 0x1000, /* groups, spaces and memory objects, which lie in slabs */
	GROUP_B = 0x1400,
	SPACE_A = 0x2000,
	SPACE_B = 0x2400,
	PROCESS_SPACE_A = 0x2800,
	MEMORY_A = 0x3000,
	MEMORY_B = 0x3400,
	FIRMWARE = 0x3800, /* a memory object that owns no page */
	PROCESS_A = 0x4000,
	RAM_A = 0x40000, /* eight pages each */
	RAM_B = 0x50000,
	TABLE_PAGE = 0x60000,
	IMAGE_PAGE = 0x61000,
	MODULE_PAGE = 0x62000,
	ACCOUNT_A = 1, /* the numbers of accounts: the first that there is, and the last */
	ACCOUNT_B = 0xffffffff,
};

#define LISTS 6u
static struct {
	u64 what;
	u64 where;
	u32 count;
	struct audit_record record[200];
} lists[LISTS + 6];
static u32 list_count;

static struct audit audit;
static struct audit_page pages[2];
static struct audit_balance balances[AUDIT_BALANCES];
static struct audit_frame frames[WINDOW];
static char reported[8][160];
static u32 report_count;
static u32 runs, payer;
static bool only_once,
	grows; /* the last record of the first list is there in the first pass only */

static void report(void *context, const char *text)
{
	(void)context;
	assert_true(report_count < 8);
	strcpy(reported[report_count++], text);
}

/* Adds another page, charged to its owner. */
static void grow(struct audit_record *record, bool last)
{
	if (record->kind == AUDIT_CHARGE && record->id == ACCOUNT_A && record->info == PAGE_KERNEL)
		record->value++;
	if (last)
		record->info += 1 << 8; /* twice as many */
}

/* Gives three records at a time, so that lists take several calls. */
static bool give(void *context, u32 level, u64 what, u64 where, u64 at, u64 *next)
{
	u64 first = what == AUDIT_FRAMES ? where : at;

	(void)context;
	*next = AUDIT_END;
	pages[level].count = 0;
	for (u32 i = 0; i < list_count; i++) {
		if (lists[i].what != what || (what != AUDIT_FRAMES && lists[i].where != where))
			continue;
		for (u64 j = first; j < lists[i].count; j++) {
			if (only_once && runs > 2 && what == AUDIT_FRAMES &&
			    j + 1 == lists[i].count)
				break;
			if (pages[level].count == 3) {
				*next = j;
				return true;
			}
			pages[level].record[pages[level].count] = lists[i].record[j];
			if (grows && runs > 2 && what == AUDIT_FRAMES)
				grow(&pages[level].record[pages[level].count],
				     j + 1 == lists[i].count);
			pages[level].count++;
		}
		runs += what == AUDIT_FRAMES;
	}
	return true;
}

static void begin_list(u64 what, u64 where)
{
	lists[list_count].what = what;
	lists[list_count].where = where;
	lists[list_count++].count = 0;
}

static void add_record(u32 list, u32 kind, u64 info, u64 id, u64 other, u64 value)
{
	lists[list].record[lists[list].count++] =
		(struct audit_record){kind, (u32)info, id, other, value};
}

static void block(u64 at, u32 owner, u32 order, u64 account)
{
	add_record(0, AUDIT_BLOCK, owner | order << 8, at, account, 0);
}

static void object(u64 id, u32 type, u32 detail, u64 account, u64 references)
{
	add_record(0, AUDIT_OBJECT, type | detail << 16, id, account, references);
}

static void leaf(u32 list, u64 space, u64 at, u64 page, u32 rights)
{
	add_record(list, AUDIT_LEAF, rights, space, at, page);
}

enum {
	FRAMES,
	LEAVES_A,
	LEAVES_B,
	LEAVES_PROCESS,
	LEAVES_KERNEL,
	SLOTS_A,
	SLOTS_B,
	SLOTS_FIRMWARE,
	HANDLES
};

/* Two VMs, a process and the kernel, with nothing wrong. */
static void build(void)
{
	list_count = report_count = runs = 0;
	only_once = false;
	begin_list(AUDIT_FRAMES, 0);
	block(0x1000, PAGE_KERNEL, 0, 0);
	block(0x2000, PAGE_KERNEL, 0, ACCOUNT_A);
	block(0x3000, PAGE_KERNEL, 0, ACCOUNT_A);
	block(0x4000, PAGE_KERNEL, 0, 0);
	block(RAM_A, PAGE_GUEST, 3, 0);
	block(RAM_B, PAGE_GUEST, 3, 0);
	block(TABLE_PAGE, PAGE_TABLE, 0, ACCOUNT_B);
	block(IMAGE_PAGE, PAGE_IMAGE, 0, 0);
	block(MODULE_PAGE, PAGE_MODULE, 0, 0);
	object(GROUP_A, OBJECT_GROUP, 0, 0, 1);
	add_record(0, AUDIT_REFERENCE, 0, GROUP_A, GROUP_A, 0);
	add_record(0, AUDIT_CHARGE, PAGE_KERNEL, ACCOUNT_A, 0, 2);
	add_record(0, AUDIT_CHARGE, PAGE_GUEST, ACCOUNT_A, 0, 8);
	add_record(0, AUDIT_CHARGE, PAGE_TABLE, ACCOUNT_B, 0, 1);
	add_record(0, AUDIT_CHARGE, PAGE_GUEST, ACCOUNT_B, 0, 8);
	object(SPACE_A, OBJECT_SPACE, AUDIT_DETAIL_SECOND, ACCOUNT_A, 1);
	object(SPACE_B, OBJECT_SPACE, AUDIT_DETAIL_SECOND, ACCOUNT_B, 1);
	object(PROCESS_SPACE_A, OBJECT_SPACE, 0, ACCOUNT_A, 1);
	object(MEMORY_A, OBJECT_MEMORY, PAGE_GUEST, ACCOUNT_A, 2);
	add_record(0, AUDIT_PROMISE, PAGE_GUEST, ACCOUNT_A, 0, 8);
	object(MEMORY_B, OBJECT_MEMORY, PAGE_GUEST, ACCOUNT_B, 1);
	add_record(0, AUDIT_PROMISE, PAGE_GUEST, ACCOUNT_B, 0, 8);
	object(FIRMWARE, OBJECT_MEMORY, AUDIT_DETAIL_FIXED, 0, 1);
	object(PROCESS_A, OBJECT_PROCESS, 0, ACCOUNT_A, 1);
	add_record(0, AUDIT_REFERENCE, 0, PROCESS_A, PROCESS_SPACE_A, 0);
	add_record(0, AUDIT_REFERENCE, 0, PROCESS_A, PROCESS_A, 0);

	begin_list(AUDIT_SPACE, SPACE_A);
	leaf(LEAVES_A, SPACE_A, 0, RAM_A, RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE);
	begin_list(AUDIT_SPACE, SPACE_B);
	add_record(LEAVES_B, AUDIT_TABLE, 3, SPACE_B, 0, TABLE_PAGE);
	leaf(LEAVES_B, SPACE_B, 0, RAM_B, RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE);
	begin_list(AUDIT_SPACE, PROCESS_SPACE_A);
	leaf(LEAVES_PROCESS, PROCESS_SPACE_A, 0x10000, RAM_A, RIGHT_READ | RIGHT_WRITE);
	leaf(LEAVES_PROCESS, PROCESS_SPACE_A, 0x20000, MODULE_PAGE, RIGHT_READ);
	begin_list(AUDIT_SPACE, 0);
	leaf(LEAVES_KERNEL, 0, 0xffff800000000000 + RAM_A, RAM_A, RIGHT_READ | RIGHT_WRITE);
	leaf(LEAVES_KERNEL, 0, 0xffff800000000000 + IMAGE_PAGE, IMAGE_PAGE, RIGHT_READ);
	leaf(LEAVES_KERNEL, 0, 0xffffc00000000000, IMAGE_PAGE, RIGHT_READ | RIGHT_EXECUTE);
	begin_list(AUDIT_MEMORY, MEMORY_A);
	add_record(SLOTS_A, AUDIT_SLOT, 8, MEMORY_A, 0, RAM_A);
	begin_list(AUDIT_MEMORY, MEMORY_B);
	add_record(SLOTS_B, AUDIT_SLOT, 8, MEMORY_B, 0, RAM_B);
	begin_list(AUDIT_MEMORY, FIRMWARE);
	add_record(SLOTS_FIRMWARE, AUDIT_SLOT, 1, FIRMWARE, 0, MODULE_PAGE);
	begin_list(AUDIT_HANDLES, PROCESS_A);
	add_record(HANDLES, AUDIT_REFERENCE, RIGHT_READ, PROCESS_A, SPACE_A, 0);
	add_record(HANDLES, AUDIT_REFERENCE, RIGHT_READ, PROCESS_A, SPACE_B, 0);
	add_record(HANDLES, AUDIT_REFERENCE, RIGHT_READ, PROCESS_A, MEMORY_A, 0);
	add_record(HANDLES, AUDIT_REFERENCE, RIGHT_READ, PROCESS_A, MEMORY_A, 0);
	add_record(HANDLES, AUDIT_REFERENCE, RIGHT_READ, PROCESS_A, MEMORY_B, 0);
	add_record(HANDLES, AUDIT_REFERENCE, RIGHT_READ, PROCESS_A, FIRMWARE, 0);
}

static void run(void)
{
	audit = (struct audit){
		.list = give,
		.report = report,
		.page = {&pages[0], &pages[1]},
		.balance = balances,
		.frame = frames,
		.frame_count = WINDOW,
		.window_account = payer,
	};
	assert_true(audit_run(&audit));
	assert_int_equal(audit.findings, report_count);
}

static void expect(const char *part)
{
	run();
	assert_int_equal(report_count, 1);
	if (strstr(reported[0], part) == NULL)
		fail_msg("found: %s", reported[0]);
}

static void test_clean(void **state)
{
	(void)state;
	build();
	run();
	assert_int_equal(report_count, 0);
	assert_int_equal(audit.pages, 7 + 16);
	assert_int_equal(audit.objects, 8);
	assert_int_equal(audit.leaves, 4);
	assert_int_equal(audit.guest_pages, 2);
	assert_int_equal(audit.guest_large, 0);
}

static void test_two_owners(void **state)
{
	(void)state;
	build();
	lists[SLOTS_B].record[0].value = RAM_A + 7 * PAGE_SIZE;
	lists[SLOTS_B].record[0].info = 1;
	add_record(SLOTS_B, AUDIT_SLOT, 8, MEMORY_B, 1, RAM_B);
	expect("page 0x47000 belongs to two memory objects, at 0x3000 and 0x3400");
	build();
	block(RAM_A + PAGE_SIZE, PAGE_KERNEL, 0, 0);
	run();
	assert_non_null(strstr(reported[0], "page 0x41000 lies in two blocks, guest and kernel"));
}

/* However far apart in memory the two objects are. */
static void test_two_owners_far(void **state)
{
	const u64 far = MEMORY_A + 256 * GIB;

	(void)state;
	build();
	object(far, OBJECT_MEMORY, PAGE_GUEST, ACCOUNT_B, 0);
	begin_list(AUDIT_MEMORY, far);
	add_record(list_count - 1, AUDIT_SLOT, 1, far, 0, RAM_A);
	expect("page 0x40000 belongs to two memory objects, at 0x3000 and 0x4000003000");
}

static void test_two_writers(void **state)
{
	(void)state;
	build();
	leaf(LEAVES_B, SPACE_B, 0x1000, RAM_A + PAGE_SIZE, RIGHT_READ);
	leaf(LEAVES_A, SPACE_A, 0x1000, RAM_A + PAGE_SIZE, RIGHT_READ | RIGHT_WRITE);
	run();
	assert_int_equal(report_count, 0); /* a single writer is allowed */
	build();
	leaf(LEAVES_B, SPACE_B, 0x1000, RAM_A, RIGHT_READ | RIGHT_WRITE);
	run();
	assert_non_null(
		strstr(reported[0], "page 0x40000 is writable by a VM and by somebody else"));
	/* a process of another group and a VM, in either order */
	build();
	lists[FRAMES].record[17].other = ACCOUNT_B;
	assert_int_equal(lists[FRAMES].record[17].id, PROCESS_SPACE_A);
	run();
	assert_int_equal(report_count, 1);
	assert_non_null(
		strstr(reported[0], "page 0x40000 is writable by a VM and by somebody else"));
}

/* VMs may write to a window, which another account pays for; that account itself may not. */
static void test_window(void **state)
{
	const u64 memory = 0x3c00;
	const u64 other = 0x2c00;
	const u64 at = RAM_A + 8 * PAGE_SIZE;

	(void)state;
	for (u32 i = 0; i < 3; i++) {
		build();
		payer = i == 0 ? 0 : 7;
		block(at, PAGE_PROCESS, 0, 7);
		add_record(FRAMES, AUDIT_CHARGE, PAGE_PROCESS, 7, 0, 1);
		object(memory, OBJECT_MEMORY, PAGE_PROCESS, 7, 0);
		begin_list(AUDIT_MEMORY, memory);
		add_record(list_count - 1, AUDIT_SLOT, 1, memory, 0, at);
		object(other, OBJECT_SPACE, 0, i == 2 ? 7 : ACCOUNT_A, 0);
		begin_list(AUDIT_SPACE, other);
		leaf(list_count - 1, other, 0x30000, at, RIGHT_READ | RIGHT_WRITE);
		leaf(LEAVES_B, SPACE_B, 0x5000, at, RIGHT_READ | RIGHT_WRITE);
		if (i == 1) {
			run();
			assert_int_equal(report_count, 0);
		} else {
			expect("is writable by a VM and by somebody else");
		}
	}
	payer = 0;
}

/* Two processes may write to RAM that its VM has not touched yet. */
static void test_two_processes(void **state)
{
	const u64 other = 0x2c00;

	(void)state;
	build();
	object(other, OBJECT_SPACE, 0, ACCOUNT_B, 0);
	begin_list(AUDIT_SPACE, other);
	leaf(list_count - 1, other, 0x30000, RAM_A + PAGE_SIZE, RIGHT_READ | RIGHT_WRITE);
	leaf(LEAVES_PROCESS, PROCESS_SPACE_A, 0x30000, RAM_A + PAGE_SIZE, RIGHT_READ | RIGHT_WRITE);
	expect("page 0x41000 is writable by a VM and by somebody else");
}

static void test_kernel_reached(void **state)
{
	(void)state;
	build();
	leaf(LEAVES_A, SPACE_A, 0x9000, TABLE_PAGE, RIGHT_READ);
	expect("page 0x60000 (table) is reached at 0x9000");
	build();
	leaf(LEAVES_B, SPACE_B, 0x9000, MODULE_PAGE, RIGHT_READ);
	expect("page 0x62000 (module) is reached by a guest");
	build();
	lists[LEAVES_PROCESS].record[1].info |= RIGHT_WRITE;
	expect("page 0x62000 (module) is writable from ring 3");
}

static void test_kernel_tables(void **state)
{
	(void)state;
	build();
	leaf(LEAVES_KERNEL, 0, 0xffffe00000000000, RAM_B, RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE);
	run();
	assert_non_null(strstr(reported[0], "page 0x50000 is writable and executable"));
	build();
	lists[LEAVES_KERNEL].record[1].info |= RIGHT_WRITE;
	expect("page 0x61000 is executable at one address and writable at another");
	build();
	lists[LEAVES_KERNEL].record[2].info = RIGHT_READ;
	lists[LEAVES_KERNEL].record[1].info |= RIGHT_WRITE;
	expect("page 0x61000 is constant at one address and writable at another");
	build();
	lists[LEAVES_KERNEL].record[0].info |= BIT(3);
	expect("page 0x40000 is open to ring 3");
}

static void test_tables(void **state)
{
	(void)state;
	build();
	/* the leaf that was in the table is elsewhere */
	lists[LEAVES_B].record[0].kind = AUDIT_LEAF;
	lists[LEAVES_B].record[0].value = RAM_B;
	expect("table 0x60000 is in no space's tree");
	build();
	lists[LEAVES_B].record[0].value = MODULE_PAGE;
	run();
	assert_int_equal(report_count, 2);
	assert_non_null(strstr(reported[0], "page 0x62000 (module) is used as a table at 0"));
	build();
	add_record(LEAVES_A, AUDIT_TABLE, 1, SPACE_A, 0x200000, TABLE_PAGE);
	expect("table 0x60000 is reached from two places");
	build(); /* nobody pays for a page on its way back */
	block(0x70000, PAGE_TABLE, 0, 0);
	run();
	assert_int_equal(report_count, 0);
}

static void test_references(void **state)
{
	(void)state;
	build();
	lists[FRAMES].record[18].value++;
	assert_int_equal(lists[FRAMES].record[18].id, MEMORY_A);
	expect("object at 0x3000 counts 1 references more than there are");
	build();
	add_record(HANDLES, AUDIT_REFERENCE, RIGHT_READ, PROCESS_A, SPACE_B, 0);
	expect("object at 0x2400 counts -1 references more than there are");
}

static void test_charges(void **state)
{
	(void)state;
	build();
	lists[FRAMES].record[11].value++;
	expect("is charged 1 pages (kernel) more than it has");
	build();
	block(0x70000, PAGE_CONTROL, 1, ACCOUNT_B);
	expect("is charged -2 pages (control) more than it has");
}

/* A finding that the second pass does not confirm was only a change between two lists. */
static void test_confirmed(void **state)
{
	(void)state;
	build();
	block(0x70000, PAGE_CONTROL, 1, ACCOUNT_B);
	only_once = true;
	run();
	assert_int_equal(report_count, 0);
}

/* An account that lacks a page both times is no finding, if it has got another page in between. */
static void test_grows(void **state)
{
	(void)state;
	build();
	block(0x70000, PAGE_KERNEL, 0, ACCOUNT_A);
	grows = true;
	run();
	grows = false;
	assert_int_equal(report_count, 0);
	build();
	block(0x70000, PAGE_KERNEL, 0, ACCOUNT_A);
	expect("is charged -1 pages (kernel) more than it has");
}

/* More keys than a table of balances holds are checked in parts. */
static void test_parts(void **state)
{
	(void)state;
	build();
	audit = (struct audit){.balance = balances, .parts = 2, .part = 1};
	for (u64 key = 64; key < 64 * AUDIT_BALANCES; key += 64)
		audit_add(&audit, key, 1);
	assert_false(audit.overflow);
	audit = (struct audit){.balance = balances, .parts = 1};
	memset(balances, 0, sizeof(balances));
	for (u64 key = 64; key < 128 * AUDIT_BALANCES; key += 64)
		audit_add(&audit, key, 1);
	assert_true(audit.overflow);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean),	       cmocka_unit_test(test_two_owners),
		cmocka_unit_test(test_two_owners_far), cmocka_unit_test(test_two_writers),
		cmocka_unit_test(test_window),	       cmocka_unit_test(test_two_processes),
		cmocka_unit_test(test_kernel_reached), cmocka_unit_test(test_kernel_tables),
		cmocka_unit_test(test_references),     cmocka_unit_test(test_charges),
		cmocka_unit_test(test_confirmed),      cmocka_unit_test(test_grows),
		cmocka_unit_test(test_parts),	       cmocka_unit_test(test_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
