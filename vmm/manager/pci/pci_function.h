/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/hw/pci.h"
#include "vmm/manager/pci/pci_access.h"

#define PCI_CAPABILITIES_MAX 24u
#define PCI_DRIVER_BYTES     16u

struct pci_bar {
	u64 address;
	u64 size; /* 0: there is none, or its size was not asked for */
	u8 kind;  /* enum pci_bar_kind */
	bool prefetchable;
};
enum pci_bar_kind { PCI_BAR_NONE, PCI_BAR_PORTS, PCI_BAR_32BIT, PCI_BAR_64BIT };

struct pci_capability {
	u16 offset; /* from PCI_EXTENDED on: an extended one */
	u16 id;
};

/* What is known of one function of the host. */
struct pci_function {
	struct pci_address address;
	u16 vendor;
	u16 device;
	u16 subsystem_vendor; /* 0: a bridge has none here */
	u16 subsystem;
	u8 class;
	u8 subclass;
	u8 interface;
	u8 revision;
	u8 header;	   /* enum pci_header */
	u8 interrupt_line; /* as the firmware left it */
	u8 interrupt_pin;  /* 0: none */
	u8 secondary_bus;  /* of a bridge, and what is behind it */
	u8 subordinate_bus;
	struct pci_bar bar[PCI_BARS];
	struct pci_capability capability[PCI_CAPABILITIES_MAX];
	u32 capability_count;
	const char *problem; /* why its capabilities are not used, or its buses not looked at */
	char driver[PCI_DRIVER_BYTES]; /* who has it; "": nobody */
	/* what it may reach by DMA: vmm/manager/iommu/iommu.h */
	u8 iommu;      /* number + 1; 0: none, it reaches all memory */
	u8 reaches;    /* enum iommu_reach */
	bool cut_off;  /* it reached for too much: its bus mastering is off */
	bool lost;     /* more accesses were refused than are counted */
	u16 requester; /* in whose name its requests come: bus << 8 | device << 3 | function */
	u32 faults;    /* accesses that were refused, since boot */
	u32 faults_now; /* since its driver was started last */
	u32 space;	/* handle, with regions reserved by the firmware; 0: none */
	/* while it is made quiet */
	u8 quieting;		/* enum in pci_quiet.c */
	u64 quiet_limit_tsc;	/* the step is over then at the latest */
	u64 quiet_deadline_tsc; /* the next look */
	u32 saved[PCI_BARS];	/* a reset clears the BARs */
};

/*
 * Fills in what the function at that address says of itself; asking for the sizes of its BARs
 * switches their decoding off meanwhile. False: there is none.
 */
bool pci_function_read(struct pci_address address, struct pci_function *function);
/* Bridges of any kind: what they do is left as the firmware set it up. */
bool pci_is_bridge(const struct pci_function *function);
/* Whether it is still there: one that was pulled out reads as all ones. */
bool pci_answers(const struct pci_function *function);
/* Whether its bus mastering is on; for one that answers. */
bool pci_has_dma(const struct pci_function *function);
/* The capability's offset; 0: it has none of that kind. */
u32 pci_capability(const struct pci_function *function, enum pci_capability_id id);

/* Of pci_bar.c and pci_capability.c, called by pci_function_read. */
void pci_bars_read(struct pci_function *function);
void pci_capabilities_read(struct pci_function *function);
