/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/bits.h"

/* Intel VT for Directed I/O 4.1: registers (11.4), by their offsets. */
enum vtd_register {
	VTD_VERSION = 0x00,
	VTD_CAPABILITY = 0x08,
	VTD_EXTENDED = 0x10,
	VTD_COMMAND = 0x18,
	VTD_STATUS = 0x1c,
	VTD_ROOT = 0x20,
	VTD_PROTECTED = 0x64,
	VTD_QUEUE_TAIL = 0x88,
	VTD_QUEUE_ADDRESS = 0x90,
	/* address of the table of interrupt entries, ORed with VTD_MESSAGES_WIDE and _256 */
	VTD_MESSAGES = 0xb8,
};

/* Fields of the capability register */
#define VTD_DOMAINS	 BITS(2, 0) /* the IOMMU has 2^(4 + 2 * this field) domains */
#define VTD_WRITE_BUFFER BIT(4)	    /* the IOMMU's write buffer must be flushed by hand */
/* the IOMMU has protected memory regions, which the firmware may have turned on */
#define VTD_PROTECTS	  BITS(6, 5)
#define VTD_CACHES_ABSENT BIT(7) /* the IOMMU also caches entries that are not present */
#define VTD_FOUR_LEVELS	  BIT(10)
#define VTD_LARGE	  BIT(34)
/* from the capability's two drain bits (55:54) to bits 7:6, where a command descriptor has them */
#define VTD_DRAIN_SHIFT (54 - 6)
#define VTD_DRAIN	BITS(7, 6)
/* Fields of the IOMMU's extended capability register */
#define VTD_COHERENT BIT(0)
#define VTD_QUEUED   BIT(1)
#define VTD_REMAPS   BIT(3) /* the IOMMU can remap interrupts */
#define VTD_WIDE     BIT(4) /* the IOMMU supports APIC ids of 32 bits */

#define VTD_MESSAGES_WIDE BIT(11)
#define VTD_MESSAGES_256  7ull

/* Bits of the IOMMU's command register; the status register has the same ones */
#define VTD_TRANSLATE	 BIT(31)
#define VTD_SET_ROOT	 BIT(30)
#define VTD_QUEUE	 BIT(26)
#define VTD_REMAP	 BIT(25)
#define VTD_SET_MESSAGES BIT(24)
/* interrupt messages in the old format pass without being remapped */
#define VTD_PASS BIT(23)
/*
 * The status bits that each write of the command register must repeat. VTD_PASS is left out, so
 * that interrupt messages in the old format never pass.
 */
#define VTD_STAYS (0x96ffffffu & ~(u32)VTD_PASS)

/* Root and context entries in legacy mode (VT-d specification, 9.1 and 9.3) */
#define VTD_PRESENT	 BIT(0)
#define VTD_LEVELS_4	 2ull /* context, upper half */
#define VTD_DOMAIN_SHIFT 8    /* context, upper half */

/*
 * Interrupt entries (VT-d specification, 9.10), 16 bytes: the lower half, which also has
 * VTD_PRESENT; the upper half holds the requester and how it is checked
 */
#define VTD_MESSAGE_LEVEL	 BIT(4)
#define VTD_MESSAGE_NMI		 (4ull << 5)
#define VTD_MESSAGE_VECTOR_SHIFT 16
/* The APIC id in an interrupt entry: bits 63:32, or without VTD_MESSAGES_WIDE only bits 47:40 */
#define VTD_MESSAGE_ALL	    BITS(63, 32)
#define VTD_MESSAGE_CHECKED (1ull << 18) /* all 16 bits of the requester id are checked */

/* Second-stage entries (9.8) */
#define VTD_READ       BIT(0)
#define VTD_WRITE      BIT(1)
#define VTD_LARGE_PAGE BIT(7)

/* Command descriptors (VT-d specification, 6.5.2); the granularity is in bits 5:4 */
/* invalidates the cached context entry of one device */
#define VTD_INV_CONTEXT	     (1ull | 3ull << 4)
#define VTD_INV_CONTEXTS     (1ull | 1ull << 4)
#define VTD_INV_DOMAIN	     (2ull | 2ull << 4)
#define VTD_INV_ALL	     (2ull | 1ull << 4)
#define VTD_INV_MESSAGES     4ull /* invalidates all cached interrupt entries */
#define VTD_INV_DOMAIN_SHIFT 16
#define VTD_INV_DEVICE_SHIFT 32
/*
 * Waits for the descriptors before this one, then writes bits 63:32 of its first word to the
 * address in its second.
 */
#define VTD_INV_WAIT (5ull | 1ull << 5 | 1ull << 6)
