/* SPDX-License-Identifier: MIT */
/*
 * Shows that 4-level paging behaves: permissions, error codes, accessed and dirty bits, page sizes.
 */
#include "arch/x86_64/hw/paging.h"
#include "tests/guest/rt/cpu.h"
#include "vmm/hw/cpuid.h"

#define TEST_AT		(1ull << 39) /* the second entry of the PML4 is this test's */
#define RET_INSTRUCTION 0xc3

/* volatile, as the processor writes the tables too */
typedef volatile u64 table[PT_ENTRY_COUNT] ALIGNED(4096);

extern volatile u64 boot_pml4[];
static table pdpt, directory, leaves;
static volatile u8 page[4096] ALIGNED(4096);
static volatile u8 other[4096] ALIGNED(4096);
static u8 user_page[4096] ALIGNED(4096);

static void set_leaf(u32 index, u64 entry)
{
	leaves[index] = entry;
	invalidate_page(TEST_AT + index * PAGE_SIZE);
}

static word at_leaf(u32 index)
{
	return TEST_AT + index * PAGE_SIZE;
}

static void map_tables(void)
{
	boot_pml4[1] = (word)pdpt | PTE_P | PTE_W | PTE_U;
	pdpt[0] = (word)directory | PTE_P | PTE_W | PTE_U;
	directory[0] = (word)leaves | PTE_P | PTE_W | PTE_U;
}

/* SDM vol. 3, 4.7: RSVD implies P; QEMU 7.2 leaves P clear. */
static void expect_reserved(const char *name, word address)
{
	trap_catch(trap_read, (void *)address);
	trap.error |= PF_ERROR_P;
	check_trap(name, VECTOR_PF, PF_ERROR_P | PF_ERROR_RSVD);
}

static void test_bits(void)
{
	u64 entry = (word)page | PTE_P | PTE_W;

	map_tables();
	set_leaf(0, entry);
	trap_read((void *)at_leaf(0));
	check_equal("accessed-leaf", leaves[0], entry | PTE_A);
	check_equal("accessed-directory", directory[0] & PTE_A, PTE_A);
	check_equal("accessed-pml4", boot_pml4[1] & PTE_A, PTE_A);
	trap_write((void *)at_leaf(0));
	check_equal("dirty", leaves[0], entry | PTE_A | PTE_D);
	check_equal("written", page[0], 1);
	set_leaf(0, (word)other | PTE_P | PTE_W);
	other[0] = 0x77;
	check_equal("remap-invlpg", *(volatile u8 *)at_leaf(0), 0x77);
}

static void test_present(void)
{
	set_leaf(1, 0);
	expect("absent-read", trap_read, at_leaf(1) + 0x123, VECTOR_PF, 0);
	check_equal("cr2", trap.cr2, at_leaf(1) + 0x123);
	expect("absent-write", trap_write, at_leaf(1), VECTOR_PF, PF_ERROR_W);
	expect("absent-fetch", trap_fetch, at_leaf(1), VECTOR_PF, PF_ERROR_I);
	expect("absent-pml4", trap_read, 2ull << 39, VECTOR_PF, 0);
	expect("non-canonical", trap_read, 1ull << 47, VECTOR_GP, 0);
}

static void test_write_protect(void)
{
	set_leaf(2, (word)page | PTE_P);
	expect("read-only", trap_write, at_leaf(2), VECTOR_PF, PF_ERROR_P | PF_ERROR_W);
	write_cr0(read_cr0() & ~(word)CR0_WP);
	expect("wp-off", trap_write, at_leaf(2), NO_TRAP, 0);
	write_cr0(read_cr0() | CR0_WP);
	expect("wp-on-again", trap_write, at_leaf(2), VECTOR_PF, PF_ERROR_P | PF_ERROR_W);
	directory[1] = (word)leaves | PTE_P;
	leaves[3] = (word)page | PTE_P | PTE_W;
	expect("read-only-directory", trap_write, TEST_AT + 2 * MIB + 3 * PAGE_SIZE, VECTOR_PF,
	       PF_ERROR_P | PF_ERROR_W);
}

