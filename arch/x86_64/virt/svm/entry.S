/* SPDX-License-Identifier: MIT */
/*
 * Enters an SVM guest and comes back, as C functions that enter.c calls; no host interrupt is taken
 * in between (GIF). They switch the registers that VMRUN and #VMEXIT do not, keep the guest's
 * general registers in the vCPU page, and leave no guest value in a register.
 */
#include "arch/x86_64/virt/gpr.h"

	.text

/*
 * void svm_switch_in(u64 vmcb_hpa), void svm_switch_out(u64 vmcb_hpa, u64 host_area_hpa)
 *
 * Switch what VMRUN and #VMEXIT do not: FS, GS, LDTR, TR and the system-call MSRs. In between the
 * host runs with the guest's TR, so GIF is kept clear: NMI and #MC would look for their stacks in
 * the wrong TSS. An NMI or #MC that is pending is taken at the STGI.
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
 * Runs the guest; called between svm_switch_in and svm_switch_out. IF is set, so that with
 * V_INTR_MASKING host interrupts end the guest's run; GIF is clear before and after it, so that
 * they stay pending (APM vol. 2, 15.21.1).
 */
	.globl	svm_run
	.type	svm_run, @function
svm_run:
	/* 1. Save C's callee-saved registers. */
	host_push
	push	%rsi

	/* 2. Load the guest's registers; its RAX and RSP are in the VMCB. */
	mov	%rdi, %rax
	gpr_each gpr_load, rsi
	gpr_load rdi, GPR_RDI, rsi
	gpr_load rsi, GPR_RSI, rsi

	/* 3. Clear the host's data from the CPU's buffers. */
	testl	$SPECULATION_CLEAR, features + SPECULATION_DONE(%rip)
	jz	4f
	verw	speculation_selector(%rip)

	/* 4. The exit restores the host's RAX and RSP. */
4:	vmrun	%rax

	/* 5. Store the guest's registers in the vCPU page. */
	pop	%rax
	gpr_each gpr_store, rax
	gpr_store rsi, GPR_RSI, rax
	gpr_store rdi, GPR_RDI, rax

	/* 6. Leave none of the guest's values in registers. */
	xor	%edi, %edi
	gpr_forget
	host_pop
	ret
	.size	svm_run, . - svm_run

	.section .note.GNU-stack, "", @progbits
