/* SPDX-License-Identifier: MIT */
/* Do the timers run at the right rates? The PM timer is the reference. */
#include "tests/guest/rt/devices.h"

#define LIMIT_US 5000000u

static volatile u32 *const count = &trap_count[VECTOR_TIMER];
static u32 lapic_per_ms;

static void test_pm_timer(void)
{
	u32 last = clock_ticks();
	u32 mask = clock_is_wide() ? 0xffffffff : 0xffffff;
	u32 backwards = 0;
	u32 moved = 0;

	for (u32 i = 0; i < 2000; i++) {
		u32 now = clock_ticks();

		backwards += ((now - last) & mask) > mask / 2;
		moved += now != last;
		last = now;
	}
	check_equal("pm-backwards", backwards, 0);
	check("pm-moves", moved > 0, "it stands still");
	check_equal("pm-width", clock_ticks() & ~mask, 0);
}

/* Measures the PIT's channel 2: OUT rises at the end of the count; port 0x61 shows it. */
static u32 measure_pit(void)
{
	u32 start = clock_ticks();

	pit_start(2, PIT_MODE_TERMINAL_COUNT, (u16)(PIT_HZ / 50));
	while ((in8(PIT_GATE_PORT) & PIT_GATE_OUT_2) == 0 && clock_us_since(start) < LIMIT_US)
		relax();
	return clock_us_since(start);
}

static void test_pit(void)
{
	u16 first;

	out8(PIT_GATE_PORT, (in8(PIT_GATE_PORT) & (u8)~PIT_GATE_SPEAKER) | PIT_GATE_2);
	check_duration("pit-20ms", measure_pit, 20000);
	pit_start(2, PIT_MODE_TERMINAL_COUNT, 0xffff);
	check("pit-out-low", (in8(PIT_GATE_PORT) & PIT_GATE_OUT_2) == 0, "OUT is high at once");
	first = pit_latch(2);
	wait_us(1000);
	check("pit-counts", pit_latch(2) != first, "the count stands still");

	out8(PIT_GATE_PORT, in8(PIT_GATE_PORT) & (u8)~PIT_GATE_2);
	pit_start(2, PIT_MODE_TERMINAL_COUNT, 10000);
	first = pit_latch(2);
	wait_us(2000);
	if (option("bare")) /* QEMU's own PIT has no gate in mode 0 */
		absent("pit-gate-stops");
	else
		check_equal("pit-gate-stops", pit_latch(2), first);
	out8(PIT_CONTROL_PORT, PIT_CONTROL_READ_BACK | PIT_READ_BACK_NO_COUNT | 1 << 3);
	check_equal("pit-read-back", in8(PIT_PORT + 2) & 0x3f, PIT_CONTROL_LOW_HIGH);
}

static u32 measure_pit_interrupts(void)
{
	volatile u32 *ticks = &trap_count[VECTOR_PIC_MASTER];
	u32 start = clock_ticks();

	pit_start(0, PIT_MODE_SQUARE_WAVE, (u16)(PIT_HZ / 200));
	*ticks = 0;
	wait_count(ticks, 10, LIMIT_US);
	return clock_us_since(start);
}

static void test_pit_interrupt(void)
{
	trap_set_hook(VECTOR_PIC_MASTER, pic_end_of_interrupt);
	pic_start(0xfe, 0xff);
	pit_start(0, PIT_MODE_SQUARE_WAVE, (u16)(PIT_HZ / 200));
	interrupts_on();
	check("pit-periodic", wait_count(&trap_count[VECTOR_PIC_MASTER], 1, LIMIT_US),
	      "IRQ0 does not come");
	check_duration("pit-10-of-5ms", measure_pit_interrupts, 50000);
	interrupts_off();
	pic_mask_all();
}

static void calibrate(void)
{
	lapic_per_ms = lapic_counts_per_ms();
	check("lapic-counts", lapic_per_ms > 100, "fewer than 100 counts in a millisecond");
	check_equal("lapic-stopped", lapic_get(LAPIC_TIMER_CURRENT), 0);
}

