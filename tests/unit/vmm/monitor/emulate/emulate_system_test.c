/* SPDX-License-Identifier: MIT */
/* Segment registers, descriptor tables, far branches, stacks in device memory: SDM vol. 2, 3. */
#include "tests/unit/emulate_machine.h"

/* The GDT is in the second data page, memory operands in the first, which is a device's. */
#define GDT_GVA (DATA_GVA + PAGE_SIZE)
#define OPERAND (DATA_GVA + 0x100)
#define STACK	(DATA_GVA + PAGE_SIZE + 0x800)

enum selector {
	CODE_64 = 0x08,
	DATA = 0x10,
	ABSENT = 0x18,
	TSS = 0x20, /* the TSS descriptor takes two slots */
	LDT = 0x30, /* the LDT descriptor takes two slots */
	CODE_32 = 0x40,
	USER_DATA = 0x48,
	GDT_LIMIT = 0x4f,
};

static struct machine machine;
static struct vcpu_page *const page = &machine.page;
static struct vcpu_event event;

static void put_descriptor(u32 selector, u64 value)
{
	memcpy(machine_data(&machine, 1) + selector, &value, sizeof(value));
}

static u64 descriptor_at(u32 selector)
{
	u64 value;

	memcpy(&value, machine_data(&machine, 1) + selector, sizeof(value));
	return value;
}

static int reset(void **state)
{
	(void)state;
	machine_init(&machine);
	machine_set_device_pages(&machine, 1);
	put_descriptor(CODE_64, 0x00af9a000000ffff);
	put_descriptor(DATA, 0x00cf92000000ffff);
	put_descriptor(ABSENT, 0x00cf12000000ffff);
	put_descriptor(TSS, 0x1200893456780067);
	put_descriptor(TSS + 8, 0xffff8000);
	put_descriptor(LDT, 0x000082100000001f);
	put_descriptor(LDT + 8, 0);
	put_descriptor(CODE_32, 0x00cf9a000000ffff);
	put_descriptor(USER_DATA, 0x00cff2000000ffff);
	page->gdtr = (struct vcpu_table_state){.base = GDT_GVA, .limit = GDT_LIMIT};
	page->segment[SEG_CS].access = 0xa09b;
	page->segment[SEG_CS].selector = CODE_64;
	page->segment[SEG_SS].access = 0xc093;
	page->segment[SEG_LDTR].selector = 0x1230;
	page->segment[SEG_TR].selector = 0x4560;
	page->gpr[GPR_RBX] = OPERAND;
	page->gpr[GPR_RSP] = STACK;
	return 0;
}

static void put_operand(u64 value, u64 more)
{
	memcpy(machine.device + 0x100, &value, 8);
	memcpy(machine.device + 0x108, &more, 8);
}

static enum emulate_result run(const char *bytes, u32 count)
{
	page->rip = CODE_GVA;
	machine_put_code(&machine, 0, (const u8 *)bytes, count);
	return emulate(&machine.emulator, &event);
}

#define RUN(bytes) run(bytes, sizeof(bytes) - 1)

static void assert_faults(enum emulate_result result, u8 vector, u32 error_code)
{
	assert_int_equal(result, EMULATE_FAULT);
	assert_int_equal(event.vector, vector);
	assert_int_equal(event.error_code, error_code);
	assert_true(page->rip == CODE_GVA);
}

