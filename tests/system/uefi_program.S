/* SPDX-License-Identifier: MIT */
/*
 * A boot loader for UEFI that counts its starts in a variable which outlives resets, and says the
 * count at COM1. Of keys, r resets the machine and o switches it off. A PE32+ image (UEFI 2.10,
 * 2.1.1) laid out by hand; firmware.py links it flat.
 */
#define COM1		0x3f8
#define SYSTEM_RUNTIME	88	/* UEFI 2.10, 4.3.1 */
#define GET_VARIABLE	72	/* 4.5.1 */
#define SET_VARIABLE	88
#define RESET_SYSTEM	104
#define KEPT		7	/* non-volatile, at boot and run time */

	.code64
	.globl	start
start:	.ascii	"MZ"
	.org	0x3c
	.long	pe - start
pe:	.ascii	"PE\0\0"
	.word	0x8664, 1		/* machine, sections */
	.long	0, 0, 0
	.word	sections - optional
	.word	0x0222			/* executable; it may be put anywhere */
optional: .word	0x20b
	.byte	2, 20
	.long	end - code, 0, 0, code - start, code - start
	.quad	0			/* runs anywhere */
	.long	4096, 512
	.word	0, 0, 0, 0, 0, 0
	.long	0, 8192, 4096, 0
	.word	10, 0			/* an EFI application */
	.quad	0, 0, 0, 0
	.long	0, 6
	.quad	0, 0, 0, 0, 0, 0
sections: .ascii ".text\0\0\0"
	.long	4096, 4096, 4096, 4096, 0, 0
	.word	0, 0
	.long	0xe0000020

	.org	4096
code:	push	%rbx
	push	%rbp
	sub	$56, %rsp
	mov	SYSTEM_RUNTIME(%rdx), %rbx

	/* GetVariable(name, vendor, attributes, size, data) */
	movq	$1, size(%rip)
	movb	$0, count(%rip)
	lea	name(%rip), %rcx
	lea	vendor(%rip), %rdx
	xor	%r8d, %r8d
	lea	size(%rip), %r9
	lea	count(%rip), %rax
	mov	%rax, 32(%rsp)
	call	*GET_VARIABLE(%rbx)
	incb	count(%rip)

	/* SetVariable(name, vendor, attributes, size, data) */
	lea	name(%rip), %rcx
	lea	vendor(%rip), %rdx
	mov	$KEPT, %r8d
	mov	$1, %r9d
	lea	count(%rip), %rax
	mov	%rax, 32(%rsp)
	call	*SET_VARIABLE(%rbx)
	lea	failed(%rip), %rsi
	test	%rax, %rax
	jnz	1f
	lea	started(%rip), %rsi
	mov	count(%rip), %al
	add	$'0', %al
	mov	%al, number(%rip)
1:	call	say

	cli				/* or the firmware takes the keys itself, at its clock */
key:	mov	$COM1 + 5, %dx
	in	%dx, %al
	test	$1, %al
	jz	key
	mov	$COM1, %dx
	in	%dx, %al
	xor	%ecx, %ecx		/* a cold reset */
	cmp	$'r', %al
	je	2f
	mov	$2, %ecx		/* off */
	cmp	$'o', %al
	jne	key
2:	xor	%edx, %edx
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	call	*RESET_SYSTEM(%rbx)
	jmp	.

say:	lodsb
	test	%al, %al
	jz	4f
	mov	%al, %ah
	mov	$COM1 + 5, %dx
3:	in	%dx, %al
	test	$0x20, %al
	jz	3b
	mov	$COM1, %dx
	mov	%ah, %al
	out	%al, %dx
	jmp	say
4:	ret

	.balign	8
size:	.quad	1
vendor:	.long	0x5b1c3a77		/* a GUID of its own */
	.word	0x9d20, 0x4c11
	.byte	0x8a, 0x5e, 0x31, 0x70, 0x0c, 0x9b, 0x44, 0xd2
name:	.word	'S', 't', 'a', 'r', 't', 's', 0
count:	.byte	0
started: .ascii	"LOADER start "
number:	.asciz	"0\r\n"
failed:	.asciz	"LOADER failed\r\n"
	.org	8192
end:
