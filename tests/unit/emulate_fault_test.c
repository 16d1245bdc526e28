/* SPDX-License-Identifier: MIT */
/* What a process cannot show natively: faults, segments, 16- and 32-bit code, string port I/O. */
#include "tests/unit/emulate_machine.h"

static struct machine machine;
static struct vcpu_page *const page = &machine.page;
static struct vcpu_event event;

static int reset(void **state)
{
	machine_init(&machine);
	page->gpr[GPR_RBX] = DATA_GVA + 0x100;
	page->gpr[GPR_RSP] = DATA_GVA + 0x800;
	page->gpr[GPR_RBP] = DATA_GVA + 0x400;
	return 0;
}

/* Puts the instruction at CS:RIP, at an offset of the code, and runs it. */
static enum emulate_result run_at(u64 offset, const char *bytes, u32 count)
{
	machine_put_code(&machine, offset, (const u8 *)bytes, count);
	return emulate(&machine.emulator, &event);
}

#define RUN(bytes) run_at(0, bytes, sizeof(bytes) - 1)

static void assert_fault(enum emulate_result result, u8 vector, s64 error_code)
{
	assert_int_equal(result, EMULATE_FAULT);
	assert_int_equal(event.valid, 1);
	assert_int_equal(event.type, EVENT_EXCEPTION);
	assert_int_equal(event.vector, vector);
	assert_int_equal(event.has_error_code, error_code >= 0);
	if (error_code >= 0)
		assert_int_equal(event.error_code, error_code);
	assert_int_equal(machine.reads + machine.writes, 0);
}

static void test_page_faults(void **state)
{
	u64 rsp = page->gpr[GPR_RSP];

	machine_map(&machine, DATA_GVA, 0);
	assert_fault(RUN("\x8b\x03"), VECTOR_PF, PF_ERROR_U); /* MOV EAX, [RBX] */
	assert_int_equal(page->cr2, DATA_GVA + 0x100);
	assert_true(page->dirty & VCPU_CONTROL);
	assert_int_equal(page->rip, CODE_GVA);
	assert_fault(RUN("\x01\x03"), VECTOR_PF, PF_ERROR_U | PF_ERROR_W); /* ADD [RBX], EAX */

	machine_map(&machine, DATA_GVA, DATA_GPA | PTE_P | PTE_U);
	assert_fault(RUN("\x89\x03"), VECTOR_PF, PF_ERROR_U | PF_ERROR_W | PF_ERROR_P);
	assert_int_equal(RUN("\x39\x03"), EMULATE_DONE); /* CMP only reads */

	/* POP to an unwritable page: RSP is as before */
	page->rip = CODE_GVA;
	assert_fault(RUN("\x8f\x03"), VECTOR_PF, PF_ERROR_U | PF_ERROR_W | PF_ERROR_P);
	assert_int_equal(page->gpr[GPR_RSP], rsp);
}

/* The second page of an operand faults with its own address, and the device is not touched. */
static void test_page_fault_across(void **state)
{
	machine_set_device_pages(&machine, 1);
	machine_map(&machine, DATA_GVA + PAGE_SIZE, 0);
	page->gpr[GPR_RBX] = DATA_GVA + PAGE_SIZE - 3;
	assert_fault(RUN("\x48\x87\x03"), VECTOR_PF, PF_ERROR_U | PF_ERROR_W); /* XCHG */
	assert_int_equal(page->cr2, DATA_GVA + PAGE_SIZE);
	assert_fault(RUN("\x48\x0f\xbb\x0b"), VECTOR_PF, PF_ERROR_U | PF_ERROR_W); /* BTC */
}