static void test_load_segment(void **state)
{
	(void)state;
	put_operand(DATA, 0);
	assert_int_equal(RUN("\x8e\x03"), EMULATE_DONE); /* mov (%rbx), %es */
	assert_int_equal(page->segment[SEG_ES].selector, DATA);
	assert_int_equal(page->segment[SEG_ES].access, 0xc093);
	assert_true(page->segment[SEG_ES].limit == 0xffffffff);
	/* the descriptor is marked as accessed */
	assert_true(descriptor_at(DATA) == 0x00cf93000000ffff);
	assert_true(page->dirty & VCPU_SEGMENTS);
	assert_int_equal(page->shadow, 0);
	assert_int_equal(RUN("\x8e\x13"), EMULATE_DONE); /* %ss */
	assert_int_equal(page->shadow, SHADOW_MOV_SS);

	put_operand(0, 0);
	assert_int_equal(RUN("\x8e\x1b"), EMULATE_DONE); /* %ds */
	assert_int_equal(page->segment[SEG_DS].access, SEGMENT_UNUSABLE);
	assert_int_equal(RUN("\x8e\x13"), EMULATE_DONE);

	put_operand(ABSENT, 0);
	assert_faults(RUN("\x8e\x03"), VECTOR_NP, ABSENT);
	assert_faults(RUN("\x8e\x13"), VECTOR_SS, ABSENT);
	put_operand(USER_DATA | 3, 0);
	assert_int_equal(RUN("\x8e\x03"), EMULATE_DONE);
	assert_faults(RUN("\x8e\x13"), VECTOR_GP, USER_DATA);
	put_operand(TSS, 0);
	assert_faults(RUN("\x8e\x03"), VECTOR_GP, TSS);
	put_operand(GDT_LIMIT + 1, 0);
	assert_faults(RUN("\x8e\x03"), VECTOR_GP, GDT_LIMIT + 1);
	put_operand(DATA | 4, 0); /* the selector is in an LDT, of which there is none */
	page->segment[SEG_LDTR].access = SEGMENT_UNUSABLE;
	assert_faults(RUN("\x8e\x03"), VECTOR_GP, DATA | 4);
	assert_faults(RUN("\x8e\x0b"), VECTOR_UD, 0); /* %cs */
	assert_faults(RUN("\x8e\x33"), VECTOR_UD, 0);
}

/* POP SS exists outside 64-bit mode only: compatibility mode. */
static void test_pop_segment(void **state)
{
	(void)state;
	page->segment[SEG_CS].access = 0xc09b;
	page->segment[SEG_CS].limit = 0xffffffff;
	page->gpr[GPR_RSP] = OPERAND;
	page->rflags |= RFLAGS_TF;
	put_operand(DATA | 0xabcd0000, 0);
	assert_int_equal(RUN("\x17"), EMULATE_DONE); /* pop %ss */
	assert_int_equal(page->segment[SEG_SS].selector, DATA);
	assert_int_equal(page->gpr[GPR_RSP], OPERAND + 4);
	assert_int_equal(page->shadow, SHADOW_MOV_SS);
	assert_false(event.valid);
	page->gpr[GPR_RSP] = OPERAND;
	assert_int_equal(RUN("\x66\x1f"), EMULATE_DONE); /* popw %ds */
	assert_int_equal(page->segment[SEG_DS].selector, DATA);
	assert_int_equal(page->gpr[GPR_RSP], OPERAND + 2);
	assert_int_equal(page->shadow, 0);
	assert_true(event.valid);
	assert_int_equal(RUN("\x16"), EMULATE_DONE); /* push %ss */
	assert_int_equal(page->gpr[GPR_RSP], OPERAND - 2);
	assert_memory_equal(machine.device + 0xfe, "\x10\x00\x00\x00", 4);
	put_operand(ABSENT, 0);
	page->gpr[GPR_RSP] = OPERAND;
	assert_faults(RUN("\x0f\xa1"), VECTOR_NP, ABSENT); /* pop %fs */
	assert_int_equal(page->gpr[GPR_RSP], OPERAND);
	assert_faults(RUN("\x17"), VECTOR_SS, ABSENT);
}

