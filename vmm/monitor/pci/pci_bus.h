/* SPDX-License-Identifier: MIT */
#pragma once

/* PCI bus 0 of a VM and its host bridge. */
#include "vmm/monitor/pci/pci.h"

struct platform_config;

#define PCI_ADDRESS_PORT 0xcf8u
#define PCI_DATA_PORT	 0xcfcu
#define PCI_PORTS	 8u

/*
 * the first of the power-management ports that the PIIX4 function reports in VMs that start by
 * firmware
 */
#define PCI_POWER_PORT 0x600u

/* the vendor ID of virtio devices; no driver binds to the bridge */
#define PCI_BRIDGE_VENDOR 0x1af4u
#define PCI_BRIDGE_DEVICE 0x0f00u
#define PCI_BRIDGE_CLASS  0x060000u

struct pci_bus_state {
	struct pci_function_state bridge;
	u32 address; /* the address register at port 0xcf8 */
	u32 reserved;
};

/*
 * Bus 0, with the host bridge as its first device. The bridge answers both mechanisms: ports 0xcf8
 * to 0xcff (PCI 3.0, 3.2.2.3.2) and the memory at LAYOUT_ECAM (PCI Firmware 3.2, 4.1.2). Port
 * 0xcf9, the reset control, lies within these ports: accesses to it are passed on to the device
 * that had it before.
 */
struct pci_bus {
	struct pci_function bridge;
	struct pci_bus_state state;
	struct platform *platform;
	struct pci_windows windows;
	struct pci_function *function[PCI_SLOTS];
	struct device *reset_control;
	u32 reset_region;
};

/* Attaches the bus; does nothing where the configuration asks for none. */
enum status pci_bus_attach(struct platform *platform,
			   const struct platform_config *config) MUST_CHECK;
