/* SPDX-License-Identifier: MIT */
/*
 * Ways for a guest to end itself, or to hang: a word on the command line selects one. None of them
 * may end anything else.
 */
#include "tests/guest/rt/devices.h"
#include "tests/random.h"

#define NOTHING_AT 0xfed80000ull
#define RAM_END	   (32 * MIB)
#define BEYOND_AT  0x100000000ull

static struct {
	u16 limit;
	u64 base;
} PACKED pointer;

static void call(u64 address)
{
	asm volatile("jmp *%0" ::"r"(address));
}

static void load_idt(u64 base, u16 limit)
{
	pointer.base = base;
	pointer.limit = limit;
	asm volatile("lidt %0" ::"m"(pointer));
}

static void fetch_nothing(void)
{
	call(NOTHING_AT);
}
static void fetch_apic(void)
{
	call(LAPIC_DEFAULT_ADDRESS + LAPIC_TIMER_INITIAL);
}
static void fetch_ioapic(void)
{
	call(IOAPIC_DEFAULT_ADDRESS);
}

/* Executes an instruction whose first bytes are in RAM and whose last bytes are not. */
static void fetch_across(void)
{
	volatile u8 *end = (volatile u8 *)RAM_END;

	end[-2] = 0x48;
	end[-1] = 0xb8; /* MOV RAX with eight more bytes */
	call(RAM_END - 2);
}

static void fetch_across_cpuid(void)
{
	*(volatile u8 *)(RAM_END - 1) = 0x0f;
	call(RAM_END - 1);
}

static void triple(void)
{
	load_idt(0, 0);
	asm volatile("ud2");
}

static void idt_nothing(void)
{
	load_idt(NOTHING_AT, 0xfff);
	asm volatile("int3");
}

static void idt_apic(void)
{
	load_idt(LAPIC_DEFAULT_ADDRESS, 0xfff);
	asm volatile("int3");
}

static void gdt_nothing(void)
{
	pointer.base = NOTHING_AT;
	pointer.limit = 0xffff;
	asm volatile("lgdt %0; mov %1, %%ds" ::"m"(pointer), "r"(0x10));
	asm volatile("push $0x08; push %0; lretq" ::"r"(0x100000ull));
}

static void stack_nothing(void)
{
	asm volatile("mov %0, %%rsp; push %%rax; ud2" ::"r"(NOTHING_AT + 0x800));
}

static void stack_apic(void)
{
	asm volatile("mov %0, %%rsp; int3" ::"r"(LAPIC_DEFAULT_ADDRESS + 0x400));
}

static void cr3_nothing(void)
{
	write_cr3(NOTHING_AT);
}
static void cr3_apic(void)
{
	write_cr3(LAPIC_DEFAULT_ADDRESS);
}
static void cr3_beyond(void)
{
	write_cr3(BEYOND_AT);
}

static void again(struct trap_frame *frame)
{
	(void)frame; /* back to the instruction that faults */
}

static void fault_loop(void)
{
	trap_set_hook(VECTOR_UD, again);
	asm volatile("ud2");
}

/* Each delivery of #PF faults: #DF, whose handler returns to the instruction that faulted. */
static void double_loop(void)
{
	trap_gate_present(VECTOR_PF, false);
	trap_set_hook(VECTOR_DF, again);
	(void)*(volatile u8 *)(1ull << 40);
}

/*
 * Makes the delivery of #DB itself hit the breakpoint on the handler's stack (as in CVE-2015-8104).
 */
static void debug_loop(void)
{
	static u8 stack[4096] ALIGNED(16);

	trap_set_hook(VECTOR_DB, again);
	trap_set_ist(1, (word)(stack + sizeof(stack)));
	trap_gate_ist(VECTOR_DB, 1);
	asm volatile("mov %0, %%dr0" ::"r"(stack + sizeof(stack) - 8));
	/* a breakpoint on writes of 8 bytes */
	asm volatile("mov %0, %%dr7" ::"r"(0x90402ull | 1ull << 16));
	*(volatile u64 *)(stack + sizeof(stack) - 8) = 1;
	for (;;)
		asm volatile("pushf; orl $0x100, (%%rsp); popf; nop" ::: "memory");
}

static void machine_check(void)
{
	write_cr4(read_cr4() | CR4_MCE);
	trap_set_hook(VECTOR_MC, again);
	for (;;)
		asm volatile("int $18");
}

