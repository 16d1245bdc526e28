/* SPDX-License-Identifier: MIT */
/*
 * The built-in guest: starts in real mode at 0x7c00, goes through protected mode to 64-bit mode,
 * prints a line on its serial port at each step, then echoes keys. It waits in HLT for the port's
 * interrupt; 'q' powers the VM off by ACPI.
 */
#define COM1 0x3f8
#define RBR  (COM1 + 0) /* read: byte received; write: byte to send */
#define IER  (COM1 + 1)
#define FCR  (COM1 + 2)
#define LCR  (COM1 + 3)
#define MCR  (COM1 + 4)
#define LSR  (COM1 + 5)

#define PIC_MASTER 0x20
#define PIC_SLAVE  0xa0
#define PIC_EOI    0x20
/* the vector of the first of the master interrupt controller's eight inputs */
#define VECTORS    0x20
#define SERIAL_IRQ 4

#define PIT_CONTROL 0x43

#define PM1_CONTROL 0x604
#define S5_AND_GO   ((5 << 10) | (1 << 13)) /* power off: SLP_TYP 5, SLP_EN (ACPI 6.4, 4.8.3.2) */

/* free RAM for the stack */
#define STACK  0x7c00
#define TABLES 0x20000 /* the address of PML4, PDPT and page directory, which map the first 2 MiB */
#define IDT    0x30000

#define CODE32 0x08
#define DATA32 0x10
#define CODE64 0x18

	.section .text
	.code16
	.globl demo_start
demo_start:
	/* 1. Real mode: set up a stack and the serial port, print a line. */
	cli
	cld
	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movw	$STACK, %sp

	movw	$FCR, %dx
	movb	$0x07, %al /* the FIFO control: FIFOs on and empty, interrupt at each byte */
	outb	%al, %dx
	movw	$LCR, %dx
	movb	$0x03, %al		/* the line control: 8 data bits, no parity, 1 stop bit */
	outb	%al, %dx
	movw	$hello16, %si
	call	print16

	/* 2. Enter protected mode. */
	lgdtl	gdt_register
	movl	%cr0, %eax
	orl	$1, %eax
	movl	%eax, %cr0
	ljmpl	$CODE32, $start32

print16:
	lodsb
	testb	%al, %al
	jz	1f
	movb	%al, %bl
	movw	$LSR, %dx
2:	inb	%dx, %al
	testb	$0x20, %al
	jz	2b
	movb	%bl, %al
	movw	$RBR, %dx
	outb	%al, %dx
	jmp	print16
1:	ret

	.code32
start32:
	movw	$DATA32, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movl	$STACK, %esp
	movl	$hello32, %esi
	call	print

	/* 3. Fill the tables: the first 2 MiB are mapped at their own address. */
	movl	$TABLES, %edi
	xorl	%eax, %eax
	movl	$(3 * 4096 / 4), %ecx
	rep stosl
	movl	$(TABLES + 0x1000 + 3), TABLES
	movl	$(TABLES + 0x2000 + 3), TABLES + 0x1000
	movl	$0x83, TABLES + 0x2000

	/* 4. Enter long mode: PAE, the tables, EFER.LME, paging (SDM vol. 3, 10.8.5). */
	movl	%cr4, %eax
	orl	$0x20, %eax
	movl	%eax, %cr4
	movl	$TABLES, %eax
	movl	%eax, %cr3
	movl	$0xc0000080, %ecx
	rdmsr
	orl	$0x100, %eax
	wrmsr
	movl	%cr0, %eax
	orl	$0x80000000, %eax
	movl	%eax, %cr0
	ljmp	$CODE64, $start64

/* Prints the text at ESI; these instructions are the same in 32-bit and 64-bit mode. */
print:
	lodsb
	testb	%al, %al
	jz	1f
	call	put
	jmp	print
1:	ret

put:
	movb	%al, %bl
	movl	$LSR, %edx
2:	inb	%dx, %al
	testb	$0x20, %al
	jz	2b
	movb	%bl, %al
	movl	$RBR, %edx
	outb	%al, %dx
	ret

	.code64
