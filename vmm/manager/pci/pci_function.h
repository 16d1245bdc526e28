/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A PCI function of the host: its header, capabilities and BARs, its driver, and the memory that it
 * may reach.
 */
#include "vmm/hw/pci.h"
#include "vmm/manager/pci/pci_access.h"

#define PCI_CAPABILITIES_MAX 24u
#define PCI_DRIVER_BYTES     16u

struct pci_bar {
	u64 address;
	u64 size; /* the BAR's size in bytes; 0: there is no BAR, or its size was not read */
	u8 kind;  /* enum pci_bar_kind */
	bool prefetchable;
};
enum pci_bar_kind { PCI_BAR_NONE, PCI_BAR_PORTS, PCI_BAR_32BIT, PCI_BAR_64BIT };

struct pci_capability {
	/*
	 * the capability's offset in configuration space; PCI_EXTENDED or more: the capability is
	 * an extended one
	 */
	u16 offset;
	u16 id;
};

/* The facts about a PCI function of the host. */
struct pci_function {
	struct pci_address address;
	u16 vendor;
	u16 device;
	u16 subsystem_vendor; /* vendor of the card; 0: a bridge, whose header has none here */
	u16 subsystem;
	u8 class;
	u8 subclass;
	u8 interface;
	u8 revision;
	u8 header;	   /* enum pci_header */
	u8 interrupt_line; /* the interrupt line that the firmware has set */
	u8 interrupt_pin;  /* the interrupt pin, from 1 on; 0: the function has none */
	u8 secondary_bus;  /* for a bridge: the numbers of the first and the last bus behind it */
	u8 subordinate_bus;
	struct pci_bar bar[PCI_BARS];
	struct pci_capability capability[PCI_CAPABILITIES_MAX];
	u32 capability_count;
	/*
	 * why the function's capabilities, or the buses behind this bridge, are not used; NULL:
	 * they are used
	 */
	const char *problem;
	char driver[PCI_DRIVER_BYTES]; /* the driver that has the function; "": none has */
	/* What the function reaches by DMA: vmm/manager/iommu/iommu.h */
	/*
	 * the number of the function's IOMMU, plus 1; 0: none, so that the function reaches all
	 * memory
	 */
	u8 iommu;
	u8 reaches; /* enum iommu_reach */
	/* the function tried to reach memory that it was not given, and its DMA was switched off */
	bool cut_off;
	/*
	 * `faults` and `faults_now` may be too low, as the IOMMU may not have reported all that it
	 * refused
	 */
	bool lost;
	u16 requester; /* the id of the function's requests: bus << 8 | device << 3 | function */
	u32 faults;    /* accesses of the function that the IOMMU refused since boot */
	/* accesses that the IOMMU refused since the function's driver was last started */
	u32 faults_now;
	/*
	 * handle of the DMA address space that has the regions which the firmware has reserved for
	 * the function; 0: there are none
	 */
	u32 space;
	/* The state of making the function quiet: */
	u8 quieting;		/* enum in pci_quiet.c */
	u64 quiet_limit_tsc;	/* TSC at which the present step is given up */
	u64 quiet_deadline_tsc; /* TSC at which pci_quiet has to be called again */
	u32 saved[PCI_BARS];	/* the function's BARs, which a reset clears */
};

/*
 * Fills in the facts about the function at that address; reading the sizes of its BARs turns their
 * decoding off meanwhile. Returns false if there is no function.
 */
bool pci_function_read(struct pci_address address, struct pci_function *function);
/*
 * Returns whether the function is a bridge of any kind: bridges are left as the firmware has set
 * them up.
 */
bool pci_is_bridge(const struct pci_function *function);
/* Returns whether the function is still there: one that was pulled out reads as all ones. */
bool pci_answers(const struct pci_function *function);
/* Returns whether the function's bus mastering is on; only for a function that answers. */
bool pci_has_dma(const struct pci_function *function);
/*
 * Returns the offset in configuration space of the capability, or 0 if there is none of that kind.
 */
u32 pci_capability(const struct pci_function *function, enum pci_capability_id id);

/*
 * Read a function's BARs (pci_bar.c) and its lists of capabilities (pci_capability.c), for
 * pci_function_read.
 */
void pci_bars_read(struct pci_function *function);
void pci_capabilities_read(struct pci_function *function);
