/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/bits.h"
#include "lib/types.h"

/* I/O APIC: Intel 82093AA data sheet, chapter 3. */
#define IOAPIC_DEFAULT_ADDRESS 0xfec00000ull

enum ioapic_offset { /* offsets into the I/O APIC's memory window, which takes 32-bit accesses */
		     IOAPIC_IOREGSEL = 0x00,
		     IOAPIC_IOWIN = 0x10,
		     IOAPIC_EOIR = 0x40, /* exists in version 0x20 and later */
};

enum ioapic_reg { /* registers that are reached through IOREGSEL and the window */
		  IOAPIC_ID = 0x00,
		  IOAPIC_VERSION = 0x01,
		  IOAPIC_ARBITRATION = 0x02,
		  /* the first redirection entry; an entry has two registers, the low half first */
		  IOAPIC_REDIRECTION = 0x10,
};

#define IOAPIC_VERSION_MAX_ENTRY_SHIFT 16
#define IOAPIC_VERSION_MAX_ENTRY       BITS(23, 16)

/* Fields of a redirection entry; its delivery modes are enum apic_delivery */
#define IOAPIC_ENTRY_VECTOR	       BITS(7, 0)
#define IOAPIC_ENTRY_DELIVERY	       BITS(10, 8)
#define IOAPIC_ENTRY_DELIVERY_SHIFT    8
#define IOAPIC_ENTRY_LOGICAL	       BIT(11)
#define IOAPIC_ENTRY_PENDING	       BIT(12) /* delivery is pending; read-only */
#define IOAPIC_ENTRY_ACTIVE_LOW	       BIT(13)
#define IOAPIC_ENTRY_REMOTE_IRR	       BIT(14) /* remote IRR; read-only */
#define IOAPIC_ENTRY_LEVEL	       BIT(15)
#define IOAPIC_ENTRY_MASKED	       BIT(16)
#define IOAPIC_ENTRY_DESTINATION_SHIFT 56
#define IOAPIC_ENTRY_DESTINATION       BITS(63, 56)
/* A redirection entry's bits 63:48 are bits 19:4 of the address of its message (VT-d, 5.1.2.1). */
#define IOAPIC_ENTRY_ADDRESS	   BITS(19, 4)
#define IOAPIC_ENTRY_ADDRESS_SHIFT 44
#define IOAPIC_ALL_CPUS		   0xffu /* physical destination that means every CPU */
