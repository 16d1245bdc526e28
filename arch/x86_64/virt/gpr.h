/* SPDX-License-Identifier: MIT */
/* clang-format off */
#pragma once

#include "offsets.h"

/* Assembly macros that the guest entry code of VMX and SVM shares. */

	/* Saves C's callee-saved registers; keeps the host's chain of frame pointers intact. */
	.macro	host_push
	push	%rbp
	mov	%rsp, %rbp
	.irp	reg, rbx, r12, r13, r14, r15
	push	%\reg
	.endr
	.endm

	.macro	host_pop
	.irp	reg, r15, r14, r13, r12, rbx, rbp
	pop	%\reg
	.endr
	.endm

	/*
	 * Loads or stores the guest's RCX, RDX, RBX, RBP, R8 to R15; `base` points to gpr[] in the
	 * vCPU page.
	 */
	.macro	gpr_each way, base
	\way	rcx, GPR_RCX, \base
	\way	rdx, GPR_RDX, \base
	\way	rbx, GPR_RBX, \base
	\way	rbp, GPR_RBP, \base
	.irp	number, 8, 9, 10, 11, 12, 13, 14, 15 /* a register's number is its index in gpr[] */
	\way	r\number, \number, \base
	.endr
	.endm

	.macro	gpr_load reg, index, base
	mov	8 * \index(%\base), %\reg
	.endm

	.macro	gpr_store reg, index, base
	mov	%\reg, 8 * \index(%\base)
	.endm

	/*
	 * Clears the registers in which guest values remain, lest the CPU speculate with those;
	 * host_pop restores the others.
	 */
	.macro	gpr_forget
	.irp	reg, ecx, edx, esi, r8d, r9d, r10d, r11d
	xor	%\reg, %\reg
	.endr
	.endm
