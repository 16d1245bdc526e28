/* SPDX-License-Identifier: MIT */
/* Into the guest and back, as a C function. */
#include "offsets.h"

	.text

/*
 * void svm_switch_in(u64 vmcb_hpa), void svm_switch_out(u64 vmcb_hpa, u64 host_area_hpa)
 *
 * What VMRUN and #VMEXIT leave alone: FS, GS, LDTR, TR and the MSRs of system calls. In between the
 * host has the guest's TR, so GIF keeps NMI and machine check away, which would find their stacks
 * by it. A pending one is taken at the STGI.
 */
	.globl	svm_switch_in
	.type	svm_switch_in, @function
svm_switch_in:
	clgi
	sti
	mov	%rdi, %rax
	vmload	%rax
	ret
	.size	svm_switch_in, . - svm_switch_in

	.globl	svm_switch_out
	.type	svm_switch_out, @function
svm_switch_out:
	mov	%rdi, %rax
	vmsave	%rax
	mov	%rsi, %rax
	vmload	%rax
	cli
	stgi
	ret
	.size	svm_switch_out, . - svm_switch_out

/*
 * void svm_run(u64 vmcb_hpa, u64 gpr[GPR_COUNT])
 *
 * Between the two above: IF is set, which with V_INTR_MASKING lets interrupts end the guest's run,
 * and GIF is clear after the exit as before, which leaves them pending (APM vol. 2, 15.21.1).
 */
	.globl	svm_run
	.type	svm_run, @function
svm_run:
	/* 1. Keep what C expects to find again. */
	push	%rbp
	mov	%rsp, %rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	push	%rsi

	/* 2. The guest's registers; RAX and RSP are in the VMCB. */
	mov	%rdi, %rax
	mov	8 * GPR_RCX(%rsi), %rcx
	mov	8 * GPR_RDX(%rsi), %rdx
	mov	8 * GPR_RBX(%rsi), %rbx
	mov	8 * GPR_RBP(%rsi), %rbp
	mov	8 * GPR_RDI(%rsi), %rdi
	mov	8 * GPR_R8(%rsi), %r8
	mov	8 * GPR_R9(%rsi), %r9
	mov	8 * GPR_R10(%rsi), %r10
	mov	8 * GPR_R11(%rsi), %r11
	mov	8 * GPR_R12(%rsi), %r12
	mov	8 * GPR_R13(%rsi), %r13
	mov	8 * GPR_R14(%rsi), %r14
	mov	8 * GPR_R15(%rsi), %r15
	mov	8 * GPR_RSI(%rsi), %rsi

	/* 3. The exit gives back RAX and RSP. */
	vmrun	%rax

	/* 4. Registers into the page. */
	pop	%rax
	mov	%rcx, 8 * GPR_RCX(%rax)
	mov	%rdx, 8 * GPR_RDX(%rax)
	mov	%rbx, 8 * GPR_RBX(%rax)
	mov	%rbp, 8 * GPR_RBP(%rax)
	mov	%rsi, 8 * GPR_RSI(%rax)
	mov	%rdi, 8 * GPR_RDI(%rax)
	mov	%r8, 8 * GPR_R8(%rax)
	mov	%r9, 8 * GPR_R9(%rax)
	mov	%r10, 8 * GPR_R10(%rax)
	mov	%r11, 8 * GPR_R11(%rax)
	mov	%r12, 8 * GPR_R12(%rax)
	mov	%r13, 8 * GPR_R13(%rax)
	mov	%r14, 8 * GPR_R14(%rax)
	mov	%r15, 8 * GPR_R15(%rax)

	/* 5. What a CPU might compute ahead with must not be the guest's. */
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%esi, %esi
	xor	%edi, %edi
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
	ret
	.size	svm_run, . - svm_run

	.section .note.GNU-stack, "", @progbits
