/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/bits.h"
#include "lib/types.h"

/* Segment descriptors: SDM vol. 3, 3.4.5. Gates and the TSS are defined in cpu/. */
#define SELECTOR_RPL 0x3u
#define SELECTOR_TI  BIT(2) /* table indicator: the LDT */

/* A segment descriptor as one word of 64 bits */
#define DESCRIPTOR_LIMIT_LOW   BITS(15, 0)
#define DESCRIPTOR_BASE_LOW    BITS(39, 16)
#define DESCRIPTOR_ACCESSED    BIT(40)
#define DESCRIPTOR_WRITABLE    BIT(41) /* data segments; in code segments: readable */
#define DESCRIPTOR_EXPAND_DOWN BIT(42) /* data segments; in code segments: conforming */
#define DESCRIPTOR_CODE	       BIT(43)
#define DESCRIPTOR_S	       BIT(44) /* code or data, not system */
#define DESCRIPTOR_DPL_SHIFT   45
#define DESCRIPTOR_P	       BIT(47)
#define DESCRIPTOR_LIMIT_HIGH  BITS(51, 48)
#define DESCRIPTOR_L	       BIT(53)
#define DESCRIPTOR_DB	       BIT(54)
#define DESCRIPTOR_G	       BIT(55)
#define DESCRIPTOR_BASE_HIGH   BITS(63, 56)

/* System descriptor types (SDM vol. 3, table 3-2) */
enum descriptor_type {
	DESCRIPTOR_TSS16_AVAILABLE = 0x1,
	DESCRIPTOR_LDT = 0x2,
	DESCRIPTOR_TSS16_BUSY = 0x3,
	DESCRIPTOR_TSS_AVAILABLE = 0x9,
	DESCRIPTOR_TSS_BUSY = 0xb,
	DESCRIPTOR_INTERRUPT_GATE = 0xe,
};

/* Operand of LGDT, LIDT, SGDT, SIDT */
struct descriptor_table_register {
	u16 limit;
	u64 base;
} PACKED;
_Static_assert(sizeof(struct descriptor_table_register) == 10, "SDM vol. 3, figure 3-11");
