/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/bits.h"

/* AMD I/O Virtualization Technology 3.10 (48882): registers (3.4), by their offsets. */
enum amdvi_register {
	AMDVI_DEVICES = 0x00,
	AMDVI_COMMANDS = 0x08,
	AMDVI_CONTROL = 0x18,
	AMDVI_EXCLUSION = 0x20,
	AMDVI_FEATURES = 0x30,
	AMDVI_COMMAND_HEAD = 0x2000,
	AMDVI_COMMAND_TAIL = 0x2008,
	AMDVI_STATUS = 0x2020,
	AMDVI_REGISTERS_END = 0x4000,
};

/* in the feature register: the IOMMU has the command that invalidates everything */
#define AMDVI_INV_ALL_KNOWN BIT(6)
/* pages of the device table minus 1: all devices of a PCI segment */
#define AMDVI_DEVICE_PAGES 511ull
#define AMDVI_RING_256	   (8ull << 56)
/* Bits of the IOMMU's control register */
#define AMDVI_ENABLE   BIT(0)
#define AMDVI_COHERENT BIT(10)
#define AMDVI_RUN      BIT(12)
/* Bits of the status register */
#define AMDVI_RUNS BITS(4, 3) /* the IOMMU's event log and command buffer run */

/* Device table entry (AMD IOMMU specification, 2.2.2.1), 32 bytes: the first two words */
#define AMDVI_VALID    BITS(1, 0) /* the entry and its translation are valid */
#define AMDVI_LEVELS_4 (4ull << 9)
/*
 * Third word: the device's interrupt messages are remapped by a table of 2^8 entries of 32 bits
 * (2.2.5), or blocked
 */
#define AMDVI_MESSAGES		   (1ull | 8ull << 1 | 2ull << 60)
#define AMDVI_MESSAGES_NMI	   BIT(58) /* the device may raise NMIs */
#define AMDVI_MESSAGE_ON	   BIT(0)
#define AMDVI_MESSAGE_CPU_SHIFT	   8
#define AMDVI_MESSAGE_VECTOR_SHIFT 16

/* Page tables (2.2.3) */
#define AMDVI_PRESENT BIT(0)
/* the lowest of the three bits that hold the level of the table pointed to; level 0: a leaf */
#define AMDVI_NEXT_LEVEL BIT(9)
/* a bit that the IOMMU ignores, which marks large leaves for mm/format.c */
#define AMDVI_SOFTWARE	    BIT(7)
#define AMDVI_COHERENT_LEAF BIT(60)
#define AMDVI_READ	    BIT(61)
#define AMDVI_WRITE	    BIT(62)

/* Commands (AMD IOMMU specification, 2.4), first word */
/* COMPLETION_WAIT, which stores its second word at the address in its first word */
#define AMDVI_WAIT	 (1ull << 60 | BIT(0))
#define AMDVI_INV_DEVICE (2ull << 60)
#define AMDVI_INV_PAGES	 (3ull << 60)
/* invalidates the cached interrupt entries of one requester */
#define AMDVI_INV_MESSAGES     (5ull << 60)
#define AMDVI_INV_DOMAIN_SHIFT 32
/* second word of a command: the range is every page, and the tables too */
#define AMDVI_INV_WHOLE 0x7ffffffffffff003ull
#define AMDVI_INV_ALL	(8ull << 60)
