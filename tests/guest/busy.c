/* SPDX-License-Identifier: MIT */
/*
 * Never waits and never exits of its own accord. With measure=MS it measures for that long when it
 * was without the CPU, prints the result, and goes on.
 */
#include "tests/guest/rt/devices.h"

#define CALIBRATE_US 20000u
#define LOOPS	     10000u
#define AWAY_US	     200u /* longer than any block of loops */

static u64 ticks_per_ms;

/* Spins without PAUSE: under an emulator PAUSE causes an exit, or hands over to another CPU. */
static void spin(u32 loops)
{
	asm volatile("1: dec %0; jnz 1b" : "+r"(loops)::"cc");
}

static void calibrate(void)
{
	u32 start = clock_ticks();
	u64 tsc = read_tsc();

	while (clock_us_since(start) < CALIBRATE_US)
		spin(LOOPS / 10);
	ticks_per_ms = (read_tsc() - tsc) * 1000 / clock_us_since(start);
}

static void tell(const char *name, u64 ticks)
{
	print(name);
	print_hex(ticks * 1000 / ticks_per_ms);
	print("\n");
}

static void measure(u64 ms)
{
	u64 start = read_tsc();
	u64 last = start;
	u64 longest = 0;
	u64 away = 0;
	u64 now;

	do {
		spin(LOOPS);
		now = read_tsc();
		if (now - last > ticks_per_ms * AWAY_US / 1000) {
			away += now - last;
			longest = MAX(longest, now - last);
		}
		last = now;
	} while (now - start < ms * ticks_per_ms);
	tell("LONGEST_US ", longest);
	tell("AWAY_US ", away);
	tell("TOTAL_US ", now - start);
}

void guest_main(void)
{
	u64 ms = option_number("measure", 0);

	pass("started");
	if (ms != 0 && clock_init()) {
		calibrate();
		measure(ms);
	}
	for (;;)
		spin(LOOPS);
}
