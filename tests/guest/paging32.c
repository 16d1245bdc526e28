/* SPDX-License-Identifier: MIT */
/* Shows that paging of 32-bit code behaves, with 4-byte entries and with 8-byte ones (PAE). */
#include "arch/x86_64/hw/paging.h"
#include "tests/guest/rt/cpu.h"
#include "vmm/hw/cpuid.h"

#define TEST_AT		0x80000000u
#define RET_INSTRUCTION 0xc3

static volatile u32 directory[1024] ALIGNED(4096);
static volatile u32 leaves[1024] ALIGNED(4096);
static volatile u64 pdpt[4] ALIGNED(32);
static volatile u64 directories[4][512] ALIGNED(4096);
static volatile u64 pae_leaves[512] ALIGNED(4096);
static volatile u8 page[4096] ALIGNED(4096);
static volatile u8 user_page[4096] ALIGNED(4096);

static void set_leaf(u32 index, u32 entry)
{
	leaves[index] = entry;
	invalidate_page(TEST_AT + index * PAGE_SIZE);
}

static void set_pae_leaf(u32 index, u64 entry)
{
	pae_leaves[index] = entry;
	invalidate_page(TEST_AT + index * PAGE_SIZE);
}

/* Asks the same questions for both formats; `map` sets an entry of the format in force. */
static void test_common(const char *const *names, void (*map)(u32 index, u64 entry))
{
	word store = TEST_AT + 5 * PAGE_SIZE + (word)(user_store - user_load);

	map(1, 0);
	expect(names[0], trap_read, TEST_AT + PAGE_SIZE + 0x123, VECTOR_PF, 0);
	check_equal(names[1], trap.cr2, TEST_AT + PAGE_SIZE + 0x123);
	map(2, (word)page | PTE_P);
	expect(names[2], trap_write, TEST_AT + 2 * PAGE_SIZE, VECTOR_PF, PF_ERROR_P | PF_ERROR_W);
	map(5, (word)user_page | PTE_P | PTE_U);
	map(6, (word)page | PTE_P | PTE_W);
	trap_user(store, TEST_AT + 6 * PAGE_SIZE);
	check_trap(names[3], VECTOR_PF, PF_ERROR_P | PF_ERROR_W | PF_ERROR_U);
	map(6, (word)page | PTE_P | PTE_W | PTE_U);
	trap_user(store, TEST_AT + 6 * PAGE_SIZE);
	check_trap(names[4], 0x80, 0);
}

static void map_32(u32 index, u64 entry)
{
	set_leaf(index, (u32)entry);
}

static void test_32(void)
{
	static const char *const names[] = {"32-absent", "32-cr2", "32-read-only",
					    "32-user-writes-supervisor", "32-user-writes-user"};

	write_cr4(CR4_PSE);
	for (u32 i = 0; i < 1024; i++)
		directory[i] = i << 22 | (u32)(PTE_P | PTE_W | PTE_PS);
	directory[TEST_AT >> 22] = (word)leaves | (u32)(PTE_P | PTE_W | PTE_U);
	write_cr3((word)directory);
	write_cr0(read_cr0() | CR0_PG | CR0_WP);
	pass("32-on");

	set_leaf(0, (word)page | (u32)(PTE_P | PTE_W));
	trap_read((void *)TEST_AT);
	check_equal("32-accessed", leaves[0] & 0xfff, PTE_P | PTE_W | PTE_A);
	trap_write((void *)TEST_AT);
	check_equal("32-dirty", leaves[0] & 0xfff, PTE_P | PTE_W | PTE_A | PTE_D);
	check_equal("32-written", page[0], 1);
	check_equal("32-4m-bits", directory[0] & (PTE_A | PTE_D), PTE_A | PTE_D);
	test_common(names, map_32);
	set_leaf(7, 0);
	/* without NX a fetch is reported as a read: SDM vol. 3, 4.7, bit 4 */
	expect("32-absent-fetch", trap_fetch, TEST_AT + 7 * PAGE_SIZE, VECTOR_PF, 0);
}

static void map_pae(u32 index, u64 entry)
{
	set_pae_leaf(index, entry);
}

static void load_pdpt(void *unused)
{
	(void)unused;
	write_cr3((word)pdpt);
}

static void test_pae(void)
{
	static const char *const names[] = {"pae-absent", "pae-cr2", "pae-read-only",
					    "pae-user-writes-supervisor", "pae-user-writes-user"};

	write_cr0(read_cr0() & ~(word)CR0_PG);
	pass("paging-off");
	for (u32 i = 0; i < 4; i++) {
		pdpt[i] = (word)directories[i] | PTE_P;
		for (u64 j = 0; j < 512; j++)
			directories[i][j] = ((u64)i << 30) + (j << 21) + (PTE_P | PTE_W | PTE_PS);
	}
	directories[TEST_AT >> 30][TEST_AT >> 21 & 511] = (word)pae_leaves | PTE_P | PTE_W | PTE_U;
	write_msr(MSR_EFER, read_msr(MSR_EFER) | EFER_NXE);
	write_cr4(read_cr4() | CR4_PAE);
	write_cr3((word)pdpt);
	write_cr0(read_cr0() | CR0_PG);
	pass("pae-on");

	set_pae_leaf(0, (word)page | PTE_P | PTE_W);
	trap_write((void *)TEST_AT);
	check_equal("pae-dirty", pae_leaves[0] & 0xfff, PTE_P | PTE_W | PTE_A | PTE_D);
	test_common(names, map_pae);
	page[0] = RET_INSTRUCTION;
	set_pae_leaf(3, (word)page | PTE_P | PTE_NX);
	expect("pae-no-execute", trap_fetch, TEST_AT + 3 * PAGE_SIZE, VECTOR_PF,
	       PF_ERROR_P | PF_ERROR_I);
	set_pae_leaf(3, (word)page | PTE_P);
	expect("pae-execute", trap_fetch, TEST_AT + 3 * PAGE_SIZE, NO_TRAP, 0);
	/* SDM vol. 3, 4.4.1: the four entries are loaded, and checked, by MOV to CR3 */
	pdpt[3] |= PTE_W;
	if (lacks("pae-pdpte-reserved"))
		absent("pae-pdpte-reserved");
	else
		expect("pae-pdpte-reserved", load_pdpt, 0, VECTOR_GP, 0);
	pdpt[3] &= ~PTE_W;
	expect("pae-pdpte-reload", load_pdpt, 0, NO_TRAP, 0);
	check_equal("pae-after-reload", *(volatile u8 *)(TEST_AT + 3 * PAGE_SIZE), RET_INSTRUCTION);
}

void guest_main(void)
{
	for (u32 i = 0; i < (u32)(user_end - user_load); i++)
		user_page[i] = (u8)user_load[i];
	test_32();
	test_pae();
}
