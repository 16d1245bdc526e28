/* SPDX-License-Identifier: MIT */
/*
 * Enters a VMX guest and comes back, as a C function that enter.c calls with interrupts off. It
 * keeps the guest's general registers in the vCPU page, runs the mitigations of an entry and an
 * exit, and leaves no guest value in a register.
 */
#include "arch/x86_64/virt/gpr.h"

	.text

/*
 * bool vmx_run(u64 gpr[GPR_COUNT], bool launched, u64 *host_rsp)
 *
 * *host_rsp is a copy of the VMCS's host RSP, which is nearly always right already: this saves a
 * VMWRITE.
 */
	.globl	vmx_run
	.type	vmx_run, @function
vmx_run:
	/* 1. Save C's callee-saved registers. */
	host_push
	push	%rdi

	/* 2. An exit continues at vmx_exited with this stack. */
	cmp	%rsp, (%rdx)
	je	3f
	mov	%rsp, (%rdx)
	mov	$VMCS_HOST_RSP, %eax
	vmwrite	%rsp, %rax
	jbe	7f

	/* 3. Clear the host's data from the CPU's buffers; the host stores nothing after this. */
3:	testl	$SPECULATION_CLEAR, features + SPECULATION_DONE(%rip)
	jz	4f
	call	speculation_clear

	/* 4. Load the guest's registers; MOV keeps TEST's flags. Its RSP is in the VMCS. */
4:	test	%sil, %sil
	gpr_load rax, GPR_RAX, rdi
	gpr_load rsi, GPR_RSI, rdi
	gpr_each gpr_load, rdi
	gpr_load rdi, GPR_RDI, rdi

	/* 5. Enter the guest. The next instruction is reached only if the entry fails. */
	jnz	1f
	vmlaunch
	jmp	7f
1:	vmresume
	jmp	7f

	/*
	 * 6. The exit: store the registers in the vCPU page (gpr[], at RDI); leave no guest values
	 * in them.
	 */
	.globl	vmx_exited
vmx_exited:
	xchg	%rdi, (%rsp)
	gpr_store rax, GPR_RAX, rdi
	gpr_store rsi, GPR_RSI, rdi
	gpr_each gpr_store, rdi
	pop	%rax
	gpr_store rax, GPR_RDI, rdi
	mov	$1, %eax
	testl	$SPECULATION_EXITED, features + SPECULATION_DONE(%rip)
	jz	6f
	call	speculation_exited
6:	gpr_forget
	host_pop
	ret

	/* 7. The entry failed: return false. */
7:	add	$8, %rsp
	xor	%eax, %eax
	jmp	6b
	.size	vmx_run, . - vmx_run

	.section .note.GNU-stack, "", @progbits
