/* SPDX-License-Identifier: MIT */
/*
 * One kind of exit, as fast as possible and for ever: a word on the command line selects it. The
 * neighbour keeps its share, the log stays bounded, the host obeys its operator.
 */
#include "arch/x86_64/hw/paging.h"
#include "tests/guest/rt/devices.h"
#include "tests/random.h"

#define NOTHING_AT   0xfed80000ull
#define NOTHING_PORT 0x5f00u
#define UNKNOWN_MSR  0x12345678u
#define DEBUG_PORT   0xe9u
#define BIT_OSXSAVE  BIT(26)
#define HOLE_AT	     0xd0000000ull /* 2 MiB of nothing */
#define ENDLESS_AT   (1ull << 39)
#define FW_CFG_KEY   0x510u
#define FW_CFG_DATA  0x511u
#define FW_CFG_FILES 0x19u
#define RESET_PORT   0xcf9u

/* Numbers of KVM's hypercalls (Linux include/uapi/linux/kvm_para.h) */
#define KVM_SEND_IPI	   10u
#define MSR_KVM_STEAL_TIME 0x4b564d03u

extern volatile u64 boot_pml4[];

static u64 scratch[64] ALIGNED(4096);
static volatile u64 endless[2][PT_ENTRY_COUNT] ALIGNED(4096);

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
} /* the storm goes on with what storm_start has set going */

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

static void hypercall(u64 number, u64 first, u64 second, u64 third, u64 fourth)
{
	if (cpuid(0, 0).ebx == 0x756e6547) /* "Genu", the beginning of "GenuineIntel" */
		asm volatile("vmcall"
			     : "+a"(number)
			     : "b"(first), "c"(second), "d"(third), "S"(fourth)
			     : "memory");
	else
		asm volatile("vmmcall"
			     : "+a"(number)
			     : "b"(first), "c"(second), "d"(third), "S"(fourth)
			     : "memory");
}

static void storm_hypercall(void)
{
	hypercall(99, 0, 0, 0, 0);
}

static u64 random_next(void)
{
	static u64 state = RANDOM_SEED;

	return random_step(&state);
}

/*
 * Makes all hypercalls and some that do not exist, with any arguments; then sends an IPI to every
 * CPU.
 */