static void test_no_execute(void)
{
	page[0] = RET_INSTRUCTION;
	set_leaf(4, (word)page | PTE_P);
	expect("execute", trap_fetch, at_leaf(4), NO_TRAP, 0);
	set_leaf(4, (word)page | PTE_P | PTE_NX);
	expect("no-execute", trap_fetch, at_leaf(4), VECTOR_PF, PF_ERROR_P | PF_ERROR_I);
	expect("no-execute-read", trap_read, at_leaf(4), NO_TRAP, 0);
	write_msr(MSR_EFER, read_msr(MSR_EFER) & ~EFER_NXE);
	invalidate_page(at_leaf(4));
	expect_reserved("nx-reserved", at_leaf(4));
	write_msr(MSR_EFER, read_msr(MSR_EFER) | EFER_NXE);
	set_leaf(4, (word)page | PTE_P | 1ull << 51);
	if ((cpuid(CPUID_ADDRESS_SIZES, 0).eax & 0xff) < 52)
		expect_reserved("address-reserved", at_leaf(4));
	else
		absent("address-reserved");
}

static void test_user(void)
{
	word load;
	word store;

	for (u32 i = 0; i < (u32)(user_end - user_load); i++)
		user_page[i] = (u8)user_load[i];
	set_leaf(5, (word)user_page | PTE_P | PTE_U);
	load = at_leaf(5);
	store = at_leaf(5) + (word)(user_store - user_load);
	set_leaf(6, (word)page | PTE_P | PTE_W);
	trap_user(load, at_leaf(6));
	check_trap("user-reads-supervisor", VECTOR_PF, PF_ERROR_P | PF_ERROR_U);
	trap_user(store, at_leaf(6));
	check_trap("user-writes-supervisor", VECTOR_PF, PF_ERROR_P | PF_ERROR_W | PF_ERROR_U);
	trap_user((word)user_load, at_leaf(6));
	check_trap("user-runs-supervisor", VECTOR_PF, PF_ERROR_P | PF_ERROR_U | PF_ERROR_I);
	set_leaf(6, (word)page | PTE_P | PTE_U);
	trap_user(load, at_leaf(6));
	check_trap("user-reads-user", 0x80, 0);
	trap_user(store, at_leaf(6));
	check_trap("user-writes-read-only", VECTOR_PF, PF_ERROR_P | PF_ERROR_W | PF_ERROR_U);
	set_leaf(6, (word)page | PTE_P | PTE_U | PTE_W);
	trap_user(store, at_leaf(6));
	check_trap("user-writes-user", 0x80, 0);
}

static void test_smep(void)
{
	if ((cpuid(CPUID_FEATURES, 0).ebx & CPUID_7_EBX_SMEP) == 0) {
		absent("smep");
		return;
	}
	page[0] = RET_INSTRUCTION;
	set_leaf(7, (word)page | PTE_P | PTE_U);
	expect("smep-off", trap_fetch, at_leaf(7), NO_TRAP, 0);
	write_cr4(read_cr4() | CR4_SMEP);
	expect("smep", trap_fetch, at_leaf(7), VECTOR_PF, PF_ERROR_P | PF_ERROR_I);
	write_cr4(read_cr4() & ~(word)CR4_SMEP);
	expect("smep-off-again", trap_fetch, at_leaf(7), NO_TRAP, 0);
}

static void read_with_ac(void *address)
{
	asm volatile("stac" ::: "memory");
	trap_read(address);
	asm volatile("clac" ::: "memory");
}

static void test_smap(void)
{
	if ((cpuid(CPUID_FEATURES, 0).ebx & CPUID_7_EBX_SMAP) == 0) {
		absent("smap");
		return;
	}
	set_leaf(8, (word)page | PTE_P | PTE_W | PTE_U);
	expect("smap-off", trap_read, at_leaf(8), NO_TRAP, 0);
	write_cr4(read_cr4() | CR4_SMAP);
	expect("smap", trap_read, at_leaf(8), VECTOR_PF, PF_ERROR_P);
	expect("smap-write", trap_write, at_leaf(8), VECTOR_PF, PF_ERROR_P | PF_ERROR_W);
	expect("smap-stac", read_with_ac, at_leaf(8), NO_TRAP, 0);
	write_cr4(read_cr4() & ~(word)CR4_SMAP);
}

