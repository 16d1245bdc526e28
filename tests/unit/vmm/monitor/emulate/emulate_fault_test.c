/* SPDX-License-Identifier: MIT */
/* What a process cannot run natively: faults and string I/O. Other modes: emulate_mode_test.c. */
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

/* A store over the end of a page of registers into another: each has its own bytes, by value. */
static void test_devices_across(void **state)
{
	machine_set_device_pages(&machine, 3);
	page->gpr[GPR_RBX] = DATA_GVA + PAGE_SIZE - 3;
	page->gpr[GPR_RCX] = 0x8877665544332211;
	assert_int_equal(RUN("\x48\x89\x0b"), EMULATE_DONE); /* MOV [RBX], RCX */
	assert_memory_equal(machine.device + PAGE_SIZE - 3, &page->gpr[GPR_RCX], 8);
	assert_int_equal(machine.device[PAGE_SIZE - 4] | machine.device[PAGE_SIZE + 5], 0);
	assert_int_equal(machine.writes, 4); /* the writes of 1 and 2 bytes, and of 4 and 1 */
	page->rip = CODE_GVA;
	assert_int_equal(RUN("\x48\x8b\x13"), EMULATE_DONE); /* MOV RDX, [RBX] */
	assert_true(page->gpr[GPR_RDX] == page->gpr[GPR_RCX]);
	assert_int_equal(machine.reads, 4);
	assert_int_equal(machine.widest, 4);
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
	page->gpr[GPR_RBX] = (1ull << 47) - 2; /* the operand's last bytes are non-canonical */
	assert_fault(RUN("\x8b\x03"), VECTOR_GP, 0);
	page->gpr[GPR_RBP] = 1ull << 47;
	assert_fault(RUN("\x8b\x45\x00"), VECTOR_SS, 0);
	page->gpr[GPR_R13] = 1ull << 47; /* R13 does not imply SS */
	assert_fault(RUN("\x41\x8b\x45\x00"), VECTOR_GP, 0);

	page->gpr[GPR_RBX] = DATA_GVA + 8;
	assert_fault(RUN("\x48\x0f\xc7\x0b"), VECTOR_GP, 0); /* CMPXCHG16B, unaligned */
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
	assert_fault(RUN("\xf0\x8b\x03"), VECTOR_UD, -1);	  /* LOCK MOV */
	assert_fault(RUN("\xf0\x01\xc3"), VECTOR_UD, -1);	  /* LOCK ADD EBX, EAX */
	assert_fault(RUN("\xf0\x39\x03"), VECTOR_UD, -1);	  /* LOCK CMP */
	assert_fault(RUN("\xf0\x03\x03"), VECTOR_UD, -1);	  /* LOCK ADD EAX, [RBX] */
	assert_fault(RUN("\xf0\x83\x3b\x01"), VECTOR_UD, -1);	  /* LOCK CMP, immediate */
	assert_fault(RUN("\xf0\x0f\xba\x23\x01"), VECTOR_UD, -1); /* LOCK BT */
	assert_fault(RUN("\xf0\x0f\xb6\x03"), VECTOR_UD, -1);	  /* LOCK MOVZX */
	assert_fault(RUN("\xf0\xf6\x03\x01"), VECTOR_UD, -1);	  /* LOCK TEST */
	assert_fault(RUN("\xf0\xff\x33"), VECTOR_UD, -1);	  /* LOCK PUSH */
	assert_fault(RUN("\x0f\xc3\xc3"), VECTOR_UD, -1);	  /* MOVNTI to a register */
	assert_fault(RUN("\x8f\x23"), VECTOR_UD, -1);		  /* group 1A: only /0 is POP */
	assert_fault(RUN("\x8c\x33"), VECTOR_UD, -1);		  /* MOV [RBX], segment 6 */
	assert_fault(RUN("\x06"), VECTOR_UD, -1);		  /* PUSH ES in 64-bit mode */
	assert_int_equal(RUN("\xf0\x01\x03"), EMULATE_DONE);
}

