/* SPDX-License-Identifier: MIT */
/*
 * Where an application processor starts: in real mode, at TRAMPOLINE_BASE, in a copy of these bytes
 * that boot/init/cpus.c makes. It runs on a top-level page table of its own, which maps that page
 * (executable) and the kernel's half; the words at its end say where to continue. One CPU at a
 * time.
 */
#include "boot/layout.h"

#define MSR_EFER 0xc0000080
#define AT(symbol) ((symbol) - trampoline_start + TRAMPOLINE_BASE)

	.section .rodata.trampoline, "a"
	.global	trampoline_start, trampoline_end, trampoline_words
	.hidden	trampoline_start, trampoline_end, trampoline_words
	.code16
trampoline_start:
	/* 1. Straight to long mode: PE and PG may be set at once when LME is. */
	cli
	cld
	mov	%cs, %ax
	mov	%ax, %ds
	mov	$CR4_LONG_MODE, %eax
	mov	%eax, %cr4
	mov	trampoline_words - trampoline_start, %eax
	mov	%eax, %cr3
	mov	$MSR_EFER, %ecx
	mov	$EFER_LONG_MODE, %eax
	xor	%edx, %edx
	wrmsr
	lgdtl	gdt_register - trampoline_start
	mov	$CR0_LONG_MODE, %eax
	mov	%eax, %cr0
	ljmpl	$8, $AT(long_mode)

	/* 2. Switch to the CPU's kernel stack and call C: entry(cpu). */
	.code64
long_mode:
	xor	%eax, %eax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %ss
	mov	trampoline_words + 8(%rip), %rsp
	mov	trampoline_words + 16(%rip), %rdi
	xor	%ebp, %ebp
	call	*trampoline_words + 24(%rip)
	ud2

	.balign	8
gdt:
	.quad	0
	.quad	0x00209b0000000000	/* code, 64-bit, accessed: the page is read-only */
gdt_register:
	.word	15
	.long	AT(gdt)

	/*
	 * 3. Words filled anew for each CPU: page table, stack, argument, entry (struct
	 * trampoline_words).
	 */
	.balign	8
trampoline_words:
	.quad	0, 0, 0, 0
trampoline_end:

	.section .note.GNU-stack, "", @progbits
