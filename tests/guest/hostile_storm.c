/* SPDX-License-Identifier: MIT */
/*
 * One kind of exit, as fast as it goes and for ever: the word of the command line names it. The
 * neighbour keeps its share, the log stays bounded, the host obeys its operator.
 */
#include "tests/guest/rt/devices.h"

#define NOTHING_AT   0xfed80000ull
#define NOTHING_PORT 0x5f00u
#define UNKNOWN_MSR  0x12345678u
#define DEBUG_PORT   0xe9u
#define BIT_OSXSAVE  BIT(26)

static u64 scratch[64] ALIGNED(4096);

static void storm_cpuid(void)
{
	(void)cpuid(0x80000000, 0);
}
static void storm_in(void)
{
	(void)in32(NOTHING_PORT);
}
static void storm_out(void)
{
	out8(0x80, 1);
}
static void storm_timer(void)
{
	(void)clock_ticks();
}
static void storm_print(void)
{
	print("All work and no play makes Jack a dull boy.\n");
}
static void storm_debug(void)
{
	out8(DEBUG_PORT, 'x');
}
static void storm_mmio_read(void)
{
	(void)*register32(NOTHING_AT);
}
static void storm_mmio_write(void)
{
	*register32(NOTHING_AT) = 1;
}
static void storm_apic(void)
{
	lapic_put(LAPIC_TPR, lapic_get(LAPIC_TPR) ^ 0x10);
}
static void storm_eoi(void)
{
	lapic_put(LAPIC_EOI, 0);
}
static void storm_cr8(void)
{
	write_cr8(read_cr8() ^ 8);
}
static void storm_wbinvd(void)
{
	asm volatile("wbinvd" ::: "memory");
}
static void storm_pause(void)
{
	relax();
}
static void storm_halt(void)
{
	halt();
} /* with what storm_start has set going */

static void storm_outs(void)
{
	const void *from = scratch;
	u64 count = 64;

	asm volatile("rep outsl" : "+S"(from), "+c"(count) : "d"(NOTHING_PORT) : "memory");
}

static void storm_stos(void)
{
	void *to = (void *)NOTHING_AT;
	u64 count = 512;

	asm volatile("rep stosq" : "+D"(to), "+c"(count) : "a"(0) : "memory");
}

static void do_unknown_msr(void *unused)
{
	(void)unused;
	(void)read_msr(UNKNOWN_MSR);
}

static void do_unknown_msr_write(void *unused)
{
	(void)unused;
	write_msr(UNKNOWN_MSR, 0);
}

static void do_invalid(void *unused)
{
	(void)unused;
	asm volatile("ud2");
}

static void do_virtual(void *unused)
{
	(void)unused;
	asm volatile(".byte 0x0f, 0x01, 0xd8" ::"a"(scratch)); /* VMRUN */
}

static void do_bad_xcr0(void *unused)
{
	(void)unused;
	asm volatile("xsetbv" ::"c"(0), "a"(0), "d"(0));
}

static void storm_rdmsr(void)
{
	trap_catch(do_unknown_msr, NULL);
}
static void storm_wrmsr(void)
{
	trap_catch(do_unknown_msr_write, NULL);
}
static void storm_invalid(void)
{
	trap_catch(do_invalid, NULL);
}
static void storm_virtual(void)
{
	trap_catch(do_virtual, NULL);
}
static void storm_xsetbv(void)
{
	trap_catch(do_bad_xcr0, NULL);
}
static void storm_clock_msr(void)
{
	(void)read_msr(MSR_APIC_BASE);
}

static void storm_hypercall(void)
{
	u64 result = 99;

	if (cpuid(0, 0).ebx == 0x756e6547) /* "Genu" */
		asm volatile("vmcall" : "+a"(result)::"memory");
	else
		asm volatile("vmmcall" : "+a"(result)::"memory");
}

static void storm_cr0(void)
{
	write_cr0(read_cr0() ^ CR0_CD);
}

static void storm_cr4(void)
{
	write_cr4(read_cr4() ^ CR4_PGE);
}

static void storm_nmi(void)
{
	lapic_send_self(APIC_NMI << APIC_DELIVERY_SHIFT);
}

static void storm_ipi(void)
{
	static u32 vector = VECTOR_LOW;

	vector = vector == 0xf0 ? VECTOR_LOW : vector + 1;
	lapic_send_self(vector);
}

