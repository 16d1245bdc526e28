/* SPDX-License-Identifier: MIT */
/* Guest page tables in every paging mode, and access to guest memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/x86_64/hw/control.h"
#include "vmm/monitor/memory/guest_memory.h"
#include "vmm/monitor/memory/walk.c"

#define RAM_BYTES 0x20000ul
/* Tables of the levels 1 to 5, each in its own page. */
#define TABLE(level) (0x1000ul * (level))
#define FULL	     (PTE_P | PTE_W | PTE_U)

static u8 ram[RAM_BYTES] ALIGNED(4096);
static struct guest_memory memory;
static struct vcpu_page page;
static struct walk_result result;

static void set(u64 table, u64 index, u64 entry)
{
	memcpy(ram + table + 8 * index, &entry, 8);
}

static u64 get(u64 table, u64 index)
{
	u64 entry;

	memcpy(&entry, ram + table + 8 * index, 8);
	return entry;
}

static int reset(void **state)
{
	memset(ram, 0, sizeof(ram));
	memset(&page, 0, sizeof(page));
	guest_memory_init(&memory, ram, sizeof(ram));
	page.cr0 = CR0_PE | CR0_PG | CR0_WP;
	return 0;
}

/* Long mode, with the tables of `levels` chained at these indices. */
static void enter_long_mode(u32 levels)
{
	page.cr4 = CR4_PAE | (levels == 5 ? CR4_LA57 : 0);
	page.efer = EFER_LME | EFER_LMA | EFER_NXE;
	page.cr3 = TABLE(levels) | 0x18; /* PWT and PCD are not address bits */
	for (u32 level = levels; level > 1; level--)
		set(TABLE(level), level, TABLE(level - 1) | FULL);
}

static u64 long_address(u32 levels)
{
	u64 address = 0;

	for (u32 level = levels; level > 1; level--)
		address |= (u64)level << (12 + 9 * (level - 1));
	return address | 7ul << 12 | 0x123;
}

static bool reach(u64 gva, u32 access)
{
	return walk(&memory, &page, GVA(gva), access, &result);
}

static void assert_gpa(u64 gva, u64 gpa, u64 page_bytes)
{
	assert_true(reach(gva, WALK_READ));
	assert_int_equal(result.gpa.value, gpa);
	assert_int_equal(result.page_bytes, page_bytes);
}

static void assert_fault(u64 gva, u32 access, u32 error_code)
{
	u8 before[RAM_BYTES];

	memcpy(before, ram, sizeof(ram));
	assert_false(reach(gva, access));
	assert_int_equal(result.error_code, error_code);
	assert_memory_equal(before, ram, sizeof(ram));
}

static void test_paging_off(void **state)
{
	page.cr0 = CR0_PE;
	assert_gpa(0x12345678, 0x12345678, 4096);
}

static void test_long_mode(void **state)
{
	for (u32 levels = 4; levels <= 5; levels++) {
		u64 gva = long_address(levels);

		reset(state);
		enter_long_mode(levels);
		set(TABLE(1), 7, 0xabcde12345000 | FULL);
		assert_gpa(gva, 0xabcde12345123, 4096);
		set(TABLE(2), 2, 0xabcde12200000 | FULL | PTE_PS | PTE_LARGE_PAT);
		assert_gpa(gva, 0xabcde12207123, 2 * MIB);
		set(TABLE(3), 3, 0xabcd00000000 | FULL | PTE_PS);
		assert_gpa(gva, 0xabcd00000000 | (gva & (GIB - 1)), GIB);
		/* levels 4 and above have no pages */
		set(TABLE(4), 4, TABLE(3) | FULL | PTE_PS);
		assert_fault(gva, WALK_READ, PF_ERROR_P | PF_ERROR_RSVD);
		set(TABLE(levels), levels, 0);
		assert_fault(gva, WALK_WRITE | WALK_USER, PF_ERROR_W | PF_ERROR_U);
	}
}

static void test_reserved_bits(void **state)
{
	u64 gva = long_address(4);

	enter_long_mode(4);
	set(TABLE(1), 7, 0x5000 | FULL | BIT(40));
	assert_true(reach(gva, WALK_READ));
	memory.physical_bits = 40;
	assert_fault(gva, WALK_READ, PF_ERROR_P | PF_ERROR_RSVD);
	set(TABLE(1), 7, 0x5000 | FULL | PTE_NX);
	assert_true(reach(gva, WALK_READ));
	page.efer &= ~EFER_NXE;
	assert_fault(gva, WALK_READ, PF_ERROR_P | PF_ERROR_RSVD);
	/* the address is not 2-MiB aligned: reserved bits are set */
	set(TABLE(2), 2, 0x202000 | FULL | PTE_PS);
	assert_fault(gva, WALK_FETCH, PF_ERROR_P | PF_ERROR_RSVD);
}

