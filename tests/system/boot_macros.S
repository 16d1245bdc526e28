/* SPDX-License-Identifier: MIT */
/*
 * What the boot sectors of tests share, as macros. They include this file; firmware.py assembles
 * them.
 */

/* The first instructions, at 0x7c00: segments and stack as the rest expects them. DL stays. */
	.macro	boot_begin
	.code16
	.globl	start
start:
	ljmp	$0, $1f
1:	xor	%ax, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %ss
	mov	$0x7c00, %sp
	sti
	cld
	.endm

/* The function print: shows the text at SI, up to its first 0, by INT 0x10. */
	.macro	boot_print
print:	lodsb
	test	%al, %al
	jz	5f
	mov	$0x0e, %ah
	mov	$7, %bx
	int	$0x10
	jmp	print
5:	ret
	.endm

/* What ends a boot sector, and fills it to its 512 bytes. */
	.macro	boot_end
	.org	510
	.word	0xaa55
	.endm
