/* SPDX-License-Identifier: MIT */
/* Entries of all 256 vectors, and trap_catch, which survives an exception. */
#ifdef __x86_64__
#define WORD .quad
#define DI %rdi
#else
#define WORD .long
#define DI %edi
#endif
#define WITH_ERROR_CODE ((1 << 8) | (0x1f << 10) | (1 << 17) | (1 << 21) | (3 << 29))

	.text
	.globl trap_entries
	.balign 16
trap_entries:
	.set vector, 0
	.rept 256
	.balign 16
	.if vector >= 32 || !((WITH_ERROR_CODE >> (vector & 31)) & 1)
	push $0
	.endif
	push $vector
	jmp common
	.set vector, vector + 1
	.endr

#ifdef __x86_64__
common:
	push %r15
	push %r14
	push %r13
	push %r12
	push %r11
	push %r10
	push %r9
	push %r8
	push %rdi
	push %rsi
	push %rbp
	push %rbx
	push %rdx
	push %rcx
	push %rax
	cld
	mov %rsp, %rdi
	mov %rsp, %rbp
	and $-16, %rsp
	call trap_handle
	mov %rbp, %rsp
	pop %rax
	pop %rcx
	pop %rdx
	pop %rbx
	pop %rbp
	pop %rsi
	pop %rdi
	pop %r8
	pop %r9
	pop %r10
	pop %r11
	pop %r12
	pop %r13
	pop %r14
	pop %r15
	add $16, %rsp
	iretq

/* int trap_call(void (*function)(void *), void *argument): 1 when an exception ended it */
	.globl trap_call, trap_unwind
trap_call:
	push %rbp
	push %rbx
	push %r12
	push %r13
	push %r14
	push %r15
	pushfq
	mov %rsp, trap_stack(%rip)
	mov %rdi, %rax
	mov %rsi, %rdi
	call *%rax
	xor %eax, %eax
1:	movq $0, trap_stack(%rip)
	mov $0x10, %ecx
	mov %ecx, %ds
	mov %ecx, %es
	mov %ecx, %ss
	popfq
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbx
	pop %rbp
	ret
/* Continues after trap_call's call; also from ring 3, since it does not return there. */
trap_unwind:
	mov trap_stack(%rip), %rsp
	mov $1, %eax
	jmp 1b

/* void user_enter(u64 rip, u64 stack, u64 argument): comes back by an exception only */
	.globl user_enter
user_enter:
	mov $0x2b, %eax
	push %rax
	push %rsi
	push $2
	push $0x23
	push %rdi
	mov %rdx, %rdi
	iretq
#else
common:
	push %edi
	push %esi
	push %ebp
	push %ebx
	push %edx
	push %ecx
	push %eax
	mov $0x10, %eax
	mov %eax, %ds
	mov %eax, %es
	cld
	push %esp
	call trap_handle
	add $4, %esp
	pop %eax
	pop %ecx
	pop %edx
	pop %ebx
	pop %ebp
	pop %esi
	pop %edi
	add $8, %esp
	iret

	.globl trap_call, trap_unwind
trap_call:
	mov 4(%esp), %eax
	mov 8(%esp), %edx
	push %ebp
	push %ebx
	push %esi
	push %edi
	pushf
	mov %esp, trap_stack
	push %edx
	call *%eax
	add $4, %esp
	xor %eax, %eax
1:	movl $0, trap_stack
	mov $0x10, %ecx
	mov %ecx, %ds
	mov %ecx, %es
	mov %ecx, %ss
	popf
	pop %edi
	pop %esi
	pop %ebx
	pop %ebp
	ret
trap_unwind:
	mov trap_stack, %esp
	mov $1, %eax
	jmp 1b

/* void user_enter(u32 eip, u32 stack, u32 argument) */
	.globl user_enter
user_enter:
	mov 4(%esp), %ecx
	mov 8(%esp), %edx
	mov 12(%esp), %edi
	mov $0x2b, %eax
	mov %eax, %ds
	mov %eax, %es
	push %eax
	push %edx
	push $2
	push $0x33
	push %ecx
	iret
#endif

/*
 * The code that ring 3 runs, copied to a page of its own: DI has the address, INT 0x80 reports
 * success.
 */
	.globl user_load, user_store, user_end
user_load:
	mov (DI), %al
	int $0x80
user_store:
	movb $1, (DI)
	int $0x80
user_end:

	.data
	.balign 8
	.globl trap_stack
trap_stack:
	WORD 0

	.section .note.GNU-stack, "", @progbits