static void storm_calls(void)
{
	u64 random = random_next();

	hypercall(random % 16, random_next(), random_next(), random_next() >> random % 64,
		  random_next());
	hypercall(KVM_SEND_IPI, ~0ull, ~0ull, 0, VECTOR_LOW);
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

/* Every delivery mode, to every destination, whatever happens; but no INIT, which would end it. */
static void storm_icr(void)
{
	static u32 low;

	low = low * 1664525 + 1013904223;
	if ((low >> 8 & 7) == APIC_INIT)
		return;
	lapic_put(LAPIC_ICR_HIGH, low);
	lapic_put(LAPIC_ICR, (low & 0xcffff) | VECTOR_FIRST_EXTERNAL);
}

/* Does the same in x2APIC mode, with 32-bit destinations. */
static void storm_x2icr(void)
{
	u64 random = random_next();

	if ((random >> 8 & 7) == APIC_INIT)
		return;
	write_msr(MSR_X2APIC_BASE + (LAPIC_ICR >> 4),
		  (random & 0xffffffff000ccfffull) | VECTOR_FIRST_EXTERNAL);
}

static void start_x2apic(void)
{
	write_msr(MSR_APIC_BASE, read_msr(MSR_APIC_BASE) | APIC_BASE_EN | APIC_BASE_EXTD);
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
	lapic_put(LAPIC_TIMER_DIVIDE, 0xb); /* the timer counts undivided */
	lapic_put(LAPIC_LVT_TIMER, VECTOR_TIMER | 1u << 17);
	lapic_put(LAPIC_TIMER_INITIAL, 1);
	interrupts_on();
}

/* Executes one instruction over 512 GiB where nothing is. */
static void storm_endless(void)
{
	void *to = (void *)ENDLESS_AT;
	u64 count = ~0ull;

	asm volatile("rep stosb" : "+D"(to), "+c"(count) : "a"(0) : "memory");
}

static void start_endless(void)
{
	for (u32 i = 0; i < PT_ENTRY_COUNT; i++) {
		endless[0][i] = (word)endless[1] | PTE_P | PTE_W;
		endless[1][i] = HOLE_AT | PTE_P | PTE_W | PTE_PS;
	}
	boot_pml4[1] = (word)endless[0] | PTE_P | PTE_W;
	interrupts_on();
}

/* The list of files or any one of them, by a string instruction that reads beyond its end. */
static void storm_fw_cfg(void)
{
	u8 bytes[512];
	void *to = bytes;
	u64 count = sizeof(bytes);

	out16(FW_CFG_KEY, (u16)(random_next() % 2 ? FW_CFG_FILES : random_next()));
	asm volatile("rep insb" : "+D"(to), "+c"(count) : "d"(FW_CFG_DATA) : "memory");
}

static void storm_pit(void)
{
	out8(0x43, (u8)random_next());
	out8((u16)(0x40 + random_next() % 3), (u8)random_next());
	(void)in8((u16)(0x40 + random_next() % 3));
}

static void storm_rtc(void)
{
	rtc_put((u8)(random_next() % 16), (u8)random_next());
	(void)rtc_get((u8)(random_next() % 16));
}

static void storm_pic(void)
{
	out8(random_next() % 2 ? 0x20 : 0xa0, (u8)random_next());
	out8(random_next() % 2 ? 0x21 : 0xa1, (u8)random_next());
}

static void storm_steal(void)
{
	write_msr(MSR_KVM_STEAL_TIME, (word)scratch | 1);
	write_msr(MSR_KVM_STEAL_TIME, 0);
}

static void storm_deadline(void)
{
	lapic_put(LAPIC_LVT_TIMER, VECTOR_TIMER | 2u << 17);
	write_msr(MSR_TSC_DEADLINE, read_tsc() + random_next() % 1000);
}

static void storm_across(void)
{
	*(volatile u64 *)(NOTHING_AT + PAGE_SIZE - 3) = 1;
}

static void storm_cr3(void)
{
	write_cr3(read_cr3());
}

static void storm_dr(void)
{
	asm volatile("mov %0, %%dr7" ::"r"(0x400ull));
}

static void storm_invlpg(void)
{
	invalidate_page((word)scratch);
}

static void storm_invd(void)
{
	asm volatile("invd" ::: "memory");
}

static void do_rdpmc(void *unused)
{
	(void)unused;
	asm volatile("rdpmc" ::"c"(0) : "rax", "rdx");
}

static void do_monitor(void *unused)
{
	(void)unused;
	asm volatile("monitor" ::"a"(scratch), "c"(0), "d"(0));
}

static void storm_rdpmc(void)
{
	trap_catch(do_rdpmc, NULL);
}

static void storm_monitor(void)
{
	trap_catch(do_monitor, NULL);
}

static void storm_reset(void)
{
	out8(RESET_PORT, 6);
}

static void start_level(void)
{
	out8(0x3f8 + 1, 2); /* the transmitter is empty, for ever */
	out8(0x3f8 + 4, 8); /* OUT2 lets the line through */
	ioapic_route(4, VECTOR_IOAPIC | 0x8000u);
}

/* Exits that the kernel settles, exits that the monitor settles, and a timer in between. */
static void storm_mixed(void)
{
	storm_cpuid();
	storm_out();
}

static void start_timer(void)
{
	lapic_put(LAPIC_TIMER_DIVIDE, 0xb); /* the timer counts undivided */
	lapic_put(LAPIC_LVT_TIMER, VECTOR_TIMER | 1u << 17);
	lapic_put(LAPIC_TIMER_INITIAL, lapic_counts_per_ms() * 16 / 50);
	interrupts_on();
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
	{"calls", storm_calls, interrupts_on},
	{"x2icr", storm_x2icr, start_x2apic},
	{"string-endless", storm_endless, start_endless},
	{"fw-cfg", storm_fw_cfg, NULL},
	{"pit", storm_pit, interrupts_on},
	{"rtc", storm_rtc, NULL},
	{"pic", storm_pic, NULL},
	{"steal", storm_steal, NULL},
	{"deadline", storm_deadline, interrupts_on},
	{"mmio-across", storm_across, NULL},
	{"cr3", storm_cr3, NULL},
	{"dr", storm_dr, NULL},
	{"invlpg", storm_invlpg, NULL},
	{"invd", storm_invd, NULL},
	{"rdpmc", storm_rdpmc, NULL},
	{"monitor", storm_monitor, NULL},
	{"reset", storm_reset, NULL},
	{"mixed", storm_mixed, start_timer},
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