static void test_unsupported(void **state)
{
	assert_int_equal(RUN("\x0f\x11\x03"), EMULATE_UNSUPPORTED);	/* MOVUPS */
	assert_int_equal(RUN("\xf3\x0f\x6f\x03"), EMULATE_UNSUPPORTED); /* MOVDQU */
	assert_int_equal(RUN("\xc5\xfa\x7f\x07"), EMULATE_UNSUPPORTED); /* VMOVDQU */
	assert_int_equal(RUN("\xd9\x03"), EMULATE_UNSUPPORTED);		/* FLD */
	assert_int_equal(RUN("\x0f\x00\x23"), EMULATE_UNSUPPORTED);	/* VERR */
	assert_int_equal(page->rip, CODE_GVA);
	assert_int_equal(page->dirty, 0);
	/* the bytes are kept for the crash message */
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

/* Interrupt shadow and RF end with the instruction; a single step traps after it. */
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

/* 64-bit mode: only FS and GS have a base. POP [RSP + n] computes its address from the new RSP. */
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
	assert_int_equal(RUN("\x2e\x8b\x43\x40"), EMULATE_DONE); /* a CS prefix is ignored */
	assert_int_equal(page->gpr[GPR_RAX], value);

	memcpy(machine_data(&machine, 0) + 0x800, &word, 8);
	page->rip = CODE_GVA;
	assert_int_equal(RUN("\x8f\x44\x24\x08"), EMULATE_DONE); /* POP [RSP + 8] */
	assert_int_equal(page->gpr[GPR_RSP], DATA_GVA + 0x808);
	assert_memory_equal(machine_data(&machine, 0) + 0x810, &word, 8);
}

/* The GPA from the exit is used if it is the operand's, and only then. */
static void test_exit_place(void **state)
{
	machine_map(&machine, DATA_GVA, 0);
	page->exit = (struct vcpu_exit){
		.reason = EXIT_MEMORY, .gpa = DEVICE_GPA + 0x100, .access = ACCESS_READ};
	machine.device[0x100] = 0x42;
	assert_int_equal(RUN("\x8a\x03"), EMULATE_DONE); /* MOV AL, [RBX] */
	assert_int_equal(page->gpr[GPR_RAX], 0x42);
	machine.reads = 0;
	page->rip = CODE_GVA;
	assert_fault(RUN("\x88\x03"), VECTOR_PF, PF_ERROR_U | PF_ERROR_W); /* a read exit */
	/* the operand has another offset */
	assert_fault(RUN("\x8a\x43\x01"), VECTOR_PF, PF_ERROR_U);
	page->exit.access |= ACCESS_TABLE_WALK;
	assert_fault(RUN("\x8a\x03"), VECTOR_PF, PF_ERROR_U);
	page->exit.access = ACCESS_READ | ACCESS_WRITE;
	page->gpr[GPR_RBX] = DATA_GVA + PAGE_SIZE - 1;
	page->exit.gpa = DEVICE_GPA + PAGE_SIZE - 1;
	/* the operand crosses a page */
	assert_fault(RUN("\x66\x89\x03"), VECTOR_PF, PF_ERROR_U | PF_ERROR_W);
}

/* A REP that faults keeps its progress. */
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
 * A REP is emulated in bounded parts. Interrupts may come between them; RF is set there, so that
 * a breakpoint on the instruction does not hit again.
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
	/* the port is not read when the destination faults */
	machine.reads = 0;
	page->rip = CODE_GVA;
	page->gpr[GPR_RDI] = DATA_GVA - 1;
	assert_fault(run_io("\x6c", 1, 1, IO_IN), VECTOR_PF, PF_ERROR_U | PF_ERROR_W);
	/* no longer the instruction that the CPU checked: the guest executes it again */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_page_faults, reset),
		cmocka_unit_test_setup(test_page_fault_across, reset),
		cmocka_unit_test_setup(test_devices_across, reset),
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
		cmocka_unit_test_setup(test_string_input, reset),
		cmocka_unit_test_setup(test_string_output, reset),
		cmocka_unit_test_setup(test_length, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
