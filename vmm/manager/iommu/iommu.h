/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "lib/status.h"
#include "vmm/manager/iommu/iommu_table.h"
#include "vmm/manager/pci/pci_function.h"

/*
 * The host's IOMMUs. Behind one that is in use a function reaches nothing by DMA except the regions
 * that the firmware has reserved for it; once it has a driver, it reaches that driver's memory
 * alone.
 */

/* A function is cut off after this number of refused accesses since its driver was started. */
#define IOMMU_FAULTS_MAX 16u

enum iommu_reach { IOMMU_NOTHING, IOMMU_RESERVED, IOMMU_WINDOWS };

/* Takes all IOMMUs into use; called once, after pci_init. */
void iommu_init(void);

/* Returns how many IOMMUs the firmware names. */
u32 iommu_count(void);
bool iommu_is_used(u32 number);
bool iommu_any_used(void);
/*
 * Returns whether the IOMMU of that number remaps interrupts, so that devices behind it raise only
 * their own.
 */
bool iommu_remaps(u32 number);
/*
 * Returns the kernel's number of the IOMMU that remaps the function's interrupts, or IOMMU_NOBODY.
 */
u64 iommu_interrupts(const struct pci_function *function);
const char *iommu_kind_name(u32 number);
u64 iommu_registers(u32 number);
/* Returns a few words that say which drivers are trusted with DMA. */
const char *iommu_word(void);

/* Makes an empty DMA address space for a function behind an IOMMU, charged to the memory group. */
enum status iommu_space(const struct pci_function *function, handle_t group,
			handle_t *space) MUST_CHECK;
/*
 * Lets the function reach the given DMA address space from now on, or nothing (HANDLE_NONE). Once
 * this returns, all of the function's earlier accesses have reached memory or were refused. With a
 * space, the function is no longer cut off.
 */
enum status iommu_attach(struct pci_function *function, handle_t space) MUST_CHECK;

/* Reads and handles the accesses that an IOMMU has refused since its last signal. */
void iommu_signalled(u32 number);

/*
 * Fills in each PCI function's IOMMU, by its index in the table, and the function's requester id.
 * In iommu_scope.c.
 */
void iommu_find_units(const struct iommu_table *table);
/* Returns whether the scope names the function; false for IOMMU_SCOPE_REST. */
bool iommu_scope_has(const struct iommu_scope *scope, const struct pci_function *function);
