/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/hw/amdvi.h"

/*
 * The registers of the log in which an IOMMU records refused accesses: AMD I/O Virtualization
 * Technology 3.10 (48882), 2.5 and 3.4.
 */
enum amdvi_event_register {
	AMDVI_EVENTS = 0x10,
	AMDVI_EVENT_HEAD = 0x2010,
	AMDVI_EVENT_TAIL = 0x2018,
};

#define AMDVI_RING_BYTES 0x1000u
/* Bits of the IOMMU's control register. */
#define AMDVI_LOG	    BIT(2)
#define AMDVI_LOG_INTERRUPT BIT(3)
/* Bits of the IOMMU's status register. */
#define AMDVI_LOG_OVERFLOW BIT(0)
#define AMDVI_LOG_NEWS	   BIT(1)

/* Fields of a logged event's first word. */
#define AMDVI_EVENT_TYPE      BITS(63, 60)
#define AMDVI_EVENT_BAD_ENTRY 1u
#define AMDVI_EVENT_PAGE      2u
#define AMDVI_EVENT_INTERRUPT BIT(51) /* the IOMMU refused an interrupt, not an access */
#define AMDVI_EVENT_WRITE     BIT(53)
