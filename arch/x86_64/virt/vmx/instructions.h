/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * The VMX instructions, one function each. They return false on VMfailInvalid or VMfailValid, with
 * CF or ZF set (SDM vol. 3, 31.2). Host tests define VMX_INSTRUCTIONS_FAKED and functions of the
 * same names.
 */
#ifndef VMX_INSTRUCTIONS_FAKED

#define WITH_ADDRESS(name)                                                                         \
	static inline bool name(u64 address)                                                       \
	{                                                                                          \
		bool failed;                                                                       \
                                                                                                   \
		__asm__ volatile(#name " %1" : "=@ccbe"(failed) : "m"(address) : "memory");        \
		return !failed;                                                                    \
	}

WITH_ADDRESS(vmxon)
WITH_ADDRESS(vmclear)
WITH_ADDRESS(vmptrld)
#undef WITH_ADDRESS

static inline void vmxoff(void)
{
	__asm__ volatile("vmxoff" : : : "cc", "memory");
}

/* Returns the address of the current VMCS; ~0 if there is none. */
static inline u64 vmptrst(void)
{
	u64 vmcs;

	__asm__ volatile("vmptrst %0" : "=m"(vmcs) : : "cc", "memory");
	return vmcs;
}

static inline bool vmread(u64 field, u64 *value)
{
	bool failed;

	__asm__ volatile("vmread %2, %1" : "=@ccbe"(failed), "=r"(*value) : "r"(field) : "memory");
	return !failed;
}

static inline bool vmwrite(u64 field, u64 value)
{
	bool failed;

	__asm__ volatile("vmwrite %1, %2" : "=@ccbe"(failed) : "r"(value), "r"(field) : "memory");
	return !failed;
}

/* Defines the function for INVEPT or INVVPID; `what` is an EPT pointer or a VPID. */
#define INVALIDATION(name)                                                                         \
	static inline bool name(u64 type, u64 what)                                                \
	{                                                                                          \
		const u64 descriptor[2] = {what, 0};                                               \
		bool failed;                                                                       \
                                                                                                   \
		__asm__ volatile(#name " %1, %2"                                                   \
				 : "=@ccbe"(failed)                                                \
				 : "m"(descriptor), "r"(type)                                      \
				 : "memory");                                                      \
		return !failed;                                                                    \
	}

INVALIDATION(invept)
INVALIDATION(invvpid)
#undef INVALIDATION

/* Runs the host's own NMI handler, whose IRET ends the blocking of further NMIs. */
static inline void int_nmi(void)
{
	__asm__ volatile("int $2" : : : "memory");
}

#endif