static void test_fetch_faults(void **state)
{
	machine_map(&machine, CODE_GVA + PAGE_SIZE, 0);
	page->rip = CODE_GVA + PAGE_SIZE - 2;
	assert_int_equal(run_at(PAGE_SIZE - 2, "\x8b\x03", 2), EMULATE_DONE);
	page->rip = CODE_GVA + PAGE_SIZE - 2;
	assert_fault(run_at(PAGE_SIZE - 2, "\x8b\x43", 2), VECTOR_PF, PF_ERROR_U | PF_ERROR_I);
	assert_int_equal(page->cr2, CODE_GVA + PAGE_SIZE);

	machine_map(&machine, CODE_GVA, CODE_GPA | PTE_P | PTE_U | PTE_NX);
	page->rip = CODE_GVA;
	assert_fault(RUN("\x8b\x03"), VECTOR_PF, PF_ERROR_U | PF_ERROR_I | PF_ERROR_P);
	machine_map(&machine, CODE_GVA, DEVICE_GPA | PTE_P | PTE_U);
	assert_int_equal(RUN("\x8b\x03"), EMULATE_UNSUPPORTED);
	page->rip = 1ull << 47;
	assert_fault(emulate(&machine.emulator, &event), VECTOR_GP, 0);
}

static void test_protection_faults(void **state)
{
	machine_set_device_pages(&machine, 3);
	page->gpr[GPR_RBX] = 1ull << 47;
	assert_fault(RUN("\x8b\x03"), VECTOR_GP, 0);
	page->gpr[GPR_RBX] = (1ull << 47) - 2; /* its end is past */
	assert_fault(RUN("\x8b\x03"), VECTOR_GP, 0);
	page->gpr[GPR_RBP] = 1ull << 47;
	assert_fault(RUN("\x8b\x45\x00"), VECTOR_SS, 0);
	page->gpr[GPR_R13] = 1ull << 47; /* no stack register */
	assert_fault(RUN("\x41\x8b\x45\x00"), VECTOR_GP, 0);

	page->gpr[GPR_RBX] = DATA_GVA + 8;
	assert_fault(RUN("\x48\x0f\xc7\x0b"), VECTOR_GP, 0); /* CMPXCHG16B, not aligned */
	/* 16 bytes */
	assert_fault(RUN("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x8b\x03"),
		     VECTOR_GP, 0);

	machine_set_device_pages(&machine, 0);
	machine_data(&machine, 0)[14] = 0x80; /* JMP [RBX + 1] to a non-canonical address */
	assert_fault(RUN("\xff\x63\x01"), VECTOR_GP, 0);
	assert_int_equal(page->rip, CODE_GVA);
}

static void test_invalid_opcodes(void **state)
{
	assert_fault(RUN("\xf0\x8b\x03"), VECTOR_UD, -1);         /* LOCK MOV */
	assert_fault(RUN("\xf0\x01\xc3"), VECTOR_UD, -1);         /* LOCK ADD EBX, EAX */
	assert_fault(RUN("\xf0\x39\x03"), VECTOR_UD, -1);         /* LOCK CMP */
	assert_fault(RUN("\xf0\x03\x03"), VECTOR_UD, -1);         /* LOCK ADD EAX, [RBX] */
	assert_fault(RUN("\xf0\x83\x3b\x01"), VECTOR_UD, -1);     /* LOCK CMP, immediate */
	assert_fault(RUN("\xf0\x0f\xba\x23\x01"), VECTOR_UD, -1); /* LOCK BT */
	assert_fault(RUN("\xf0\x0f\xb6\x03"), VECTOR_UD, -1);     /* LOCK MOVZX */
	assert_fault(RUN("\xf0\xf6\x03\x01"), VECTOR_UD, -1);     /* LOCK TEST */
	assert_fault(RUN("\xf0\xff\x33"), VECTOR_UD, -1);         /* LOCK PUSH */
	assert_fault(RUN("\x0f\xc3\xc3"), VECTOR_UD, -1);         /* MOVNTI to a register */
	assert_fault(RUN("\x8f\x23"), VECTOR_UD, -1);             /* group 1A, only /0 is POP */
	assert_fault(RUN("\x8c\x33"), VECTOR_UD, -1);             /* MOV [RBX], segment 6 */
	assert_fault(RUN("\x06"), VECTOR_UD, -1);                 /* PUSH ES in 64-bit mode */
	assert_int_equal(RUN("\xf0\x01\x03"), EMULATE_DONE);
}

