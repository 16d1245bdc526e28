/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/syscall.h"
#include "lib/status.h"
#include "vmm/manager/pci/pci_memory.h"

/*
 * The log of one IOMMU in use: records of the accesses that it has refused. The kernel leaves these
 * registers alone.
 */
struct iommu_log {
	enum iommu_kind kind;
	bool open; /* the log is open; if not, the manager gets no reports of refused accesses */
	struct pci_memory registers;
	volatile u64 *events; /* AMD-Vi: the ring of events */
};

struct iommu_fault {
	u64 address;
	u32 reason; /* the IOMMU's own number of the reason for the refusal */
	u16 requester;
	bool write;
	bool interrupt; /* an interrupt was refused; the address means nothing */
	bool lost;	/* the IOMMU refused more accesses than it could record */
};

/*
 * Opens the log. A VT-d unit sends the interrupt message `message`, from SYS_IRQ_MESSAGE, when it
 * has a record; 0: none.
 */
enum status iommu_log_open(struct iommu_log *log, enum iommu_kind kind, u64 registers,
			   u64 message) MUST_CHECK;
/* Takes one record from the IOMMU's log; returns false if there is none. */
bool iommu_log_take(const struct iommu_log *log, struct iommu_fault *fault);
