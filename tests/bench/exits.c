/* SPDX-License-Identifier: MIT */
/*
 * What exits cost, in ticks of the TSC: instructions, where an emulator's TSC counts those. One
 * line for each operation, without the cost of the two RDTSCs.
 */
#include "tests/bench/report.h"
#include "tests/guest/rt/devices.h"
#include "vmm/hw/cpuid.h"

#define SETTLE_TSC 30000000ull
#define ROUNDS	   1000u
#define PIECE	   (2ul << 20)
#define PIECES	   16u

#define COM1	 0x3f8u
#define PM_TIMER 0x608u

static u64 overhead;
static volatile u32 interrupts_taken;

static void measure(const char *name, void (*question)(void), u32 rounds)
{
	u64 least = ~0ull;
	u64 sum = 0;

	for (u32 i = 0; i < rounds; i++) {
		u64 start = read_tsc();
		u64 ticks;

		question();
		ticks = read_tsc() - start;
		sum += ticks;
		if (ticks < least)
			least = ticks;
	}
	if (overhead == 0) {
		overhead = least;
		return;
	}
	report(name, least - overhead, sum / rounds - overhead);
}

static void nothing(void)
{
	asm volatile("");
}

static void ask_cpuid(void)
{
	cpuid(0x40000000, 0);
}

static void ask_cpuid_features(void)
{
	cpuid(1, 0);
}

static void ask_port_in(void)
{
	in8(0x80);
}

static void ask_port_out(void)
{
	out8(0x80, 0);
}

/* Line status: what a driver reads before each byte. */
static void ask_com1(void)
{
	in8(COM1 + 5);
}

static void ask_com1_scratch(void)
{
	out8(COM1 + 7, 0x55);
}

static void ask_pm_timer(void)
{
	in32(PM_TIMER);
}

static void ask_ioapic(void)
{
	(void)*register32(IOAPIC_DEFAULT_ADDRESS);
}

static void ask_lapic(void)
{
	(void)lapic_get(LAPIC_TPR);
}

static void ask_eoi(void)
{
	lapic_put(LAPIC_EOI, 0);
}

static void ask_timer_count(void)
{
	(void)lapic_get(LAPIC_TIMER_CURRENT);
}

/* Sets a timer so far ahead that it does not come. */
static void ask_timer_set(void)
{
	lapic_put(LAPIC_TIMER_INITIAL, ~0u);
}

static void ask_rdmsr(void)
{
	(void)read_msr(MSR_APIC_BASE);
}

static void ask_vmcall(void)
{
	u64 rax = ~0ull;

	asm volatile("vmcall" : "+a"(rax) : : "memory");
}

static void ask_vmmcall(void)
{
	u64 rax = ~0ull;

	asm volatile("vmmcall" : "+a"(rax) : : "memory");
}

static void ask_write_protect(void)
{
	u64 cr0;

	asm volatile("mov %%cr0, %0\n\t"
		     "xor $0x10000, %0\n\t"
		     "mov %0, %%cr0\n\t"
		     "xor $0x10000, %0\n\t"
		     "mov %0, %%cr0"
		     : "=&r"(cr0)
		     :
		     : "memory");
}

static void count_interrupt(struct trap_frame *frame)
{
	interrupts_taken++;
	lapic_end_of_interrupt(frame);
}

/* Sends an IPI to the CPU itself, which takes and acknowledges it. */
static void ask_self_ipi(void)
{
	u32 before = interrupts_taken;

	lapic_send_self(VECTOR_LOW);
	while (interrupts_taken == before)
		relax();
}

/* Writes a local APIC register as an x2APIC; all code from here on does so. */
static void x2apic_put(u32 reg, u64 value)
{
	write_msr(MSR_X2APIC_BASE + (reg >> 4), value);
}

static void ask_eoi_x2apic(void)
{
	x2apic_put(LAPIC_EOI, 0);
}

static void count_interrupt_x2apic(struct trap_frame *frame)
{
	(void)frame;
	interrupts_taken++;
	x2apic_put(LAPIC_EOI, 0);
}

#define MSR_KVM_PV_EOI 0x4b564d04u

static volatile u32 pv_eoi ALIGNED(4);

/* Counts an interrupt with the paravirtual EOI, as Linux does. */
static void count_interrupt_pv_eoi(struct trap_frame *frame)
{
	bool done;

	(void)frame;
	interrupts_taken++;
	asm volatile("btrl $0, %1" : "=@ccc"(done), "+m"(pv_eoi));
	if (!done)
		x2apic_put(LAPIC_EOI, 0);
}

static void ask_self_ipi_x2apic(void)
{
	u32 before = interrupts_taken;

	x2apic_put(LAPIC_SELF_IPI, VECTOR_LOW);
	while (interrupts_taken == before)
		relax();
}

/* Sets a deadline so far ahead that it does not come. */
static void ask_deadline(void)
{
	write_msr(MSR_TSC_DEADLINE, read_tsc() + (1ull << 40));
}

#define TIMER_AHEAD 20000u

static u64 timer_taken;

