/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * The registers of the interrupted code, as the entry stubs push them. A frame from ring 3 always
 * lies at the same place, the base of the CPU's kernel stack.
 */
struct trap_frame {
	u64 r15, r14, r13, r12, r11, r10, r9, r8;
	u64 rbp, rdi, rsi, rdx, rcx, rbx, rax;
	u64 vector; /* enum trap_vector */
	u64 error_code;
	u64 rip, cs, rflags, rsp, ss;
};
_Static_assert(sizeof(struct trap_frame) == 22 * 8, "entry.S pushes 22 words");

enum trap_vector {
	TRAP_DEBUG = 1,
	TRAP_NMI = 2,
	TRAP_NO_FPU = 7,
	TRAP_DOUBLE_FAULT = 8,
	TRAP_PAGE_FAULT = 14,
	TRAP_MACHINE_CHECK = 18,
	TRAP_EXCEPTION_COUNT = 32,
	VECTOR_GSI_FIRST = 0x30, /* the vector of interrupt line (GSI) 0; the other lines follow */
	VECTOR_GSI_LAST = 0x6f,
	/* the first of the vectors given to irqs that are messages (MSI) */
	VECTOR_MSI_FIRST = 0x70,
	VECTOR_MSI_LAST = 0xef,
	/* the first vector of the spurious interrupts of the masked PICs */
	VECTOR_PIC_FIRST = 0x20,
	VECTOR_TIMER = 0xf0,
	VECTOR_KICK = 0xf1, /* another CPU makes this one look at its pending word */
	VECTOR_SPURIOUS = 0xff,
	/* a frame from SYSCALL or SYSENTER, which returns by SYSRET or SYSEXIT */
	TRAP_SYSCALL = 0x100,
};