static void test_far_pointers(void **state)
{
	(void)state;
	put_operand(0x1122334455667788, USER_DATA | 3);
	assert_int_equal(RUN("\x48\x0f\xb4\x0b"), EMULATE_DONE); /* lfs (%rbx), %rcx */
	assert_true(page->gpr[GPR_RCX] == 0x1122334455667788);
	assert_int_equal(page->segment[SEG_FS].selector, USER_DATA | 3);
	put_operand(0x55667788 | (u64)DATA << 32, 0);
	assert_int_equal(RUN("\x0f\xb2\x0b"), EMULATE_DONE); /* lss */
	assert_true(page->gpr[GPR_RCX] == 0x55667788);
	assert_int_equal(page->segment[SEG_SS].selector, DATA);
	assert_int_equal(page->shadow, 0);
	put_operand(0x99aabbcc | (u64)ABSENT << 32, 0);
	assert_faults(RUN("\x0f\xb5\x0b"), VECTOR_NP, ABSENT); /* lgs */
	assert_true(page->gpr[GPR_RCX] == 0x55667788);
	assert_faults(RUN("\x0f\xb5\xcb"), VECTOR_UD, 0);
	page->segment[SEG_CS].access = 0xc09b;
	page->segment[SEG_CS].limit = 0xffffffff;
	put_operand(0x7788 | DATA << 16, 0);
	assert_int_equal(RUN("\x66\xc5\x0b"), EMULATE_DONE); /* ldsw (%ebx), %cx */
	assert_true(page->gpr[GPR_RCX] == 0x55667788);
	assert_int_equal(page->segment[SEG_DS].selector, DATA);
	assert_int_equal(RUN("\x66\xc4\x0b"), EMULATE_DONE); /* les */
	assert_int_equal(page->segment[SEG_ES].selector, DATA);
}

/* A descriptor is written only if one of its bits changes. */
static void test_descriptors_read_only(void **state)
{
	(void)state;
	machine_map(&machine, GDT_GVA, (DATA_GPA + 2 * PAGE_SIZE) | PTE_P | PTE_U);
	put_operand(DATA, 0);
	assert_faults(RUN("\x8e\x1b"), VECTOR_PF, PF_ERROR_P | PF_ERROR_W);
	assert_true(page->cr2 == GDT_GVA + DATA + 5); /* the access byte */
	assert_int_equal(page->segment[SEG_DS].selector, 0);
	put_descriptor(DATA, 0x00cf93000000ffff);
	assert_int_equal(RUN("\x8e\x1b"), EMULATE_DONE);
	put_operand(LDT, 0);
	assert_int_equal(RUN("\x0f\x00\x13"), EMULATE_DONE); /* lldt */
	put_operand(TSS, 0);
	assert_faults(RUN("\x0f\x00\x1b"), VECTOR_PF, PF_ERROR_P | PF_ERROR_W); /* ltr sets busy */
	assert_int_equal(page->segment[SEG_TR].selector, 0x4560);
	put_operand(0x12345678, CODE_64);
	assert_faults(RUN("\x48\xff\x2b"), VECTOR_PF, PF_ERROR_P | PF_ERROR_W);
	put_descriptor(CODE_64, 0x00af9b000000ffff);
	assert_int_equal(RUN("\x48\xff\x2b"), EMULATE_DONE);
}

/* SMAP applies to implicit supervisor accesses whatever EFLAGS.AC is. */
static void test_descriptors_of_users(void **state)
{
	(void)state;
	page->cr4 |= CR4_SMAP;
	page->rflags |= RFLAGS_AC;
	put_operand(DATA, 0);
	assert_faults(RUN("\x8e\x1b"), VECTOR_PF, PF_ERROR_P);
	assert_true(page->cr2 == GDT_GVA + DATA);
	machine_map(&machine, GDT_GVA, (DATA_GPA + 2 * PAGE_SIZE) | PTE_P | PTE_W);
	assert_int_equal(RUN("\x8e\x1b"), EMULATE_DONE);
}

/* SDM vol. 3, 6.8.3: MOV SS puts off its single-step trap by one instruction, but only once. */
static void test_stack_segment_stepped(void **state)
{
	(void)state;
	put_operand(DATA, 0);
	page->rflags |= RFLAGS_TF;
	assert_int_equal(RUN("\x8e\x13"), EMULATE_DONE); /* mov (%rbx), %ss */
	assert_false(event.valid);
	assert_int_equal(page->shadow, SHADOW_MOV_SS);
	assert_int_equal(RUN("\x8e\x13"), EMULATE_DONE);
	assert_true(event.valid && event.vector == VECTOR_DB);
	assert_int_equal(page->shadow, 0);
	assert_int_equal(RUN("\x8e\x1b"), EMULATE_DONE); /* %ds */
	assert_true(event.valid && event.vector == VECTOR_DB);
}

