/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/status.h"
#include "kernel/abi/object.h"
#include "vmm/manager/pci/pci_function.h"

/*
 * The host's PCI functions. Only the manager writes configuration space and MSI-X tables. A
 * function without a driver has its bus mastering off; one with a driver reaches the memory that
 * its IOMMU allows, or, without one, all memory: its driver is trusted then.
 */

/*
 * Finds all functions, takes USB from the firmware and ends their DMA; called once, at the start.
 */
void pci_init(void);

u32 pci_count(void);
struct pci_function *pci_get(u32 number);
/* Returns the function at an address, or NULL if there is none. */
struct pci_function *pci_find(struct pci_address address);
/*
 * Returns the next function of a class after `after` (the first after NULL), or NULL after the
 * last.
 */
struct pci_function *pci_find_class(const struct pci_function *after, u8 class, u8 subclass);

/*
 * Gives the function to the driver, with its DMA still off. Returns NULL, or why that is not
 * possible.
 */
const char *pci_claim(struct pci_function *function, const char *driver);
/* Takes the function from its driver; to be called once the function is quiet. */
void pci_release(struct pci_function *function);

/*
 * Returns a memory object with the registers of a memory BAR, for its driver: the whole BAR, or the
 * part below the page of the MSI-X table, which is the manager's; but if that page is the first,
 * the whole BAR, table included. STATUS_NOT_FOUND: there is no such BAR; STATUS_BAD_ADDRESS: the
 * firmware gave it no address that can be mapped; STATUS_TOO_BIG: more than 16 MiB.
 */
enum status pci_bar_memory(const struct pci_function *function, u32 bar, handle_t *memory,
			   u64 *bytes) MUST_CHECK;
/* Returns the first port of a BAR that has at least `count` ports, or 0. */
u16 pci_bar_ports(const struct pci_function *function, u32 bar, u32 count);

/* Turns the function's DMA off. */
void pci_master_off(const struct pci_function *function);
/*
 * Turns on the function's BARs, DMA and interrupts; called last, when the driver has all it needs.
 */
void pci_enable(const struct pci_function *function);

/* Returns how many MSI-X messages the function has, or 0. In pci_msi.c. */
u32 pci_msix_entries(const struct pci_function *function);
/*
 * Let entry `entry` of the MSI-X table, or the only MSI, raise an irq made with IRQ_MSI. The other
 * entries are masked, INTx is off. STATUS_NOT_FOUND: there is no such message; STATUS_BAD_FORMAT:
 * the table is outside its BAR. `remapper` is the IOMMU on the way, iommu_interrupts.
 */
enum status pci_msix_set(struct pci_function *function, u32 entry, u64 remapper,
			 handle_t irq) MUST_CHECK;
enum status pci_msi_set(struct pci_function *function, u64 remapper, handle_t irq) MUST_CHECK;
/*
 * Turns INTx and MSI off and masks MSI-X as a whole (PCI 3.0, 6.8.2.3). MSI-X stays enabled until
 * the next pci_msix_set or the function's reset: a function that still holds an interrupt back, as
 * QEMU's e1000e does by a timer, must not find its messages gone.
 */
void pci_messages_off(const struct pci_function *function);
/*
 * Returns the offset of the MSI-X table's first page in the BAR, or the BAR's size if the table is
 * not there.
 */
u64 pci_msix_page(const struct pci_function *function, u32 bar);

/*
 * Ends the function's DMA and interrupts, and resets it if it can be reset alone; to be repeated
 * while STATUS_AGAIN, until function->quiet_deadline_tsc. STATUS_OK: all of the function's writes
 * have arrived in memory, and it makes no more. STATUS_BAD_STATE: *problem says why that is not
 * sure.
 */
enum status pci_quiet(struct pci_function *function, const char **problem) MUST_CHECK;
/* Returns whether the function can be reset alone. */
bool pci_can_reset(const struct pci_function *function);

/*
 * Has the firmware give up a USB controller. Returns words about a failure, or NULL. In pci_usb.c.
 */
const char *pci_usb_hand_off(const struct pci_function *function);

/* Returns the name of the function's class. In pci_names.c. */
const char *pci_class_name(const struct pci_function *function);
/* Returns a capability's name, or NULL if it is not in the list of names. */
const char *pci_capability_name(const struct pci_capability *capability);
