/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/status.h"
#include "kernel/abi/object.h"
#include "vmm/manager/pci/pci_function.h"

/*
 * The host's PCI functions. The manager alone writes configuration space and tables of MSI-X. A
 * function that nobody drives has its bus mastering off; one that is driven reaches what its IOMMU
 * lets it reach, or, without one, all memory: its driver is trusted then.
 */

/* Once, at the start: finds all functions, takes USB from the firmware, ends their DMA. */
void pci_init(void);

u32 pci_count(void);
struct pci_function *pci_get(u32 number);
/* NULL: there is none. */
struct pci_function *pci_find(struct pci_address address);
/* The next one of that class, from the first where `after` is NULL; NULL: that was the last. */
struct pci_function *pci_find_class(const struct pci_function *after, u8 class, u8 subclass);

/* From now on it is `driver`'s. Returns why it cannot be; NULL: it is. Still without DMA. */
const char *pci_claim(struct pci_function *function, const char *driver);
/* To be called once it is quiet. */
void pci_release(struct pci_function *function);

/*
 * The registers of a memory BAR, for its driver: all of it, or what lies below the page of the
 * MSI-X table, which is the manager's; but if that is the first page, all of it, table included.
 * STATUS_NOT_FOUND: there is no such BAR; STATUS_BAD_ADDRESS: the firmware gave it no address that
 * can be mapped; STATUS_TOO_BIG: more than 16 MiB.
 */
enum status pci_bar_memory(const struct pci_function *function, u32 bar, handle_t *memory,
			   u64 *bytes) MUST_CHECK;
/* The first of a BAR's ports, of which there are at least `count`; 0: there are not. */
u16 pci_bar_ports(const struct pci_function *function, u32 bar, u32 count);

/* It may use DMA no more. */
void pci_master_off(const struct pci_function *function);
/* Its BARs answer, and it may use DMA and interrupts: last, when the driver has all it needs. */
void pci_enable(const struct pci_function *function);

/* Of pci_msi.c. How many messages it has; 0: none. */
u32 pci_msix_entries(const struct pci_function *function);
/*
 * Entry `entry` of its MSI-X table, or its only MSI, raises an irq made with IRQ_MSI. The other
 * entries are masked, INTx is off. STATUS_NOT_FOUND: it has no such message; STATUS_BAD_FORMAT:
 * the table is outside its BAR. `remapper` is the IOMMU on the way, iommu_interrupts.
 */
enum status pci_msix_set(struct pci_function *function, u32 entry, u64 remapper,
			 handle_t irq) MUST_CHECK;
enum status pci_msi_set(struct pci_function *function, u64 remapper, handle_t irq) MUST_CHECK;
/* No message leaves it any more. */
void pci_messages_off(const struct pci_function *function);
/* The first byte of the BAR that belongs to the MSI-X table's pages; the BAR's size: none does. */
u64 pci_msix_page(const struct pci_function *function, u32 bar);

/*
 * Ends its DMA and its interrupts, and resets it where it can be reset alone: to be repeated while
 * STATUS_AGAIN, and again at function->quiet_deadline_tsc at the latest. STATUS_OK: what it wrote
 * has arrived, and it writes nothing more. STATUS_BAD_STATE: *problem says why that is not sure.
 */
enum status pci_quiet(struct pci_function *function, const char **problem) MUST_CHECK;
/* Whether it can be reset alone. */
bool pci_can_reset(const struct pci_function *function);

/* Of pci_usb.c: the firmware gives up a USB controller. Returns what went wrong; NULL: nothing. */
const char *pci_usb_hand_off(const struct pci_function *function);

/* Of pci_names.c. */
const char *pci_class_name(const struct pci_function *function);
/* NULL: it has no name here. */
const char *pci_capability_name(const struct pci_capability *capability);