static u32 measure_one_shot(void)
{
	u32 start = clock_ticks();

	*count = 0;
	lapic_put(LAPIC_TIMER_INITIAL, 10 * lapic_per_ms);
	wait_count(count, 1, LIMIT_US);
	return clock_us_since(start);
}

static u32 measure_periodic(void)
{
	u32 start = clock_ticks();
	u32 us;

	*count = 0;
	lapic_put(LAPIC_TIMER_INITIAL, 5 * lapic_per_ms);
	wait_count(count, 10, LIMIT_US);
	us = clock_us_since(start);
	lapic_put(LAPIC_TIMER_INITIAL, 0);
	return us;
}

static void test_lapic(void)
{
	trap_set_hook(VECTOR_TIMER, lapic_end_of_interrupt);
	interrupts_on();
	lapic_put(LAPIC_LVT_TIMER, VECTOR_TIMER);
	check_duration("lapic-10ms", measure_one_shot, 10000);
	check_equal("lapic-at-end", lapic_get(LAPIC_TIMER_CURRENT), 0);
	wait_us(25000);
	check_equal("lapic-once", *count, 1);

	lapic_put(LAPIC_LVT_TIMER, (u32)LAPIC_LVT_TIMER_PERIODIC | VECTOR_TIMER);
	check_duration("lapic-10-of-5ms", measure_periodic, 50000);
	lapic_put(LAPIC_LVT_TIMER, (u32)LAPIC_LVT_TIMER_PERIODIC | VECTOR_TIMER | LAPIC_LVT_MASKED);
	lapic_put(LAPIC_TIMER_INITIAL, 5 * lapic_per_ms);
	*count = 0;
	wait_us(15000);
	check_equal("lapic-masked", *count, 0);
	lapic_put(LAPIC_TIMER_INITIAL, 0);
	interrupts_off();
}

static u64 tsc_per_ms(void)
{
	u32 start = clock_ticks();
	u64 tsc = read_tsc();

	wait_us(20000);
	return (read_tsc() - tsc) / (clock_us_since(start) / 1000);
}

static u64 set_deadline(u64 ticks)
{
	u64 deadline = read_tsc() + ticks;

	write_msr(MSR_TSC_DEADLINE, deadline);
	return deadline;
}

/*
 * Tests deadlines. What has to be done before a deadline is done again when a busy host has let the
 * deadline pass.
 */
static void test_deadline(void)
{
	u64 per_ms = tsc_per_ms();
	u64 deadline;
	u64 shown;

	if ((cpuid(1, 0).ecx & BIT(24)) == 0) {
		absent("tsc-deadline");
		return;
	}
	interrupts_on();
	lapic_put(LAPIC_LVT_TIMER, (u32)LAPIC_LVT_TIMER_TSC_DEADLINE | VECTOR_TIMER);
	asm volatile("mfence");
	do {
		write_msr(MSR_TSC_DEADLINE, 0);
		*count = 0;
		deadline = set_deadline(10 * per_ms);
		shown = read_msr(MSR_TSC_DEADLINE);
	} while (read_tsc() >= deadline);
	check_equal("deadline-reads", shown, deadline);
	check("tsc-deadline", wait_count(count, 1, LIMIT_US), "it does not come");
	check("deadline-not-early", read_tsc() >= deadline, "it came too early");
	check_equal("deadline-disarmed", read_msr(MSR_TSC_DEADLINE), 0);
	do {
		*count = 0;
		deadline = set_deadline(5 * per_ms);
		write_msr(MSR_TSC_DEADLINE, 0);
	} while (read_tsc() >= deadline);
	wait_us(15000);
	check_equal("deadline-cancelled", *count, 0);
	write_msr(MSR_TSC_DEADLINE, 1);
	check("deadline-past", wait_count(count, 1, LIMIT_US), "one in the past does not come");
	interrupts_off();
	lapic_put(LAPIC_LVT_TIMER, LAPIC_LVT_MASKED);
}

