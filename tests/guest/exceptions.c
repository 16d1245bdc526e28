/* SPDX-License-Identifier: MIT */
/*
 * Shows that every exception has its vector, error code and address, whatever disturbs its
 * delivery.
 */
#include "arch/x86_64/hw/paging.h"
#include "tests/guest/rt/devices.h"

#define NOT_PRESENT_SELECTOR 0x48u
#define BEYOND_GDT_SELECTOR  0x1000u
#define UNTOUCHED_AT	     0x1000000ull /* RAM that nobody has used yet, at places 64 KiB apart */
#define UNTOUCHED_STEP	     0x10000ull
#define IST		     1u
#define EXTERNAL_ERRORS	     20000u

static void do_divide(void *unused)
{
	(void)unused;
	asm volatile("xor %%ecx, %%ecx; mov $1, %%eax; xor %%edx, %%edx; div %%ecx" ::
			     : "eax", "ecx", "edx", "cc");
}

static void do_int3(void *unused)
{
	(void)unused;
	asm volatile("int3");
}

static void do_int4(void *unused)
{
	(void)unused;
	asm volatile("int $4");
}

static void do_ud2(void *unused)
{
	(void)unused;
	asm volatile("ud2");
}

static void do_x87(void *unused)
{
	(void)unused;
	asm volatile("fnop");
}

static void do_load_ds(void *selector)
{
	asm volatile("mov %w0, %%ds" ::"r"((word)selector));
}

static void do_load_ss(void *selector)
{
	asm volatile("mov %w0, %%ss" ::"r"((word)selector));
}

static void do_int_beyond(void *unused)
{
	(void)unused;
	asm volatile("int $0x90"); /* the gate of this interrupt is not present */
}

/* An address based on RBP uses SS. */
static void do_stack_non_canonical(void *unused)
{
	(void)unused;
	asm volatile(
		"push %%rbp; mov %0, %%rbp; mov (%%rbp), %%rax; pop %%rbp" ::"r"(0x800000000000ull)
		: "rax", "memory");
}

static void do_bad_cr8(void *unused)
{
	(void)unused;
	asm volatile("mov %0, %%cr8" ::"r"(0x10ull));
}

/* #MF is raised at the next waiting instruction: SDM vol. 1, 8.7. */
static void do_x87_error(void *unused)
{
	static const u16 unmasked = 0x037b; /* the control word that unmasks division by zero */

	(void)unused;
	asm volatile("fninit; fldcw %0; fld1; fldz; fdivrp; fwait" ::"m"(unmasked));
}

/* Without CR0.NE an error of the FPU is the interrupt controllers' IRQ 13. */
static void do_external_error(void *unused)
{
	do_x87_error(unused);
	for (u32 i = 0; i < EXTERNAL_ERRORS; i++)
		asm volatile("fwait");
}

static void do_sse_error(void *unused)
{
	static const u32 unmasked = 0x1d80; /* division by zero not masked */
	static const u32 one = 0x3f800000;

	(void)unused;
	asm volatile(
		"ldmxcsr %0; movss %1, %%xmm0; xorps %%xmm1, %%xmm1; divss %%xmm1, %%xmm0" ::"m"(
			unmasked),
		"m"(one));
}

static void expect_unless_lacked(const char *name, void (*function)(void *), u32 vector, u32 error)
{
	if (lacks(name))
		absent(name);
	else
		expect(name, function, 0, vector, error);
}

static void test_plain(void)
{
	expect("de", do_divide, 0, VECTOR_DE, 0);
	expect("bp", do_int3, 0, VECTOR_BP, 0);
	check_equal("bp-is-a-trap", *(u8 *)(trap.rip - 1), 0xcc);
	expect("of-by-int", do_int4, 0, VECTOR_OF, 0);
	expect("ud", do_ud2, 0, VECTOR_UD, 0);
	check_equal("ud-is-a-fault", *(u16 *)trap.rip, 0x0b0f);
	expect("np", do_load_ds, NOT_PRESENT_SELECTOR, VECTOR_NP, NOT_PRESENT_SELECTOR);
	expect("ss-selector", do_load_ss, NOT_PRESENT_SELECTOR, VECTOR_SS, NOT_PRESENT_SELECTOR);
	expect("gp-selector", do_load_ds, BEYOND_GDT_SELECTOR, VECTOR_GP, BEYOND_GDT_SELECTOR);
	expect("gp-non-canonical", trap_read, 0x800000000000ull, VECTOR_GP, 0);
	trap_gate_present(0x90, false);
	/* error code: vector times 8, bit 1 for the IDT (SDM vol. 3, 6.13); QEMU has another */
	expect_unless_lacked("np-gate", do_int_beyond, VECTOR_NP, 0x90 * 8 + 2);
	/* QEMU: #GP; no check */
	expect_unless_lacked("ss-non-canonical", do_stack_non_canonical, VECTOR_SS, 0);
	expect_unless_lacked("cr8-reserved", do_bad_cr8, VECTOR_GP, 0);
}

