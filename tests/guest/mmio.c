/* SPDX-License-Identifier: MIT */
/*
 * Does every instruction form that touches a device do what it does to memory? Each form of
 * mmio_code.S runs on a word of RAM and on a register of the local APIC that holds what was written
 * (the timer's initial count): value, registers and flags must come out the same.
 */
#include "tests/guest/rt/devices.h"

#define FLAGS_SEEN (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)

struct registers {
	u64 rax, rcx, rdx, rbx, rsi, rdi, r9, flags;
};

struct form {
	const char *name;
	void (*code)(void);
	u64 flags_undefined;
};

extern const struct form forms_start[];
extern const struct form forms_end[];
void form_run(struct registers *registers, void (*code)(void));

static volatile u32 ram ALIGNED(64);

static struct registers start_registers(word at)
{
	return (struct registers){
		.rax = 0x8877665544332211,
		.rcx = 1,
		.rdx = 0x1020304050607003,
		.rbx = 0x0f0e0d0c0b0a0908,
		.rsi = at,
		.rdi = at,
		.r9 = 0x123456789abcdef0,
		.flags = RFLAGS_FIXED | RFLAGS_CF | RFLAGS_AF,
	};
}

static u32 run(const struct form *form, volatile u32 *at, u32 value, struct registers *registers)
{
	*at = value;
	*registers = start_registers((word)at);
	form_run(registers, form->code);
	registers->rsi -= (word)at;
	registers->rdi -= (word)at;
	registers->flags &= FLAGS_SEEN & ~form->flags_undefined;
	return *at;
}

static bool differs(const char *name, const char *what, u64 device, u64 memory)
{
	if (device == memory)
		return false;
	print("  ");
	print(name);
	print(": ");
	print(what);
	print(" ");
	print_hex(device);
	print(", in RAM ");
	print_hex(memory);
	print("\n");
	return true;
}

static void test_form(const struct form *form, u32 value, bool *good)
{
	volatile u32 *device = register32(LAPIC_DEFAULT_ADDRESS + LAPIC_TIMER_INITIAL);
	struct registers in_memory;
	struct registers in_device;
	u32 wanted = run(form, &ram, value, &in_memory);
	u32 got = run(form, device, value, &in_device);
	bool bad = differs(form->name, "value", got, wanted);

	bad |= differs(form->name, "rax", in_device.rax, in_memory.rax);
	bad |= differs(form->name, "rcx", in_device.rcx, in_memory.rcx);
	bad |= differs(form->name, "rdx", in_device.rdx, in_memory.rdx);
	bad |= differs(form->name, "rbx", in_device.rbx, in_memory.rbx);
	bad |= differs(form->name, "r9", in_device.r9, in_memory.r9);
	bad |= differs(form->name, "rsi", in_device.rsi, in_memory.rsi);
	bad |= differs(form->name, "rdi", in_device.rdi, in_memory.rdi);
	bad |= differs(form->name, "flags", in_device.flags, in_memory.flags);
	if (bad)
		*good = false;
}

static void test_forms(void)
{
	static const u32 values[] = {0x00000005, 0x7fffffff, 0x80000001, 0x44332211, 0xffffffff};

	lapic_put(LAPIC_LVT_TIMER, LAPIC_LVT_MASKED);
	for (const struct form *form = forms_start; form < forms_end; form++) {
		bool good = true;

		for (u32 i = 0; i < ARRAY_COUNT(values); i++)
			test_form(form, values[i], &good);
		check(form->name, good, "see above");
	}
	lapic_put(LAPIC_TIMER_INITIAL, 0);
}

