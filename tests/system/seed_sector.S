/* SPDX-License-Identifier: MIT */
/*
 * A boot sector that shows what cloud-init would find: reads block 21 of the first CD-ROM drive by
 * INT 0x13, where user-data begins on the CD that Skerry makes, and prints it up to its first 0.
 * Assembled and linked flat to 0x7c00 by firmware.py.
 */
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
	mov	$0x42, %ah		/* one block of the drive, to 0x8000 */
	mov	$0xe0, %dl
	mov	$packet, %si
	int	$0x13
	mov	$failed, %si
	jc	2f
	mov	$0x8000, %si
	movb	$0, 0x8800
2:	call	print
	mov	$end, %si
	call	print
3:	hlt
	jmp	3b

print:	lodsb
	test	%al, %al
	jz	4f
	mov	$0x0e, %ah
	xor	%bx, %bx
	int	$0x10
	jmp	print
4:	ret

failed:	.asciz	"NO CD"
end:	.asciz	" END of user-data\r\n"
	.balign	4
packet:	.byte	16, 0, 1, 0
	.word	0x8000, 0
	.quad	21
	.org	start + 510
	.byte	0x55, 0xaa