static void take_timer(struct trap_frame *frame)
{
	timer_taken = read_tsc();
	count_interrupt_pv_eoi(frame);
}

/* Measures the time from a timer's deadline to its handler, EOI included. */
static void measure_timer(void)
{
	u64 least = ~0ull;
	u64 sum = 0;

	trap_set_hook(VECTOR_TIMER, take_timer);
	x2apic_put(LAPIC_LVT_TIMER, VECTOR_TIMER | LAPIC_LVT_TIMER_TSC_DEADLINE);
	for (u32 i = 0; i < 100; i++) {
		u32 before = interrupts_taken;
		u64 deadline = read_tsc() + TIMER_AHEAD;

		write_msr(MSR_TSC_DEADLINE, deadline);
		while (interrupts_taken == before)
			relax();
		sum += timer_taken - deadline;
		if (timer_taken - deadline < least)
			least = timer_taken - deadline;
	}
	report("timer-deadline-to-handler", least, sum / 100);
	measure("tsc-deadline", ask_deadline, ROUNDS);
}

static void measure_x2apic(void)
{
	write_msr(MSR_APIC_BASE, read_msr(MSR_APIC_BASE) | APIC_BASE_EXTD);
	measure("eoi-x2apic", ask_eoi_x2apic, ROUNDS);
	trap_set_hook(VECTOR_LOW, count_interrupt_x2apic);
	interrupts_on();
	measure("self-ipi-x2apic", ask_self_ipi_x2apic, ROUNDS);
	write_msr(MSR_KVM_PV_EOI, (word)&pv_eoi | 1);
	trap_set_hook(VECTOR_LOW, count_interrupt_pv_eoi);
	measure("self-ipi-x2apic-pv-eoi", ask_self_ipi_x2apic, ROUNDS);
	measure_timer();
	interrupts_off();
}

static void ask_cr3(void)
{
	u64 cr3;

	asm volatile("mov %%cr3, %0; mov %0, %%cr3" : "=r"(cr3) : : "memory");
}

static void ask_invlpg(void)
{
	asm volatile("invlpg (%0)" : : "r"(0x400000ul) : "memory");
}

static void ask_cr4_pge(void)
{
	u64 cr4;

	asm volatile("mov %%cr4, %0\n\t"
		     "xor $0x80, %0\n\t"
		     "mov %0, %%cr4\n\t"
		     "xor $0x80, %0\n\t"
		     "mov %0, %%cr4"
		     : "=&r"(cr4)
		     :
		     : "memory");
}

static u8 *piece;

/* First touch of 2 MiB of RAM: populated, cleared and mapped. */
static void ask_ram(void)
{
	*(volatile u8 *)piece = 1;
	piece += PIECE;
}

void guest_main(void)
{
	bool amd = cpuid(0, 0).ebx == 0x68747541; /* "Auth", the beginning of "AuthenticAMD" */
	u64 start = read_tsc();

	if (option("bare")) {
		report("kernel-entry", start, start);
		return;
	}
	/* The host gives back its start-up memory until then, at ticks 2 million apart. */
	while (read_tsc() - start < SETTLE_TSC)
		;
	measure("nothing", nothing, ROUNDS);
	measure("cpuid", ask_cpuid, ROUNDS);
	measure("cpuid-leaf-1", ask_cpuid_features, ROUNDS);
	measure("port-in", ask_port_in, ROUNDS);
	measure("port-out", ask_port_out, ROUNDS);
	measure("com1-status-in", ask_com1, ROUNDS);
	measure("com1-scratch-out", ask_com1_scratch, ROUNDS);
	measure("pm-timer-in", ask_pm_timer, ROUNDS);
	measure("hypercall", amd ? ask_vmmcall : ask_vmcall, ROUNDS);
	measure("rdmsr-apic-base", ask_rdmsr, ROUNDS);
	measure("mmio-read-ioapic", ask_ioapic, ROUNDS);
	lapic_enable();
	measure("mmio-read-lapic", ask_lapic, ROUNDS);
	measure("eoi-xapic", ask_eoi, ROUNDS);
	lapic_put(LAPIC_LVT_TIMER, VECTOR_TIMER);
	measure("timer-set-xapic", ask_timer_set, ROUNDS);
	measure("timer-count-xapic", ask_timer_count, ROUNDS);
	lapic_put(LAPIC_TIMER_INITIAL, 0);
	measure("cr0-wp-toggle-twice", ask_write_protect, ROUNDS);
	measure("cr3-load", ask_cr3, ROUNDS);
	measure("invlpg", ask_invlpg, ROUNDS);
	measure("cr4-pge-toggle-twice", ask_cr4_pge, ROUNDS);
	pic_mask_all(); /* the firmware may have left its timer on */
	trap_set_hook(VECTOR_LOW, count_interrupt);
	interrupts_on();
	measure("self-ipi-xapic", ask_self_ipi, ROUNDS);
	interrupts_off();
	if (cpuid(1, 0).ecx & CPUID_1_ECX_X2APIC)
		measure_x2apic();
	piece = (u8 *)(16ul << 20);
	measure("touch-2-mib", ask_ram, PIECES);
	pass("bench");
}
