/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/hw/vmx.h"
#include "arch/x86_64/virt/vmx/instructions.h"
#include "arch/x86_64/cpu/panic.h"

/*
 * Accessors of the current VMCS's fields. If the CPU refuses an access, this code is wrong: no VMCS
 * is current, or the field does not exist here. Then UD2 panics, with the field in a register,
 * because a call to panic would give every function that reads a field a stack frame.
 */
static inline u64 vmcs_read_any(u32 field)
{
	u64 value;

	if (unlikely(!vmread(field, &value)))
		__builtin_trap();
	return value;
}

static inline void vmcs_write_any(u32 field, u64 value)
{
	if (unlikely(!vmwrite(field, value)))
		__builtin_trap();
}

/*
 * Defines the functions that read and write VMCS fields of one width; the enums hold the fields by
 * width.
 */
#define VMCS_FIELD(width, type)                                                                    \
	static inline type vmcs_read##width(enum vmcs##width field)                                \
	{                                                                                          \
		return (type)vmcs_read_any(field);                                                 \
	}                                                                                          \
	static inline void vmcs_write##width(enum vmcs##width field, type value)                   \
	{                                                                                          \
		vmcs_write_any(field, value);                                                      \
	}

VMCS_FIELD(16, u16)
VMCS_FIELD(32, u32)
VMCS_FIELD(64, u64)
VMCS_FIELD(_natural, u64)
#undef VMCS_FIELD

/* Changes only the bits of `mask` in a field of the current VMCS. */
static inline void vmcs_change32(enum vmcs32 field, u32 mask, u32 value)
{
	vmcs_write32(field, (vmcs_read32(field) & ~mask) | (value & mask));
}

static inline void vmcs_change_natural(enum vmcs_natural field, u64 mask, u64 value)
{
	vmcs_write_natural(field, (vmcs_read_natural(field) & ~mask) | (value & mask));
}
