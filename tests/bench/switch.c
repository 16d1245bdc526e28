/* SPDX-License-Identifier: MIT */
/*
 * What a context switch costs: two vCPUs share one CPU and never wait. Each writes down the time,
 * again and again; one that has been away compares with what the other wrote down last. From the
 * one's last instruction to the other's first: the timer's exit, the scheduler, what is unloaded
 * and loaded, the entry.
 */
#include "tests/bench/report.h"
#include "tests/guest/rt/devices.h"

#define AP_AT	     0x8000u
#define START_US     10000u
#define LIMIT_US     3000000u
#define SWITCHES     16u
#define AWAY_TICKS   100000u /* less than a slice, more than an exit */
#define SWITCH_TICKS 50000u  /* more is that a third has been there too */

extern char ap_start[], ap_end[], ap_idt[];
void ap_main(u32 id);

static volatile u64 last[2]; /* time that each wrote down */
static volatile u32 started;
static volatile u32 switches;
static u64 least = ~0ull;
static u64 sum;

static void note(u64 ticks)
{
	if (ticks > SWITCH_TICKS)
		return;
	sum += ticks;
	if (ticks < least)
		least = ticks;
	switches++;
}

/* Only one of the two runs at a time, and none comes to note() while it is young. */
static void stay(u32 me)
{
	u64 before = read_tsc();

	last[me] = before;
	while (switches < SWITCHES) {
		u64 now = read_tsc();

		if (now - before > AWAY_TICKS && last[1 - me] > before)
			note(now - last[1 - me]);
		before = now;
		last[me] = now;
	}
}

void ap_main(u32 id)
{
	started = 1;
	stay(id);
}

static void start_other(void)
{
	u8 *at = (u8 *)(word)AP_AT;

	for (word i = 0; i < (word)(ap_end - ap_start); i++)
		at[i] = (u8)ap_start[i];
	asm volatile("sidt (%0)" ::"r"(ap_idt) : "memory");
	lapic_put(LAPIC_ICR_HIGH, 1u << LAPIC_XAPIC_ID_SHIFT);
	lapic_put(LAPIC_ICR, APIC_INIT << APIC_DELIVERY_SHIFT | (u32)LAPIC_ICR_ASSERT);
	wait_us(START_US);
	lapic_put(LAPIC_ICR,
		  APIC_SIPI << APIC_DELIVERY_SHIFT | (u32)LAPIC_ICR_ASSERT | AP_AT >> 12);
	check("ap-start", wait_count(&started, 1, LIMIT_US), "it does not come");
}

void guest_main(void)
{
	check("pm-timer", clock_init(), "no FADT with a PM timer");
	pic_mask_all();
	lapic_enable();
	start_other();
	stay(0);
	report("context-switch", least, sum / switches);
	pass("bench");
}