static void test_unsupported(void **state)
{
	assert_int_equal(RUN("\x0f\x11\x03"), EMULATE_UNSUPPORTED);     /* MOVUPS */
	assert_int_equal(RUN("\xf3\x0f\x6f\x03"), EMULATE_UNSUPPORTED); /* MOVDQU */
	assert_int_equal(RUN("\xc5\xfa\x7f\x07"), EMULATE_UNSUPPORTED); /* VMOVDQU */
	assert_int_equal(RUN("\xd9\x03"), EMULATE_UNSUPPORTED);         /* FLD */
	assert_int_equal(RUN("\x0f\x00\x23"), EMULATE_UNSUPPORTED);     /* VERR */
	assert_int_equal(page->rip, CODE_GVA);
	assert_int_equal(page->dirty, 0);
	/* the bytes for a message */
	assert_memory_equal(machine.emulator.bytes, "\x0f\x00\x23", 3);
}

/* CLFLUSH, CLFLUSHOPT, CLWB: a device has no cache lines. */
static void test_hints(void **state)
{
	machine_set_device_pages(&machine, 3);
	assert_int_equal(RUN("\x0f\xae\x3b"), EMULATE_DONE);
	page->rip = CODE_GVA;
	assert_int_equal(RUN("\x66\x0f\xae\x3b"), EMULATE_DONE);
	page->rip = CODE_GVA;
	assert_int_equal(RUN("\x66\x0f\xae\x33"), EMULATE_DONE);
	page->rip = CODE_GVA;
	assert_int_equal(RUN("\x0f\xae\x33"), EMULATE_UNSUPPORTED); /* XSAVEOPT */
	assert_int_equal(RUN("\xf3\x0f\xae\x33"), EMULATE_UNSUPPORTED);
	assert_int_equal(machine.reads + machine.writes, 0);
}

/* Interrupt shadow and RF end with the instruction; a single step traps behind it. */
static void test_retire(void **state)
{
	page->shadow = SHADOW_STI | SHADOW_NMI;
	page->rflags |= RFLAGS_RF | RFLAGS_TF;
	page->valid = VCPU_DEBUG;
	assert_int_equal(RUN("\x8b\x03"), EMULATE_DONE);
	assert_int_equal(page->rip, CODE_GVA + 2);
	assert_int_equal(page->shadow, SHADOW_NMI);
	assert_int_equal(page->rflags & RFLAGS_RF, 0);
	assert_int_equal(event.valid, 1);
	assert_int_equal(event.vector, VECTOR_DB);
	assert_int_equal(event.has_error_code, 0);
	assert_int_equal(page->dr[6], BIT(14));
	assert_int_equal(page->dirty, VCPU_RIP | VCPU_DEBUG);
}

/* 64-bit mode: only FS and GS have a base. POP's address counts from the new RSP. */
static void test_long_mode_segments(void **state)
{
	u32 value = 0x12345678;
	u64 word = 0x1122334455667788;

	memcpy(machine_data(&machine, 0) + 0x140, &value, 4);
	page->segment[SEG_DS].base = 0x1000;
	page->segment[SEG_GS].base = 0x40;
	assert_int_equal(RUN("\x65\x8b\x03"), EMULATE_DONE);
	assert_int_equal(page->gpr[GPR_RAX], value);
	page->rip = CODE_GVA;
	assert_int_equal(RUN("\x2e\x8b\x43\x40"), EMULATE_DONE); /* CS: is nothing */
	assert_int_equal(page->gpr[GPR_RAX], value);

	memcpy(machine_data(&machine, 0) + 0x800, &word, 8);
	page->rip = CODE_GVA;
	assert_int_equal(RUN("\x8f\x44\x24\x08"), EMULATE_DONE); /* POP [RSP + 8] */
	assert_int_equal(page->gpr[GPR_RSP], DATA_GVA + 0x808);
	assert_memory_equal(machine_data(&machine, 0) + 0x810, &word, 8);
}

