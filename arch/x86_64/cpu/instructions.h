/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/hw/cpuid.h"
#include "arch/x86_64/hw/descriptor.h"
#include "lib/types.h"

/* The CPU's instructions, one function for each, with the manuals' names. */

static inline u8 in8(u16 port)
{
	u8 value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline void out8(u16 port, u8 value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline u64 rdmsr(u32 msr)
{
	u32 low;
	u32 high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
	return (u64)high << 32 | low;
}

static inline void wrmsr(u32 msr, u64 value)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((u32)value), "d"((u32)(value >> 32)) : "memory");
}

static inline struct cpuid_regs cpuid(u32 leaf, u32 subleaf)
{
	struct cpuid_regs regs;

	__asm__ volatile("cpuid"
			 : "=a"(regs.eax), "=b"(regs.ebx), "=c"(regs.ecx), "=d"(regs.edx)
			 : "a"(leaf), "c"(subleaf));
	return regs;
}

static inline u64 rdtsc(void)
{
	u64 low; /* 64-bit variables, as RDTSC clears the upper halves of RAX and RDX */
	u64 high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return high << 32 | low;
}

/* Reads the TSC after all earlier instructions have completed (SDM vol. 2, RDTSC). */
static inline u64 rdtsc_ordered(void)
{
	__asm__ volatile("lfence" : : : "memory");
	return rdtsc();
}

#define CONTROL_REGISTER(name)                                                                     \
	static inline u64 read_##name(void)                                                        \
	{                                                                                          \
		u64 value;                                                                         \
                                                                                                   \
		__asm__ volatile("mov %%" #name ", %0" : "=r"(value) : : "memory");                \
		return value;                                                                      \
	}                                                                                          \
	static inline void write_##name(u64 value)                                                 \
	{                                                                                          \
		__asm__ volatile("mov %0, %%" #name : : "r"(value) : "memory");                    \
	}

CONTROL_REGISTER(cr0)
CONTROL_REGISTER(cr2)
CONTROL_REGISTER(cr3)
CONTROL_REGISTER(cr4)
CONTROL_REGISTER(dr0)
CONTROL_REGISTER(dr1)
CONTROL_REGISTER(dr2)
CONTROL_REGISTER(dr3)
CONTROL_REGISTER(dr6)
#undef CONTROL_REGISTER

/* Loads null selectors into the data segment registers in place of those that ring 3 has loaded. */
static inline void selectors_clear(void)
{
	__asm__ volatile("mov %0, %%ds; mov %0, %%es; mov %0, %%fs; mov %0, %%gs" : : "r"(0));
}

static inline void lgdt(const struct descriptor_table_register *value)
{
	__asm__ volatile("lgdt %0" : : "m"(*value) : "memory");
}

#define WITHOUT_OPERANDS(name)                                                                     \
	static inline void name(void)                                                              \
	{                                                                                          \
		__asm__ volatile(#name : : : "memory");                                            \
	}

WITHOUT_OPERANDS(cli)
WITHOUT_OPERANDS(clts)
WITHOUT_OPERANDS(fninit)
WITHOUT_OPERANDS(hlt)
WITHOUT_OPERANDS(mfence)
WITHOUT_OPERANDS(pause)
#undef WITHOUT_OPERANDS

/* Writes modified copies of these bytes in the CPUs' caches back to memory. */
static inline void cache_flush(const void *from, u64 bytes)
{
	const u8 *line = (const u8 *)((u64)from & ~63ull);

	for (; line < (const u8 *)from + bytes; line += 64)
		__asm__ volatile("clflush %0" : : "m"(*line) : "memory");
}

/* Halts with interrupts on; a pending interrupt ends the halt at once (SDM vol. 2, STI). */
static inline void sti_hlt_cli(void)
{
	__asm__ volatile("sti; hlt; cli" : : : "memory");
}

/* Takes any pending host interrupt: STI's shadow covers the NOP. */
static inline void sti_nop_cli(void)
{
	__asm__ volatile("sti; nop; cli" : : : "memory");
}

/*
 * Runs the host's own #MC handler for a machine check that has caused a VM exit in place of a #MC.
 */
static inline void int_machine_check(void)
{
	__asm__ volatile("int $18" : : : "memory");
}

static inline u64 xgetbv(u32 index)
{
	u32 low;
	u32 high;

	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(index));
	return (u64)high << 32 | low;
}

static inline void xsetbv(u32 index, u64 value)
{
	__asm__ volatile("xsetbv"
			 :
			 : "c"(index), "a"((u32)value), "d"((u32)(value >> 32))
			 : "memory");
}

/*
 * Saves the state components to a save area, which must be 64-byte aligned; CR0.TS must be clear.
 */
static inline void xsave(void *area, u64 components)
{
	__asm__ volatile("xsave64 (%0)"
			 :
			 : "r"(area), "a"((u32)components), "d"((u32)(components >> 32))
			 : "memory");
}

static inline void xrstor(const void *area, u64 components)
{
	__asm__ volatile("xrstor64 (%0)"
			 :
			 : "r"(area), "a"((u32)components), "d"((u32)(components >> 32))
			 : "memory");
}

static inline void fxsave(void *area)
{
	__asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory");
}

static inline void fxrstor(const void *area)
{
	__asm__ volatile("fxrstor64 (%0)" : : "r"(area) : "memory");
}

/*
 * RDRAND and RDSEED; both functions return false if the CPU has no number ready (SDM vol. 1,
 * 7.3.17).
 */
#define RANDOM_NUMBER(name)                                                                        \
	static inline bool name(u64 *value)                                                        \
	{                                                                                          \
		bool ready;                                                                        \
                                                                                                   \
		__asm__ volatile(#name " %0; setc %1" : "=r"(*value), "=qm"(ready) : : "cc");      \
		return ready;                                                                      \
	}

RANDOM_NUMBER(rdrand)
RANDOM_NUMBER(rdseed)
#undef RANDOM_NUMBER
