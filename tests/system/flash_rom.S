/* SPDX-License-Identifier: MIT */
/*
 * Firmware of 64 KiB that tries out the flash memory below it: it counts its starts in a block of
 * that flash, a programmed byte each, and says the count at COM1. Of keys, e erases the block, p
 * programs a byte that cannot hold what is written, r resets the machine, o switches it off, and
 * others are echoed. Assembled and linked flat to the last 64 KiB below 4 GiB by firmware.py.
 */
#define COM1	0x3f8
#define FLASH	0xfff00000
#define BLOCK	(FLASH + 0x10000)

	.code32
	.globl	start
start:
	mov	$0x10, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	$0x7000, %esp

	movb	$0x50, BLOCK		/* is there flash? The cleared status reads 0. */
	movb	$0x70, BLOCK
	mov	BLOCK, %bl
	movb	$0xff, BLOCK
	mov	$status, %esi
	call	say

	mov	$BLOCK, %edi		/* as many starts as there are bytes 0 */
1:	cmpb	$0, (%edi)
	jne	2f
	inc	%edi
	jmp	1b
2:	mov	%edi, %ebx
	sub	$BLOCK, %ebx
	mov	$count, %esi
	call	say
	movb	$0x10, (%edi)
	movb	$0, (%edi)
	mov	(%edi), %bl		/* the status */
	movb	$0xff, (%edi)
	shl	$8, %ebx
	mov	(%edi), %bl
	mov	$written, %esi
	call	say

key:	mov	$COM1 + 5, %dx
	in	%dx, %al
	test	$1, %al
	jz	key
	mov	$COM1, %dx
	in	%dx, %al
	cmp	$'r', %al
	je	reset
	cmp	$'o', %al
	je	off
	cmp	$'e', %al
	je	erase
	cmp	$'p', %al
	je	program
	movzx	%al, %ebx
	mov	$echo, %esi
	call	say
	jmp	key

erase:	movb	$0x20, BLOCK
	movb	$0xd0, BLOCK
	mov	BLOCK, %bl
	movb	$0xff, BLOCK
	shl	$8, %ebx
	mov	BLOCK + 0xfff, %bl
	mov	$erased, %esi
	call	say
	jmp	key

program: movb	$0x40, BLOCK + 0x800	/* bits are cleared, and none is set */
	movb	$0x0f, BLOCK + 0x800
	movb	$0x40, BLOCK + 0x800
	movb	$0xfc, BLOCK + 0x800
	movb	$0xff, BLOCK
	mov	BLOCK + 0x800, %bl
	mov	$both, %esi
	call	say
	jmp	key

reset:	mov	$0xcf9, %dx
	mov	$0x02, %al
	out	%al, %dx
	mov	$0x06, %al
	out	%al, %dx
	jmp	.
off:	mov	$0x604, %dx		/* SLP_TYP 5 and SLP_EN in the PM1 control register */
	mov	$0x3400, %ax
	out	%ax, %dx
	jmp	.

/* Prints the text at ESI, BX as four hexadecimal digits, and the end of the line. */
say:	lodsb
	test	%al, %al
	jz	3f
	call	put
	jmp	say
3:	mov	$4, %ecx
4:	rol	$4, %bx
	mov	%bl, %al
	and	$0xf, %al
	cmp	$10, %al
	sbb	$0x69, %al
	das
	call	put
	loop	4b
	mov	$'\r', %al
	call	put
	mov	$'\n', %al
put:	push	%eax
	mov	$COM1 + 5, %dx
5:	in	%dx, %al
	test	$0x20, %al
	jz	5b
	pop	%eax
	mov	$COM1, %dx
	out	%al, %dx
	ret

status:	.asciz	"FLASH status "
count:	.asciz	"COUNT "
written: .asciz	"WRITTEN "
erased:	.asciz	"ERASED "
both:	.asciz	"BOTH "
echo:	.asciz	"KEY "

	.balign	8
gdt:	.quad	0
	.quad	0x00cf9b000000ffff
	.quad	0x00cf93000000ffff
gdtr:	.word	23
	.long	gdt

	.code16
real:	cli
	lgdtl	%cs:(gdtr - start)
	mov	%cr0, %eax
	or	$1, %al
	mov	%eax, %cr0
	ljmpl	$8, $start

	.org	0xfff0
	jmp	real			/* where a processor begins */
	.org	0x10000
