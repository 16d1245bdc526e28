/* SPDX-License-Identifier: MIT */
/*
 * What a CPU must refuse, or survive: reserved bits of its registers, addresses that are not
 * canonical, instructions that no guest should use, page tables that lead nowhere.
 */
#include "arch/x86_64/hw/paging.h"
#include "tests/guest/rt/devices.h"

#define NON_CANONICAL	0x800000000000ull
#define TEST_AT		(1ull << 39)
#define NOTHING_AT	0xfed80000ull
#define RET_INSTRUCTION 0xc3
#define WIDTH_LEAF	0x80000008u
#define QEMU_CR4	0x0034075full

extern volatile u64 boot_pml4[];

static u8 code[64] ALIGNED(64);
static volatile u64 tables[4][PT_ENTRY_COUNT] ALIGNED(4096);
static u64 scratch[64] ALIGNED(4096);

/* A register: how to read and write it, the bits not to be tried, and those never to be flipped. */
struct control {
	const char *name;
	u64 (*get)(void);
	void (*set)(void *value);
	u64 spared;
	u64 refused;
};

static u64 get_cr0(void)
{
	return read_cr0();
}
static u64 get_cr3(void)
{
	return read_cr3();
}
static u64 get_cr4(void)
{
	return read_cr4();
}
static u64 get_cr8(void)
{
	return read_cr8();
}
static u64 get_efer(void)
{
	return read_msr(MSR_EFER);
}
static void set_cr0(void *value)
{
	write_cr0((word)value);
}
static void set_cr3(void *value)
{
	write_cr3((word)value);
}
static void set_cr4(void *value)
{
	write_cr4((word)value);
}
static void set_cr8(void *value)
{
	write_cr8((word)value);
}
static void set_efer(void *value)
{
	write_msr(MSR_EFER, (word)value);
}

static u64 get_dr6(void)
{
	u64 value;

	asm volatile("mov %%dr6, %0" : "=r"(value));
	return value;
}

static void set_dr6(void *value)
{
	asm volatile("mov %0, %%dr6" ::"r"(value));
}

static void set_xcr0(void *value)
{
	asm volatile("xsetbv" ::"c"(0), "a"((u32)(word)value), "d"((u32)((word)value >> 32)));
}

static u64 get_xcr0(void)
{
	u32 low;
	u32 high;

	asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return (u64)high << 32 | low;
}

/* Flips each bit by itself, then all of them at once; afterwards the register is as it was. */
static void flip(const struct control *control)
{
	u64 before = control->get();
	u64 refused = 0;

	for (u32 bit = 0; bit < 64; bit++) {
		if ((control->spared >> bit & 1) != 0)
			continue;
		if (trap_catch(control->set, (void *)(before ^ 1ull << bit)))
			refused |= (u64)(trap.vector == VECTOR_GP) << bit;
		trap_catch(control->set, (void *)before);
	}
	if (!lacks("register-checks"))
		trap_catch(control->set, (void *)(before ^ ~control->spared));
	trap_catch(control->set, (void *)before);
	if (control->refused != 0)
		check_equal(control->name, refused & control->refused, control->refused);
	check_equal(control->name, control->get(), before);
}

static void test_registers(void)
{
	/*
	 * QEMU accepts any CR3 and walks from there, leaves long mode halfway by writes of CR0
	 * and CR4 that it should refuse, and accepts bits of CR4 that its VMRUN then refuses.
	 */
	bool qemu = lacks("register-checks");
	u32 width = qemu ? 64 : cpuid(WIDTH_LEAF, 0).eax & 0xff;
	const struct control controls[] = {
		{"cr0", get_cr0, set_cr0, qemu ? CR0_PE | CR0_PG | BITS(63, 32) : 0,
		 qemu ? 0 : CR0_PE | CR0_PG | CR0_NW | BITS(63, 32)},
		{"cr3", get_cr3, set_cr3, BITS(width - 1, 12), qemu ? 0 : BITS(63, 52)},
		{"cr4", get_cr4, set_cr4, qemu ? ~QEMU_CR4 : 0,
		 qemu ? 0 : CR4_PAE | CR4_VMXE | BITS(63, 33)},
		/* the hypervisor decides; of XCR0 QEMU does, which does not intercept XSETBV */
		{"efer", get_efer, set_efer, 0,
		 EFER_LME | EFER_SVME | BITS(63, 22) | BIT(16) | BIT(9) | BITS(7, 1)},
		{"xcr0", get_xcr0, set_xcr0, 0, XCR0_X87 | BITS(63, 20)},
		{"cr8", get_cr8, set_cr8, 0, BITS(63, 4)},
		{"dr6", get_dr6, set_dr6, 0, BITS(63, 32)},
	};

	for (u32 i = 0; i < ARRAY_COUNT(controls); i++) {
		if (qemu && controls[i].get == get_cr8)
			continue; /* QEMU checks none of these bits */
		if (controls[i].get == get_xcr0) {
			if ((cpuid(1, 0).ecx & BIT(26)) == 0)
				continue;
			write_cr4(read_cr4() | CR4_OSXSAVE);
		}
		flip(&controls[i]);
	}
}

