/* SPDX-License-Identifier: MIT */
/* Shows that IN and OUT of all sizes, and their string forms, do what the manual says. */
#include "arch/x86_64/hw/paging.h"
#include "tests/guest/rt/cpu.h"

#define NOTHING_PORT	0x5f00u
#define NOTHING_PORT_8	0xe8u
#define COM1_SCRATCH	0x3ffu
#define COM1_DATA	0x3f8u
#define FW_CFG_SELECTOR 0x510u
#define FW_CFG_DATA	0x511u
#define TEST_AT		(1ull << 39)

static u8 buffer[64] ALIGNED(64);

static void test_sizes(void)
{
	u64 rax;

	asm volatile("mov $0x1122334455667788, %0; in %1, %%al" : "=&a"(rax) : "d"(NOTHING_PORT));
	check_equal("in-8", rax, 0x11223344556677ff);
	asm volatile("mov $0x1122334455660000, %0; in %1, %%ax" : "=&a"(rax) : "d"(NOTHING_PORT));
	check_equal("in-16", rax, 0x112233445566ffff);
	asm volatile("mov $0x1122334400000000, %0; in %1, %%eax" : "=&a"(rax) : "d"(NOTHING_PORT));
	check_equal("in-32-clears-upper-half", rax, 0xffffffff);
	asm volatile("xor %%eax, %%eax; in %1, %%al" : "=&a"(rax) : "N"(NOTHING_PORT_8));
	check_equal("in-8-immediate", rax, 0xff);
	asm volatile("xor %%eax, %%eax; in %1, %%ax" : "=&a"(rax) : "N"(NOTHING_PORT_8));
	check_equal("in-16-immediate", rax, 0xffff);
	asm volatile("xor %%eax, %%eax; in %1, %%eax" : "=&a"(rax) : "N"(NOTHING_PORT_8));
	check_equal("in-32-immediate", rax, 0xffffffff);
	out8(NOTHING_PORT, 1);
	out16(NOTHING_PORT, 2);
	out32(NOTHING_PORT, 3);
	check_equal("out-to-nothing", in32(NOTHING_PORT), 0xffffffff);
	out8(COM1_SCRATCH, 0x5a);
	check_equal("out-8", in8(COM1_SCRATCH), 0x5a);
	asm volatile("outb %%al, $0x80" ::"a"(0x42));
	pass("out-8-immediate");
	asm volatile("xor %%eax, %%eax; .byte 0x67; in %%dx, %%al"
		     : "=&a"(rax)
		     : "d"(COM1_SCRATCH));
	check_equal("in-prefixed", rax, 0x5a);
}

static void string_in(u16 port, void *to, u64 count, u32 size, word *rdi, u64 *rcx)
{
	*rdi = (word)to;
	*rcx = count;
	if (size == 1)
		asm volatile("rep insb" : "+D"(*rdi), "+c"(*rcx) : "d"(port) : "memory");
	else if (size == 2)
		asm volatile("rep insw" : "+D"(*rdi), "+c"(*rcx) : "d"(port) : "memory");
	else
		asm volatile("rep insl" : "+D"(*rdi), "+c"(*rcx) : "d"(port) : "memory");
}

static void test_string_in(void)
{
	word rdi;
	u64 rcx;

	out16(FW_CFG_SELECTOR, 0);
	string_in(FW_CFG_DATA, buffer, 4, 1, &rdi, &rcx);
	check("rep-insb",
	      buffer[0] == 'Q' && buffer[1] == 'E' && buffer[2] == 'M' && buffer[3] == 'U' &&
		      buffer[4] == 0,
	      "fw_cfg does not read QEMU");
	check_equal("rep-insb-rdi", rdi - (word)buffer, 4);
	check_equal("rep-insb-rcx", rcx, 0);
	string_in(NOTHING_PORT, buffer, 3, 2, &rdi, &rcx);
	check_equal("rep-insw", *(volatile u64 *)buffer, 0x0000ffffffffffff);
	check_equal("rep-insw-rdi", rdi - (word)buffer, 6);
	string_in(NOTHING_PORT, buffer + 8, 2, 4, &rdi, &rcx);
	check_equal("rep-insd", *(volatile u64 *)(buffer + 8), ~0ull);
	check_equal("rep-insd-rdi", rdi - (word)buffer, 16);
	string_in(NOTHING_PORT, buffer + 16, 0, 4, &rdi, &rcx);
	check_equal("rep-0", rdi - (word)buffer, 16);
	buffer[20] = 0;
	rdi = (word)buffer + 20;
	asm volatile("insb" : "+D"(rdi) : "d"(COM1_SCRATCH) : "memory");
	check_equal("insb", buffer[20], 0x5a);
	check_equal("insb-rdi", rdi - (word)buffer, 21);
	rdi = (word)buffer + 31;
	rcx = 4;
	asm volatile("std; rep insb; cld" : "+D"(rdi), "+c"(rcx) : "d"(NOTHING_PORT) : "memory");
	check_equal("insb-down", rdi - (word)buffer, 27);
	check_equal("insb-down-bytes", *(volatile u64 *)(buffer + 24), 0xffffffff00000000);
}

