/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * Registers of an HPET, 64 bits each, accessed whole or in halves: IA-PC HPET specification 1.0a,
 * 2.3.
 */
#define HPET_DEFAULT_ADDRESS 0xfed00000ull
#define HPET_BYTES	     0x400ull

enum hpet_register {
	HPET_CAPABILITIES = 0x000,
	HPET_CONFIGURATION = 0x010,
	/* a bit for each level-triggered timer that interrupts, cleared by writing 1 */
	HPET_STATUS = 0x020,
	HPET_COUNTER = 0x0f0,
	HPET_TIMERS = 0x100, /* offset of the first timer's registers */
	HPET_TIMER_BYTES = 0x20,
	/* Registers of each timer, as offsets from the timer's first one. */
	HPET_TIMER_CONFIGURATION = 0x00,
	HPET_TIMER_COMPARATOR = 0x08,
};

/* General capabilities and ID; bits 63:32 are the counter's period in femtoseconds. */
enum hpet_capabilities {
	HPET_REVISION = 0x01,
	HPET_TIMER_LAST_SHIFT = 8, /* lowest bit of the field with the number of timers minus 1 */
	HPET_COUNTER_64 = 1 << 13,
	HPET_LEGACY_CAPABLE = 1 << 15,
	HPET_VENDOR_SHIFT = 16,
	HPET_PERIOD_SHIFT = 32,
};

enum hpet_configuration {
	HPET_ENABLE = 1 << 0,
	/* timers 0 and 1 interrupt in place of PIT and RTC (interrupts 0 and 8) */
	HPET_LEGACY = 1 << 1,
};

/* Timer configuration; bits 63:32 say to which pins of the I/O APIC the timer can be routed. */
enum hpet_timer_configuration {
	HPET_TIMER_LEVEL = 1 << 1,
	/* enables the timer's interrupt; the timer counts in any case */
	HPET_TIMER_ENABLE = 1 << 2,
	HPET_TIMER_PERIODIC = 1 << 3,
	HPET_TIMER_PERIODIC_CAPABLE = 1 << 4,
	HPET_TIMER_64 = 1 << 5,
	/*
	 * for a periodic timer: the next write to the comparator sets both the comparator and the
	 * period
	 */
	HPET_TIMER_SET_VALUE = 1 << 6,
	HPET_TIMER_32_MODE = 1 << 8,
	HPET_TIMER_ROUTE_SHIFT = 9,
	HPET_TIMER_ROUTE = 0x1f << 9,
	HPET_TIMER_ROUTES_SHIFT = 32,
};
