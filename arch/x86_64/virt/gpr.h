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
	.irp	number, 8, 9, 10, 11, 12, 13, 14, 15 /* of a register and in the page */
	\way	r\number, \number, \base
	.endr
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