/* The exit's own translation is used where it fits the operand, and only there. */
static void test_exit_place(void **state)
{
	machine_map(&machine, DATA_GVA, 0);
	page->exit = (struct vcpu_exit){.reason = EXIT_MEMORY,
					.gpa = DEVICE_GPA + 0x100,
					.access = ACCESS_READ};
	machine.device[0x100] = 0x42;
	assert_int_equal(RUN("\x8a\x03"), EMULATE_DONE); /* MOV AL, [RBX] */
	assert_int_equal(page->gpr[GPR_RAX], 0x42);
	machine.reads = 0;
	page->rip = CODE_GVA;
	assert_fault(RUN("\x88\x03"), VECTOR_PF, PF_ERROR_U | PF_ERROR_W); /* it was no write */
	assert_fault(RUN("\x8a\x43\x01"), VECTOR_PF, PF_ERROR_U);         /* elsewhere */
	page->exit.access |= ACCESS_TABLE_WALK;
	assert_fault(RUN("\x8a\x03"), VECTOR_PF, PF_ERROR_U);
	page->exit.access = ACCESS_READ | ACCESS_WRITE;
	page->gpr[GPR_RBX] = DATA_GVA + PAGE_SIZE - 1;
	page->exit.gpa = DEVICE_GPA + PAGE_SIZE - 1;
	assert_fault(RUN("\x66\x89\x03"), VECTOR_PF, PF_ERROR_U | PF_ERROR_W); /* crosses */
}

/* A REP that faults keeps what it has done. */
static void test_string_fault(void **state)
{
	machine_set_device_pages(&machine, 1);
	machine_map(&machine, DATA_GVA + PAGE_SIZE, 0);
	page->gpr[GPR_RDI] = DATA_GVA + PAGE_SIZE - 8;
	page->gpr[GPR_RCX] = 5;
	page->gpr[GPR_RAX] = 0xa5a5a5a5;
	assert_int_equal(RUN("\xf3\xab"), EMULATE_FAULT);
	assert_int_equal(event.vector, VECTOR_PF);
	assert_int_equal(page->cr2, DATA_GVA + PAGE_SIZE);
	assert_int_equal(page->gpr[GPR_RCX], 3);
	assert_int_equal(page->gpr[GPR_RDI], DATA_GVA + PAGE_SIZE);
	assert_int_equal(page->rip, CODE_GVA);
	assert_int_equal(machine.writes, 2);
	assert_true(page->dirty & VCPU_RIP);
	assert_int_equal(machine.device[PAGE_SIZE - 1], 0xa5);
}

/*
 * A REP is done in bounded parts. Between them interrupts may come, and find RF set, so that a
 * breakpoint on the instruction is not met twice.
 */
static void test_string_chunks(void **state)
{
	page->gpr[GPR_RDI] = DATA_GVA;
	page->gpr[GPR_RCX] = 600;
	page->shadow = SHADOW_STI | SHADOW_NMI;
	assert_int_equal(RUN("\xf3\xaa"), EMULATE_AGAIN);
	assert_int_equal(page->gpr[GPR_RCX], 600 - STRING_CHUNK);
	assert_int_equal(page->rip, CODE_GVA);
	assert_int_equal(page->rflags & RFLAGS_RF, RFLAGS_RF);
	assert_int_equal(page->shadow, SHADOW_NMI);
	assert_int_equal(RUN("\xf3\xaa"), EMULATE_AGAIN);
	assert_int_equal(RUN("\xf3\xaa"), EMULATE_DONE);
	assert_int_equal(page->gpr[GPR_RDI], DATA_GVA + 600);
	assert_int_equal(page->rip, CODE_GVA + 2);
	assert_int_equal(page->rflags & RFLAGS_RF, 0);
}

static void test_string_stepped(void **state)
{
	page->gpr[GPR_RDI] = DATA_GVA;
	page->gpr[GPR_RCX] = 2;
	page->shadow = SHADOW_MOV_SS;
	page->rflags |= RFLAGS_TF;
	assert_int_equal(RUN("\xf3\xaa"), EMULATE_FAULT);
	assert_int_equal(event.vector, VECTOR_DB);
	assert_int_equal(page->gpr[GPR_RCX], 1);
	assert_int_equal(page->rip, CODE_GVA);
	assert_int_equal(page->rflags & RFLAGS_RF, RFLAGS_RF);
	assert_int_equal(page->shadow, 0);
	assert_int_equal(RUN("\xf3\xaa"), EMULATE_DONE);
	assert_true(event.valid && event.vector == VECTOR_DB);
	assert_int_equal(page->rflags & RFLAGS_RF, 0);
}