static void test_large(void)
{
	word within = (word)page & (2 * MIB - 1);

	page[5] = 0x5a;
	directory[2] = ((word)page & ~(2 * MIB - 1)) | PTE_P | PTE_W | PTE_PS;
	check_equal("2m-page", *(volatile u8 *)(TEST_AT + 4 * MIB + within + 5), 0x5a);
	trap_write((void *)(TEST_AT + 4 * MIB + within));
	check_equal("2m-dirty", directory[2] & (PTE_A | PTE_D), PTE_A | PTE_D);
	directory[3] = ((word)page & ~(2 * MIB - 1)) | 1 << 13 | PTE_P | PTE_PS;
	expect_reserved("2m-reserved", TEST_AT + 6 * MIB);
	if ((cpuid(CPUID_EXTENDED_VERSION, 0).edx & CPUID_81_EDX_PAGE1GB) == 0) {
		absent("1g-page");
		return;
	}
	pdpt[1] = PTE_P | PTE_W | PTE_PS;
	check_equal("1g-page", *(volatile u8 *)(TEST_AT + GIB + (word)page + 5), 0x5a);
}

static void test_global(void)
{
	volatile u8 *at = (u8 *)at_leaf(9);

	write_cr4(read_cr4() | CR4_PGE);
	set_leaf(9, (word)page | PTE_P | PTE_G);
	page[5] = 1;
	other[5] = 2;
	check_equal("global", at[5], 1);
	leaves[9] = (word)other | PTE_P | PTE_G;
	write_cr4(read_cr4() & ~(word)CR4_PGE);
	check_equal("global-flushed", at[5], 2);
	leaves[9] = (word)page | PTE_P;
	write_cr3(read_cr3());
	check_equal("cr3-flushes", at[5], 1);
}

static void clear_paging(void *unused)
{
	(void)unused;
	write_cr0(read_cr0() & ~(word)CR0_PG);
}

static void clear_pae(void *unused)
{
	(void)unused;
	write_cr4(read_cr4() & ~(word)CR4_PAE);
}

static void set_reserved_cr4(void *unused)
{
	(void)unused;
	write_cr4(read_cr4() | BIT(31));
}

static void clear_lme(void *unused)
{
	(void)unused;
	write_msr(MSR_EFER, read_msr(MSR_EFER) & ~EFER_LME);
}

static void set_nw_alone(void *unused)
{
	(void)unused;
	write_cr0((read_cr0() & ~(word)CR0_CD) | CR0_NW);
}

static void test_control(void)
{
	word cr0 = read_cr0();

	/* QEMU checks none of these; on SVM that is up to the processor, not the hypervisor. */
	if (lacks("control-checks")) {
		absent("control-checks");
	} else {
		expect("pg-off-in-64-bit-code", clear_paging, 0, VECTOR_GP, 0);
		expect("pae-off-in-long-mode", clear_pae, 0, VECTOR_GP, 0);
		expect("cr4-reserved", set_reserved_cr4, 0, VECTOR_GP, 0);
		expect("nw-without-cd", set_nw_alone, 0, VECTOR_GP, 0);
		expect("lme-off-in-long-mode", clear_lme, 0, VECTOR_GP, 0);
	}
	check_equal("lma", read_msr(MSR_EFER) & (EFER_LME | EFER_LMA), EFER_LME | EFER_LMA);
	write_cr0(cr0 | CR0_CD);
	check_equal("cache-disable", read_cr0(), cr0 | CR0_CD);
	write_cr0(cr0);
	check_equal("cr0", read_cr0(), cr0);
	write_cr2(0x123456789abcull);
	check_equal("cr2-keeps", read_cr2(), 0x123456789abcull);
}

void guest_main(void)
{
	test_bits();
	test_present();
	test_write_protect();
	test_no_execute();
	test_user();
	test_smep();
	test_smap();
	test_large();
	test_global();
	test_control();
}
