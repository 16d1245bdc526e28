/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/bits.h"
#include "lib/types.h"

/*
 * Local APIC registers, as an offset into the 4-KiB page (SDM vol. 3, table 11-1); the x2APIC MSR
 * of a register is MSR_X2APIC_BASE + (offset >> 4).
 */
enum lapic_reg {
	LAPIC_ID = 0x020, /* APIC id: in xAPIC mode bits 31:24, in x2APIC mode all bits */
	LAPIC_VERSION = 0x030,
	LAPIC_TPR = 0x080,
	LAPIC_APR = 0x090,
	LAPIC_PPR = 0x0a0,
	LAPIC_EOI = 0x0b0,
	LAPIC_RRD = 0x0c0,
	LAPIC_LDR = 0x0d0,
	LAPIC_DFR = 0x0e0, /* destination format, in xAPIC mode only */
	LAPIC_SVR = 0x0f0,
	LAPIC_ISR = 0x100, /* the first of eight registers, 16 bytes apart, as TMR and IRR have */
	LAPIC_TMR = 0x180,
	LAPIC_IRR = 0x200,
	LAPIC_ESR = 0x280,
	LAPIC_LVT_CMCI = 0x2f0,
	LAPIC_ICR = 0x300,	/* interrupt command; in x2APIC mode one 64-bit MSR */
	LAPIC_ICR_HIGH = 0x310, /* upper half of the interrupt command, in xAPIC mode only */
	LAPIC_LVT_TIMER = 0x320,
	LAPIC_LVT_THERMAL = 0x330,
	LAPIC_LVT_PERF = 0x340,
	LAPIC_LVT_LINT0 = 0x350,
	LAPIC_LVT_LINT1 = 0x360,
	LAPIC_LVT_ERROR = 0x370,
	LAPIC_TIMER_INITIAL = 0x380,
	LAPIC_TIMER_CURRENT = 0x390,
	LAPIC_TIMER_DIVIDE = 0x3e0,
	LAPIC_SELF_IPI = 0x3f0, /* self-IPI, in x2APIC mode only */
};

struct lapic_page {
	u32 reg[1024];
};
_Static_assert(sizeof(struct lapic_page) == PAGE_SIZE, "one page");

#define LAPIC_DEFAULT_ADDRESS 0xfee00000ull

#define LAPIC_XAPIC_ID_SHIFT 24

/* Spurious-interrupt vector register: SDM vol. 3, 11.9 */
#define LAPIC_SVR_ENABLE BIT(8)

/* Local vector table: SDM vol. 3, 11.5.1 */
#define LAPIC_LVT_MASKED	     BIT(16)
#define LAPIC_LVT_TIMER_ONE_SHOT     (0ull << 17)
#define LAPIC_LVT_TIMER_TSC_DEADLINE (2ull << 17)

/* Delivery modes of an interrupt, in the LVT, the ICR and the entries of an I/O APIC */
enum apic_delivery {
	APIC_FIXED = 0,
	APIC_LOWEST_PRIORITY = 1,
	APIC_SMI = 2,
	APIC_NMI = 4,
	APIC_INIT = 5,
	APIC_SIPI = 6,
	APIC_EXTINT = 7,
};
#define APIC_DELIVERY_SHIFT 8

/* Interrupt command register: SDM vol. 3, 11.6.1 */
#define LAPIC_ICR_PENDING	 BIT(12) /* delivery is pending, in xAPIC mode only */
#define LAPIC_ICR_ASSERT	 BIT(14)
#define LAPIC_ICR_SHORTHAND_SELF (1ull << 18)
/* bit of the ICR from which on the destination lies, in x2APIC mode */
#define LAPIC_ICR_X2_DESTINATION_SHIFT 32

/* Divide configuration: bits 3, 1 and 0; 111b divides by 1 (SDM vol. 3, figure 11-10) */
#define LAPIC_TIMER_DIVIDE_BY_1 0xbu
