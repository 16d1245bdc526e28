/* SPDX-License-Identifier: MIT */
/* What realmode.c runs below 64 KiB; every address here is relative to real_start. */
#define AT 0x7000
#define LAPIC_VERSION_AT 0xfee00030
#define CR0_PE 1
#define PIC_MASTER_IRQ0 0x20
#define TICKS 0x46c /* the counter of ticks in the BIOS data area */

	.text
	.code32
/* void real_enter(u32 address): through 16-bit protected mode, as in SDM vol. 3, 10.9.2 */
	.globl real_enter
real_enter:
	push %ebx
	push %esi
	push %edi
	push %ebp
	pushf
	mov %esp, saved_stack
	sidt saved_idt
	lidt AT + real_idt - real_start
	ljmp $0x38, $AT + (enter_16 - real_start)

	.globl real_return
real_return:
	mov $0x10, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	mov %eax, %fs
	mov %eax, %gs
	mov saved_stack, %esp
	lidt saved_idt
	popf
	pop %ebp
	pop %edi
	pop %esi
	pop %ebx
	ret

	.globl real_start, real_end
real_start:
	jmp .
	.balign 4
	/* struct results of realmode.c */
#define RESULT(offset) (AT + (offset))
	.skip 44

real_idt:
	.word 0x3ff
	.long 0
text:	.asciz "PASS real-mode-print\n"
	.balign 4

	.code16
enter_16:
	mov $0x40, %ax /* limits of 64 KiB again */
	mov %ax, %ds
	mov %ax, %es
	mov %ax, %ss
	mov %ax, %fs
	mov %ax, %gs
	mov %cr0, %eax
	and $~CR0_PE, %al
	mov %eax, %cr0
	ljmp $0, $AT + (real_mode - real_start)

real_mode:
	xor %ax, %ax
	mov %ax, %ds
	mov %ax, %es
	mov %ax, %ss
	mov %ax, %fs
	mov $AT, %sp
	cmpw $0, RESULT(44)
	je 1f
	ljmp $0xf000, $0xfff0 /* the address at which a processor begins after RESET */
1:
	/* 1. the serial port */
	mov $AT + (text - real_start), %si
1:	mov $0x3fd, %dx
2:	in %dx, %al
	test $0x20, %al
	jz 2b
	lodsb
	test %al, %al
	jz 3f
	mov $0x3f8, %dx
	out %al, %dx
	jmp 1b
3:
	/* 2. an instruction that always exits, with 32-bit operands */
	xor %eax, %eax
	cpuid
	mov %ebx, RESULT(4)

	/* uses what the firmware has left: KiB of memory, a service that does not exist, a timer */
	int $0x12
	mov %ax, RESULT(36)
	mov $0xf0f0, %ax
	clc
	int $0x15
	mov %ah, RESULT(40)
	pushf
	pop RESULT(38)
	mov TICKS, %bx
	sti
1:	hlt
	cmp TICKS, %bx
	je 1b
	cli
	movw $1, RESULT(42)
	mov $PIC_MASTER_IRQ0, %ah
	call start_pic
	mov $0xff, %al
	out %al, $0x21

	/* 3. base = selector times 16 */
	mov $0x0900, %ax
	mov %ax, %es
	movw $0x1234, %es:0x10
	mov $0x0901, %ax
	mov %ax, %gs
	mov %gs:0, %bx
	add $0x1111, %bx
	mov %bx, RESULT(8)
	xor %ax, %ax
	mov %ax, %es

	/* 4. the vector table: #DE (a fault: the handler steps over), #UD, INT n, IRQ0 */
	movw $AT + (on_divide - real_start), 0*4
	movw $0, 0*4 + 2
	movw $AT + (on_undefined - real_start), 6*4
	movw $0, 6*4 + 2
	movw $AT + (on_int - real_start), 0x80*4
	movw $0, 0x80*4 + 2
	movw $AT + (on_irq - real_start), PIC_MASTER_IRQ0*4
	movw $0, PIC_MASTER_IRQ0*4 + 2
	xor %cx, %cx
	mov $1, %ax
	xor %dx, %dx
	div %cx
	ud2
	int $0x80
	mov $0xfe, %al
	out %al, $0x21
	sti
	hlt
	cli
	movw $1, RESULT(34)
	mov $0xff, %al
	out %al, $0x21

	/* 5. flags, a 16-bit port, a string instruction */
	push $0x8d5
	popf
	pushf
	pop RESULT(20)
	mov $0x5f00, %dx
	in %dx, %ax
	mov %ax, RESULT(22)
	movw $0x5252, 0x600
	mov $0x600, %si
	mov $0x602, %di
	mov $3, %cx
	cld
	rep movsw
	mov 0x606, %ax
	mov %ax, RESULT(26)

	/* 6. FFFF:0020 is 0x100010 when A20 is on, and it always is */
	mov $0xffff, %ax
	mov %ax, %es
	mov %es:0x20, %ax
	mov %ax, RESULT(24)

	/* 7. unreal mode: DS keeps the limit of 4 GiB it got in protected mode */
	lgdtl AT + (real_gdt - real_start)
	mov %cr0, %eax
	or $CR0_PE, %al
	mov %eax, %cr0
	jmp 4f
4:	mov $0x10, %bx
	mov %bx, %ds
	and $~CR0_PE, %al
	mov %eax, %cr0
	jmp 5f
5:	xor %bx, %bx
	mov %bx, %ds
	mov $0x200000, %ebx
	movl $0xfeedface, (%ebx)
	addr32 mov 0x200000, %eax
	mov %eax, RESULT(16)
	mov $LAPIC_VERSION_AT, %ebx
	mov (%ebx), %eax
	mov %eax, RESULT(28)

	/* 8. back */
	mov %cr0, %eax
	or $CR0_PE, %al
	mov %eax, %cr0
	ljmpl $0x18, $real_return

start_pic: /* the master, with IRQ 0 at vector AH */
	mov $0x11, %al
	out %al, $0x20
	mov %ah, %al
	out %al, $0x21
	mov $0x04, %al
	out %al, $0x21
	mov $0x01, %al
	out %al, $0x21
	ret
on_divide:
	incw %cs:RESULT(10)
	push %bp
	mov %sp, %bp
	addw $2, 2(%bp) /* DIV has two bytes */
	pop %bp
	iret
on_undefined:
	incw %cs:RESULT(32)
	push %bp
	mov %sp, %bp
	addw $2, 2(%bp)
	pop %bp
	iret
on_int:
	incw %cs:RESULT(12)
	iret
on_irq:
	incw %cs:RESULT(14)
	push %ax
	mov $0x20, %al
	out %al, $0x20
	pop %ax
	iret
real_gdt:
	.word 0x57
	.long gdt
real_end:

	.bss
	.balign 4
saved_stack:
	.skip 4
saved_idt:
	.skip 8

	.section .note.GNU-stack, "", @progbits
