/* SPDX-License-Identifier: MIT */
/* What v8086.c runs in virtual-8086 mode: pieces that are copied to CODE_AT; INT 0x80 ends each. */
#include "tests/guest/v8086.h"

	.text
	.code32
/* void v8086_enter(const struct v8086_start *start): comes back by an exception only */
	.globl v8086_enter
v8086_enter:
	mov 4(%esp), %eax
	pushl $WINDOW_AT >> 4 /* GS and FS */
	pushl $WINDOW_AT >> 4
	pushl $RESULTS_AT >> 4 /* DS and ES */
	pushl $RESULTS_AT >> 4
	pushl $CODE_AT >> 4 /* SS:SP */
	pushl $0x1000
	pushl 4(%eax) /* EFLAGS */
	pushl $CODE_AT >> 4 /* CS:IP */
	pushl 0(%eax)
	iret

	.globl v8086_start, v8086_end
v8086_start:
	.code16
	.macro piece name
	.globl v8086_\name
v8086_\name:
	.endm

	piece segments
	movw $0x1234, 0
	mov %ds, %ax
	inc %ax
	mov %ax, %es
	mov %ds, 2
	addw $0x1111, %ds:0
	movw $0x5678, %es:0 /* lands 16 bytes on */
	int $0x80

	piece cpuid
	xor %eax, %eax
	cpuid
	mov %ebx, 0
	int $0x80

	/* the 64-KiB limit: a word at 0xffff */
	piece limit
	mov $0xffff, %bx
	mov (%bx), %ax
	int $0x80

	piece string
	movl $0x44332211, 0
	mov $0, %si
	mov $0x10, %di
	mov $4, %cx
	cld
	rep movsb
	int $0x80

	piece sensitive
	cli
	int $0x80

	piece flags
	pushf
	pop %ax
	mov %ax, 0
	int $0x80

	piece halt
	hlt
	int $0x80

	piece port
	mov $0x510, %dx
	xor %ax, %ax
	out %ax, %dx
	inc %dx
	mov $0, %di
	mov $4, %cx
	cld
	rep insb
	int $0x80

	piece port_refused
	mov $0x80, %dx
	in %dx, %al
	int $0x80

	piece outs
	mov $0, %si
	mov $0x3f8, %dx
	cld
	outsb
	outsb
	int $0x80

	/* GS:0x30 is the local APIC's version, GS:0x380 its timer's initial count */
	piece device
	mov %gs:0x30, %eax
	mov %eax, 0
	movl $0x1000000, %gs:0x380
	orl $0x800000, %gs:0x380
	mov $0x380, %si
	mov $4, %di
	cld
	movsl %gs:(%si), %es:(%di)
	int $0x80

	/* waits until an interrupt handler has written there */
	piece wait
	cmpw $0, 0
	je v8086_wait
	int $0x80

	/* runs with TF set: a trap comes after each instruction, one of which exits */
	piece step
	xor %eax, %eax
	cpuid
	nop
	int $0x80
v8086_end:

	.section .note.GNU-stack, "", @progbits
