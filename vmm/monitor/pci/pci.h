/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * PCI functions on bus 0 of a VM: a device's description of its own function, and the configuration
 * space, BARs and interrupts that the guest then finds.
 */
#include "vmm/hw/pci.h"
#include "vmm/monitor/bus/device.h"

#define PCI_SLOTS    32u
#define PCI_MSIX_MAX 32u
/* the first of the I/O APIC's pins for PCI interrupts: slot n has pin 16 + n % 8 */
#define PCI_LINE_FIRST 16u
#define PCI_LINES      8u

/* The slots of PCI bus 0 and their devices. No device there has a second function. */
enum pci_slot {
	PCI_SLOT_BRIDGE = 0,
	PCI_SLOT_CONSOLE = 1,
	PCI_SLOT_RNG = 2,
	PCI_SLOT_BALLOON = 3,
	PCI_SLOT_VSOCK = 4,
	PCI_SLOT_ISA = 5,    /* only in VMs that start by firmware */
	PCI_SLOT_SEED = 6,   /* the drive for cloud-init, only in VMs that start by firmware */
	PCI_SLOT_WINDOW = 6, /* the shared window: VMs with a seed have none */
	PCI_SLOT_SCSI = 7,   /* the SCSI host of those disks that are units of it */
	PCI_SLOT_NET_FIRST = 8,
	PCI_SLOT_DISK_FIRST = 16,
};

struct platform;
struct pci_bus;
struct pci_function;

/* The guest-physical addresses and ports at which BARs may answer (load/layout.h). */
struct pci_windows {
	u64 low_base;
	u64 low_bytes;
	bool wide_ports; /* port BARs have 32 bits, as firmware expects when it sizes them */
	u64 high_base; /* where the 64-bit window begins, above the RAM; the window may be empty */
	u64 high_bytes;
};

/* The identity of a function, as in the header of its configuration space. */
struct pci_identity {
	u16 vendor;
	u16 device;
	u8 revision;
	u32 class_code; /* 24 bits: class, subclass, interface */
	u16 subsystem_vendor;
	u16 subsystem;
};

enum pci_bar_kind {
	PCI_BAR_NONE,
	PCI_BAR_PORTS,
	PCI_BAR_MEMORY, /* a memory BAR of 64 bits, which takes the next BAR's register, too */
};

struct pci_bar {
	enum pci_bar_kind kind;
	u64 bytes; /* the size: a power of two, at least 4 for ports and 16 for memory */
	/* the address that the BAR has after a reset, as if firmware had put it there */
	u64 placed;
};

struct msix_entry {
	u64 address;
	u32 data;
	u32 control;
};

/* The saved state of a PCI function: the first member of the state of each device that is one. */
struct pci_function_state {
	/* the bytes as the guest has written them; only bits set in pci_function.writable count */
	u8 config[PCI_CONFIG_BYTES];
	u64 msix_pending; /* a bit for each MSI-X vector whose message is pending */
	/* how many MSI-X messages went to addresses that are not local APICs' */
	u64 message_refused_count;
	u32 intx; /* whether the device asks for an interrupt, seen at INTx or not */
	u32 reserved;
	struct msix_entry msix[PCI_MSIX_MAX];
};

/*
 * A device on bus 0. Its regions are its BARs, by their numbers, and no others. The device's own
 * read and write get BAR accesses, and pass those to the table and pending bits of MSI-X on to
 * pci_msix_read and pci_msix_write.
 */
struct pci_function {
	struct device device;
	struct pci_function_state *state;
	struct pci_bus *bus;
	u32 slot;
	struct pci_bar bar[PCI_BARS];
	/* the offset at which the header and the capabilities added so far end; a multiple of 4 */
	u32 config_end;
	u32 msix_at; /* offset of the MSI-X capability in configuration space; 0: none */
	u32 msix_count;
	u8 constant[PCI_CONFIG_BYTES];
	u8 writable[PCI_CONFIG_BYTES]; /* a 1 for each bit that the guest may change */
	/*
	 * Called for registers of configuration space with effects, in [offset, offset + size):
	 * config_reads before a read, config_written after a write. Each may be NULL.
	 */
	void (*config_reads)(struct pci_function *function, u32 offset, u32 size);
	void (*config_written)(struct pci_function *function, u32 offset, u32 size);
	/* Is called after BARs may have moved; may be NULL. */
	void (*moved)(struct pci_function *function);
};