/*
 * QEMU delivers the host's machine checks to the running guest. This one cannot take them, so QEMU
 * shuts the CPU down, as a real CPU does in a guest with CR4.MCE clear.
 */
static void check_nowhere(void)
{
	interrupts_off();
	write_cr4(read_cr4() | CR4_MCE);
	load_idt(0, 0);
	pass("ready");
	for (;;)
		;
}

static void halt_for_ever(void)
{
	interrupts_off();
	halt();
}

static void spin_off(void)
{
	interrupts_off();
	for (;;)
		;
}

/* Vector instructions on a device: the monitor does not know FXSAVE and FXRSTOR. */
static void vector_mmio(void)
{
	write_cr4(read_cr4() | CR4_OSFXSR);
	asm volatile("movdqu %%xmm0, (%0)" ::"r"(LAPIC_DEFAULT_ADDRESS));
	asm volatile("fxsave (%0)" ::"r"(NOTHING_AT));
	asm volatile("fxrstor (%0)" ::"r"(NOTHING_AT));
}

static void init_self(void)
{
	lapic_send_self(APIC_INIT << APIC_DELIVERY_SHIFT);
	for (;;)
		relax();
}

static void reset_loop(void)
{
	for (;;)
		out8(0xcf9, 6);
}

static void sleep_state(void)
{
	for (u32 type = 0; type < 8; type++)
		out16(0x604, (u16)(type << 10 | 1u << 13));
}

/* The kvmclock record where there is no RAM, then at its very end. */
static void clock_nowhere(void)
{
	write_msr(0x4b564d01, NOTHING_AT | 1);
	write_msr(0x4b564d01, (RAM_END - 4) | 1);
	write_msr(0x4b564d00, RAM_END - 2);
	write_msr(0x4b564d01, ~0ull >> 1 | 1);
}

static u64 random_next(void)
{
	static u64 state;

	if (state == 0)
		state = read_tsc() | 1;
	return random_step(&state);
}

/* Random values in every register of the serial port: data, speed, interrupt mask and the rest. */
static void serial_registers(void)
{
	for (u32 i = 0; i < 20000; i++) {
		out8((u16)(0x3f8 + random_next() % 8), (u8)random_next());
		(void)in8((u16)(0x3f8 + random_next() % 8));
	}
	out8(0x3f8 + 3, 3);
	out8(EXIT_PORT, EXIT_GOOD);
}

/* Ports that can end the guest, with values of all kinds, until it has switched itself off. */
static void power_registers(void)
{
	static const u16 ports[] = {0x64, 0x60, 0x92, 0xcf9, 0xb2, 0x600, 0x602, 0x604, 0x606};

	for (;;) {
		u16 port = ports[random_next() % ARRAY_COUNT(ports)];

		(void)in16(port);
		if (random_next() % 2 != 0)
			out16(port, (u16)random_next());
		else
			out8(port, (u8)random_next());
	}
}

static const struct {
	const char *name;
	void (*way)(void);
} ways[] = {
	{"fetch-nothing", fetch_nothing},
	{"fetch-apic", fetch_apic},
	{"fetch-ioapic", fetch_ioapic},
	{"fetch-across", fetch_across},
	{"fetch-across-cpuid", fetch_across_cpuid},
	{"triple", triple},
	{"idt-nothing", idt_nothing},
	{"idt-apic", idt_apic},
	{"gdt-nothing", gdt_nothing},
	{"stack-nothing", stack_nothing},
	{"stack-apic", stack_apic},
	{"cr3-nothing", cr3_nothing},
	{"cr3-apic", cr3_apic},
	{"cr3-beyond", cr3_beyond},
	{"fault-loop", fault_loop},
	{"double-loop", double_loop},
	{"debug-loop", debug_loop},
	{"machine-check", machine_check},
	{"check-nowhere", check_nowhere},
	{"halt-for-ever", halt_for_ever},
	{"spin-off", spin_off},
	{"vector-mmio", vector_mmio},
	{"init-self", init_self},
	{"reset-loop", reset_loop},
	{"sleep-state", sleep_state},
	{"clock-nowhere", clock_nowhere},
	{"serial-registers", serial_registers},
	{"power-registers", power_registers},
};

void guest_main(void)
{
	pic_mask_all();
	lapic_enable();
	for (u32 i = 0; i < ARRAY_COUNT(ways); i++) {
		if (!option(ways[i].name))
			continue;
		pass(ways[i].name);
		ways[i].way();
		return;
	}
	fail("way", "no such name");
}
