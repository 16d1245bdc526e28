/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "lib/status.h"
#include "vmm/manager/iommu/iommu_table.h"
#include "vmm/manager/pci/pci_function.h"

/*
 * The host's IOMMUs. Behind one that is in use a function reaches nothing by DMA but the regions
 * that the firmware has reserved for it, until it has a driver, and then its driver's memory alone.
 */

/* So many refused accesses in a driver's life: its function is cut off. */
#define IOMMU_FAULTS_MAX 16u

enum iommu_reach { IOMMU_NOTHING, IOMMU_RESERVED, IOMMU_WINDOWS };

/* Once, after pci_init: takes all into use. */
void iommu_init(void);

/* Those that the firmware names. */
u32 iommu_count(void);
bool iommu_is_used(u32 number);
bool iommu_any_used(void);
/* Whether what is behind it raises its own interrupts alone. */
bool iommu_remaps(u32 number);
/* The unit that remaps the function's interrupts, by the kernel's number; or IOMMU_NOBODY. */
u64 iommu_interrupts(const struct pci_function *function);
const char *iommu_kind_name(u32 number);
u64 iommu_registers(u32 number);
/* Who is trusted with DMA, in a few words. */
const char *iommu_word(void);

/* A space for a function behind an IOMMU, empty, charged to the group. */
enum status iommu_space(const struct pci_function *function, handle_t group,
			handle_t *space) MUST_CHECK;
/*
 * From now on the function reaches that space; HANDLE_NONE: nothing. When it returns, nothing that
 * the function did before is on its way to memory. It is cut off no more.
 */
enum status iommu_attach(struct pci_function *function, handle_t space) MUST_CHECK;

/* The unit has refused accesses. */
void iommu_signalled(u32 number);

/* Of iommu_scope.c: fills in each function's unit, by its index in the table, and requester. */
void iommu_find_units(const struct iommu_table *table);
/* Whether the scope names the function, but for IOMMU_SCOPE_REST. */
bool iommu_scope_has(const struct iommu_scope *scope, const struct pci_function *function);
