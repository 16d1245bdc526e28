/* SPDX-License-Identifier: MIT */
/* Into the guest and back, as a C function. */
#include "arch/x86_64/virt/gpr.h"

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
	host_push
	push	%rsi

	/* 2. The guest's registers; RAX and RSP are in the VMCB. */
	mov	%rdi, %rax
	gpr_each gpr_load, rsi
	gpr_load rdi, GPR_RDI, rsi
	gpr_load rsi, GPR_RSI, rsi

	/* 3. The exit gives back RAX and RSP. */
	vmrun	%rax

	/* 4. Registers into the page. */
	pop	%rax
	gpr_each gpr_store, rax
	gpr_store rsi, GPR_RSI, rax
	gpr_store rdi, GPR_RDI, rax

	/* 5. None of the guest's remains. */
	xor	%edi, %edi
	gpr_forget
	host_pop
	ret
	.size	svm_run, . - svm_run

	.section .note.GNU-stack, "", @progbits
