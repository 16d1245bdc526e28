/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/hw/vtd.h"

/*
 * The registers in which an IOMMU records refused accesses: Intel VT for Directed I/O 4.1, 7.3 and
 * 11.4.
 */
enum vtd_fault_register {
	VTD_FAULT_STATUS = 0x34,
	VTD_FAULT_CONTROL = 0x38, /* bit 31 masks the IOMMU's own interrupt; 0: not masked */
	VTD_FAULT_DATA = 0x3c,
	VTD_FAULT_ADDRESS = 0x40,
	VTD_FAULT_UPPER = 0x44,
};

/* Fields of the IOMMU's capability register. */
#define VTD_FAULT_OFFSET BITS(33, 24) /* offset of the fault records, in units of 16 bytes */
#define VTD_FAULT_COUNT	 BITS(47, 40) /* number of fault records, minus 1 */

/* Bits of the fault status register, and of the upper half of a fault record. */
#define VTD_FAULTS_LOST	 BIT(0)
#define VTD_FAULT	 BIT(63)
#define VTD_FAULT_READ	 BIT(62)
#define VTD_FAULT_REASON BITS(39, 32)
/* reasons from this value on concern an interrupt, not an access */
#define VTD_FAULT_INTERRUPTS 0x20u
