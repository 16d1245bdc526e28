/* SPDX-License-Identifier: MIT */
/* Into the guest and back, as a C function. */
#include "arch/x86_64/virt/gpr.h"

	.text

/*
 * bool vmx_run(u64 gpr[GPR_COUNT], bool launched, u64 *host_rsp)
 *
 * *host_rsp is what the VMCS has. The stack is nearly always the same, and VMWRITE not for free.
 */
	.globl	vmx_run
	.type	vmx_run, @function
vmx_run:
	/* 1. Keep what C expects to find again. */
	host_push
	push	%rdi

	/* 2. An exit continues at vmx_exited with this stack. */
	cmp	%rsp, (%rdx)
	je	3f
	mov	%rsp, (%rdx)
	mov	$VMCS_HOST_RSP, %eax
	vmwrite	%rsp, %rax
	jbe	7f

	/* 3. What the host has put into the CPU's buffers goes; none of its stores comes after. */
3:	cmpb	$0, features + FEATURES_SPECULATION_CLEAR(%rip)
	jne	8f

	/* 4. The guest's registers; MOV leaves the flags of TEST alone. RSP is in the VMCS. */
4:	test	%sil, %sil
	gpr_load rax, GPR_RAX, rdi
	gpr_load rsi, GPR_RSI, rdi
	gpr_each gpr_load, rdi
	gpr_load rdi, GPR_RDI, rdi

	/* 5. The instruction after is reached only when it failed. */
	jnz	1f
	vmlaunch
	jmp	7f
1:	vmresume
	jmp	7f

	/* 6. The exit: registers into the page, at RDI; then none of the guest's remains. */
	.globl	vmx_exited
vmx_exited:
	xchg	%rdi, (%rsp)
	gpr_store rax, GPR_RAX, rdi
	gpr_store rsi, GPR_RSI, rdi
	gpr_each gpr_store, rdi
	pop	%rax
	gpr_store rax, GPR_RDI, rdi
	mov	$1, %eax
6:	gpr_forget
	host_pop
	ret

	/* 7. No entry. */
7:	add	$8, %rsp
	xor	%eax, %eax
	jmp	6b

	/* 8. RDI is kept already. */
8:	push	%rsi
	lea	features + FEATURES_SPECULATION(%rip), %rdi
	call	speculation_clear
	pop	%rsi
	mov	(%rsp), %rdi
	jmp	4b
	.size	vmx_run, . - vmx_run

	.section .note.GNU-stack, "", @progbits
