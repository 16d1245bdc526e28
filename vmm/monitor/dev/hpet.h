/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/hw/hpet.h"
#include "vmm/monitor/bus/device.h"

#define HPET_TIMER_COUNT 3u
/* Bits 31:0 of the capabilities register, which the ACPI table HPET repeats. */
#define HPET_ID                                                                                    \
	(HPET_REVISION | (HPET_TIMER_COUNT - 1) << HPET_TIMER_LAST_SHIFT | HPET_COUNTER_64 |       \
	 HPET_LEGACY_CAPABLE | 0x8086u << HPET_VENDOR_SHIFT)
#define HPET_NS_PER_COUNT 10u
/* The shortest period that a timer keeps exactly, in counts of the HPET. */
#define HPET_PERIOD_MIN (BEAT_MIN_NS / HPET_NS_PER_COUNT)

/* One timer of the HPET; its times are in counts of the HPET. */
struct hpet_timer {
	/*
	 * the counter's value at which the timer fires next; a periodic timer adds its period each
	 * time
	 */
	u64 comparator;
	u64 period; /* the period that was last written to a periodic timer; 0: there is none */
	u32 config; /* the bits of enum hpet_timer_configuration that the guest can write */
	u32 reserved;
};

struct hpet_state {
	struct hpet_timer timer[HPET_TIMER_COUNT];
	/*
	 * the counter's value while it stands still; while it runs, its value minus guest time in
	 * counts
	 */
	u64 base;
	u64 seen;   /* the counter's value up to which due timers have been fired */
	u32 config; /* enum hpet_configuration */
	u32 status;
};

/*
 * A high precision event timer: a counter and three timers, each one-shot or periodic. A line that
 * a timer is routed to is the timer's alone: the PIT or the RTC is cut off from it meanwhile.
 */
struct hpet {
	struct device device;
	struct hpet_state state;
};

/*
 * Attaches the HPET if the VM's configuration asks for it; other guests find nothing at its
 * address.
 */
enum status hpet_attach(struct platform *platform, const struct platform_config *config) MUST_CHECK;