static void do_code(void *unused)
{
	(void)unused;
	((void (*)(void))(word)code)();
}

static void run(const u8 *bytes, u32 count)
{
	for (u32 i = 0; i < count; i++)
		code[i] = bytes[i];
	code[count] = RET_INSTRUCTION;
	trap_catch(do_code, NULL);
}

#define BYTES(...)                                                                                 \
	{                                                                                          \
		(const u8[]){__VA_ARGS__}, sizeof((const u8[]){__VA_ARGS__})                       \
	}
static const struct {
	const u8 *bytes;
	u32 count;
} instructions[] = {
	BYTES(0x0f, 0x01, 0xd8), BYTES(0x0f, 0x01, 0xda), BYTES(0x0f, 0x01, 0xdb), /* VMRUN ... */
	BYTES(0x0f, 0x01, 0xdc), BYTES(0x0f, 0x01, 0xdd), BYTES(0x0f, 0x01, 0xde), /* STGI ... */
	BYTES(0x0f, 0x01, 0xdf), BYTES(0x0f, 0x01, 0xd9), BYTES(0x0f, 0x01, 0xc1), /* VMCALL ... */
	BYTES(0x0f, 0x01, 0xc2), BYTES(0x0f, 0x01, 0xc3), BYTES(0x0f, 0x01, 0xc4), /* VMLAUNCH */
	BYTES(0x0f, 0xc7, 0x37), BYTES(0x66, 0x0f, 0xc7, 0x37), BYTES(0xf3, 0x0f, 0xc7, 0x37),
	BYTES(0x0f, 0xc7, 0x3f), BYTES(0x0f, 0x78, 0xc0), BYTES(0x0f, 0x79, 0xc0), /* VMREAD ... */
	BYTES(0x66, 0x0f, 0x38, 0x80, 0x07), BYTES(0x66, 0x0f, 0x38, 0x81, 0x07),  /* INVEPT ... */
	BYTES(0x66, 0x0f, 0x38, 0x82, 0x07), BYTES(0x0f, 0x01, 0xd4),  /* INVPCID, VMFUNC */
	BYTES(0x0f, 0xaa), BYTES(0x0f, 0x37), BYTES(0x0f, 0x01, 0xcf), /* RSM, GETSEC, ENCLS */
	BYTES(0x0f, 0x01, 0xd7), BYTES(0x0f, 0x01, 0xc0), BYTES(0x0f, 0x01, 0xc5), /* PCONFIG */
	BYTES(0x0f, 0x01, 0xc8), BYTES(0x0f, 0x01, 0xc9), BYTES(0x0f, 0x01, 0xfa), /* MONITOR */
	BYTES(0x0f, 0x01, 0xfb), BYTES(0x0f, 0x08), BYTES(0x0f, 0x09), BYTES(0xf3, 0x0f, 0x09),
	BYTES(0x0f, 0x33), BYTES(0x0f, 0x01, 0xf9), BYTES(0xf3, 0x0f, 0xc7, 0xf8), /* RDPMC ... */
	BYTES(0x0f, 0x01, 0xee), BYTES(0x0f, 0x01, 0xef), BYTES(0x0f, 0x35), /* PKRU, SYSEXIT */
	BYTES(0x0f, 0x01, 0xf8, 0x0f, 0x01, 0xf8), BYTES(0xf1), BYTES(0xcc), BYTES(0xce),
	BYTES(0x0f, 0x0b), BYTES(0x0f, 0xb9, 0xc0), BYTES(0x0f, 0xff, 0xc0), BYTES(0x0f, 0x04),
	BYTES(0x0f, 0x01, 0xd1), BYTES(0xf0, 0x0f, 0xa2), BYTES(0xf0, 0x90), BYTES(0xcd, 0x02),
	BYTES(0xcd, 0x08), BYTES(0xcd, 0x12), BYTES(0xcd, 0x01), BYTES(0x0f, 0x02, 0xc0),
	BYTES(0x66, 0x0f, 0x01, 0xc1), BYTES(0xf2, 0xf3, 0x0f, 0x01, 0xd9), BYTES(0x48, 0x0f, 0xa2),
	/* the longest CPUID there is, and one that is too long */
	BYTES(0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x0f,
	      0xa2),
	BYTES(0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
	      0x0f, 0xa2),
	BYTES(0x2e, 0x3e, 0x64, 0x65, 0x36, 0x26, 0x67, 0x66, 0x0f, 0x01, 0xc1),
	BYTES(0x2e, 0x3e, 0x64, 0x65, 0x36, 0x26, 0x67, 0x66, 0x0f, 0x32), BYTES(0xe6, 0xb2),
	BYTES(0xe6, 0xb3), /* the ports that request SMIs */
};

