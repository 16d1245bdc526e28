/* SPDX-License-Identifier: MIT */
/* Finding the instruction at which a guest stopped, and when an earlier walk may be reused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/x86_64/virt/code.c"

#define PAGES 8u
#define RIP   0xffffffff81234567ull

u64 direct_map_base;

/* The guest's physical memory: page n at n << 12. */
static _Alignas(PAGE_SIZE) u64 memory[PAGES][512];
static struct virt_vm vm;
static struct virt_vcpu vcpu;
static struct vcpu_page page;
static u64 hole;
static u64 device;
static unsigned int lookups;

bool table_lookup(const struct table *table, u64 at, struct pt_leaf *leaf)
{
	(void)table;
	lookups++;
	if (at >= sizeof(memory) || at >> PAGE_SHIFT == hole)
		return false;
	*leaf = (struct pt_leaf){.at = at & ~PAGE_MASK,
				 .hpa = HPA((u64)memory + (at & ~PAGE_MASK))};
	return true;
}

enum page_owner page_owner(hpa_t hpa)
{
	return (hpa.value - (u64)memory) >> PAGE_SHIFT == device ? PAGE_RESERVED : PAGE_GUEST;
}

static int setup(void **state)
{
	(void)state;
	memset(memory, 0, sizeof(memory));
	memset(&vcpu, 0, sizeof(vcpu));
	vcpu.vm = &vm;
	vcpu.page = &page;
	hole = device = ~0ull;
	memory[1][RIP >> 39 & 511] = 2 << PAGE_SHIFT | PTE_P | PTE_NX;
	memory[2][RIP >> 30 & 511] = 3 << PAGE_SHIFT | PTE_P;
	memory[3][RIP >> 21 & 511] = 4 << PAGE_SHIFT | PTE_P;
	memory[4][RIP >> 12 & 511] = 5 << PAGE_SHIFT | PTE_P;
	return 0;
}

static const u8 *find(void)
{
	return virt_code_find(&vcpu, 1 << PAGE_SHIFT | 7, RIP);
}

static const u8 *expected(u64 frame)
{
	return (const u8 *)memory[frame] + (RIP & PAGE_MASK);
}

static void test_walk_and_again(void **state)
{
	(void)state;
	assert_ptr_equal(find(), expected(5));
	lookups = 0;
	assert_ptr_equal(find(), expected(5));
	assert_int_equal(lookups, 0);
	vcpu.code.depth = 0; /* a flush makes the walk invalid */
	assert_ptr_equal(find(), expected(5));
	assert_int_equal(lookups, 5);
}

/* A change of any entry makes the walk start over. */
static void test_changed_entries(void **state)
{
	(void)state;
	find();
	memory[4][RIP >> 12 & 511] = 6 << PAGE_SHIFT | PTE_P;
	assert_ptr_equal(find(), expected(6));
	memcpy(memory[7], memory[2], PAGE_SIZE);
	memory[1][RIP >> 39 & 511] = 7 << PAGE_SHIFT | PTE_P;
	memory[7][RIP >> 30 & 511] = 0;
	assert_null(find());
	memory[7][RIP >> 30 & 511] = 3 << PAGE_SHIFT | PTE_P;
	assert_ptr_equal(find(), expected(6));
	/* another CR3 leads to another page */
	assert_null(virt_code_find(&vcpu, 6 << PAGE_SHIFT, RIP));
	assert_null(virt_code_find(&vcpu, 1 << PAGE_SHIFT, RIP + PAGE_SIZE));
}

static void test_large_page(void **state)
{
	(void)state;
	memory[3][RIP >> 21 & 511] = PTE_P | PTE_PS; /* 2 MiB at 0 */
	hole = 0;
	assert_null(find()); /* page 0x34 of this leaf is outside the test's memory */
	assert_ptr_equal(
		virt_code_find(&vcpu, 1 << PAGE_SHIFT, (RIP & ~BITS(20, 0)) | 6 << PAGE_SHIFT | 5),
		(u8 *)memory[6] + 5);
}

static void test_nothing_but_ram_is_read(void **state)
{
	(void)state;
	for (u64 n = 1; n <= 5; n++) {
		hole = n;
		assert_null(find());
		hole = ~0ull;
		device = n;
		assert_null(find());
		device = ~0ull;
	}
	assert_non_null(find());
}

static void test_shown_bytes(void **state)
{
	(void)state;
	memset(memory[5], 0x5a, PAGE_SIZE);
	virt_code_show(&vcpu, (u8 *)memory[5] + PAGE_SIZE - sizeof(page.code));
	assert_int_equal(page.code_bytes, sizeof(page.code));
	assert_int_equal(page.code[sizeof(page.code) - 1], 0x5a);
	virt_code_show(&vcpu, (u8 *)memory[5] + PAGE_SIZE - sizeof(page.code) + 1);
	assert_int_equal(page.code_bytes, 0);
	virt_code_show(&vcpu, NULL);
	assert_int_equal(page.code_bytes, 0);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_walk_and_again), TEST(test_changed_entries),
		TEST(test_large_page),	   TEST(test_nothing_but_ram_is_read),
		TEST(test_shown_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
