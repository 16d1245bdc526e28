/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/dev/mc146818.h"
#include "vmm/monitor/bus/device.h"

struct rtc_state {
	s64 offset_s; /* the guest's date minus the wall clock, in whole seconds */
	/* by how many ns, less than 1 s, the guest's seconds begin earlier than the wall clock's */
	u64 phase_ns;
	/* the time, wall clock + phase_ns, up to which the flags of register C have been raised */
	u64 last_ns;
	u8 byte[RTC_BYTES];
	u8 index;
	u8 reserved[7];
};

struct platform;

/* An MC146818 that follows the wall clock, with a PC's CMOS bytes and interrupt line 8. */
struct rtc {
	struct device device;
	struct rtc_state state;
	struct platform *platform; /* the platform, whose ACPI hardware an alarm signals */
	u64 ram_below_4g;
	u64 ram_above_4g;
};

/* Attaches the clock, whose CMOS bytes report the sizes of RAM. */
enum status rtc_attach(struct platform *platform, const struct platform_config *config) MUST_CHECK;