static void acknowledge_rtc(struct trap_frame *frame)
{
	rtc_get(RTC_C);
	pic_end_of_interrupt(frame);
}

/* The first tick may come at once: the divider runs all the time. */
static u32 measure_rtc(void)
{
	volatile u32 *ticks = &trap_count[VECTOR_PIC_SLAVE];
	u32 start;

	*ticks = 0;
	rtc_get(RTC_C);
	start = clock_ticks();
	wait_count(ticks, 5, LIMIT_US);
	return clock_us_since(start);
}

/* Returns what the RTC's seconds register will hold two seconds from now. */
static u8 rtc_soon(void)
{
	u8 seconds = rtc_get(RTC_SECONDS);

	if (rtc_get(RTC_B) & RTC_B_BINARY)
		return (u8)((seconds + 2) % 60);
	seconds = (u8)(((seconds >> 4) * 10 + (seconds & 15) + 2) % 60);
	return (u8)(seconds / 10 << 4 | seconds % 10);
}

static void test_rtc_alarm(void)
{
	volatile u32 *alarms = &trap_count[VECTOR_PIC_SLAVE];

	*alarms = 0;
	rtc_put(RTC_SECONDS_ALARM, rtc_soon());
	rtc_put(RTC_MINUTES_ALARM, RTC_ALARM_ANY);
	rtc_put(RTC_HOURS_ALARM, RTC_ALARM_ANY);
	rtc_get(RTC_C);
	rtc_put(RTC_B, rtc_get(RTC_B) | RTC_B_AIE);
	interrupts_on();
	wait_us(500000);
	check_equal("rtc-alarm-waits", *alarms, 0);
	check("rtc-alarm", wait_count(alarms, 1, 3000000), "it does not come");
	interrupts_off();
	rtc_put(RTC_B, rtc_get(RTC_B) & (u8)~RTC_B_AIE);
	rtc_get(RTC_C);
}

static void test_rtc(void)
{
	u32 start;
	u8 seconds;

	trap_set_hook(VECTOR_PIC_SLAVE, acknowledge_rtc);
	pic_start((u8) ~(1 << PIC_CASCADE_INPUT), 0xfe);
	rtc_put(RTC_A, RTC_A_DIVIDER_32KHZ | 10); /* 64 Hz */
	rtc_put(RTC_B, (rtc_get(RTC_B) & (u8)~RTC_B_SET) | RTC_B_PIE);
	interrupts_on();
	check_duration("rtc-4-of-16ms", measure_rtc, 62500);
	interrupts_off();
	rtc_put(RTC_B, rtc_get(RTC_B) & (u8)~RTC_B_PIE);
	rtc_get(RTC_C);
	test_rtc_alarm();
	pic_mask_all();

	check_equal("rtc-valid", rtc_get(RTC_D) & RTC_D_VALID, RTC_D_VALID);
	seconds = rtc_get(RTC_SECONDS);
	start = clock_ticks();
	while (rtc_get(RTC_SECONDS) == seconds && clock_us_since(start) < 3000000)
		wait_us(1000);
	check("rtc-seconds", rtc_get(RTC_SECONDS) != seconds, "the second does not change");
}

static void test_tsc(void)
{
	u64 last = read_tsc();
	u32 backwards = 0;

	for (u32 i = 0; i < 10000; i++) {
		u64 now = read_tsc();

		backwards += now < last;
		last = now;
	}
	check_equal("tsc-backwards", backwards, 0);
}

void guest_main(void)
{
	check("pm-timer", clock_init(), "no FADT with a PM timer");
	pic_mask_all();
	lapic_enable();
	test_pm_timer();
	test_tsc();
	test_pit();
	test_pit_interrupt();
	calibrate();
	test_lapic();
	test_deadline();
	test_rtc();
}
