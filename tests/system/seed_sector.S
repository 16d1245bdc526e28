/* SPDX-License-Identifier: MIT */
/*
 * A boot sector that shows what cloud-init would find: reads block 21 of the first CD-ROM drive by
 * INT 0x13, where user-data begins on the CD that Skerry makes, and prints it up to its first 0.
 * Assembled and linked flat to 0x7c00 by firmware.py.
 */
	.include "boot_macros.S"

	boot_begin
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

	boot_print

failed:	.asciz	"NO CD"
end:	.asciz	" END of user-data\r\n"
	.balign	4
packet:	.byte	16, 0, 1, 0
	.word	0x8000, 0
	.quad	21
	boot_end