/*
 * Begins to build a function, which the caller has zeroed but for `device`: `device` the caller has
 * filled in (its state begins with a struct pci_function_state; it has no regions). Then come BARs
 * and capabilities, and pci_function_add.
 */
void pci_function_begin(struct pci_function *function, const struct pci_identity *identity);
void pci_function_bar(struct pci_function *function, u32 number, enum pci_bar_kind kind, u64 bytes);
/*
 * Adds a capability of `bytes` constant bytes, and returns its offset; this function fills in its
 * identifier and links it into the list.
 */
u32 pci_function_capability(struct pci_function *function, u8 identifier, u32 bytes);
/*
 * Adds MSI-X with up to PCI_MSIX_MAX vectors, whose table and pending bits lie at these offsets in
 * the memory BAR number `bar`.
 */
void pci_function_msix(struct pci_function *function, u32 count, u32 bar, u32 table, u32 pending);
/*
 * Puts the function into a free slot of the platform and its BARs at free addresses, and resets it.
 * Returns the result of platform_add; STATUS_NOT_SUPPORTED where the platform has no PCI;
 * STATUS_NO_MEMORY when a window of addresses for BARs is full.
 */
enum status pci_function_add(struct platform *platform, struct pci_function *function,
			     u32 slot) MUST_CHECK;

/* A PCI device's own operations (device_ops) of the same names call these functions. */
void pci_function_reset(struct pci_function *function);
void pci_function_loaded(struct pci_function *function);
bool pci_function_valid(const struct pci_function_state *state);

/* Access a function's configuration space by 1, 2 or 4 bytes within one dword. */
u32 pci_config_read(struct pci_function *function, u32 offset, u32 size);
void pci_config_write(struct pci_function *function, u32 offset, u32 size, u32 value);
/*
 * Returns the value of a register of configuration space as it is stored, without the effects of a
 * read.
 */
u32 pci_config_get(const struct pci_function *function, u32 offset, u32 size);

/*
 * Returns whether the device may read and write the guest's memory, which includes sending
 * messages.
 */
static inline bool pci_is_master(const struct pci_function *function)
{
	/* The guest may change this bit of every function (COMMAND_ALWAYS in pci_config.c). */
	return (function->state->config[PCI_COMMAND] & PCI_COMMAND_BUS_MASTER) != 0;
}

/* Puts all BARs of the bus at the addresses that their registers now hold. In pci_bar.c. */
void pci_bar_map_all(struct pci_bus *bus);
/*
 * Chooses addresses for the BARs of a function that is not on the bus yet, and sets their `placed`.
 */
enum status pci_bar_place(struct pci_function *function) MUST_CHECK;
/* Returns the address at which the guest has put BAR `number`. */
u64 pci_bar_address(const struct pci_function *function, u32 number);

/*
 * Functions of pci_msix.c; `offset` counts from the start of the MSI-X table, or of its pending
 * bits.
 */
bool pci_msix_enabled(const struct pci_function *function);
/* Sends an MSI-X vector's message now, or once no mask holds it back any more. */
void pci_msix_raise(struct pci_function *function, u32 vector);
/* Sends the pending MSI-X messages that no mask holds back any more. */
void pci_msix_flush(struct pci_function *function);
u64 pci_msix_table_read(const struct pci_function *function, u64 offset, u32 size);
void pci_msix_table_write(struct pci_function *function, u64 offset, u32 size, u64 value);
u64 pci_msix_pending_read(const struct pci_function *function, u64 offset, u32 size);
void pci_msix_reset(struct pci_function *function);

/* Sets the device's interrupt pin, unless MSI-X is enabled. In pci_bus.c. */
void pci_intx_set(struct pci_function *function, bool level);
/* Sets the level of the device's interrupt line from `intx` and the guest's settings. */
void pci_intx_update(const struct pci_function *function);
bool pci_intx_shown(const struct pci_function *function);
