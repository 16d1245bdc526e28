/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/hw/pci.h"
#include "vmm/monitor/bus/device.h"

#define PCI_SLOTS      32u
#define PCI_MSIX_MAX   32u
#define PCI_LINE_FIRST 16u /* the first of the I/O APIC's pins: slot n has pin 16 + n % 8 */
#define PCI_LINES      8u

/* The slots of bus 0. No device there has a second function. */
enum pci_slot {
	PCI_SLOT_BRIDGE = 0,
	PCI_SLOT_CONSOLE = 1,
	PCI_SLOT_RNG = 2,
	PCI_SLOT_BALLOON = 3,
	PCI_SLOT_VSOCK = 4,
	PCI_SLOT_ISA = 5,  /* only in VMs that start by firmware */
	PCI_SLOT_SEED = 6, /* only in VMs that start by firmware, as the slot before */
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
	u64 high_base;	 /* lies above the RAM; the window may be empty */
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
	u64 bytes;  /* a power of two, 4 at least; 16 for memory */
	u64 placed; /* the address at which firmware would have put the BAR */
};

struct msix_entry {
	u64 address;
	u32 data;
	u32 control;
};

/* The saved state of a PCI function: the first member of the state of each device that is one. */
struct pci_function_state {
	u8 config[PCI_CONFIG_BYTES]; /* bytes as the guest has written them; only bits of `writable`
					count */
	u64 msix_pending;	     /* a bit for each vector whose message is pending */
	/* how many messages went to addresses that are not local APICs' */
	u64 message_refused_count;
	u32 intx; /* whether the device asks for an interrupt, whatever the pin shows */
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
	 * Called for registers that do something: before a read, and after a write of [offset,
	 * offset + size). May be NULL.
	 */
	void (*config_reads)(struct pci_function *function, u32 offset, u32 size);
	void (*config_written)(struct pci_function *function, u32 offset, u32 size);
};

/*
 * Begins to build a function, which the caller has zeroed but for `device`: the caller fills that
 * in (state begins with a struct pci_function_state; no regions). Then come BARs and capabilities,
 * and pci_function_add.
 */
void pci_function_begin(struct pci_function *function, const struct pci_identity *identity);
void pci_function_bar(struct pci_function *function, u32 number, enum pci_bar_kind kind, u64 bytes);
/*
 * Adds a capability of `bytes` constant bytes, and returns its offset; identifier and list are
 * filled in.
 */
u32 pci_function_capability(struct pci_function *function, u8 identifier, u32 bytes);
/*
 * Adds MSI-X with up to PCI_MSIX_MAX vectors, whose table and pending bits lie at these offsets of
 * a memory BAR.
 */
void pci_function_msix(struct pci_function *function, u32 count, u32 bar, u32 table, u32 pending);
/*
 * Puts the function into a free slot of the platform and its BARs at free addresses, and resets it.
 * Returns what platform_add returns; STATUS_NOT_SUPPORTED where the platform has no PCI;
 * STATUS_NO_MEMORY when a window is full.
 */
enum status pci_function_add(struct platform *platform, struct pci_function *function,
			     u32 slot) MUST_CHECK;

/* The device's own operations of the same names call these. */
void pci_function_reset(struct pci_function *function);
void pci_function_loaded(struct pci_function *function);
bool pci_function_valid(const struct pci_function_state *state);

/* Access configuration space by 1, 2 or 4 bytes, which do not leave a dword. */
u32 pci_config_read(struct pci_function *function, u32 offset, u32 size);
void pci_config_write(struct pci_function *function, u32 offset, u32 size, u32 value);
/* Returns a register as the guest has written it, without effects. */
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
/* Sets `placed` of each BAR of a function that is not on the bus yet. */
enum status pci_bar_place(struct pci_function *function) MUST_CHECK;
/* Returns the address at which the guest has put the BAR. */
u64 pci_bar_address(const struct pci_function *function, u32 number);

/* Functions of pci_msix.c; `offset` counts from the start of the table, or of the pending bits. */
bool pci_msix_enabled(const struct pci_function *function);
/* Raises a vector's interrupt: now, or once nothing holds it back any more. */
void pci_msix_raise(struct pci_function *function, u32 vector);
/* Sends the pending messages that nothing holds back any more. */
void pci_msix_flush(struct pci_function *function);
u64 pci_msix_table_read(const struct pci_function *function, u64 offset, u32 size);
void pci_msix_table_write(struct pci_function *function, u64 offset, u32 size, u64 value);
u64 pci_msix_pending_read(const struct pci_function *function, u64 offset, u32 size);
void pci_msix_reset(struct pci_function *function);

/* Sets the device's interrupt pin, unless MSI-X is enabled. In pci_bus.c. */
void pci_intx_set(struct pci_function *function, bool level);
/* Brings the pin's level up to date. */
void pci_intx_update(const struct pci_function *function);
bool pci_intx_shown(const struct pci_function *function);
