/* SPDX-License-Identifier: MIT */
/*
 * reach_fill(before, after, code): calls `code` with the general registers of before[15] (rax, rcx,
 * rdx, rbx, rbp, rsi, rdi, r8 to r15) and stores in after[15] what they are afterwards.
 */
	.text
	.globl reach_fill
reach_fill:
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	push %rsi
	mov %rdx, code
	mov %rdi, %r15
	mov (%r15), %rax
	mov 8(%r15), %rcx
	mov 16(%r15), %rdx
	mov 24(%r15), %rbx
	mov 32(%r15), %rbp
	mov 40(%r15), %rsi
	mov 48(%r15), %rdi
	mov 56(%r15), %r8
	mov 64(%r15), %r9
	mov 72(%r15), %r10
	mov 80(%r15), %r11
	mov 88(%r15), %r12
	mov 96(%r15), %r13
	mov 104(%r15), %r14
	mov 112(%r15), %r15
	call *code
	xchg %r15, (%rsp)
	mov %rax, (%r15)
	mov %rcx, 8(%r15)
	mov %rdx, 16(%r15)
	mov %rbx, 24(%r15)
	mov %rbp, 32(%r15)
	mov %rsi, 40(%r15)
	mov %rdi, 48(%r15)
	mov %r8, 56(%r15)
	mov %r9, 64(%r15)
	mov %r10, 72(%r15)
	mov %r11, 80(%r15)
	mov %r12, 88(%r15)
	mov %r13, 96(%r15)
	mov %r14, 104(%r15)
	pop %rax
	mov %rax, 112(%r15)
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret

	.globl reach_cpuid, reach_rdmsr, reach_in, reach_vmcall, reach_vmmcall, reach_load
	.globl reach_rdtsc
reach_cpuid:
	cpuid
	ret
reach_rdmsr:
	rdmsr
	ret
reach_in:
	in %dx, %eax
	ret
reach_vmcall:
	vmcall
	ret
reach_vmmcall:
	vmmcall
	ret
reach_load:
	mov (%rdx), %eax
	ret
reach_rdtsc:
	rdtsc
	ret

	.bss
	.balign 8
code:	.skip 8

	.section .note.GNU-stack, "", @progbits