static void test_lapic(void)
{
	check_equal("lapic-id", lapic_get(LAPIC_ID) >> LAPIC_XAPIC_ID_SHIFT, cpuid(1, 0).ebx >> 24);
	check_between("lapic-version", lapic_get(LAPIC_VERSION) & LAPIC_VERSION_NUMBER, 0x10, 0x1f);
	lapic_put(LAPIC_TPR, 0x35);
	check_equal("lapic-tpr", lapic_get(LAPIC_TPR), 0x35);
	lapic_put(LAPIC_TPR, 0);
	lapic_put(LAPIC_LDR, 0xffffffff);
	check_equal("lapic-ldr", lapic_get(LAPIC_LDR), 0xff000000);
	lapic_put(LAPIC_DFR, 0x0fffffff);
	check_equal("lapic-dfr", lapic_get(LAPIC_DFR), 0x0fffffff);
	lapic_put(LAPIC_DFR, LAPIC_DFR_FLAT);
	lapic_put(LAPIC_LVT_ERROR, 0xfe);
	check_equal("lapic-lvt-error", lapic_get(LAPIC_LVT_ERROR) & ~(u32)LAPIC_LVT_PENDING, 0xfe);
	lapic_put(LAPIC_LVT_ERROR, LAPIC_LVT_MASKED);
	lapic_put(LAPIC_TIMER_DIVIDE, LAPIC_TIMER_DIVIDE_BY_16);
	check_equal("lapic-divide", lapic_get(LAPIC_TIMER_DIVIDE), LAPIC_TIMER_DIVIDE_BY_16);
	lapic_put(LAPIC_ICR_HIGH, 0x5a000000);
	check_equal("lapic-icr-high", lapic_get(LAPIC_ICR_HIGH), 0x5a000000);
}

static void test_ioapic(void)
{
	u32 entries;

	entries = (ioapic_get(IOAPIC_VERSION) >> IOAPIC_VERSION_MAX_ENTRY_SHIFT & 0xff) + 1;
	check_equal("ioapic-entries", entries, 24);
	for (u32 i = 0; i < entries; i++) {
		ioapic_put(IOAPIC_REDIRECTION + 2 * i, 0x18000 | (0x80 + i));
		ioapic_put(IOAPIC_REDIRECTION + 2 * i + 1, 0xa5000000);
	}
	check_equal("ioapic-low", ioapic_get(IOAPIC_REDIRECTION + 2 * 9), 0x18000 | (0x80 + 9));
	check_equal("ioapic-high", ioapic_get(IOAPIC_REDIRECTION + 2 * 9 + 1), 0xa5000000);
	check_equal("ioapic-select", *register32(IOAPIC_DEFAULT_ADDRESS + IOAPIC_IOREGSEL) & 0xff,
		    IOAPIC_REDIRECTION + 2 * 9 + 1);
	for (u32 i = 0; i < entries; i++)
		ioapic_put(IOAPIC_REDIRECTION + 2 * i, IOAPIC_ENTRY_MASKED);
	ioapic_put(IOAPIC_ID, 0x0f000000);
	check_equal("ioapic-id", ioapic_get(IOAPIC_ID), 0x0f000000);
}

/* Vector registers to and from a device; a register that no move names keeps its value. */
static void test_vectors(void)
{
	volatile u32 *icr = register32(LAPIC_DEFAULT_ADDRESS + LAPIC_ICR_HIGH);
	u32 loaded;
	u32 kept;

	write_cr4(read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT);
	asm volatile("movd %[value], %%xmm1\n\t"
		     "movd %[value], %%xmm3\n\t"
		     "movss %%xmm1, %[icr]\n\t"
		     "movd %[icr], %%xmm2\n\t"
		     "movd %%xmm2, %[loaded]\n\t"
		     "movd %%xmm3, %[kept]"
		     : [loaded] "=r"(loaded), [kept] "=r"(kept), [icr] "+m"(*icr)
		     : [value] "r"(0x6b000000));
	check_equal("vector-to-device", *icr, 0x6b000000);
	check_equal("vector-from-device", loaded, 0x6b000000);
	check_equal("vector-kept", kept, 0x6b000000);
}

/* An address where nothing is: reads give all ones, writes have no effect. */
static void test_nothing(void)
{
	volatile u32 *nothing = register32(0xfed80000);

	if (option("bare")) {
		absent("nothing-there");
		return;
	}
	*nothing = 0x12345678;
	check_equal("nothing-there", *nothing, 0xffffffff);
	check_equal("nothing-8", *(volatile u8 *)nothing, 0xff);
	check_equal("nothing-64", *(volatile u64 *)nothing, ~0ull);
}

/* The base can be moved: SDM vol. 3, 11.4.5. */
static void test_base(void)
{
	u64 base = read_msr(MSR_APIC_BASE);

	check_equal("apic-base", base & (APIC_BASE_ADDRESS | APIC_BASE_EN | APIC_BASE_BSP),
		    LAPIC_DEFAULT_ADDRESS | APIC_BASE_EN | APIC_BASE_BSP);
}

void guest_main(void)
{
	pic_mask_all();
	lapic_enable();
	test_lapic();
	test_ioapic();
	test_forms();
	test_vectors();
	test_nothing();
	test_base();
}