static void test_real_mode_segment(void **state)
{
	(void)state;
	page->cr0 = 0;
	page->efer = 0;
	page->segment[SEG_CS] = (struct vcpu_segment_state){.limit = 0xffff, .access = 0x9b};
	page->segment[SEG_DS] = (struct vcpu_segment_state){.limit = 0xffff, .access = 0x93};
	page->gpr[GPR_RBX] = 0x200;
	page->rip = 0x100;
	memcpy(machine.ram + 0x200, "\x34\x12", 2);
	memcpy(machine.ram + 0x100, "\x8e\x07", 2); /* mov (%bx), %es */
	assert_int_equal(emulate(&machine.emulator, &event), EMULATE_DONE);
	assert_int_equal(page->segment[SEG_ES].selector, 0x1234);
	assert_true(page->segment[SEG_ES].base == 0x12340);
}

static void test_task_and_ldt(void **state)
{
	(void)state;
	put_operand(TSS, 0);
	assert_int_equal(RUN("\x0f\x00\x1b"), EMULATE_DONE); /* ltr */
	assert_int_equal(page->segment[SEG_TR].selector, TSS);
	assert_int_equal(page->segment[SEG_TR].access & 0xff, 0x8b);
	assert_true(page->segment[SEG_TR].base == 0xffff800012345678);
	assert_int_equal(page->segment[SEG_TR].limit, 0x67);
	assert_int_equal(bits_get(descriptor_at(TSS), 43, 40), DESCRIPTOR_TSS_BUSY);
	assert_faults(RUN("\x0f\x00\x1b"), VECTOR_GP, TSS); /* busy by now */
	put_operand(LDT, 0);
	assert_int_equal(RUN("\x0f\x00\x13"), EMULATE_DONE); /* lldt */
	assert_int_equal(page->segment[SEG_LDTR].limit, 0x1f);
	assert_faults(RUN("\x0f\x00\x1b"), VECTOR_GP, LDT);
	/* a non-canonical base; reserved bits above the base */
	for (u32 i = 0; i < 2; i++) {
		put_descriptor(LDT + 8, i == 0 ? 0x8000 : 1ull << 40);
		put_descriptor(TSS, 0x1200893456780067);
		put_descriptor(TSS + 8, i == 0 ? 0x8000 : 0xffff8000 | 1ull << 44);
		put_operand(TSS, 0);
		assert_faults(RUN("\x0f\x00\x1b"), VECTOR_GP, TSS);
		assert_true(descriptor_at(TSS) == 0x1200893456780067);
		put_operand(LDT, 0);
		assert_faults(RUN("\x0f\x00\x13"), VECTOR_GP, LDT);
	}
	put_operand(0, 0);
	assert_int_equal(RUN("\x0f\x00\x13"), EMULATE_DONE);
	assert_int_equal(page->segment[SEG_LDTR].access, SEGMENT_UNUSABLE);
	assert_faults(RUN("\x0f\x00\x1b"), VECTOR_GP, 0);
	assert_int_equal(RUN("\x0f\x00\x0b"), EMULATE_DONE); /* str */
	assert_int_equal(machine.device[0x100] | machine.device[0x101] << 8, TSS);
	page->segment[SEG_SS].access |= 3 << SEGMENT_DPL_SHIFT;
	assert_faults(RUN("\x0f\x00\x1b"), VECTOR_GP, 0);
}

static void test_tables(void **state)
{
	static const u8 stored[10] = {0x4f, 0, 0, 0x10, 0, 0x10, 0, 0, 0, 0};

	(void)state;
	assert_int_equal(RUN("\x0f\x01\x03"), EMULATE_DONE); /* sgdt */
	assert_memory_equal(machine.device + 0x100, stored, sizeof(stored));
	put_operand(0x56789abcdef00fffull, 0xffff);
	assert_faults(RUN("\x0f\x01\x1b"), VECTOR_GP, 0); /* lidt with a non-canonical base */
	put_operand(0x8000123456780fffull, 0xffff);
	assert_int_equal(RUN("\x0f\x01\x1b"), EMULATE_DONE);
	assert_int_equal(page->idtr.limit, 0xfff);
	assert_true(page->idtr.base == 0xffff800012345678ull);
	assert_true(page->gdtr.base == GDT_GVA);
	assert_true(page->dirty & VCPU_TABLES);
	page->segment[SEG_SS].access |= 3 << SEGMENT_DPL_SHIFT;
	assert_faults(RUN("\x0f\x01\x1b"), VECTOR_GP, 0);
}