/* Every mode of delivery, to every address, whatever comes of it; but none that ends itself. */
static void storm_icr(void)
{
	static u32 low;

	low = low * 1664525 + 1013904223;
	if ((low >> 8 & 7) == APIC_INIT)
		return;
	lapic_put(LAPIC_ICR_HIGH, low);
	lapic_put(LAPIC_ICR, (low & 0xcffff) | VECTOR_FIRST_EXTERNAL);
}

/* A line that is high for ever, its interrupt never acknowledged at the device. */
static void storm_level(void)
{
	asm volatile("sti; nop; nop; cli" ::: "memory");
}

static void storm_ioapic(void)
{
	static u32 pin;

	pin = (pin + 1) % 24;
	ioapic_put(IOAPIC_REDIRECTION + 2 * pin, VECTOR_IOAPIC | (pin & 1 ? 0x8000u : 0));
	ioapic_put(IOAPIC_REDIRECTION + 2 * pin, IOAPIC_ENTRY_MASKED);
}

/* The shortest periods that timers can be given. */
static void start_timers(void)
{
	pit_start(0, PIT_MODE_RATE, 2);
	ioapic_route(2, VECTOR_IOAPIC);
	lapic_put(LAPIC_TIMER_DIVIDE, 0xb); /* by 1 */
	lapic_put(LAPIC_LVT_TIMER, VECTOR_TIMER | 1u << 17);
	lapic_put(LAPIC_TIMER_INITIAL, 1);
	interrupts_on();
}

static void start_level(void)
{
	out8(0x3f8 + 1, 2); /* the transmitter is empty, for ever */
	out8(0x3f8 + 4, 8); /* OUT2 lets the line through */
	ioapic_route(4, VECTOR_IOAPIC | 0x8000u);
}

static void nothing(struct trap_frame *frame)
{
	(void)frame;
}

static const struct {
	const char *name;
	void (*once)(void);
	void (*start)(void);
} storms[] = {
	{"cpuid", storm_cpuid, NULL},
	{"in", storm_in, NULL},
	{"out", storm_out, NULL},
	{"outs", storm_outs, NULL},
	{"pmtimer", storm_timer, NULL},
	{"print", storm_print, NULL},
	{"debug", storm_debug, NULL},
	{"mmio-read", storm_mmio_read, NULL},
	{"mmio-write", storm_mmio_write, NULL},
	{"mmio-string", storm_stos, NULL},
	{"apic", storm_apic, NULL},
	{"eoi", storm_eoi, NULL},
	{"cr0", storm_cr0, NULL},
	{"cr4", storm_cr4, NULL},
	{"cr8", storm_cr8, NULL},
	{"wbinvd", storm_wbinvd, NULL},
	{"pause", storm_pause, NULL},
	{"rdmsr", storm_rdmsr, NULL},
	{"wrmsr", storm_wrmsr, NULL},
	{"msr", storm_clock_msr, NULL},
	{"xsetbv", storm_xsetbv, NULL},
	{"invalid", storm_invalid, NULL},
	{"virtual", storm_virtual, NULL},
	{"hypercall", storm_hypercall, NULL},
	{"nmi", storm_nmi, NULL},
	{"ipi", storm_ipi, interrupts_on},
	{"icr", storm_icr, interrupts_on},
	{"ioapic", storm_ioapic, interrupts_on},
	{"level", storm_level, start_level},
	{"timers", storm_halt, start_timers},
	{"timers-busy", storm_cpuid, start_timers},
};

void guest_main(void)
{
	pic_mask_all();
	lapic_enable();
	(void)clock_init();
	if ((cpuid(1, 0).ecx & BIT_OSXSAVE) != 0)
		write_cr4(read_cr4() | CR4_OSXSAVE);
	for (u32 vector = VECTOR_FIRST_EXTERNAL; vector < 256; vector++)
		trap_set_hook(vector, lapic_end_of_interrupt);
	trap_set_hook(VECTOR_NMI, nothing);
	for (u32 i = 0; i < ARRAY_COUNT(storms); i++) {
		if (!option(storms[i].name))
			continue;
		pass(storms[i].name);
		if (storms[i].start != NULL)
			storms[i].start();
		for (;;)
			storms[i].once();
	}
	fail("storm", "no such name");
}
