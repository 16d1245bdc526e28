/* SPDX-License-Identifier: MIT */
/*
 * Every way into the kernel and back to ring 3: the CPU reaches these stubs by its IDT, by SYSENTER
 * or SYSCALL; they call kernel/cpu/trap.c and kernel/cpu/cpu_loop.c. Interrupts are off from the
 * first instruction. No entry uses SWAPGS: interrupts find their stack in the TSS, SYSENTER in its
 * MSR, and SYSCALL because its stub is mapped once per CPU, in the page just above the CPU's stack.
 */
#include "offsets.h"

/* Exceptions with an error code (APM vol. 2, table 8-1): 8, 10 to 14, 17, 21, 29, 30. */
#define ERROR_CODES 0x60227d00

	/*
	 * Code that runs on the user view of the page tables is in this section, and its data in
	 * .data.entry.
	 */
	.section .text.entry, "ax"

/* 1. Exceptions and interrupts: push vector (and an error code where the CPU gave none). */
	.balign	16
	.globl	trap_stubs
trap_stubs:
	.set	vector, 0
	.rept	256
	.balign	16
	.if	(vector > 31) || !(ERROR_CODES >> (vector & 31) & 1)
	push	$0
	.endif
	push	$vector
	jmp	trap_common
	.set	vector, vector + 1
	.endr

	.macro	push_registers
	.irp	reg, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
	push	%\reg
	.endr
	.endm

	/*
	 * For an exception that may have interrupted a stub, or ring 3, while CR3 held the user
	 * view of the page tables: loads the kernel view. RBX becomes the value to load into CR3
	 * afterwards, or 0. C's stack then begins below the frame's page, because all user views
	 * show that page.
	 */
	.macro	interrupted_view
	mov	%rsp, %r12
	mov	%rsp, %rax
	or	$(KERNEL_STACK_BYTES - 1), %rax
	mov	1 - STACK_BASE_BYTES(%rax), %rax
	xor	%ebx, %ebx
	mov	%cr3, %rcx
	cmp	CPU_USER_ROOT(%rax), %rcx
	jne	1f
	mov	%rcx, %rbx
	mov	CPU_KERNEL_ROOT(%rax), %rcx
	mov	%rcx, %cr3
	and	$-4096, %rsp
1:
	.endm

	.macro	pop_registers
	.irp	reg, r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax
	pop	%\reg
	.endr
	.endm

	/* The error code comes after the vector in the frame: the stubs push it first. */
trap_common:
	push_registers
	cld
	mov	%rsp, %rdi
	cmpq	$TRAP_NMI, FRAME_VECTOR(%rsp)
	je	trap_ist
	cmpq	$TRAP_MACHINE_CHECK, FRAME_VECTOR(%rsp)
	je	trap_ist
	testb	$3, FRAME_CS(%rsp)
	jnz	user_common
	xor	%ebp, %ebp
	interrupted_view
	call	trap_from_kernel
trap_back:
	mov	%r12, %rsp
	test	%rbx, %rbx
	jz	trap_return
	mov	%rbx, %cr3
trap_return:
	pop_registers
	add	$16, %rsp
	iretq

/* 2. NMI and machine check, on their own stack, possibly with the user view of the page tables. */
trap_ist:
	interrupted_view
	and	$-4096, %rsp
	call	trap_nmi
	jmp	trap_back

/*
 * 3. On entries from ring 3: loads the kernel view of the page tables, then calls C on the stack's
 * lower pages; that call never returns.
 */
	.macro	kernel_view
	mov	FRAME_BYTES(%rsp), %rbx	/* struct stack_base follows the frame */
	mov	CPU_KERNEL_ROOT(%rbx), %rax
	test	%rax, %rax
	jz	1f
	mov	%rax, %cr3
1:	xor	%ebp, %ebp
	and	$-4096, %rsp
	.endm

user_common:
	push	$2			/* clears the caller's AC, DF, NT and TF */
	popfq
	kernel_view
	call	trap_from_user
	ud2

/*
 * 4. SYSENTER: RSP is the stack base; RCX the caller's RSP, RDX its RIP. SYSENTER does not clear
 * TF: a #DB on the first instruction is the caller's doing and is ignored (trap_from_kernel).
 */
	.globl	sysenter_entry
sysenter_entry:
	push	$SELECTOR_USER_DATA
	push	%rcx
	push	$RFLAGS_USER
	push	$SELECTOR_USER_CODE
	push	%rdx
	/*
	 * clears AC, DF, NT and TF, as user_common does for interrupts; SYSCALL clears them by
	 * itself
	 */
	push	$2
	popfq
	testl	$SPECULATION_HISTORY, features + SPECULATION_DONE(%rip)
	jz	syscall_common
	call	speculation_forget
	jmp	syscall_common

/*
 * 5. SYSCALL: RSP is still the caller's. The stub's page is mapped again above each CPU's stack,
 * where its RIP-relative operands reach that stack's struct stack_base.
 */
	.globl	syscall_stub
	.section .text.syscall_stub, "ax"
	.balign	4096
syscall_stub:
	mov	%rsp, %rdx
	lea	syscall_stub - STACK_BASE_BYTES(%rip), %rsp
	jmp	*syscall_stub - 8(%rip)
	.balign	4096

	.section .text.entry, "ax"
	.globl	syscall_entry
syscall_entry:
	push	$SELECTOR_USER_DATA
	push	%rdx
	push	%r11
	push	$SELECTOR_USER_CODE
	push	%rcx
syscall_common:
	push	$0
	push	$TRAP_SYSCALL
	push_registers
	mov	%rsp, %rsi
	kernel_view
	mov	%rbx, %rdi
	call	trap_system_call
	mov	%rbx, %rdi
	call	cpu_loop
	ud2

/* 6. Back to ring 3. RDI = struct cpu. A system call's frame returns by SYSRET or SYSEXIT. */
	.macro	user_view
	mov	CPU_USER_ROOT(%rdi), %rax
	test	%rax, %rax
	jz	1f
	mov	%rax, %cr3
1:
	.endm

	.globl	cpu_return_to_user
cpu_return_to_user:
	mov	CPU_STACK_TOP(%rdi), %rsi
	sub	$FRAME_BYTES, %rsi
	cmpq	$TRAP_SYSCALL, FRAME_VECTOR(%rsi)
	je	cpu_return_to_caller
	mov	%rsi, %rsp
	user_view
	jmp	trap_return

	/* Returns to ring 3 with the frame at RSI, which is known to be a system call's. */
	.globl	cpu_return_to_caller
cpu_return_to_caller:
	mov	%rsi, %rsp
	user_view
	cmpb	$0, use_sysenter(%rip)
	jne	2f
	pop_registers
	mov	16(%rsp), %rcx
	mov	32(%rsp), %r11
	mov	40(%rsp), %rsp
	sysretq
2:	pop_registers
	mov	16(%rsp), %rdx
	mov	40(%rsp), %rcx
	sti
	sysexitq

/*
 * 7. Calls a function at the base of the running CPU's stack, whose contents are lost: RDI = struct
 * cpu, RSI = function.
 */
	.globl	cpu_stack_reset
cpu_stack_reset:
	mov	CPU_STACK_TOP(%rdi), %rsp
	and	$-4096, %rsp
	xor	%ebp, %ebp
	call	*%rsi
	ud2

	.section .note.GNU-stack, "", @progbits