static void test_accessed_dirty(void **state)
{
	u64 gva = long_address(4);

	enter_long_mode(4);
	set(TABLE(1), 7, 0x5000 | FULL);
	assert_true(reach(gva, WALK_WRITE | WALK_PROBE));
	assert_int_equal(get(TABLE(4), 4), TABLE(3) | FULL);
	assert_true(reach(gva, WALK_READ));
	for (u32 level = 4; level > 1; level--)
		assert_int_equal(get(TABLE(level), level), TABLE(level - 1) | FULL | PTE_A);
	assert_int_equal(get(TABLE(1), 7), 0x5000 | FULL | PTE_A);
	assert_true(reach(gva, WALK_WRITE));
	assert_int_equal(get(TABLE(1), 7), 0x5000 | FULL | PTE_A | PTE_D);
	assert_int_equal(get(TABLE(2), 2), TABLE(1) | FULL | PTE_A);
}

static void test_pae(void **state)
{
	u64 gva = 3ul << 30 | 5ul << 21 | 7ul << 12 | 0x123;

	page.cr4 = CR4_PAE;
	page.cr3 = TABLE(3) | 0x20; /* 32-byte aligned */
	set(TABLE(3) + 0x20, 3, TABLE(2) | PTE_P);
	set(TABLE(2), 5, TABLE(1) | FULL);
	set(TABLE(1), 7, 0x8000005000 | FULL);
	assert_gpa(gva, 0x8000005123, 4096);
	/* only 32 bits of the address count */
	assert_gpa(gva | 0xffffffff00000000, 0x8000005123, 4096);
	/* this level has no accessed bit */
	assert_int_equal(get(TABLE(3) + 0x20, 3), TABLE(2) | PTE_P);
	assert_true(reach(gva, WALK_WRITE | WALK_USER));
	assert_int_equal(get(TABLE(1), 7), 0x8000005000 | FULL | PTE_A | PTE_D);
	set(TABLE(2), 5, 0x8000200000 | FULL | PTE_PS);
	assert_gpa(gva, 0x8000207123, 2 * MIB);
	set(TABLE(2), 5, TABLE(1) | FULL | BIT(52));
	assert_fault(gva, WALK_READ, PF_ERROR_P | PF_ERROR_RSVD);
}

static void set_32(u64 table, u64 index, u32 entry)
{
	memcpy(ram + table + 4 * index, &entry, 4);
}

static void test_32_bit(void **state)
{
	u64 gva = 0xffcul << 20 | 0x3fful << 12 | 0x123;
	u32 entry;

	page.cr3 = TABLE(2);
	/* without CR4.PSE the entry is a table */
	set_32(TABLE(2), 1023, TABLE(1) | (u32)FULL | (u32)PTE_PS);
	set_32(TABLE(1), 1023, 0xfedc5000 | (u32)FULL);
	assert_gpa(gva, 0xfedc5123, 4096);
	assert_true(reach(gva, WALK_WRITE));
	memcpy(&entry, ram + TABLE(1) + 4 * 1023, 4);
	assert_int_equal(entry, 0xfedc5000 | FULL | PTE_A | PTE_D);
	memcpy(&entry, ram + TABLE(2), 4);
	assert_int_equal(entry, 0);

	page.cr4 = CR4_PSE;
	set_32(TABLE(2), 1023, 0xff400000 | 0x12u << 13 | (u32)FULL | (u32)PTE_PS);
	assert_gpa(gva, 0x12ff400000 | (gva & 0x3fffff), 4 * MIB);
	set_32(TABLE(2), 1023, 0xff400000 | 1u << 21 | (u32)FULL | (u32)PTE_PS);
	assert_fault(gva, WALK_READ, PF_ERROR_P | PF_ERROR_RSVD);
}

/* A table outside RAM reads as all ones. */
static void test_table_outside(void **state)
{
	enter_long_mode(4);
	set(TABLE(4), 4, 0xf0000000 | FULL);
	assert_fault(long_address(4), WALK_FETCH, PF_ERROR_P | PF_ERROR_RSVD | PF_ERROR_I);
	assert_int_equal(get(TABLE(4), 4), 0xf0000000 | FULL);
}

/* SDM vol. 3, 4.6.1, written independently of walk.c. */
static bool expected(u32 bits, u32 access, bool user_page, bool writable, bool nx)
{
	bool user = access & WALK_USER;
	bool wp = bits & 1;
	bool smep = bits & 2;
	bool smap = bits & 4 && !(bits & 8);

	if (access & WALK_FETCH)
		return user ? user_page && !nx : !nx && !(user_page && smep);
	if (user)
		return user_page && (writable || !(access & WALK_WRITE));
	if (user_page && smap)
		return false;
	return writable || !wp || !(access & WALK_WRITE);
}