/* Addresses of compatibility mode have 32 bits, also where an instruction crosses their end. */
static void test_fetch_wraps(void **state)
{
	page->segment[SEG_CS].access = 0xc0fb;
	page->segment[SEG_CS].base = (u32)(0xfffff000 - CODE_GVA);
	for (u64 level = 0; level < 3; level++) /* the last page is the first one of code */
		for (u64 index = 0; index < 2; index++)
			machine_entry(&machine, TABLES_GPA + level * PAGE_SIZE,
				      index == 0 ? 0 : 0xfffff000ul >> (39 - 9 * level) & 511,
				      (TABLES_GPA + (level + 1) * PAGE_SIZE) | PTE_P | PTE_U);
	machine_map(&machine, 0xfffff000, CODE_GPA | PTE_P | PTE_U);
	machine_map(&machine, 0, (CODE_GPA + 2 * PAGE_SIZE) | PTE_P | PTE_U);
	page->rip = CODE_GVA + PAGE_SIZE - 1;
	assert_int_equal(run_at(PAGE_SIZE - 1, "\x8b\x05\x00\x01\x00\x10", 6), EMULATE_DONE);
	assert_int_equal(page->rip, CODE_GVA + PAGE_SIZE + 5);
}

/* Real mode, code at 3000:0, data at 2000:0. */
static void enter_real_mode(void)
{
	page->cr0 = page->cr4 = page->efer = 0;
	page->rip = 0;
	for (u32 i = 0; i < SEG_COUNT; i++)
		page->segment[i] = (struct vcpu_segment_state){
			.base = DATA_GPA, .limit = 0xffff, .access = 0x93, .selector = 0x2000};
	page->segment[SEG_CS].base = CODE_GPA;
	page->segment[SEG_SS].base = DATA_GPA + 0x2000;
	page->segment[SEG_ES].base = DEVICE_GPA;
}

static void test_real_mode(void **state)
{
	u8 *ram = machine.ram + DATA_GPA;

	enter_real_mode();
	page->gpr[GPR_RBX] = 0xabc0ff00;
	page->gpr[GPR_RSI] = 0x0234;
	page->gpr[GPR_RBP] = 0xfffe;
	page->gpr[GPR_RAX] = 0x55667788;
	assert_int_equal(RUN("\x89\x00"), EMULATE_DONE); /* MOV [BX + SI], AX wraps to 0134 */
	assert_memory_equal(ram + 0x134, "\x88\x77\x00", 3);
	assert_int_equal(page->rip, 2);
	page->rip = 0;
	assert_int_equal(RUN("\x66\x89\x46\x10"), EMULATE_DONE); /* MOV [BP + 10], EAX: SS:000e */
	assert_memory_equal(ram + 0x200e, "\x88\x77\x66\x55", 4);
	page->rip = 0;
	assert_int_equal(RUN("\x26\x88\x26\x05\x00"), EMULATE_DONE); /* MOV ES:[5], AH */
	assert_int_equal(machine.device[5], 0x77);
	page->rip = 0;
	assert_int_equal(RUN("\x67\x8b\x83\x05\x01\x40\x54"), EMULATE_FAULT); /* past the limit */
	assert_int_equal(event.vector, VECTOR_GP);
	assert_int_equal(event.has_error_code, 0); /* none in real mode */
	assert_int_equal(RUN("\x8b\x46\x01"), EMULATE_FAULT); /* MOV AX, [BP + 1]: SS:ffff */
	assert_int_equal(event.vector, VECTOR_SS);
}

static void test_stack_16(void **state)
{
	enter_real_mode();
	page->gpr[GPR_RSP] = 0x12340000;
	machine.ram[DATA_GPA + 0x10] = 0x99;
	assert_int_equal(RUN("\xff\x36\x10\x00"), EMULATE_DONE); /* PUSH [10]: to SS:fffe */
	assert_int_equal(page->gpr[GPR_RSP], 0x1234fffe);
	assert_int_equal(machine.ram[DATA_GPA + 0x2000 + 0xfffe], 0x99);
}