static void test_instructions(void)
{
	for (u32 i = 0; i < ARRAY_COUNT(instructions); i++)
		run(instructions[i].bytes, instructions[i].count);
	run((const u8[]){0x0f, 0x01, 0xc2}, 3);
	check_trap("vmlaunch", VECTOR_UD, 0);
	/* VMRUN with an aligned address in RAX */
	run((const u8[]){0xb8, 0x00, 0x00, 0x10, 0x00, 0x0f, 0x01, 0xd8}, 8);
	check_trap("vmrun", VECTOR_UD, 0);
	run((const u8[]){0x0f, 0xaa}, 2);
	check_trap("rsm", VECTOR_UD, 0);
	/* an SMI to itself: there is no SMM to enter */
	lapic_send_self(APIC_SMI << APIC_DELIVERY_SHIFT);
	pass("smi");
}

static void do_write(void *address)
{
	*(volatile u64 *)address = 1;
}
static void do_push(void *address)
{
	asm volatile("mov %%rsp, %%rbx; mov %0, %%rsp; push %%rax; mov %%rbx, %%rsp" ::"r"(address)
		     : "rbx", "memory");
}

static void do_copy(void *address)
{
	void *from = scratch;
	u64 count = ~0ull;

	asm volatile("rep movsb" : "+S"(from), "+D"(address), "+c"(count)::"memory");
}

static void do_lgdt(void *address)
{
	struct {
		u16 limit;
		u64 base;
	} PACKED pointer = {0xffff, (word)address}, before;

	asm volatile("sgdt %0; lgdt %1; lgdt %0" : "=m"(before) : "m"(pointer));
}

static void do_iret(void *address)
{
	asm volatile("push $0x10; push %%rsp; pushf; push $0x08; push %0; iretq" ::"r"(address)
		     : "memory");
}

static void do_fxsave(void *address)
{
	asm volatile("fxsave (%0)" ::"r"(address) : "memory");
}
static void do_invlpg(void *address)
{
	invalidate_page((word)address);
}
static void do_msr(void *address)
{
	write_msr(MSR_LSTAR, (word)address);
}

static void test_non_canonical(void)
{
	static void (*const accesses[])(void *) = {trap_read, do_write, trap_fetch, do_push,
						   do_copy,   do_lgdt,	do_iret,    do_fxsave,
						   do_invlpg, do_msr};
	static const u64 addresses[] = {NON_CANONICAL,	   NON_CANONICAL - 1,
					NON_CANONICAL - 4, 0xffff7fffffffffffull,
					1ull << 63,	   0xffff800000000000ull};

	static const u32 vectors[] = {VECTOR_SS, VECTOR_GP, VECTOR_PF};
	static u8 stack[4096] ALIGNED(16);

	trap_set_ist(1, (word)(stack + sizeof(stack)));
	for (u32 i = 0; i < ARRAY_COUNT(vectors); i++)
		trap_gate_ist(vectors[i], 1);
	for (u32 i = 0; i < ARRAY_COUNT(accesses); i++) {
		for (u32 j = 0; j < ARRAY_COUNT(addresses); j++)
			trap_catch(accesses[i], (void *)addresses[j]);
	}
	trap_catch(trap_read, (void *)NON_CANONICAL);
	check_trap("non-canonical", VECTOR_GP, 0);
}

