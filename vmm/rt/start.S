/* SPDX-License-Identifier: MIT */
/* A process's first instruction: RDI = struct start_info, RSP = the top of its stack. */
	.section .text.start, "ax"
	.globl	rt_start
	.hidden	rt_start
rt_start:
	xor	%ebp, %ebp
	and	$-16, %rsp
	call	rt_main
	ud2

	.section .note.GNU-stack, "", @progbits
