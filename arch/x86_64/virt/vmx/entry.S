/* SPDX-License-Identifier: MIT */
/* Into the guest and back, as a C function. */
#include "offsets.h"

	.text

/*
 * bool vmx_run(u64 gpr[GPR_COUNT], bool launched, u64 *host_rsp)
 *
 * *host_rsp is what the VMCS has. The stack is nearly always the same, and VMWRITE not for free.
 */
	.globl	vmx_run
	.type	vmx_run, @function
vmx_run:
	/* 1. Keep what C expects to find again; the frame pointer leads through here. */
	push	%rbp
	mov	%rsp, %rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	push	%rdi

	/* 2. An exit continues at vmx_exited with this stack. */
	cmp	%rsp, (%rdx)
	je	3f
	mov	%rsp, (%rdx)
	mov	$VMCS_HOST_RSP, %eax
	vmwrite	%rsp, %rax
	jbe	6f

	/* 3. The guest's registers; MOV leaves the flags of TEST alone. RSP is in the VMCS. */
3:	test	%sil, %sil
	mov	8 * GPR_RAX(%rdi), %rax
	mov	8 * GPR_RCX(%rdi), %rcx
	mov	8 * GPR_RDX(%rdi), %rdx
	mov	8 * GPR_RBX(%rdi), %rbx
	mov	8 * GPR_RBP(%rdi), %rbp
	mov	8 * GPR_RSI(%rdi), %rsi
	mov	8 * GPR_R8(%rdi), %r8
	mov	8 * GPR_R9(%rdi), %r9
	mov	8 * GPR_R10(%rdi), %r10
	mov	8 * GPR_R11(%rdi), %r11
	mov	8 * GPR_R12(%rdi), %r12
	mov	8 * GPR_R13(%rdi), %r13
	mov	8 * GPR_R14(%rdi), %r14
	mov	8 * GPR_R15(%rdi), %r15
	mov	8 * GPR_RDI(%rdi), %rdi

	/* 4. The instruction after is reached only when it failed. */
	jnz	1f
	vmlaunch
	jmp	6f
1:	vmresume
	jmp	6f

	/* 5. The exit: registers into the page, then none of the guest's remains. */
	.globl	vmx_exited
vmx_exited:
	xchg	%rdi, (%rsp)
	mov	%rax, 8 * GPR_RAX(%rdi)
	mov	%rcx, 8 * GPR_RCX(%rdi)
	mov	%rdx, 8 * GPR_RDX(%rdi)
	mov	%rbx, 8 * GPR_RBX(%rdi)
	mov	%rbp, 8 * GPR_RBP(%rdi)
	mov	%rsi, 8 * GPR_RSI(%rdi)
	mov	%r8, 8 * GPR_R8(%rdi)
	mov	%r9, 8 * GPR_R9(%rdi)
	mov	%r10, 8 * GPR_R10(%rdi)
	mov	%r11, 8 * GPR_R11(%rdi)
	mov	%r12, 8 * GPR_R12(%rdi)
	mov	%r13, 8 * GPR_R13(%rdi)
	mov	%r14, 8 * GPR_R14(%rdi)
	mov	%r15, 8 * GPR_R15(%rdi)
	pop	%rax
	mov	%rax, 8 * GPR_RDI(%rdi)
	mov	$1, %eax
	jmp	7f

6:	add	$8, %rsp
	xor	%eax, %eax

	/* 7. What a CPU might compute ahead with must not be the guest's. */
7:	xor	%ecx, %ecx
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
	.size	vmx_run, . - vmx_run

	.section .note.GNU-stack, "", @progbits