/* Tables that point at themselves, at devices, at nothing; entries with every bit set. */
static void test_tables(void)
{
	const u64 targets[] = {
		(word)boot_pml4, (word)tables[0], NOTHING_AT, LAPIC_DEFAULT_ADDRESS,
		0xfec00000,	 0x100000000ull,  1ull << 39, (1ull << 52) - PAGE_SIZE};

	boot_pml4[1] = (word)tables[0] | PTE_P | PTE_W;
	for (u32 level = 0; level < 3; level++) {
		for (u32 i = 0; i < ARRAY_COUNT(targets); i++) {
			for (u64 flags = 0; flags < 4; flags++) {
				tables[level][0] = targets[i] | PTE_P | PTE_W |
						   (flags & 1 ? PTE_PS : 0) |
						   (flags & 2 ? PTE_U : 0);
				write_cr3(read_cr3());
				trap_catch(trap_read, (void *)TEST_AT);
				trap_catch(trap_read, (void *)(TEST_AT + 0xabc7));
			}
		}
		tables[level][0] = ~0ull;
		write_cr3(read_cr3());
		trap_catch(trap_read, (void *)TEST_AT);
		tables[level][0] = (word)tables[level + 1] | PTE_P | PTE_W;
	}
	boot_pml4[1] = (word)boot_pml4 | PTE_P | PTE_W;
	write_cr3(read_cr3());
	trap_catch(trap_read, (void *)(TEST_AT | 1ull << 30 | 1ull << 21 | 1ull << 12));
	check_equal("tables-loop", trap.vector, NO_TRAP);
	boot_pml4[1] = 0;
	write_cr3(read_cr3());
}

static void do_ins(void *to)
{
	u64 count = ~0ull;

	asm volatile("rep insb" : "+D"(to), "+c"(count) : "d"(0x5f00) : "memory");
}

static void do_outs(void *from)
{
	u64 count = ~0ull;

	asm volatile("rep outsl" : "+S"(from), "+c"(count) : "d"(0x5f00) : "memory");
}

static void do_outs_32(void *from)
{
	u64 count = 0x2000000010ull; /* 32-bit addresses use the lower half of it */

	asm volatile("addr32 rep outsb" : "+S"(from), "+c"(count) : "d"(0x5f00) : "memory");
}

static void do_stos_device(void *to)
{
	u64 count = 0x3000;

	asm volatile("rep stosq" : "+D"(to), "+c"(count) : "a"(0x10000) : "memory");
}

static void do_movs_device(void *from)
{
	void *to = (void *)LAPIC_DEFAULT_ADDRESS;
	u64 count = 0x1000;

	asm volatile("rep movsl" : "+S"(from), "+D"(to), "+c"(count)::"memory");
}

/* String instructions across page ends, into unmapped memory, backwards, with wrapping counts. */
static void test_strings(void)
{
	tables[0][0] = (word)tables[1] | PTE_P | PTE_W;
	tables[1][0] = (word)tables[2] | PTE_P | PTE_W;
	tables[2][0] = (word)scratch | PTE_P | PTE_W;
	tables[2][1] = 0;
	boot_pml4[1] = (word)tables[0] | PTE_P | PTE_W;
	write_cr3(read_cr3());
	trap_catch(do_ins, (void *)(TEST_AT + 0xff0));
	check_trap("ins-page-end", VECTOR_PF, PF_ERROR_W);
	trap_catch(do_outs, (void *)(TEST_AT + 0xffa));
	check_trap("outs-page-end", VECTOR_PF, 0);
	trap_catch(do_outs_32, (void *)0xfffffff8ull);
	check_equal("outs-wraps", trap.vector, NO_TRAP);
	tables[2][1] = LAPIC_DEFAULT_ADDRESS | PTE_P | PTE_W | PTE_PCD;
	write_cr3(read_cr3());
	trap_catch(do_stos_device, (void *)(TEST_AT + 0xff4));
	check_trap("stos-through-device", VECTOR_PF, PF_ERROR_W);
	trap_catch(do_movs_device, (void *)(TEST_AT + 0xe00));
	tables[2][1] = NOTHING_AT | PTE_P | PTE_W;
	write_cr3(read_cr3());
	trap_catch(do_fxsave, (void *)(TEST_AT + 0xf00));
	asm volatile("std");
	trap_catch(do_ins, (void *)(TEST_AT + 0x10));
	asm volatile("cld");
	check("strings-down", trap.vector == VECTOR_PF, "no fault");
	boot_pml4[1] = 0;
	write_cr3(read_cr3());
}

void guest_main(void)
{
	pic_mask_all();
	lapic_enable();
	test_registers();
	test_non_canonical();
	test_instructions();
	test_tables();
	test_strings();
}
