/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * All devices of a VM (struct platform), their configuration, and platform_add, by which a device's
 * attach function adds it.
 */
#include "vmm/monitor/bus/bus.h"
#include "vmm/monitor/irqchip/irqchip.h"
#include "vmm/rt/channel.h"

#define PLATFORM_DEVICE_MAX    64
#define PLATFORM_STORAGE_BYTES (64 * KIB) /* the size of the storage for the devices' structs */

struct serial;
struct acpi_pm;
struct flash_config;
struct fw_cfg_file;
struct guest_memory;
struct pci_bus;
struct virtio_balloon;
struct virtio_blk;
struct virtio_console;
struct virtio_net;
struct virtio_vsock;
struct vsock_area;
struct window;
struct window_link;

struct platform_config {
	u32 cpu_count;
	u64 ram_below_4g; /* the RAM below 4 GiB in bytes */
	u64 ram_above_4g;
	void (*serial_put)(void *context, u8 byte);
	void *serial_context;
	/*
	 * the pages of local APICs, one for each vCPU, which the owner, the VM (struct machine),
	 * provides
	 */
	struct lapic_page *const *lapic_page;
	bool hpet;
	/*
	 * the guest starts by firmware: the VM has the devices that firmware needs, and fw_cfg
	 * shows firmware_file
	 */
	bool firmware;
	const struct fw_cfg_file *firmware_file;
	u32 firmware_file_count;
	bool boot_menu; /* the firmware offers its boot menu */
	void (*firmware_say)(void *serial_context, const char *line);
	/* the flash memory with the firmware's variables; NULL: there is none */
	const struct flash_config *flash;
	bool test_device;
	/* maps RAM page number `page` into the test device's window at `at` */
	void (*test_show)(u64 at, u64 page);
	bool pci;
	/* the guest address at which the PCI bus's 64-bit window begins, see layout_pci_high */
	u64 pci_high_base;
	/* The fields from here on are only for devices on PCI. */
	/* the guest memory that devices read and write */
	const struct guest_memory *memory;
	void (*random_draw)(void *bytes, size_t count); /* writes `count` unpredictable bytes */
	bool virtio_rng;
	bool virtio_balloon;
	enum status (*ram_discard)(u64 first, u64 count); /* gives `count` pages of RAM back */
	/* a virtio console exists, whose port 0 leads to the same console as the serial port */
	bool virtio_console;
	void (*port_put)(void *serial_context, u32 port, u8 byte);
	/*
	 * The names of the virtio console's VIRTIO_CONSOLE_PORTS ports; "": there is no such port.
	 * Port 0 has no name.
	 */
	const char (*port_name)[CHANNEL_NAME_BYTES];
	/*
	 * the memory shared with the manager for the socket device; NULL: there is no such device
	 */
	struct vsock_area *vsock;
	u64 vsock_cid; /* the guest's address as a socket's context ID */
	/* tells the manager to look at the shared memory */
	void (*vsock_tell)(void *serial_context);
	struct virtio_blk *blk; /* the VM's blk_count disks, filled in but not yet attached */
	u32 blk_count;
	/* the drive for cloud-init, whose CD lies in memory; NULL: there is none */
	struct virtio_blk *seed;
	struct virtio_net *net; /* the VM's net_count cards, filled in but not yet attached */
	u32 net_count;
	struct window_link *window; /* the window shared with other VMs; NULL: there is none */
};

/*
 * The devices that a guest finds, wired together. The owner, the VM (struct machine), keeps `clock`
 * up to date (before every call), and after every call looks at `events` and `irqchip.kick`. All
 * calls for one VM come under one lock; none blocks, allocates or makes a system call, the test
 * device's window and the balloon's pages apart. Not to be moved once initialised.
 */
struct platform {
	struct machine_clock clock;
	struct machine_events events;
	struct bus ports;
	struct bus memory;
	struct irqchip irqchip;
	struct serial *serial; /* Devices that the owner itself calls. */
	struct acpi_pm *acpi_pm;
	struct pci_bus *pci;		       /* the PCI bus; NULL: there is none */
	struct virtio_console *virtio_console; /* the console device; NULL: there is none */
	struct virtio_balloon *virtio_balloon; /* the balloon device; NULL: there is none */
	struct virtio_vsock *virtio_vsock;     /* the socket device; NULL: there is none */
	struct window *window; /* the device of the shared window; NULL: there is none */
	u32 device_count;
	struct device *device[PLATFORM_DEVICE_MAX]; /* all devices but the local APICs */
	u32 timed_count;
	/* the devices in `device` that have a clock (device_ops.tick) */
	struct device *timed[PLATFORM_DEVICE_MAX];
	u32 storage_used;
	u8 storage[PLATFORM_STORAGE_BYTES] ALIGNED(16);
};

/*
 * Allocates zeroed memory of the platform, for a device's attach function. Returns NULL if no
 * memory of the platform is left.
 */
void *platform_take(struct platform *platform, size_t bytes) MUST_CHECK;
/*
 * Puts a device's regions on the buses, connects it to clock, events and interrupt lines, and
 * resets it. Changes nothing on an error: STATUS_NO_MEMORY with too many devices, or the error of
 * bus_add for the first refused region.
 */
enum status platform_add(struct platform *platform, struct device *device) MUST_CHECK;
