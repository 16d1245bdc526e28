/* SPDX-License-Identifier: MIT */
/* The TSC's rate, measured on a machine that may stand still at any moment, as on a busy host. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define in8	      real_in8
#define out8	      real_out8
#define rdtsc_ordered real_rdtsc_ordered
#define cpuid	      real_cpuid
#include "arch/x86_64/cpu/instructions.h"
#undef in8
#undef out8
#undef rdtsc_ordered
#undef cpuid

static u8 in8(u16 port);
static void out8(u16 port, u8 value);
static u64 rdtsc_ordered(void);
static struct cpuid_regs cpuid(u32 leaf, u32 subleaf);
#include "boot/init/tsc_calibrate.c"

#define KHZ	    2600000ull
#define US(n)	    ((n)*KHZ / 1000)
#define PORT_ACCESS US(1)

static u64 now;
static u64 standstill; /* the time at which the next standstill begins; ~0: never */
static u64 longer;     /* the time by which that standstill lasts longer than others */
static u64 started;    /* when channel 2's gate went high; 0: it is low */
static u32 round_count;
static bool pit_there;
static bool pit_stuck;
static u32 delay_after_write; /* one in this many writes is followed by a delay; 0: none */
static bool jumps;	      /* the clock jumps at times */
static bool gate_ignored;     /* the counter counts from its load on, like QEMU's */

static u64 between(u64 low, u64 high)
{
	return low + (u64)rand() % (high - low + 1);
}

static void pass(u64 ticks)
{
	now += ticks;
	if (now < standstill)
		return;
	now += between(US(5000), US(60000)) + longer;
	longer = 0;
	standstill = now + between(US(1000), US(20000));
}

/* The read takes effect at some point within the access. */
static u8 in8(u16 port)
{
	u64 part = between(0, PORT_ACCESS);
	bool over;

	assert_int_equal(port, PIT_GATE_PORT);
	pass(part);
	over = !pit_there ||
	       (started != 0 && !pit_stuck && (now - started) * PIT_HZ >= PIT_COUNT * KHZ * 1000);
	pass(PORT_ACCESS - part);
	return over ? PIT_GATE_OUT_2 : 0;
}

static void out8(u16 port, u8 value)
{
	u64 part = between(0, PORT_ACCESS);

	pass(part);
	if (port == PIT_GATE_PORT) {
		round_count += (value & PIT_GATE_2) != 0;
		if (!gate_ignored)
			started = (value & PIT_GATE_2) != 0 ? now : 0;
	}
	if (port == PIT_PORT + 2 && gate_ignored)
		started = now;
	if (started != 0 && jumps && rand() % 3 == 0)
		started -= US(20000);
	if (delay_after_write != 0 && rand() % delay_after_write == 0)
		standstill = MIN(standstill, now);
	pass(PORT_ACCESS - part);
}

static u64 rdtsc_ordered(void)
{
	pass(20);
	return now;
}

static struct cpuid_regs cpuid(u32 leaf, u32 subleaf)
{
	(void)subleaf;
	if (leaf == CPUID_VENDOR)
		return (struct cpuid_regs){.eax = CPUID_FREQUENCY};
	return (struct cpuid_regs){.eax = leaf == CPUID_FREQUENCY ? 2500 : 0};
}

static int test_machine_init(void **state)
{
	(void)state;
	srand(1);
	now = US(1000000);
	standstill = ~0ull;
	longer = 0;
	started = 0;
	round_count = 0;
	pit_there = true;
	pit_stuck = false;
	gate_ignored = false;
	jumps = false;
	delay_after_write = 0;
	return 0;
}

static void test_quiet(void **state)
{
	(void)state;
	for (u32 i = 0; i < 100; i++) {
		round_count = 0;
		assert_in_range(tsc_calibrate(), KHZ - KHZ / 5000, KHZ + KHZ / 5000);
		assert_in_range(round_count, 1, 5);
	}
}

static void test_busy_host(void **state)
{
	(void)state;
	standstill = now;
	for (u32 i = 0; i < 1000; i++)
		assert_in_range(tsc_calibrate(), KHZ - KHZ / 100, KHZ + KHZ / 100);
}

/* A host may keep the machine waiting for longer than any PIT needs. */
static void test_long_standstill(void **state)
{
	(void)state;
	for (u32 i = 0; i < 100; i++) {
		longer = US(10000000);
		standstill = now + between(US(100), US(9000));
		assert_in_range(tsc_calibrate(), KHZ - KHZ / 100, KHZ + KHZ / 100);
	}
}

/* There may be a delay between the load and the read of the TSC. */
static void test_gate_ignored(void **state)
{
	(void)state;
	gate_ignored = true;
	standstill = now;
	delay_after_write = 20;
	for (u32 i = 0; i < 1000; i++)
		assert_in_range(tsc_calibrate(), KHZ - KHZ / 100, KHZ + KHZ / 100);
}

/* A round that ends at once does not count, though nothing in its timing is suspicious. */
static void test_over_at_once(void **state)
{
	(void)state;
	jumps = true;
	for (u32 i = 0; i < 1000; i++)
		assert_in_range(tsc_calibrate(), KHZ - KHZ / 5000, KHZ + KHZ / 5000);
}

/* The port reads as all ones, or the channel never counts. */
static void test_no_pit(void **state)
{
	(void)state;
	pit_there = false;
	assert_int_equal(tsc_calibrate(), 2500000);
	pit_there = true;
	pit_stuck = true;
	assert_int_equal(tsc_calibrate(), 2500000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_quiet, test_machine_init),
		cmocka_unit_test_setup(test_long_standstill, test_machine_init),
		cmocka_unit_test_setup(test_busy_host, test_machine_init),
		cmocka_unit_test_setup(test_gate_ignored, test_machine_init),
		cmocka_unit_test_setup(test_over_at_once, test_machine_init),
		cmocka_unit_test_setup(test_no_pit, test_machine_init),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