start64:
	movl	$STACK, %esp
	movl	$hello64, %esi
	call	print

	/* 5. Make an IDT with one entry, a 64-bit interrupt gate to the serial port's handler. */
	movl	$IDT, %edi
	xorl	%eax, %eax
	movl	$(256 * 16 / 4), %ecx
	rep stosl
	movl	$IDT + (VECTORS + SERIAL_IRQ) * 16, %edi
	movl	$serial_interrupt, %eax
	movw	%ax, (%rdi)
	movw	$CODE64, 2(%rdi)
	movw	$0x8e00, 4(%rdi)
	shrl	$16, %eax
	movw	%ax, 6(%rdi)
	lidt	idt_register

	/*
	 * 6. Set up the interrupt controllers: vectors, cascade, 8086 mode, only the serial port
	 * unmasked; and stop the timer, which firmware leaves running.
	 */
	movl	$init_sequence, %esi
3:	movzwl	(%rsi), %edx
	movb	2(%rsi), %al
	outb	%al, %dx
	addl	$3, %esi
	cmpl	$init_sequence_end, %esi
	jne	3b

	/*
	 * 7. Wait for keys. STI and HLT follow each other directly, so that no interrupt falls
	 * between them.
	 */
4:	sti
	hlt
	cli
5:	movl	$LSR, %edx
	inb	%dx, %al
	testb	$1, %al
	jz	4b
	movl	$RBR, %edx
	inb	%dx, %al
	cmpb	$'q', %al
	je	power_off
	movb	%al, pressed_key
	cmpb	$' ', %al
	jae	6f
	movb	$'?', pressed_key	/* control characters are not echoed */
6:	movl	$pressed, %esi
	call	print
	jmp	5b

power_off:
	movl	$goodbye, %esi
	call	print
	movl	$PM1_CONTROL, %edx
	movw	$S5_AND_GO, %ax
	outw	%ax, %dx
7:	hlt
	jmp	7b

/* Acknowledges the serial port's interrupt; the loop above reads the byte. */
serial_interrupt:
	pushq	%rax
	movb	$PIC_EOI, %al
	outb	%al, $PIC_MASTER
	popq	%rax
	iretq

/* Pairs of an I/O port and a byte to be written to it. */
init_sequence:
	.word	PIC_MASTER
	.byte	0x11			/* ICW1: edge, cascade, ICW4 follows */
	.word	PIC_MASTER + 1
	.byte	VECTORS
	.word	PIC_MASTER + 1
	.byte	0x04			/* the slave is at the master's input 2 */
	.word	PIC_MASTER + 1
	.byte	0x01			/* 8086 mode */
	.word	PIC_MASTER + 1
	.byte	0xff & ~(1 << SERIAL_IRQ)
	.word	PIC_SLAVE + 1
	.byte	0xff
	.word	PIT_CONTROL
	.byte	0x30 /* channel 0 of the timer: mode 0, and no count, so it is quiet */
	.word	MCR
	/*
	 * DTR, RTS, and OUT2, which connects the serial port's interrupt to the interrupt
	 * controller
	 */
	.byte	0x0b
	.word	IER
	.byte	0x01			/* the serial port interrupts for each received byte */
init_sequence_end:

	.balign	8
gdt:
	.quad	0
	.quad	0x00cf9b000000ffff	/* CODE32: flat, a segment of 32 bits */
	.quad	0x00cf93000000ffff	/* DATA32: data for the 32-bit code */
	.quad	0x00af9b000000ffff	/* CODE64: a code segment of 64-bit mode (L) */
gdt_register:
	.word	gdt_register - gdt - 1
	.long	gdt
idt_register:
	.word	256 * 16 - 1
	.quad	IDT

hello16:
	.asciz	"\r\nSkerry demonstration guest: hello from real mode\r\n"
hello32:
	.asciz	"hello from protected mode\r\n"
hello64:
	.asciz	"hello from 64-bit mode\r\npress keys; 'q' powers off\r\n"
pressed:
	.ascii	"you pressed '"
pressed_key:
	.asciz	"?'\r\n"
goodbye:
	.asciz	"good bye\r\n"