static void enter_virtual_8086(void)
{
	page->cr0 = CR0_PE;
	page->cr4 = page->efer = 0;
	page->rflags |= RFLAGS_VM;
	for (u32 i = SEG_ES; i <= SEG_GS; i++)
		page->segment[i] = (struct vcpu_segment_state){.limit = 0xffff, .access = 0xf3};
}

/* Privileges are checked again: another vCPU may have changed the instruction since the exit. */
static void test_privileges(void **state)
{
	const u64 cr0 = page->cr0;

	(void)state;
	page->segment[SEG_SS].access |= 3 << SEGMENT_DPL_SHIFT;
	put_operand(CR0_TS | CR0_EM | CR0_PE, 0xffff);
	assert_faults(RUN("\x0f\x01\x33"), VECTOR_GP, 0); /* lmsw (%rbx) */
	assert_faults(RUN("\x0f\x01\x13"), VECTOR_GP, 0); /* lgdt */
	assert_true(page->cr0 == cr0 && page->gdtr.limit == GDT_LIMIT && machine.reads == 0);
	assert_int_equal(RUN("\x0f\x01\x23"), EMULATE_DONE); /* smsw */
	assert_int_equal(RUN("\x0f\x01\x03"), EMULATE_DONE); /* sgdt */
	assert_int_equal(RUN("\x0f\x00\x03"), EMULATE_DONE); /* sldt */
	page->cr4 |= CR4_UMIP;
	machine.writes = 0;
	assert_faults(RUN("\x0f\x01\x23"), VECTOR_GP, 0);
	assert_faults(RUN("\x0f\x01\x03"), VECTOR_GP, 0);
	assert_faults(RUN("\x0f\x01\x0b"), VECTOR_GP, 0); /* sidt */
	assert_faults(RUN("\x0f\x00\x03"), VECTOR_GP, 0);
	assert_faults(RUN("\x0f\x00\x0b"), VECTOR_GP, 0); /* str */
	assert_int_equal(machine.writes, 0);
	page->segment[SEG_SS].access &= ~(3u << SEGMENT_DPL_SHIFT);
	assert_int_equal(RUN("\x0f\x01\x23"), EMULATE_DONE);
	assert_int_equal(RUN("\x0f\x01\x33"), EMULATE_DONE);
}

static void test_privileges_of_virtual_8086(void **state)
{
	(void)state;
	enter_virtual_8086();
	page->rip = 0x100;
	page->gpr[GPR_RBX] = 0x200;
	memcpy(machine.ram + 0x100, "\x0f\x01\x17", 3); /* lgdt (%bx) */
	assert_int_equal(emulate(&machine.emulator, &event), EMULATE_FAULT);
	assert_int_equal(event.vector, VECTOR_GP);
	machine.ram[0x102] = 0x37; /* lmsw (%bx) */
	assert_int_equal(emulate(&machine.emulator, &event), EMULATE_FAULT);
	assert_int_equal(event.vector, VECTOR_GP);
	assert_true(page->gdtr.base == GDT_GVA && page->dirty == 0);
}

