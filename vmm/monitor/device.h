/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/status.h"
#include "lib/string.h"
#include "lib/types.h"

#define DEADLINE_NONE (~0ull)
/* Beats faster than this are not kept: the guest would do nothing but exit. */
#define BEAT_MIN_NS (50 * NS_PER_US)

struct device;
struct irqchip;
struct platform;
struct platform_config;

/*
 * The times of a machine, brought up to date by the owner before each call into a device or
 * interrupt controller. Guest time stands still while the machine is paused, wall time goes on.
 */
struct machine_clock {
	u64 now_ns;    /* guest time since the machine's start */
	u64 guest_tsc;	/* what RDTSC returns at now_ns on the present vCPU */
	u64 tsc_adjust; /* of that vCPU; set before an update */
	u64 tsc_khz;
	u64 wall_ns; /* Unix time in nanoseconds */
};

enum machine_event {
	MACHINE_RESET = 1 << 0,
	MACHINE_POWER_OFF = 1 << 1, /* ACPI S5 */
	MACHINE_EXIT = 1 << 2,	    /* debug exit with exit_code */
};

/* What the guest has asked of its machine; the owner checks it after each access and clears it. */
struct machine_events {
	u32 pending;	/* enum machine_event */
	u16 reset_port; /* by which the guest asked for a reset */
	u32 exit_code;
};

enum device_space {
	DEVICE_PORTS,
	DEVICE_MEMORY,
};

/* Where a part of a device's registers lies from power-on. */
struct device_region {
	enum device_space space;
	u64 base;
	u64 bytes;
};

/*
 * `region` is the number by which the registers were put on a bus (bus_add), `offset` counts from
 * where they begin there; all `size` bytes lie inside. size is 1, 2, 4 or 8 and never above
 * `widest`: wider accesses arrive in pieces, lowest offset first. Values have no bits set above
 * size.
 */
struct device_ops {
	u32 widest;
	u64 (*read)(struct device *device, u32 region, u64 offset, u32 size);
	void (*write)(struct device *device, u32 region, u64 offset, u32 size, u64 value);
	/* The state after power-on. */
	void (*reset)(struct device *device);
	/* Brings the state up to clock->now_ns and sets deadline_ns. NULL: has no clock. */
	void (*tick)(struct device *device);
	/* Whether the bytes are a state from which no guest access can harm the monitor. */
	bool (*valid)(const void *state);
};

/*
 * A device is its operations over one plain state struct without pointers: the struct is the
 * snapshot. Everything else here is wiring. Calls for one machine come one at a time, under its
 * owner's lock.
 */
struct device {
	const char *name;
	const struct device_ops *ops;
	const struct device_region *regions; /* by their numbers */
	u32 region_count;
	void *state;
	size_t state_bytes;
	/* set by platform_add */
	const struct machine_clock *clock;
	struct machine_events *events;
	struct irqchip *irqchip;
	u64 deadline_ns; /* guest time at which tick wants to be called; DEADLINE_NONE */
};

static inline void device_reset(struct device *device)
{
	device->deadline_ns = DEADLINE_NONE;
	device->ops->reset(device);
}

static inline void device_tick(struct device *device)
{
	if (device->ops->tick)
		device->ops->tick(device);
}

/* Copies the state to bytes[size]: STATUS_TOO_BIG unless it takes exactly size. */
static inline enum status device_save(const struct device *device, void *bytes, size_t size)
{
	if (size != device->state_bytes)
		return STATUS_TOO_BIG;
	memcpy(bytes, device->state, size);
	return STATUS_OK;
}

/*
 * Puts a saved state back, without effect unless it is valid. The bytes are 8-byte aligned and
 * nobody else writes them. Interrupt lines are the interrupt controllers' state: load those too.
 */
static inline enum status device_load(struct device *device, const void *bytes, size_t size)
{
	if (size != device->state_bytes || (uintptr_t)bytes % 8 != 0)
		return STATUS_BAD_ARGUMENT;
	if (!device->ops->valid(bytes))
		return STATUS_BAD_FORMAT;
	memcpy(device->state, bytes, size);
	device->deadline_ns = DEADLINE_NONE;
	device_tick(device);
	return STATUS_OK;
}
