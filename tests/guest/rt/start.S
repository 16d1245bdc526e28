/* SPDX-License-Identifier: MIT */
/*
 * Start of a tiny guest: Multiboot 1 enters here in 32-bit protected mode, paging off. 64-bit
 * guests go on to long mode with the first 4 GiB mapped one to one; 32-bit guests stay without
 * paging.
 */
#define MULTIBOOT_MAGIC 0x1badb002
#define MULTIBOOT_FLAGS 0x10002 /* address fields, memory information */

	.section .multiboot, "a"
	.balign 4
header:
	.long MULTIBOOT_MAGIC
	.long MULTIBOOT_FLAGS
	.long -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)
	.long header, image_start, data_end, image_end, start

	.text
	.code32
	.globl start
start:
	cli
	cld
	mov $stack_top, %esp
	mov %ebx, multiboot_info
	lgdt gdt_pointer
#ifdef __x86_64__
	/* 1. four page directories of 2-MiB pages; the last GiB holds devices: uncached */
	mov $boot_directories, %edi
	mov $0x83, %eax
1:	mov %eax, (%edi)
	cmp $0xc0000000, %eax
	jb 2f
	orl $0x18, (%edi)
2:	movl $0, 4(%edi)
	add $8, %edi
	add $0x200000, %eax
	jnc 1b
	/* 2. the two levels above them */
	mov $boot_pdpt, %edi
	mov $boot_directories + 3, %eax
	mov $4, %ecx
3:	mov %eax, (%edi)
	movl $0, 4(%edi)
	add $8, %edi
	add $0x1000, %eax
	loop 3b
	movl $boot_pdpt + 3, boot_pml4
	/* 3. long mode */
	mov $0x20, %eax
	mov %eax, %cr4
	mov $boot_pml4, %eax
	mov %eax, %cr3
	mov $0xc0000080, %ecx
	rdmsr
	or $0x900, %eax /* LME and NXE */
	wrmsr
	mov $0x80010033, %eax /* PG, WP, NE, ET, MP, PE */
	mov %eax, %cr0
	ljmp $0x08, $4f
	.code64
4:
#else
	mov $0x00000033, %eax /* NE, ET, MP, PE */
	mov %eax, %cr0
	ljmp $0x18, $4f
4:
#endif
	mov $0x10, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	xor %eax, %eax
	mov %eax, %fs
	mov %eax, %gs
	xor %ebp, %ebp
	call rt_main
5:	cli
	hlt
	jmp 5b

	.data
	.balign 16
	.globl gdt, gdt_pointer
gdt:	.quad 0
	.quad 0x00af9b000000ffff /* 08: 64-bit code */
	.quad 0x00cf93000000ffff /* 10: data */
	.quad 0x00cf9b000000ffff /* 18: 32-bit code */
	.quad 0x00affb000000ffff /* 20: 64-bit code of ring 3 */
	.quad 0x00cff3000000ffff /* 28: data of ring 3 */
	.quad 0x00cffb000000ffff /* 30: 32-bit code of ring 3 */
	.quad 0x00009b000000ffff /* 38: 16-bit code */
	.quad 0x000093000000ffff /* 40: 16-bit data */
	.quad 0x00cf13000000ffff /* 48: data, not present */
	.quad 0, 0               /* 50: task state, filled in by traps_init */
gdt_end:
gdt_pointer:
	.word gdt_end - gdt - 1
	.long gdt, 0

	.bss
	.balign 4096
#ifdef __x86_64__
	.globl boot_pml4
boot_pml4:
	.skip 4096
boot_pdpt:
	.skip 4096
boot_directories:
	.skip 4 * 4096
#endif
	.skip 16384
stack_top:

	.section .note.GNU-stack, "", @progbits
