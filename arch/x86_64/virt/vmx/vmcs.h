/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/hw/vmx.h"
#include "arch/x86_64/virt/vmx/instructions.h"
#include "kernel/panic.h"

/*
 * Fields of the current VMCS. An access that the CPU refuses means that this code is wrong: no
 * VMCS is current, or the field does not exist here.
 */
static inline u64 vmcs_read_any(u32 field)
{
	u64 value;

	if (unlikely(!vmread(field, &value)))
		panic("VMREAD of field %#x failed", field);
	return value;
}

static inline void vmcs_write_any(u32 field, u64 value)
{
	if (unlikely(!vmwrite(field, value)))
		panic("VMWRITE of %#lx to field %#x failed", value, field);
}

static inline u16 vmcs_read16(enum vmcs16 field)
{
	return (u16)vmcs_read_any(field);
}

static inline u32 vmcs_read32(enum vmcs32 field)
{
	return (u32)vmcs_read_any(field);
}

static inline u64 vmcs_read64(enum vmcs64 field)
{
	return vmcs_read_any(field);
}

static inline u64 vmcs_read_natural(enum vmcs_natural field)
{
	return vmcs_read_any(field);
}

static inline void vmcs_write16(enum vmcs16 field, u16 value)
{
	vmcs_write_any(field, value);
}

static inline void vmcs_write32(enum vmcs32 field, u32 value)
{
	vmcs_write_any(field, value);
}

static inline void vmcs_write64(enum vmcs64 field, u64 value)
{
	vmcs_write_any(field, value);
}

static inline void vmcs_write_natural(enum vmcs_natural field, u64 value)
{
	vmcs_write_any(field, value);
}

/* Changes only the bits of `mask`. */
static inline void vmcs_change32(enum vmcs32 field, u32 mask, u32 value)
{
	vmcs_write32(field, (vmcs_read32(field) & ~mask) | (value & mask));
}

static inline void vmcs_change_natural(enum vmcs_natural field, u64 mask, u64 value)
{
	vmcs_write_natural(field, (vmcs_read_natural(field) & ~mask) | (value & mask));
}