/* Only a branch cuts EIP to the operand size: what runs off the end of a segment faults there. */
static void test_end_of_segment(void **state)
{
	u8 *code = machine.ram + 0x10000;

	enter_real_mode();
	page->segment[SEG_CS].base = 0x10000;
	page->rip = 0xfffe;
	memcpy(code + 0xfffe, "\x88\x07\x90", 3); /* MOV [BX], AL */
	assert_int_equal(emulate(&machine.emulator, &event), EMULATE_DONE);
	assert_int_equal(page->rip, 0x10000);
	assert_int_equal(emulate(&machine.emulator, &event), EMULATE_FAULT);
	assert_int_equal(event.vector, VECTOR_GP);
	page->segment[SEG_CS].limit = 0xffffffff; /* as it was in protected mode */
	memcpy(code + 0x10000, "\x88\x07", 2);
	assert_int_equal(emulate(&machine.emulator, &event), EMULATE_DONE);
	assert_int_equal(page->rip, 0x10002);
	memcpy(code + 0x10002, "\xe8\x00\x00", 3); /* CALL */
	page->gpr[GPR_RSP] = 0x800;
	assert_int_equal(emulate(&machine.emulator, &event), EMULATE_DONE);
	assert_int_equal(page->rip, 5);
	page->rip = 0xffff; /* it would end behind the segment */
	code[0xffff] = 0x88;
	page->segment[SEG_CS].limit = 0xffff;
	assert_int_equal(emulate(&machine.emulator, &event), EMULATE_FAULT);
	assert_int_equal(event.vector, VECTOR_GP);
}

static void enter_protected_mode(void)
{
	page->cr0 = CR0_PE;
	page->cr4 = page->efer = 0;
	page->rip = 0;
	for (u32 i = 0; i < SEG_COUNT; i++)
		page->segment[i] = (struct vcpu_segment_state){
			.base = DATA_GPA, .limit = 0xfff, .access = 0xc093};
	page->segment[SEG_CS] = (struct vcpu_segment_state){
		.base = CODE_GPA, .limit = 0xffff, .access = 0xc09b};
}

/* MOVNTI and BMI have operands of 4 bytes, or 8 by W: the code's size has no say. */
static void test_code_16(void **state)
{
	u8 *ram = machine.ram + DATA_GPA;

	enter_protected_mode();
	page->segment[SEG_CS].access = 0x9b;
	page->gpr[GPR_RAX] = 0x11223344;
	page->gpr[GPR_RBX] = 0x10;
	assert_int_equal(RUN("\x0f\xc3\x07"), EMULATE_DONE); /* MOVNTI [BX], EAX */
	assert_memory_equal(ram + 0x10, "\x44\x33\x22\x11\x00", 5);
	page->rip = 0;
	page->gpr[GPR_RBX] = 0x20;
	assert_int_equal(RUN("\x0f\x38\xf9\x07"), EMULATE_DONE); /* MOVDIRI [BX], EAX */
	assert_memory_equal(ram + 0x20, "\x44\x33\x22\x11\x00", 5);
	page->rip = 0;
	page->gpr[GPR_RBX] = 0x10;
	page->gpr[GPR_RCX] = 0x0f0f0f0f;
	assert_int_equal(RUN("\xc4\xe2\x70\xf2\x07"), EMULATE_DONE); /* ANDN EAX, ECX, [BX] */
	assert_int_equal(page->gpr[GPR_RAX], 0x10203040);
	/* the bit that would make R9 of it is ignored */
	page->rip = 0;
	page->gpr[GPR_R8 + 1] = 0xffffffff;
	page->gpr[GPR_RAX] = 0;
	assert_int_equal(RUN("\xc4\xe2\x30\xf2\x07"), EMULATE_DONE);
	assert_int_equal(page->gpr[GPR_RAX], 0x10203040);
}

