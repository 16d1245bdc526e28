/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * The VMX instructions, one function each. False stands for VMfailInvalid or VMfailValid: CF or ZF
 * set (SDM vol. 3, 31.2). Host tests define VMX_INSTRUCTIONS_FAKED and their own of these names.
 */
#ifndef VMX_INSTRUCTIONS_FAKED

static inline bool vmxon(u64 region)
{
	bool failed;

	__asm__ volatile("vmxon %1" : "=@ccbe"(failed) : "m"(region) : "memory");
	return !failed;
}

static inline void vmxoff(void)
{
	__asm__ volatile("vmxoff" : : : "cc", "memory");
}

static inline bool vmclear(u64 vmcs)
{
	bool failed;

	__asm__ volatile("vmclear %1" : "=@ccbe"(failed) : "m"(vmcs) : "memory");
	return !failed;
}

static inline bool vmptrld(u64 vmcs)
{
	bool failed;

	__asm__ volatile("vmptrld %1" : "=@ccbe"(failed) : "m"(vmcs) : "memory");
	return !failed;
}

/* ~0: there is no current VMCS. */
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

static inline bool invept(u64 type, u64 ept_pointer)
{
	const u64 descriptor[2] = {ept_pointer, 0};
	bool failed;

	__asm__ volatile("invept %1, %2"
			 : "=@ccbe"(failed)
			 : "m"(descriptor), "r"(type)
			 : "memory");
	return !failed;
}

static inline bool invvpid(u64 type, u16 vpid)
{
	const u64 descriptor[2] = {vpid, 0};
	bool failed;

	__asm__ volatile("invvpid %1, %2"
			 : "=@ccbe"(failed)
			 : "m"(descriptor), "r"(type)
			 : "memory");
	return !failed;
}

/* Run the host's own handlers, whose IRET ends the blocking of further NMIs. */
static inline void int_nmi(void)
{
	__asm__ volatile("int $2" : : : "memory");
}

static inline void int_machine_check(void)
{
	__asm__ volatile("int $18" : : : "memory");
}

#endif
