/* SPDX-License-Identifier: MIT */
#pragma once

#include "offsets.h"

/* For assembly: what both ways into a guest and back have in common. */

	/* What C expects to find again; the frame pointer leads through here. */
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

	/* The guest's RCX, RDX, RBX, RBP and R8 to R15, whose page is at `base`. */
	.macro	gpr_each way, base
	\way	rcx, GPR_RCX, \base
	\way	rdx, GPR_RDX, \base
	\way	rbx, GPR_RBX, \base
	\way	rbp, GPR_RBP, \base
	\way	r8, GPR_R8, \base
	\way	r9, GPR_R9, \base
	\way	r10, GPR_R10, \base
	\way	r11, GPR_R11, \base
	\way	r12, GPR_R12, \base
	\way	r13, GPR_R13, \base
	\way	r14, GPR_R14, \base
	\way	r15, GPR_R15, \base
	.endm

	.macro	gpr_load reg, index, base
	mov	8 * \index(%\base), %\reg
	.endm

	.macro	gpr_store reg, index, base
	mov	%\reg, 8 * \index(%\base)
	.endm

	/* What a CPU might compute ahead with must not be the guest's; C's own are popped. */
	.macro	gpr_forget
	.irp	reg, ecx, edx, esi, r8d, r9d, r10d, r11d
	xor	%\reg, %\reg
	.endr
	.endm