static void test_string_out(void)
{
	static const char text[] = "PASS rep-outsb\n";
	word rsi = (word)text;
	u64 rcx = sizeof(text) - 1;

	asm volatile("rep outsb" : "+S"(rsi), "+c"(rcx) : "d"(COM1_DATA) : "memory");
	check_equal("rep-outsb-rsi", rsi - (word)text, sizeof(text) - 1);
	check_equal("rep-outsb-rcx", rcx, 0);
	buffer[0] = 0x3c;
	rsi = (word)buffer;
	asm volatile("outsb" : "+S"(rsi) : "d"(COM1_SCRATCH) : "memory");
	check_equal("outsb", in8(COM1_SCRATCH), 0x3c);
	buffer[0] = 0x99;
	rsi = (word)buffer;
	asm volatile("mov %%ds, %%eax; mov %%eax, %%fs; outsb %%fs:(%%rsi), %%dx"
		     : "+S"(rsi)
		     : "d"(COM1_SCRATCH)
		     : "eax", "memory");
	check_equal("outsb-segment", in8(COM1_SCRATCH), 0x99);
	rsi = (word)buffer;
	rcx = 3;
	asm volatile("rep outsl" : "+S"(rsi), "+c"(rcx) : "d"(NOTHING_PORT) : "memory");
	check_equal("rep-outsd-rsi", rsi - (word)buffer, 12);
}

/* The second page is not present: what was done before it counts. */
extern volatile u64 boot_pml4[];
static volatile u64 tables[3][PT_ENTRY_COUNT] ALIGNED(4096);
static u8 page[4096] ALIGNED(4096);
static struct {
	word rdi;
	u64 rcx;
} partial;

static void in_across_pages(void *unused)
{
	(void)unused;
	asm volatile("mov %0, %%rdi; mov $8, %%ecx; rep insb" ::"r"(TEST_AT + PAGE_SIZE - 3),
		     "d"(NOTHING_PORT)
		     : "rdi", "rcx", "memory");
}

static void keep_registers(struct trap_frame *frame)
{
	partial.rdi = frame->rdi;
	partial.rcx = frame->rcx;
	trap.cr2 = read_cr2();
	trap.error = (u32)frame->error;
	/* now the page is present and the instruction goes on */
	tables[2][1] = (word)page | PTE_P | PTE_W;
}

static void test_fault(void)
{
	boot_pml4[1] = (word)tables[0] | PTE_P | PTE_W;
	tables[0][0] = (word)tables[1] | PTE_P | PTE_W;
	tables[1][0] = (word)tables[2] | PTE_P | PTE_W;
	tables[2][0] = (word)page | PTE_P | PTE_W;
	trap_set_hook(VECTOR_PF, keep_registers);
	trap_catch(in_across_pages, NULL);
	trap_set_hook(VECTOR_PF, NULL);
	check_equal("ins-faults-once", trap_count[VECTOR_PF], 1);
	check_equal("ins-fault-rdi", partial.rdi, TEST_AT + PAGE_SIZE);
	check_equal("ins-fault-rcx", partial.rcx, 5);
	check_equal("ins-goes-on", page[4], 0xff);
	check_equal("ins-stops", page[5], 0);
}

static void test_privilege(void)
{
	/* ring 3 may use CPUID, but not IN without an I/O permission bit map: SDM vol. 1, 18.5.2 */
	static const u8 code[] = {0xe4, 0x84, 0xcd, 0x80}; /* in $0x84, %al; int $0x80 */

	for (u32 i = 0; i < sizeof(code); i++)
		page[i] = code[i];
	boot_pml4[1] |= PTE_U;
	tables[0][0] |= PTE_U;
	tables[1][0] |= PTE_U;
	tables[2][0] |= PTE_U;
	invalidate_page(TEST_AT);
	trap_user(TEST_AT, 0);
	check_trap("in-of-ring-3", VECTOR_GP, 0);
}

void guest_main(void)
{
	test_sizes();
	test_string_in();
	test_string_out();
	test_fault();
	test_privilege();
}
