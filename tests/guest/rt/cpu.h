/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/hw/msr.h"
#include "tests/guest/rt/rt.h"

/* Instructions that C does not have. */
static inline void out8(u16 port, u8 value)
{
	asm volatile("outb %0, %1" ::"a"(value), "Nd"(port));
}

static inline void out16(u16 port, u16 value)
{
	asm volatile("outw %0, %1" ::"a"(value), "Nd"(port));
}

static inline void out32(u16 port, u32 value)
{
	asm volatile("outl %0, %1" ::"a"(value), "Nd"(port));
}

static inline u8 in8(u16 port)
{
	u8 value;

	asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline u16 in16(u16 port)
{
	u16 value;

	asm volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline u32 in32(u16 port)
{
	u32 value;

	asm volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

struct cpuid_result {
	u32 eax, ebx, ecx, edx;
};

static inline struct cpuid_result cpuid(u32 leaf, u32 subleaf)
{
	struct cpuid_result result;

	asm volatile("cpuid"
		     : "=a"(result.eax), "=b"(result.ebx), "=c"(result.ecx), "=d"(result.edx)
		     : "a"(leaf), "c"(subleaf));
	return result;
}

static inline u64 read_msr(u32 index)
{
	u32 low;
	u32 high;

	asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(index));
	return (u64)high << 32 | low;
}

static inline void write_msr(u32 index, u64 value)
{
	asm volatile("wrmsr" ::"c"(index), "a"((u32)value), "d"((u32)(value >> 32)) : "memory");
}

static inline u64 read_tsc(void)
{
	u32 low;
	u32 high;

	asm volatile("lfence; rdtsc" : "=a"(low), "=d"(high)::"memory");
	return (u64)high << 32 | low;
}

#define CONTROL_REGISTER(number)                                                                   \
	static inline word read_cr##number(void)                                                   \
	{                                                                                          \
		word value;                                                                        \
                                                                                                   \
		asm volatile("mov %%cr" #number ", %0" : "=r"(value)::"memory");                   \
		return value;                                                                      \
	}                                                                                          \
                                                                                                   \
	static inline void write_cr##number(word value)                                            \
	{                                                                                          \
		asm volatile("mov %0, %%cr" #number ::"r"(value) : "memory");                      \
	}
CONTROL_REGISTER(0)
CONTROL_REGISTER(2)
CONTROL_REGISTER(3)
CONTROL_REGISTER(4)
#ifdef __x86_64__
CONTROL_REGISTER(8)
#endif

static inline void invalidate_page(word address)
{
	asm volatile("invlpg (%0)" ::"r"(address) : "memory");
}

static inline void interrupts_on(void)
{
	asm volatile("sti" ::: "memory");
}

static inline void interrupts_off(void)
{
	asm volatile("cli" ::: "memory");
}

static inline void halt(void)
{
	asm volatile("hlt" ::: "memory");
}

/* The shadow of STI covers HLT: no interrupt can come in between. */
static inline void interrupts_on_and_halt(void)
{
	asm volatile("sti; hlt; cli" ::: "memory");
}

static inline void relax(void)
{
	asm volatile("pause" ::: "memory");
}

/* The address of an ACPI or device register. */
static inline volatile u32 *register32(word address)
{
	return (volatile u32 *)address;
}
