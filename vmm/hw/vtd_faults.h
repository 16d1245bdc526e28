/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/hw/vtd.h"

/* Intel VT for Directed I/O 4.1: what a unit notes of accesses that it refused (7.3, 11.4). */
enum vtd_fault_register {
	VTD_FAULT_STATUS = 0x34,
	VTD_FAULT_CONTROL = 0x38, /* 0: its interrupt is not masked */
	VTD_FAULT_DATA = 0x3c,
	VTD_FAULT_ADDRESS = 0x40,
	VTD_FAULT_UPPER = 0x44,
};

/* Capability */
#define VTD_FAULT_OFFSET BITS(33, 24) /* of the fault records, times 16 */
#define VTD_FAULT_COUNT	 BITS(47, 40) /* minus 1 */

/* Fault status; a record's upper half */
#define VTD_FAULTS_LOST	     BIT(0)
#define VTD_FAULT	     BIT(63)
#define VTD_FAULT_READ	     BIT(62)
#define VTD_FAULT_REASON     BITS(39, 32)
#define VTD_FAULT_INTERRUPTS 0x20u /* reasons from there on: an interrupt, and no access */
