/* SPDX-License-Identifier: MIT */
#pragma once

/* Fields of the local APIC that guests use and the host does not. */
#include "arch/x86_64/hw/lapic.h"

/* Version register: SDM vol. 3, 11.4.8. */
#define LAPIC_VERSION_NUMBER	    BITS(7, 0)
#define LAPIC_VERSION_MAX_LVT_SHIFT 16

/* Spurious-interrupt vector register: SDM vol. 3, 11.9. */
#define LAPIC_SVR_VECTOR	  BITS(7, 0)
#define LAPIC_SVR_FOCUS_DISABLED  BIT(9)
#define LAPIC_SVR_EOI_SUPPRESSION BIT(12)

/* Local vector table: SDM vol. 3, 11.5.1. */
#define LAPIC_LVT_VECTOR	 BITS(7, 0)
#define LAPIC_LVT_DELIVERY_MODE	 BITS(10, 8)
#define LAPIC_LVT_PENDING	 BIT(12)
#define LAPIC_LVT_ACTIVE_LOW	 BIT(13)
#define LAPIC_LVT_LEVEL		 BIT(15)
#define LAPIC_LVT_TIMER_MODE	 BITS(18, 17)
#define LAPIC_LVT_TIMER_PERIODIC (1ull << 17)

/* Interrupt command register: SDM vol. 3, 11.6.1. */
#define LAPIC_ICR_VECTOR	    BITS(7, 0)
#define LAPIC_ICR_LOGICAL	    BIT(11)
#define LAPIC_ICR_LEVEL		    BIT(15)
#define LAPIC_ICR_SHORTHAND	    BITS(19, 18)
#define LAPIC_ICR_SHORTHAND_ALL	    (2ull << 18)
#define LAPIC_ICR_SHORTHAND_OTHERS  (3ull << 18)
#define LAPIC_ICR_DESTINATION_SHIFT 56 /* lowest bit of the ICR's destination in xAPIC mode */

/* Divide configuration: bits 3, 1 and 0; 111b divides by 1 (SDM vol. 3, figure 11-10). */
#define LAPIC_TIMER_DIVIDE_BY_16 0x3u

/* Error status register: SDM vol. 3, 11.5.3. */
#define LAPIC_ESR_SEND_ILLEGAL_VECTOR	  BIT(5)
#define LAPIC_ESR_RECEIVED_ILLEGAL_VECTOR BIT(6)
#define LAPIC_ESR_ILLEGAL_REGISTER	  BIT(7)

/* Destination format register: SDM vol. 3, 11.6.2.2. */
#define LAPIC_DFR_FLAT	  0xffffffffu
#define LAPIC_DFR_CLUSTER 0x0fffffffu