static void test_fpu(void)
{
	write_cr0(read_cr0() | CR0_TS);
	expect("nm", do_x87, 0, VECTOR_NM, 0);
	asm volatile("clts");
	expect("nm-clts", do_x87, 0, NO_TRAP, 0);
	expect("mf", do_x87_error, 0, VECTOR_MF, 0);
	asm volatile("fninit");
	if (option("qemu")) { /* on QEMU other CPUs wait there for an interrupt */
		write_cr0(read_cr0() & ~(word)CR0_NE);
		expect("mf-external", do_external_error, 0, NO_TRAP, 0);
		asm volatile("fninit");
		write_cr0(read_cr0() | CR0_NE);
	}
	write_cr4(read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT);
	expect_unless_lacked("xm", do_sse_error, VECTOR_XM, 0); /* QEMU raises none */
}

/* #AC is for ring 3 only: SDM vol. 3, 6.15. */
static void test_alignment(void)
{
	static u8 page[4096] ALIGNED(4096);
	static volatile u64 tables[3][PT_ENTRY_COUNT] ALIGNED(4096);
	static const u8 code[] = {
		0x9c, 0x81, 0x0c, 0x24, 0x00, 0x00, 0x04, 0x00, 0x9d, /* pushf, set AC, popf */
		0x8b, 0x47, 0x01, 0xcd, 0x80,			      /* mov 1(%rdi), %eax */
	};
	extern volatile u64 boot_pml4[];

	if (lacks("ac")) {
		absent("ac");
		return;
	}
	for (u32 i = 0; i < sizeof(code); i++)
		page[i] = code[i];
	boot_pml4[1] = (word)tables[0] | PTE_P | PTE_W | PTE_U;
	tables[0][0] = (word)tables[1] | PTE_P | PTE_W | PTE_U;
	tables[1][0] = (word)tables[2] | PTE_P | PTE_W | PTE_U;
	tables[2][0] = (word)page | PTE_P | PTE_W | PTE_U;
	write_cr0(read_cr0() | CR0_AM);
	/* ring 3's stack is the end of the page to which its argument points */
	trap_user(1ull << 39, (1ull << 39) + 4096 - 64);
	check_trap("ac", VECTOR_AC, 0);
	write_cr0(read_cr0() & ~(word)CR0_AM);
}

static void test_double(void)
{
	trap_gate_present(VECTOR_PF, false);
	expect("df", trap_read, 1ull << 40, VECTOR_DF, 0);
	trap_gate_present(VECTOR_PF, true);
	check_equal("df-cr2", read_cr2(), 1ull << 40);
}

/* Each delivery finds a stack that the second stage does not map yet. */
static word fresh_stack(void)
{
	static word next = UNTOUCHED_AT;

	next += UNTOUCHED_STEP;
	trap_set_ist(IST, next);
	return next;
}

static void no_hook(struct trap_frame *frame)
{
	lapic_put(LAPIC_EOI, 0);
	(void)frame;
}

static void test_delivery(void)
{
	trap_gate_ist(VECTOR_UD, IST);
	fresh_stack();
	expect("fresh-ud", do_ud2, 0, VECTOR_UD, 0);
	trap_gate_ist(VECTOR_GP, IST);
	fresh_stack();
	expect("fresh-gp", do_load_ds, BEYOND_GDT_SELECTOR, VECTOR_GP, BEYOND_GDT_SELECTOR);
	trap_gate_ist(VECTOR_PF, IST);
	fresh_stack();
	expect("fresh-pf", trap_read, 1ull << 40, VECTOR_PF, 0);
	check_equal("fresh-pf-cr2", trap.cr2, 1ull << 40);
	trap_gate_ist(VECTOR_BP, IST);
	fresh_stack();
	expect("fresh-bp", do_int3, 0, VECTOR_BP, 0);
	check_equal("fresh-bp-is-a-trap", *(u8 *)(trap.rip - 1), 0xcc);
	trap_gate_ist(0x70, IST);
	fresh_stack();
	asm volatile("int $0x70");
	check_equal("fresh-int", trap_count[0x70], 1);
	trap_gate_ist(VECTOR_NMI, IST);
	fresh_stack();
	lapic_send_self(APIC_NMI << APIC_DELIVERY_SHIFT);
	asm volatile("nop");
	check_equal("fresh-nmi", trap_count[VECTOR_NMI], 1);
	trap_gate_ist(VECTOR_LOW, IST);
	trap_set_hook(VECTOR_LOW, no_hook);
	fresh_stack();
	lapic_send_self(VECTOR_LOW);
	asm volatile("sti; nop; cli" ::: "memory");
	check_equal("fresh-interrupt", trap_count[VECTOR_LOW], 1);
	trap_gate_ist(VECTOR_DF, IST);
	fresh_stack();
	trap_gate_ist(VECTOR_PF, 0);
	trap_gate_present(VECTOR_PF, false);
	expect("fresh-df", trap_read, 1ull << 40, VECTOR_DF, 0);
	trap_gate_present(VECTOR_PF, true);
}

void guest_main(void)
{
	pic_mask_all();
	lapic_enable();
	test_plain();
	test_fpu();
	test_alignment();
	test_double();
	test_delivery();
}
