/* SPDX-License-Identifier: MIT */
/*
 * A boot sector for firmware in guests: says by INT 0x10 where it runs, reads the disk's second
 * sector by INT 0x13 and prints it, the clock by INT 0x1a, the memory by 0x12 and 0x15.
 * It obeys keys that it reads by INT 0x16: r resets the machine, o switches it off, others are
 * echoed. Assembled and linked flat to 0x7c00 by firmware.py.
 */
	.include "boot_macros.S"

	boot_begin
	mov	%dl, drive
	mov	$hello, %si
	call	print

	/* INT 0x13, AH 0x42: one sector, number 1, to 0x8000 */
	mov	$0x42, %ah
	mov	drive, %dl
	mov	$packet, %si
	int	$0x13
	mov	$failed, %si
	jc	2f
	mov	$0x8000, %si
2:	call	print

	mov	$0x02, %ah		/* the time: CH, CL, DH in BCD */
	int	$0x1a
	mov	$failed, %si
	jc	3f
	mov	$clock, %si
3:	call	print

	int	$0x12			/* KiB below the EBDA */
	cmp	$600, %ax
	jb	bad
	mov	$0xe820, %eax		/* the first range of the memory map */
	xor	%ebx, %ebx
	mov	$20, %ecx
	mov	$0x534d4150, %edx
	mov	$0x8200, %di
	int	$0x15
	jc	bad
	cmp	$0x534d4150, %eax
	jne	bad
	mov	$memory, %si
	jmp	4f
bad:	mov	$failed, %si
4:	call	print

key:	xor	%ah, %ah
	int	$0x16
	cmp	$'r', %al
	je	reset
	cmp	$'o', %al
	je	off
	mov	%al, echo + 4
	mov	$echo, %si
	call	print
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

	boot_print

drive:	.byte	0
hello:	.asciz	"SECTOR runs\r\n"
failed:	.asciz	"SECTOR failed\r\n"
clock:	.asciz	"CLOCK read\r\n"
memory:	.asciz	"MEMORY map read\r\n"
echo:	.asciz	"KEY x\r\n"
	.balign	4
packet:	.byte	16, 0
	.word	1, 0x8000, 0		/* sectors; offset and segment */
	.quad	1

	boot_end
