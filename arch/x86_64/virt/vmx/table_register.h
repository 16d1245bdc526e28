/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* GDTR or IDTR as the instructions move it (SDM vol. 3, figure 3-11). */
struct table_register {
	u16 limit;
	u64 base;
} PACKED;

static inline struct table_register sgdt(void)
{
	struct table_register value;

	__asm__ volatile("sgdt %0" : "=m"(value));
	return value;
}

static inline struct table_register sidt(void)
{
	struct table_register value;

	__asm__ volatile("sidt %0" : "=m"(value));
	return value;
}

static inline void lgdt(const struct table_register *value)
{
	__asm__ volatile("lgdt %0" : : "m"(*value) : "memory");
}
