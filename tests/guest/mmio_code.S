/* SPDX-License-Identifier: MIT */
/*
 * The instruction forms of mmio.c. RSI and RDI hold the address of a 32-bit register, RCX is 1.
 * Accesses are aligned and of 4 bytes: a local APIC need support no others (SDM vol. 3, 11.4.1).
 */
#define AF 0x10
#define OF 0x800

	.text
/* void form_run(struct registers *registers, void (*code)(void)) */
	.globl form_run
form_run:
	push %rbx
	push %rbp
	push %rdi
	mov %rsi, %rbp
	mov %rdi, %r8
	mov 0(%r8), %rax
	mov 8(%r8), %rcx
	mov 16(%r8), %rdx
	mov 24(%r8), %rbx
	mov 32(%r8), %rsi
	mov 40(%r8), %rdi
	mov 48(%r8), %r9
	push 56(%r8)
	popfq
	call *%rbp
	pop %r8
	mov %rax, 0(%r8)
	mov %rcx, 8(%r8)
	mov %rdx, 16(%r8)
	mov %rbx, 24(%r8)
	mov %rsi, 32(%r8)
	mov %rdi, 40(%r8)
	mov %r9, 48(%r8)
	pushfq
	pop 56(%r8)
	cld
	pop %rbp
	pop %rbx
	ret

	.macro form name, instruction:vararg
	form_but \name, 0, \instruction
	.endm

/* `undefined` flags are not compared */
	.macro form_but name, undefined, instruction:vararg
	.text
8:	\instruction
	ret
	.section .rodata.forms, "a"
9:	.asciz "\name"
	.section .forms, "a"
	.quad 9b, 8b, \undefined
	.text
	.endm

	form "mov-store", mov %eax, (%rdi)
	form "mov-load", mov (%rdi), %eax
	form "mov-store-r9", mov %r9d, (%rdi)
	form "mov-load-r9", mov (%rdi), %r9d
	form "mov-immediate", movl $0x11223344, (%rdi)
	form "mov-displacement-8", mov %eax, 0x40-0x40(%rdi)
	form "mov-index", mov %eax, -4(%rdi,%rcx,4)
	form "mov-index-load", mov -8(%rdi,%rcx,8), %edx
	form "mov-displacement-32", mov %edx, -0x12345678+0x12345678(%rdi)
	form "mov-ds-prefix", mov %ds:(%rdi), %edx
	form "mov-es-prefix", mov %eax, %es:(%rdi)
	form "mov-address-32", mov (%edi), %eax
	form "mov-address-32-index", mov %edx, -1(%edi,%ecx)
	form "movsxd", movslq (%rdi), %rax
	form "add-to", add %eax, (%rdi)
	form "add-from", add (%rdi), %eax
	form "add-immediate-8", addl $-3, (%rdi)
	form "add-immediate-32", addl $0x12345678, (%rdi)
	form "lock-add", lock add %edx, (%rdi)
	form "adc-to", adc %eax, (%rdi)
	form "adc-from", adc (%rdi), %edx
	form "adc-immediate", adcl $0x7f, (%rdi)
	form "sub-to", sub %edx, (%rdi)
	form "sub-from", sub (%rdi), %eax
	form "sub-immediate", subl $1, (%rdi)
	form "sbb-to", sbb %eax, (%rdi)
	form "sbb-from", sbb (%rdi), %r9d
	form_but "or-to", AF, or %eax, (%rdi)
	form_but "or-from", AF, or (%rdi), %edx
	form_but "or-immediate", AF, orl $0x100, (%rdi)
	form_but "lock-or", AF, lock orl $0x10000, (%rdi)
	form_but "and-to", AF, and %eax, (%rdi)
	form_but "and-from", AF, and (%rdi), %eax
	form_but "and-immediate", AF, andl $0xfffeffff, (%rdi)
	form_but "xor-to", AF, xor %edx, (%rdi)
	form_but "xor-from", AF, xor (%rdi), %edx
	form_but "xor-immediate", AF, xorl $-1, (%rdi)
	form "cmp-memory", cmp %eax, (%rdi)
	form "cmp-register", cmp (%rdi), %eax
	form "cmp-immediate-8", cmpl $5, (%rdi)
	form "cmp-immediate-32", cmpl $0x44332211, (%rdi)
	form_but "test-register", AF, test %eax, (%rdi)
	form_but "test-immediate", AF, testl $0x80000000, (%rdi)
	form "inc", incl (%rdi)
	form "dec", decl (%rdi)
	form "lock-inc", lock incl (%rdi)
	form "neg", negl (%rdi)
	form "not", notl (%rdi)
	form "xchg", xchg %eax, (%rdi)
	form "xchg-r9", xchg %r9d, (%rdi)
	form "xadd", xadd %edx, (%rdi)
	form "lock-xadd", lock xadd %eax, (%rdi)
	form "cmpxchg", cmpxchg %edx, (%rdi)
	form "lock-cmpxchg", lock cmpxchg %r9d, (%rdi)
	form_but "bt-immediate", AF | OF | 0x84, btl $31, (%rdi)
	form_but "bts-immediate", AF | OF | 0x84, btsl $4, (%rdi)
	form_but "btr-immediate", AF | OF | 0x84, btrl $0, (%rdi)
	form_but "btc-immediate", AF | OF | 0x84, btcl $16, (%rdi)
	form_but "bt-register", AF | OF | 0x84, bt %ecx, (%rdi)
	form_but "lock-bts-register", AF | OF | 0x84, lock bts %ecx, (%rdi)
	form_but "shl-1", AF, shll (%rdi)
	form_but "shl-immediate", AF | OF, shll $4, (%rdi)
	form_but "shr-1", AF, shrl (%rdi)
	form_but "shr-cl", AF, shrl %cl, (%rdi)
	form_but "sar-immediate", AF | OF, sarl $7, (%rdi)
	form "rol-1", roll (%rdi)
	form_but "ror-immediate", OF, rorl $8, (%rdi)
	form "rcl-1", rcll (%rdi)
	form "rcr-cl", rcrl %cl, (%rdi)
	form_but "shld", AF | OF, shld $8, %eax, (%rdi)
	form_but "shrd", AF | OF, shrd $4, %edx, (%rdi)
	form "cmovc", cmovc (%rdi), %eax
	form "cmovnc", cmovnc (%rdi), %eax
	form "cmovz", cmovz (%rdi), %r9d
	form "movnti", movnti %eax, (%rdi)
	form "movbe-load", movbe (%rdi), %eax
	form "movbe-store", movbe %edx, (%rdi)
	form "stosd", stosl
	form "rep-stosd", rep stosl
	form "lodsd", lodsl
	form "rep-lodsd", rep lodsl
	form "scasd", scasl
	form "repne-scasd", repne scasl
	form "movsd", movsl
	form "rep-movsd", rep movsl
	form "cmpsd", cmpsl
	form "repe-cmpsd", repe cmpsl
	form "std-stosd", call down
	form "nop-operand", nopl (%rdi)
	form "prefetch", prefetcht0 (%rdi)

/* RDI moves down */
down:
	std
	stosl
	cld
	ret

	.section .note.GNU-stack, "", @progbits
