/* SPDX-License-Identifier: MIT */
/*
 * What an interrupt to a vCPU that runs on another CPU costs: the write that sends it, and the time
 * from there to the first instruction of its handler. Where all CPUs share one count (QEMU), that
 * is what both execute until then; there PAUSE hands over to the other CPU.
 */
#include "arch/x86_64/hw/msr.h"
#include "tests/bench/report.h"
#include "tests/bench/second.h"
#include "tests/guest/rt/devices.h"

#define ROUNDS 100u

void ap_main(u32 id);

static bool counted_together;
static volatile u32 started;
static volatile u32 ended;
static volatile bool finished;
static volatile u64 taken_tsc;

static void x2apic_put(u32 reg, u64 value)
{
	write_msr(MSR_X2APIC_BASE + (reg >> 4), value);
}

/*
 * Waits a little, with PAUSE; other loops have none, as it may be taken for a spin loop and exit.
 */
static void wait_a_little(void)
{
	if (counted_together)
		relax();
}

static void take(struct trap_frame *frame)
{
	(void)frame;
	taken_tsc = read_tsc();
	x2apic_put(LAPIC_EOI, 0);
	ended++;
}

void ap_main(u32 id)
{
	(void)id;
	write_msr(MSR_APIC_BASE, read_msr(MSR_APIC_BASE) | APIC_BASE_EXTD);
	x2apic_put(LAPIC_SVR, LAPIC_SVR_ENABLE | VECTOR_SPURIOUS);
	interrupts_on();
	started = 1;
	while (!finished)
		wait_a_little();
}

void guest_main(void)
{
	u64 least_send = ~0ull;
	u64 least = ~0ull;
	u64 sum_send = 0;
	u64 sum = 0;

	/* "Auth", the beginning of "AuthenticAMD" */
	counted_together = cpuid(0, 0).ebx == 0x68747541;
	pic_mask_all();
	lapic_enable();
	trap_set_hook(VECTOR_LOW, take);
	second_start(&started);
	write_msr(MSR_APIC_BASE, read_msr(MSR_APIC_BASE) | APIC_BASE_EXTD);
	for (u32 i = 0; i < ROUNDS; i++) {
		u32 before = ended;
		u64 start = read_tsc();
		u64 sent;

		x2apic_put(LAPIC_ICR,
			   1ull << LAPIC_ICR_X2_DESTINATION_SHIFT | LAPIC_ICR_ASSERT | VECTOR_LOW);
		sent = read_tsc() - start;
		while (ended == before)
			wait_a_little();
		sum_send += sent;
		least_send = sent < least_send ? sent : least_send;
		sum += taken_tsc - start;
		least = taken_tsc - start < least ? taken_tsc - start : least;
	}
	finished = true;
	report("ipi-send", least_send, sum_send / ROUNDS);
	report("ipi-send-to-handler", least, sum / ROUNDS);
	pass("bench");
}
