/* SPDX-License-Identifier: MIT */
/* Loads and stores all vector registers from and to an array of 32-byte values. */
	.macro each routine, instruction, to_memory, width
	.globl \routine
\routine:
	.irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	.if \to_memory
	\instruction %\width\number, 32 * \number(%rdi)
	.else
	\instruction 32 * \number(%rdi), %\width\number
	.endif
	.endr
	ret
	.endm

	.text
	each fpu_load_sse, movups, 0, xmm
	each fpu_store_sse, movups, 1, xmm
	each fpu_load_avx, vmovups, 0, ymm
	each fpu_store_avx, vmovups, 1, ymm

	.section .note.GNU-stack, "", @progbits