static void test_protected_segments(void **state)
{
	enter_protected_mode();
	page->gpr[GPR_RBX] = 0xffc;
	assert_int_equal(RUN("\x8b\x03"), EMULATE_DONE);
	page->rip = 0;
	page->gpr[GPR_RBX] = 0xffd;
	assert_fault(RUN("\x8b\x03"), VECTOR_GP, 0);
	page->gpr[GPR_RBX] = 0x10;
	page->segment[SEG_DS].access = 0xc091; /* read-only */
	assert_fault(RUN("\x89\x03"), VECTOR_GP, 0);
	assert_int_equal(RUN("\x3b\x03"), EMULATE_DONE);
	page->rip = 0;
	assert_int_equal(RUN("\x2e\x8b\x03"), EMULATE_DONE); /* CS is readable here */
	page->rip = 0;
	assert_fault(RUN("\x2e\x89\x03"), VECTOR_GP, 0); /* and never writable */
	page->segment[SEG_CS].access = 0xc099;
	assert_fault(RUN("\x2e\x8b\x03"), VECTOR_GP, 0);
	page->segment[SEG_DS].access = SEGMENT_UNUSABLE;
	assert_fault(RUN("\x8b\x03"), VECTOR_GP, 0);
	page->segment[SEG_SS].access = 0xc097; /* expands down: 1000 to ffffffff */
	page->gpr[GPR_RBP] = 0xfff;
	assert_fault(RUN("\x8b\x45\x00"), VECTOR_SS, 0);
	page->gpr[GPR_RBP] = 0x1000;
	assert_int_equal(RUN("\x8b\x45\x00"), EMULATE_DONE);
	page->rip = 0;
	page->gpr[GPR_RBP] = 0xfffffffe;
	assert_fault(RUN("\x8b\x45\x00"), VECTOR_SS, 0);
	page->segment[SEG_CS].limit = 1; /* the instruction does not fit */
	assert_fault(RUN("\x8b\x45\x00"), VECTOR_GP, 0);
}

static enum emulate_result run_io(const char *bytes, u32 count, u8 size, u8 flags)
{
	machine_put_code(&machine, 0, (const u8 *)bytes, count);
	page->gpr[GPR_RDX] = 0x1f0;
	page->exit = (struct vcpu_exit){
		.reason = EXIT_IO,
		.io_port = 0x1f0,
		.io_size = size,
		.io_flags = flags | IO_STRING,
	};
	return emulate_io_string(&machine.emulator, &event);
}

static void test_string_input(void **state)
{
	page->gpr[GPR_RDI] = DATA_GVA + 0x10;
	page->gpr[GPR_RCX] = 3;
	assert_int_equal(run_io("\xf3\x6d", 2, 4, IO_IN | IO_REP), EMULATE_DONE);
	assert_int_equal(machine.reads, 3);
	assert_int_equal(page->gpr[GPR_RDI], DATA_GVA + 0x1c);
	assert_int_equal(page->gpr[GPR_RCX], 0);
	assert_int_equal(page->rip, CODE_GVA + 2);
	for (u32 i = 0; i < 3; i++) {
		u32 expected = 0x1f0 * 0x01010101u + i + 1;

		assert_memory_equal(machine_data(&machine, 0) + 0x10 + 4 * i, &expected, 4);
	}
	/* the port is not read when the place faults */
	machine.reads = 0;
	page->rip = CODE_GVA;
	page->gpr[GPR_RDI] = DATA_GVA - 1;
	assert_fault(run_io("\x6c", 1, 1, IO_IN), VECTOR_PF, PF_ERROR_U | PF_ERROR_W);
	/* not the instruction that the CPU has checked: the guest runs it again */
	assert_int_equal(run_io("\x6d", 1, 1, IO_IN), EMULATE_AGAIN);
	assert_int_equal(run_io("\x6c", 1, 1, 0), EMULATE_AGAIN);
	assert_int_equal(run_io("\x90", 1, 1, IO_IN), EMULATE_AGAIN);
	assert_int_equal(machine.reads, 0);
	page->gpr[GPR_RDI] = DATA_GVA;
	page->gpr[GPR_RCX] = 1000;
	assert_int_equal(run_io("\xf3\x6c", 2, 1, IO_IN | IO_REP), EMULATE_AGAIN);
	assert_int_equal(machine.reads, STRING_CHUNK);
}

static void test_string_output(void **state)
{
	memcpy(machine_data(&machine, 0) + 0x40, "\x11\x22\x33\x44", 4);
	page->segment[SEG_FS].base = 0x40;
	page->gpr[GPR_RSI] = DATA_GVA;
	page->rflags |= RFLAGS_DF;
	assert_int_equal(run_io("\x64\x66\x6f", 3, 2, 0), EMULATE_DONE); /* OUTSW FS: */
	assert_int_equal(machine.last_port_value, 0x2211);
	assert_int_equal(page->gpr[GPR_RSI], DATA_GVA - 2);
	page->rip = CODE_GVA;
	page->gpr[GPR_RCX] = 0;
	assert_int_equal(run_io("\xf3\x6e", 2, 1, IO_REP), EMULATE_DONE);
	assert_int_equal(machine.writes, 1);
}