static void test_permissions(void **state)
{
	static const u32 accesses[] = {WALK_READ, WALK_WRITE, WALK_FETCH};
	u64 gva = long_address(4);

	for (u32 i = 0; i < 16 * 64 * 6; i++) {
		u32 bits = i % 16;
		u32 rights = i / 16 % 64; /* W, U, NX of a table and of the page */
		u32 access = accesses[i / 1024 % 3] | (i / 3072 ? WALK_USER : 0);
		bool user_page = (rights & 2) && (rights & 16);
		bool writable = (rights & 1) && (rights & 8);
		bool nx = (rights & 4) || (rights & 32);

		reset(state);
		enter_long_mode(4);
		page.cr0 = CR0_PE | CR0_PG | (bits & 1 ? CR0_WP : 0);
		page.cr4 |= (bits & 2 ? CR4_SMEP : 0) | (bits & 4 ? CR4_SMAP : 0);
		page.rflags = bits & 8 ? RFLAGS_AC : 0;
		set(TABLE(3), 3,
		    TABLE(2) | PTE_P | (rights & 1 ? PTE_W : 0) | (rights & 2 ? PTE_U : 0) |
			    (rights & 4 ? PTE_NX : 0));
		set(TABLE(1), 7,
		    0x5000 | PTE_P | (rights & 8 ? PTE_W : 0) | (rights & 16 ? PTE_U : 0) |
			    (rights & 32 ? PTE_NX : 0));
		assert_true(reach(gva, access | WALK_PROBE));
		if (expected(bits, access, user_page, writable, nx))
			assert_true(reach(gva, access));
		else
			assert_fault(gva, access, access | PF_ERROR_P);
	}
	/* without NX and SMEP the error code does not tell a fetch from a read */
	reset(state);
	enter_long_mode(4);
	page.efer &= ~EFER_NXE;
	assert_fault(gva, WALK_FETCH, 0);
	page.cr4 |= CR4_SMEP;
	assert_fault(gva, WALK_FETCH, PF_ERROR_I);
}

/* EFLAGS.AC, which any program can set, does not lift SMAP for implicit accesses. */
static void test_implicit(void **state)
{
	u64 gva = long_address(4);

	enter_long_mode(4);
	set(TABLE(1), 7, 0x5000 | FULL);
	page.cr4 |= CR4_SMAP;
	page.rflags = RFLAGS_AC;
	assert_true(reach(gva, WALK_READ));
	assert_fault(gva, WALK_READ | WALK_IMPLICIT, PF_ERROR_P);
	assert_fault(gva, WALK_WRITE | WALK_IMPLICIT, PF_ERROR_P | PF_ERROR_W);
	page.cr4 &= ~CR4_SMAP;
	assert_true(reach(gva, WALK_WRITE | WALK_IMPLICIT));
}

static void test_guest_memory(void **state)
{
	u8 bytes[16] = {1, 2, 3, 4, 5, 6, 7, 8};
	u8 *host = (u8 *)0x100000000;

	assert_true(guest_memory_write(&memory, GPA(RAM_BYTES - 8), bytes, 8));
	assert_memory_equal(ram + RAM_BYTES - 8, bytes, 8);
	memset(bytes, 0, 8);
	assert_true(guest_memory_read(&memory, GPA(RAM_BYTES - 8), bytes, 5));
	assert_memory_equal(bytes, "\1\2\3\4\5\0", 6);
	assert_false(guest_memory_read(&memory, GPA(RAM_BYTES - 7), bytes, 8));
	assert_false(guest_memory_write(&memory, GPA(RAM_BYTES), bytes, 1));
	assert_false(guest_memory_read(&memory, GPA(~0ull), bytes, 2));
	assert_null(guest_memory_pointer(&memory, GPA(16), ~0ull));
	assert_null(guest_memory_pointer(&memory, GPA(1ull << 63), 1ull << 63));

	/* 4 GiB: the VGA hole, and the last GiB at 4 GiB */
	guest_memory_init(&memory, host, 4 * GIB);
	assert_ptr_equal(guest_memory_pointer(&memory, GPA(0x9ffff), 1), host + 0x9ffff);
	assert_null(guest_memory_pointer(&memory, GPA(0x9ffff), 2));
	assert_null(guest_memory_pointer(&memory, GPA(0xa0000), 1));
	assert_null(guest_memory_pointer(&memory, GPA(0xb7fff), 1));
	assert_ptr_equal(guest_memory_pointer(&memory, GPA(0xb8000), 4), host + 0xb8000);
	assert_ptr_equal(guest_memory_pointer(&memory, GPA(3 * GIB - 1), 1), host + 3 * GIB - 1);
	assert_null(guest_memory_pointer(&memory, GPA(3 * GIB), 1));
	assert_ptr_equal(guest_memory_pointer(&memory, GPA(4 * GIB), GIB), host + 3 * GIB);
	assert_null(guest_memory_pointer(&memory, GPA(4 * GIB), GIB + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_paging_off, reset),
		cmocka_unit_test_setup(test_long_mode, reset),
		cmocka_unit_test_setup(test_reserved_bits, reset),
		cmocka_unit_test_setup(test_accessed_dirty, reset),
		cmocka_unit_test_setup(test_pae, reset),
		cmocka_unit_test_setup(test_32_bit, reset),
		cmocka_unit_test_setup(test_table_outside, reset),
		cmocka_unit_test_setup(test_permissions, reset),
		cmocka_unit_test_setup(test_implicit, reset),
		cmocka_unit_test_setup(test_guest_memory, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
