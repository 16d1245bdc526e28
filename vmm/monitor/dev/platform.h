/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/bus.h"
#include "vmm/monitor/dev/acpi_pm.h"
#include "vmm/monitor/dev/crtc.h"
#include "vmm/monitor/dev/debug.h"
#include "vmm/monitor/dev/fw_cfg.h"
#include "vmm/monitor/dev/hpet.h"
#include "vmm/monitor/dev/pit.h"
#include "vmm/monitor/dev/reset.h"
#include "vmm/monitor/dev/rtc.h"
#include "vmm/monitor/dev/serial.h"
#include "vmm/monitor/dev/test_device.h"
#include "vmm/monitor/irqchip/irqchip.h"

#define PLATFORM_DEVICE_MAX 16

struct platform_config {
	u32 cpu_count;
	u64 ram_below_4g; /* bytes */
	u64 ram_above_4g;
	void (*serial_put)(void *context, u8 byte);
	void *serial_context;
	struct lapic_page *const *lapic_page; /* one a vCPU, the owner's */
	bool hpet;
	bool test_device;
	void (*test_show)(u64 at, u64 page); /* for its window */
};

/*
 * The devices that every guest finds, wired together. The owner keeps `clock` up to date (before
 * every call), and after every call looks at `events` and `irqchip.kick`. All calls for one machine
 * come under one lock; none blocks, allocates or makes a system call, the test device's window
 * apart. Not to be moved once initialised.
 */
struct platform {
	struct machine_clock clock;
	struct machine_events events;
	struct bus ports;
	struct bus memory;
	struct irqchip irqchip;
	struct hpet hpet;
	struct pit pit;
	struct rtc rtc;
	struct serial serial;
	struct acpi_pm acpi_pm;
	struct reset reset;
	struct debug debug;
	struct crtc crtc;
	struct test_device test;
	struct fw_cfg fw_cfg;
	u32 device_count;
	struct device *device[PLATFORM_DEVICE_MAX]; /* all but the local APICs */
	u32 timed_count;
	struct device *timed[PLATFORM_DEVICE_MAX]; /* of these, those with a clock */
};

/* Power-on. `clock` is set already. false when the devices' own addresses collide: a bug. */
bool platform_init(struct platform *platform, const struct platform_config *config) MUST_CHECK;
/* A reset of the machine: everything but date and CMOS bytes. Clears events and kicks. */
void platform_reset(struct platform *platform);

/* Memory accesses that no RAM answers, by `cpu`; size 1 to 8. */
u64 platform_memory_read(struct platform *platform, u32 cpu, u64 gpa, u32 size);
void platform_memory_write(struct platform *platform, u32 cpu, u64 gpa, u32 size, u64 value);

/* Fires what is due by clock.now_ns. Devices are looked after by CPU 0, a local APIC by its own. */
void platform_tick(struct platform *platform, u32 cpu);
/* Guest time at which platform_tick(cpu) is next needed, or DEADLINE_NONE. */
u64 platform_deadline(const struct platform *platform, u32 cpu);