static void test_length(void **state)
{
	struct x86_instruction in;
	u32 length = 0;

	machine_put_code(&machine, 0, (const u8 *)"\x48\x0f\x32", 3);
	assert_int_equal(emulate_instruction_length(&machine.emulator, &length, &event),
			 EMULATE_DONE);
	assert_int_equal(length, 3);
	assert_int_equal(page->rip, CODE_GVA);
	machine_put_code(&machine, 0, (const u8 *)"\x44\x0f\x22\xc3", 4); /* MOV CR8, RBX */
	assert_int_equal(emulate_decode(&machine.emulator, &in, &event), EMULATE_DONE);
	assert_int_equal(in.reg, 8);
	assert_int_equal(in.rm, GPR_RBX);
	machine_map(&machine, CODE_GVA, 0);
	assert_fault(emulate_instruction_length(&machine.emulator, &length, &event), VECTOR_PF,
		     PF_ERROR_U | PF_ERROR_I);
}

/* Any bytes in any mode: RIP moves when, and only when, an instruction was done. */
static void test_random_bytes(void **state)
{
	u64 random = 0x123456789abcdef;
	u32 done = 0;

	machine.anywhere = true;
	for (u32 i = 0; i < 300000; i++) {
		u8 bytes[16];
		u64 rip;
		enum emulate_result result;

		if (i % 100000 == 50000)
			enter_real_mode();
		else if (i % 100000 == 75000)
			enter_protected_mode();
		else if (i % 100000 == 0)
			reset(state);
		machine.anywhere = true;
		for (u32 j = 0; j < 16; j++) {
			random = random * 6364136223846793005 + 1442695040888963407;
			bytes[j] = (u8)(random >> 56);
			page->gpr[j] = random & 1 ? DATA_GVA + (random >> 50) :
						    (u64)((s64)random >> (random & 63));
		}
		rip = page->efer & EFER_LMA ? CODE_GVA : 0;
		page->rip = rip;
		page->rflags = RFLAGS_FIXED | (random >> 20 & RFLAGS_DF);
		machine_put_code(&machine, 0, bytes, 16);
		result = emulate(&machine.emulator, &event);
		assert_in_range(result, EMULATE_DONE, EMULATE_UNSUPPORTED);
		assert_int_equal(event.valid, result == EMULATE_FAULT);
		if (result == EMULATE_DONE)
			done++;
		else
			assert_int_equal(page->rip, rip);
	}
	assert_true(done > 20000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_page_faults, reset),
		cmocka_unit_test_setup(test_page_fault_across, reset),
		cmocka_unit_test_setup(test_fetch_faults, reset),
		cmocka_unit_test_setup(test_protection_faults, reset),
		cmocka_unit_test_setup(test_invalid_opcodes, reset),
		cmocka_unit_test_setup(test_unsupported, reset),
		cmocka_unit_test_setup(test_hints, reset),
		cmocka_unit_test_setup(test_retire, reset),
		cmocka_unit_test_setup(test_long_mode_segments, reset),
		cmocka_unit_test_setup(test_exit_place, reset),
		cmocka_unit_test_setup(test_string_fault, reset),
		cmocka_unit_test_setup(test_string_chunks, reset),
		cmocka_unit_test_setup(test_string_stepped, reset),
		cmocka_unit_test_setup(test_fetch_wraps, reset),
		cmocka_unit_test_setup(test_real_mode, reset),
		cmocka_unit_test_setup(test_stack_16, reset),
		cmocka_unit_test_setup(test_end_of_segment, reset),
		cmocka_unit_test_setup(test_code_16, reset),
		cmocka_unit_test_setup(test_protected_segments, reset),
		cmocka_unit_test_setup(test_string_input, reset),
		cmocka_unit_test_setup(test_string_output, reset),
		cmocka_unit_test_setup(test_length, reset),
		cmocka_unit_test_setup(test_random_bytes, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
