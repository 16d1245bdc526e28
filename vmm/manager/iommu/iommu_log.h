/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/syscall.h"
#include "lib/status.h"
#include "vmm/manager/pci/pci_memory.h"

/*
 * The records of accesses that a unit in use has refused. The kernel leaves these registers alone.
 */
struct iommu_log {
	enum iommu_kind kind;
	bool open; /* the log is open; if not, nothing is known of refused accesses */
	struct pci_memory registers;
	volatile u64 *events; /* AMD-Vi: the ring of events */
};

struct iommu_fault {
	u64 address;
	u32 reason; /* the unit's own number of the reason */
	u16 requester;
	bool write;
	bool interrupt; /* an interrupt was refused; the address means nothing */
	bool lost;	/* the unit refused more accesses than it could record */
};

/* Opens the log. VT-d raises `message`, from SYS_IRQ_MESSAGE, when it has a record; 0: none. */
enum status iommu_log_open(struct iommu_log *log, enum iommu_kind kind, u64 registers,
			   u64 message) MUST_CHECK;
/* Takes one record; returns false if there is none. */
bool iommu_log_take(const struct iommu_log *log, struct iommu_fault *fault);
