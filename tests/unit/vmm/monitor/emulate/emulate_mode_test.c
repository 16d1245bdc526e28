/* SPDX-License-Identifier: MIT */
/* 16- and 32-bit code with its segments, which a process cannot run; any bytes in any mode. */
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
	assert_int_equal(event.has_error_code, 0);	      /* real mode pushes none */
	assert_int_equal(RUN("\x8b\x46\x01"), EMULATE_FAULT); /* MOV AX, [BP + 1]: SS:ffff */
	assert_int_equal(event.vector, VECTOR_SS);
}

/* An operand that crosses the end of the address space does not wrap to 0. */
static void test_end_of_addresses(void **state)
{
	enter_real_mode();
	page->gpr[GPR_RBX] = 0xfffc;
	assert_fault(RUN("\x0f\xc7\x0f"), VECTOR_GP, -1); /* CMPXCHG8B [BX] */
	page->gpr[GPR_RBX] = 0xfffe;
	assert_fault(RUN("\xc4\x07"), VECTOR_GP, -1); /* LES AX, [BX] */
	page->gpr[GPR_RBX] = 0xffff;
	page->gpr[GPR_RAX] = 8;
	machine.ram[DATA_GPA] = 1;
	assert_int_equal(RUN("\x0f\xa3\x07"), EMULATE_FAULT); /* BT [BX], AX: a 2-byte operand */
	page->gpr[GPR_RBX] = 0xfffe;
	page->gpr[GPR_RAX] = 16; /* bit 16 is two bytes on, at 0 */
	assert_int_equal(RUN("\x0f\xa3\x07"), EMULATE_DONE);
	assert_true(page->rflags & RFLAGS_CF);

	machine_init(&machine); /* 64-bit mode: goes on past 4 GiB; the GiB below is mapped */
	machine_entry(&machine, TABLES_GPA + PAGE_SIZE, 3, PTE_PS | PTE_P | PTE_W | PTE_U);
	page->gpr[GPR_RBX] = 0xfffffffc;
	machine.anywhere = true;
	assert_fault(RUN("\x67\x0f\xc7\x0b"), VECTOR_PF, PF_ERROR_W | PF_ERROR_U);
	assert_int_equal(page->cr2, 1ull << 32);
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

/* Only a branch truncates EIP to 16 bits: running off the end of a segment faults there. */
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
	page->segment[SEG_CS].limit = 0xffffffff; /* the limit was left from protected mode */
	memcpy(code + 0x10000, "\x88\x07", 2);
	assert_int_equal(emulate(&machine.emulator, &event), EMULATE_DONE);
	assert_int_equal(page->rip, 0x10002);
	memcpy(code + 0x10002, "\xe8\x00\x00", 3); /* CALL */
	page->gpr[GPR_RSP] = 0x800;
	assert_int_equal(emulate(&machine.emulator, &event), EMULATE_DONE);
	assert_int_equal(page->rip, 5);
	page->rip = 0xffff; /* the instruction would cross the limit */
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
	page->segment[SEG_CS] =
		(struct vcpu_segment_state){.base = CODE_GPA, .limit = 0xffff, .access = 0xc09b};
}

/* MOVNTI and BMI operands have 4 bytes, or 8 with W, whatever the code segment's default size. */
static void test_code_16(void **state)
{
	u8 *ram = machine_data(&machine, 0);

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
	/* outside 64-bit mode the VEX bit that would select R9 is ignored */
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
	page->segment[SEG_DS].access = 0xc091; /* DS is read-only */
	assert_fault(RUN("\x89\x03"), VECTOR_GP, 0);
	assert_int_equal(RUN("\x3b\x03"), EMULATE_DONE);
	page->rip = 0;
	assert_int_equal(RUN("\x2e\x8b\x03"), EMULATE_DONE); /* CS is readable here */
	page->rip = 0;
	assert_fault(RUN("\x2e\x89\x03"), VECTOR_GP, 0); /* CS is never writable */
	page->segment[SEG_CS].access = 0xc099;
	assert_fault(RUN("\x2e\x8b\x03"), VECTOR_GP, 0);
	page->segment[SEG_DS].access = SEGMENT_UNUSABLE;
	assert_fault(RUN("\x8b\x03"), VECTOR_GP, 0);
	page->segment[SEG_SS].access = 0xc097; /* expand-down: 1000 to ffffffff */
	page->gpr[GPR_RBP] = 0xfff;
	assert_fault(RUN("\x8b\x45\x00"), VECTOR_SS, 0);
	page->gpr[GPR_RBP] = 0x1000;
	assert_int_equal(RUN("\x8b\x45\x00"), EMULATE_DONE);
	page->rip = 0;
	page->gpr[GPR_RBP] = 0xfffffffe;
	assert_fault(RUN("\x8b\x45\x00"), VECTOR_SS, 0);
	page->segment[SEG_CS].limit = 1; /* the instruction crosses the limit */
	assert_fault(RUN("\x8b\x45\x00"), VECTOR_GP, 0);
}

/* Compatibility mode's addresses have 32 bits: an instruction that crosses their end wraps to 0. */
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

/* Any bytes in any mode: RIP moves if and only if an instruction was done. */
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
			page->gpr[j] = random & 1 ? DATA_GVA + (random >> 50)
						  : (u64)((s64)random >> (random & 63));
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
		cmocka_unit_test_setup(test_real_mode, reset),
		cmocka_unit_test_setup(test_end_of_addresses, reset),
		cmocka_unit_test_setup(test_stack_16, reset),
		cmocka_unit_test_setup(test_end_of_segment, reset),
		cmocka_unit_test_setup(test_code_16, reset),
		cmocka_unit_test_setup(test_protected_segments, reset),
		cmocka_unit_test_setup(test_fetch_wraps, reset),
		cmocka_unit_test_setup(test_random_bytes, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
