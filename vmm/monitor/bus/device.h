/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A device model (struct device, its operations and registers), and the services that its VM gives
 * it: the time, and a place for events that the VM handles after an access.
 */
#include "lib/status.h"
#include "lib/string.h"
#include "lib/types.h"
#include "vmm/monitor/state/section_types.h"

#define DEADLINE_NONE (~0ull)
/*
 * The shortest period that timers of devices keep exactly: with shorter ones, interrupts would
 * leave the guest no time to run.
 */
#define BEAT_MIN_NS (50 * NS_PER_US)

struct device;
struct irqchip;
struct platform;
struct platform_config;

enum clock_stale {
	CLOCK_GUEST_STALE = 1 << 0,
	CLOCK_WALL_STALE = 1 << 1,
	CLOCK_STALE = CLOCK_GUEST_STALE | CLOCK_WALL_STALE,
};

/*
 * The times of a VM. Before each call into a device or interrupt controller the owner, the VM
 * (struct machine), updates them, or marks them as stale: then a device that needs the time
 * (device_now_ns) updates them itself, and other devices save the cost. Guest time stands still
 * while the VM is paused; wall time does not.
 */
struct machine_clock {
	u32 stale; /* which parts of the clock are not up to date, enum clock_stale */
	/*
	 * Brings guest time up to date, with `wall` also wall time. The function must be set if the
	 * clock is ever stale.
	 */
	void (*update)(struct machine_clock *clock, bool wall);
	u64 now_ns;    /* guest time since the VM's start */
	u64 guest_tsc; /* the value of RDTSC at now_ns on the vCPU that makes the access */
	/* IA32_TSC_ADJUST of the vCPU that makes the access; set before an update */
	u64 tsc_adjust;
	u64 tsc_khz;
	u64 wall_ns; /* Unix time in nanoseconds */
};

enum machine_event {
	MACHINE_RESET = 1 << 0,
	MACHINE_POWER_OFF = 1 << 1, /* the guest has asked for power-off (ACPI S5) */
	/* the guest has ended the VM by the debug-exit port, with exit_code */
	MACHINE_EXIT = 1 << 2,
	MACHINE_DEADLINE = 1 << 3, /* the deadline_ns of a device has changed */
	MACHINE_ROOM = 1 << 4,	   /* the serial port has room for more input from the console */
	MACHINE_PANIC = 1 << 5,	   /* the guest's kernel reports that it has panicked */
	/* the guest's kernel reports that it has panicked and that a crash kernel takes over */
	MACHINE_CRASH_KERNEL = 1 << 6,
	MACHINE_WATCHDOG = 1 << 7,  /* the watchdog device has expired */
	MACHINE_NO_SYSTEM = 1 << 9, /* the firmware reports that it finds nothing to boot */
	MACHINE_LOOK = 1 << 8,	    /* the socket device wants virtio_vsock_poll to be called */
	/* the vCPU that has made the access halts until a bell of the window is rung */
	MACHINE_WAIT = 1 << 10,
	MACHINE_CALL = 1 << 11, /* the guest has made a call by the window's device */
};

/*
 * Tasks for the owner of the devices, the VM (struct machine), after an access to one: the guest
 * has asked for MACHINE_RESET, MACHINE_POWER_OFF and MACHINE_EXIT. The owner checks and clears
 * `pending` after each access.
 */
struct machine_events {
	u32 pending;	/* bits of enum machine_event */
	u16 reset_port; /* the port by which the guest asked for a reset */
	u32 exit_code;
	u32 watchdog_s; /* how many seconds the watchdog has waited in vain for a sign of life */
};

enum device_space {
	DEVICE_PORTS,
	DEVICE_MEMORY,
};

/* One range of a device's registers, with its address after power-on. */
struct device_region {
	enum device_space space;
	u64 base;
	u64 bytes;
};

/*
 * `region` is the number by which the registers were put on a bus (bus_add), `offset` counts from
 * the region's first byte; all `size` bytes lie inside the region. size is 1, 2, 4 or 8 and never
 * above `widest`: wider accesses arrive in pieces, lowest offset first. Values have no bits set
 * above size.
 */
struct device_ops {
	u32 widest;
	u64 (*read)(struct device *device, u32 region, u64 offset, u32 size);
	void (*write)(struct device *device, u32 region, u64 offset, u32 size, u64 value);
	/* Sets the device's state to that after power-on. */
	void (*reset)(struct device *device);
	/*
	 * Brings the device's state up to guest time and calls device_set_deadline. NULL: the
	 * device has no clock.
	 */
	void (*tick)(struct device *device);
	/*
	 * Recomputes values that depend on the device's state, after a saved state was loaded; may
	 * be NULL.
	 */
	void (*loaded)(struct device *device);
	/*
	 * Is called after guest time has jumped by `ns` nanoseconds, in which the guest could do
	 * nothing; may be NULL.
	 */
	void (*jumped)(struct device *device, u64 ns);
	/* Returns whether a saved state is one from which no guest access can harm the monitor. */
	bool (*valid)(const void *state);
};

/*
 * A device is its operations over one plain state struct without pointers, which alone is saved.
 * Everything else here connects the device to the VM. Calls for the devices of one VM come one at a
 * time, under their owner's lock.
 */
struct device {
	const char *name;
	const struct device_ops *ops;
	/* the ranges of the device's registers, by region number */
	const struct device_region *regions;
	u32 region_count;
	void *state;
	size_t state_bytes;
	enum state_kind kind; /* the kind of the device's section in a saved state */
	u32 version;	      /* the version of the state struct, raised by each change */
	/* The fields from here on are set by platform_add. */
	u32 instance;
	struct machine_clock *clock;
	struct machine_events *events;
	struct irqchip *irqchip;
	u64 deadline_ns; /* guest time at which `tick` has to be called, or DEADLINE_NONE */
};

static inline u64 device_now_ns(const struct device *device)
{
	if ((device->clock->stale & CLOCK_GUEST_STALE) != 0)
		device->clock->update(device->clock, false);
	return device->clock->now_ns;
}

static inline u64 device_wall_ns(const struct device *device)
{
	if ((device->clock->stale & CLOCK_WALL_STALE) != 0)
		device->clock->update(device->clock, true);
	return device->clock->wall_ns;
}

static inline void device_set_deadline(struct device *device, u64 deadline_ns)
{
	if (likely(device->deadline_ns == deadline_ns))
		return;
	device->deadline_ns = deadline_ns;
	device->events->pending |= MACHINE_DEADLINE;
}

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

/*
 * Copies the device's state to bytes[size]. Returns STATUS_TOO_BIG unless it takes exactly `size`.
 */
static inline enum status device_save(const struct device *device, void *bytes, size_t size)
{
	if (size != device->state_bytes)
		return STATUS_TOO_BIG;
	memcpy(bytes, device->state, size);
	return STATUS_OK;
}

/*
 * Loads a saved state; has no effect unless it is valid. The bytes must be 8-byte aligned and have
 * no other writer. The levels of interrupt lines belong to the state of the interrupt controllers:
 * load that too.
 */
static inline enum status device_load(struct device *device, const void *bytes, size_t size)
{
	if (size != device->state_bytes || (uintptr_t)bytes % 8 != 0)
		return STATUS_BAD_ARGUMENT;
	if (!device->ops->valid(bytes))
		return STATUS_BAD_FORMAT;
	memcpy(device->state, bytes, size);
	device->deadline_ns = DEADLINE_NONE;
	if (device->ops->loaded)
		device->ops->loaded(device);
	device_tick(device);
	return STATUS_OK;
}
