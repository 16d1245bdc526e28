/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/hw/hpet.h"
#include "vmm/monitor/device.h"

#define HPET_TIMER_COUNT 3u
/* The first block of timers: what its ACPI table and its capabilities begin with. */
#define HPET_ID                                                                                 \
	(HPET_REVISION | (HPET_TIMER_COUNT - 1) << HPET_TIMER_LAST_SHIFT | HPET_COUNTER_64 |    \
	 HPET_LEGACY_CAPABLE | 0x8086u << HPET_VENDOR_SHIFT)
/* Counts. Faster beats are not kept: the guest would do nothing but exit. */
#define HPET_PERIOD_MIN 5000u

/* Counts are of 10 ns. */
struct hpet_timer {
	u64 comparator; /* a periodic timer's moves on with each period */
	u64 period;	/* last written while periodic; 0: none */
	u32 config;	/* enum hpet_timer_configuration, what can be written */
	u32 reserved;
};

struct hpet_state {
	struct hpet_timer timer[HPET_TIMER_COUNT];
	u64 base;   /* the counter is this + guest time while enabled, this alone while not */
	u64 seen;   /* the counter up to which timers have fired */
	u32 config; /* enum hpet_configuration */
	u32 status;
};

/*
 * A high precision event timer: three timers, each one-shot or periodic. An interrupt that a timer
 * is routed to is its alone: the PIT, and the RTC, are cut off from theirs meanwhile.
 */
struct hpet {
	struct device device;
	struct hpet_state state;
};

void hpet_init(struct hpet *hpet, const struct machine_clock *clock, struct irqchip *irqchip);