static void test_far_branch(void **state)
{
	u64 pushed[2];

	(void)state;
	put_operand(0x12345678, CODE_64);
	assert_int_equal(RUN("\x48\xff\x2b"), EMULATE_DONE); /* ljmp, 16:64 */
	assert_true(page->rip == 0x12345678);
	assert_int_equal(page->segment[SEG_CS].selector, CODE_64);
	assert_int_equal(RUN("\x48\xff\x1b"), EMULATE_DONE); /* lcall */
	assert_true(page->gpr[GPR_RSP] == STACK - 16);
	memcpy(pushed, machine_data(&machine, 1) + 0x800 - 16, 16);
	assert_true(pushed[0] == CODE_GVA + 3 && pushed[1] == CODE_64);

	put_operand(0x8000000000000000ull, CODE_64);
	assert_faults(RUN("\x48\xff\x2b"), VECTOR_GP, 0);
	put_operand(0x1000, DATA);
	assert_faults(RUN("\x48\xff\x2b"), VECTOR_GP, DATA);
	put_operand(0x1000, 0);
	assert_faults(RUN("\x48\xff\x2b"), VECTOR_GP, 0);
	put_operand(0x1000, TSS);
	assert_int_equal(RUN("\x48\xff\x2b"), EMULATE_UNSUPPORTED);
	put_operand(0x1000 | (u64)CODE_32 << 32, 0);
	assert_int_equal(RUN("\xff\x2b"), EMULATE_DONE); /* ljmp, 16:32 */
	assert_int_equal(page->segment[SEG_CS].access, 0xc09b);
	assert_true(page->rip == 0x1000);
}

/* A stack in device memory: pushes and pops go to the device. */
static void test_stack(void **state)
{
	u64 value;

	(void)state;
	page->gpr[GPR_RSP] = OPERAND;
	page->gpr[GPR_RBP] = 0x1122334455667788;
	assert_int_equal(RUN("\x6a\xf9"), EMULATE_DONE); /* push $-7 */
	memcpy(&value, machine.device + 0xf8, 8);
	assert_true(value == -7ull && page->gpr[GPR_RSP] == OPERAND - 8);
	assert_int_equal(RUN("\x41\x58"), EMULATE_DONE); /* pop %r8 */
	assert_true(page->gpr[GPR_R8] == -7ull && page->gpr[GPR_RSP] == OPERAND);
	assert_int_equal(RUN("\xe8\x10\x00\x00\x00"), EMULATE_DONE); /* call */
	assert_true(page->rip == CODE_GVA + 0x15);
	memcpy(&value, machine.device + 0xf8, 8);
	assert_true(value == CODE_GVA + 5);
	assert_int_equal(RUN("\xc2\x08\x00"), EMULATE_DONE); /* ret $8 */
	assert_true(page->rip == CODE_GVA + 5 && page->gpr[GPR_RSP] == OPERAND + 8);
	assert_int_equal(RUN("\xc8\x20\x00\x00"), EMULATE_DONE); /* enter $32, $0 */
	assert_true(page->gpr[GPR_RBP] == OPERAND && page->gpr[GPR_RSP] == OPERAND - 32);
	assert_int_equal(RUN("\xc9"), EMULATE_DONE); /* leave */
	assert_true(page->gpr[GPR_RBP] == 0x1122334455667788);
	assert_true(page->gpr[GPR_RSP] == OPERAND + 8);

	page->gpr[GPR_RSP] = 0x8000000000000000ull;
	assert_faults(RUN("\x50"), VECTOR_SS, 0);
	page->gpr[GPR_RSP] = DATA_GVA + 0x40; /* the frame would end outside the stack */
	assert_int_equal(RUN("\xc8\x00\x10\x00"), EMULATE_FAULT);
	assert_int_equal(event.vector, VECTOR_PF);
	assert_true(page->gpr[GPR_RSP] == DATA_GVA + 0x40);
	assert_true(page->gpr[GPR_RBP] == 0x1122334455667788);
	assert_int_equal(RUN("\xc8\x00\x00\x01"), EMULATE_UNSUPPORTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_load_segment, reset),
		cmocka_unit_test_setup(test_pop_segment, reset),
		cmocka_unit_test_setup(test_far_pointers, reset),
		cmocka_unit_test_setup(test_descriptors_read_only, reset),
		cmocka_unit_test_setup(test_descriptors_of_users, reset),
		cmocka_unit_test_setup(test_stack_segment_stepped, reset),
		cmocka_unit_test_setup(test_real_mode_segment, reset),
		cmocka_unit_test_setup(test_task_and_ldt, reset),
		cmocka_unit_test_setup(test_tables, reset),
		cmocka_unit_test_setup(test_privileges, reset),
		cmocka_unit_test_setup(test_privileges_of_virtual_8086, reset),
		cmocka_unit_test_setup(test_far_branch, reset),
		cmocka_unit_test_setup(test_stack, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
