/* SPDX-License-Identifier: MIT */
/*
 * What exits cost, in ticks of the TSC: where an emulator's TSC counts instructions these are
 * instructions. One line a question: "BENCH name least mean", less what the two RDTSCs cost.
 */
#include "tests/guest/rt/devices.h"

#define ROUNDS 1000u
#define PIECE  (2ul << 20)
#define PIECES 16u

static u64 overhead;
static volatile u32 interrupts_taken;

static void print_decimal(u64 value)
{
	char digits[24];
	u32 at = sizeof(digits) - 1;

	digits[at] = '\0';
	do
		digits[--at] = (char)('0' + value % 10);
	while ((value /= 10) != 0);
	print(digits + at);
}

static void report(const char *name, u64 least, u64 mean)
{
	print("BENCH ");
	print(name);
	print(" ");
	print_decimal(least);
	print(" ");
	print_decimal(mean);
	print("\n");
}

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

/* To itself, taken and acknowledged. */
static void ask_self_ipi(void)
{
	u32 before = interrupts_taken;

	lapic_send_self(VECTOR_LOW);
	while (interrupts_taken == before)
		relax();
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
	bool amd = cpuid(0, 0).ebx == 0x68747541; /* "Auth" */
	u64 start = read_tsc();

	if (option("bare")) {
		report("kernel-entry", start, start);
		return;
	}
	measure("nothing", nothing, ROUNDS);
	measure("cpuid", ask_cpuid, ROUNDS);
	measure("cpuid-leaf-1", ask_cpuid_features, ROUNDS);
	measure("port-in", ask_port_in, ROUNDS);
	measure("port-out", ask_port_out, ROUNDS);
	measure("hypercall", amd ? ask_vmmcall : ask_vmcall, ROUNDS);
	measure("rdmsr-apic-base", ask_rdmsr, ROUNDS);
	measure("mmio-read-ioapic", ask_ioapic, ROUNDS);
	lapic_enable();
	measure("mmio-read-lapic", ask_lapic, ROUNDS);
	measure("eoi-xapic", ask_eoi, ROUNDS);
	measure("cr0-wp-toggle-twice", ask_write_protect, ROUNDS);
	pic_mask_all(); /* firmware may have left its timer on */
	trap_set_hook(VECTOR_LOW, count_interrupt);
	interrupts_on();
	measure("self-ipi-xapic", ask_self_ipi, ROUNDS);
	interrupts_off();
	piece = (u8 *)(16ul << 20);
	measure("touch-2-mib", ask_ram, PIECES);
	pass("bench");
}
