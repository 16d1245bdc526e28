/* SPDX-License-Identifier: MIT */
/* Hardware task switches: SDM vol. 3, 8.3. A GDT, two 32-bit TSSs and a 16-bit one, no paging. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "vmm/monitor/memory/guest_memory.h"
#include "vmm/monitor/task/task_switch.c"
#include "vmm/monitor/memory/walk.h"

#define RAM_BYTES 0x10000u
#define GDT	  0x1000u
#define OLD_TSS	  0x2000u
#define NEW_TSS	  0x2ff0u /* the address of the new TSS, which crosses a page boundary */
#define TSS_16	  0x4000u
#define STACK	  0x8000u

enum { CODE = 0x08, DATA = 0x10, OLD = 0x18, NEW = 0x20, SMALL = 0x28, GDT_BYTES = 0x30 };

static u8 ram[RAM_BYTES] ALIGNED(4096);
static struct guest_memory memory;
static struct vcpu_page page;
static struct vcpu_event event;
static struct emulator emulator = {.page = &page, .memory = &memory};

static u64 descriptor(u32 base, u32 limit, u32 access, u32 flags)
{
	return (limit & 0xffff) | (u64)(base & 0xffffff) << 16 | (u64)access << 40 |
	       (u64)(limit >> 16 & 0xf) << 48 | (u64)flags << 52 | (u64)(base >> 24) << 56;
}

static void put_gdt(u16 selector, u64 value)
{
	memcpy(ram + GDT + selector, &value, 8);
}

static u32 word_at(u32 address)
{
	u32 value;

	memcpy(&value, ram + address, 4);
	return value;
}

static void put(u32 address, u32 value, u32 bytes)
{
	memcpy(ram + address, &value, bytes);
}

static u32 access_of(u16 selector)
{
	return ram[GDT + selector + 5];
}

static int setup(void **state)
{
	(void)state;
	memset(ram, 0, sizeof(ram));
	memset(&page, 0, sizeof(page));
	memory = (struct guest_memory){
		.region = {{GPA(0), RAM_BYTES, ram}}, .count = 1, .physical_bits = 36};
	put_gdt(CODE, descriptor(0, 0xfffff, 0x9a, 0xc));
	put_gdt(DATA, descriptor(0, 0xfffff, 0x92, 0xc));
	put_gdt(OLD, descriptor(OLD_TSS, 0x67, 0x8b, 0));
	put_gdt(NEW, descriptor(NEW_TSS, 0x67, 0x89, 0));
	put_gdt(SMALL, descriptor(TSS_16, 0x2b, 0x81, 0));
	page.gdtr = (struct vcpu_table_state){.base = GDT, .limit = GDT_BYTES - 1};
	page.cr0 = CR0_PE;
	page.rip = 0x5000;
	page.rflags = RFLAGS_FIXED | RFLAGS_IF | RFLAGS_NT;
	page.dr[7] = 0x400 | 0x3;
	page.gpr[GPR_RCX] = 0x1234;
	for (u32 i = SEG_ES; i <= SEG_GS; i++)
		page.segment[i] =
			(struct vcpu_segment_state){.selector = i == SEG_CS ? CODE : DATA,
						    .limit = ~0u,
						    .access = i == SEG_CS ? 0xc09b : 0xc093};
	page.segment[SEG_TR] = (struct vcpu_segment_state){
		.base = OLD_TSS, .limit = 0x67, .access = 0x8b, .selector = OLD};
	page.segment[SEG_LDTR].access = SEGMENT_UNUSABLE;

	put(NEW_TSS + 32, 0x6000, 4);
	put(NEW_TSS + 36, RFLAGS_FIXED, 4);
	put(NEW_TSS + 40 + 4 * GPR_RCX, 0x5678, 4);
	put(NEW_TSS + 40 + 4 * GPR_RSP, STACK, 4);
	for (u32 i = 0; i < 6; i++)
		put(NEW_TSS + 72 + 4 * i, i == SEG_CS ? CODE : i == SEG_SS ? DATA : 0, 4);
	return 0;
}

static enum emulate_result run(u16 selector, enum task_source source)
{
	/* clang-format off */
	const struct task_switch request = {
		.selector = selector, .source = source, .return_eip = 0x5007};

	return task_switch(&emulator, &request, &event);
}

static void assert_fault(enum emulate_result result, u8 vector, u32 error_code)
{
	assert_int_equal(result, EMULATE_FAULT);
	assert_int_equal(event.vector, vector);
	assert_int_equal(event.error_code, error_code);
}

static void assert_fault_within(enum emulate_result result, u8 vector, u32 error_code)
{
	assert_int_equal(result, EMULATE_DONE);
	assert_true(event.valid);
	assert_int_equal(event.vector, vector);
	assert_int_equal(event.error_code, error_code);
}

static void test_call(void **state)
{
	(void)state;
	assert_int_equal(run(NEW, TASK_CALL), EMULATE_DONE);
	assert_int_equal(page.rip, 0x6000);
	assert_int_equal(page.gpr[GPR_RCX], 0x5678);
	assert_int_equal(page.rflags, RFLAGS_FIXED | RFLAGS_NT);
	assert_true(page.cr0 & CR0_TS);
	assert_int_equal(page.dr[7], 0x402);
	assert_int_equal(page.segment[SEG_TR].selector, NEW);
	assert_int_equal(page.segment[SEG_TR].access & 0xf, DESCRIPTOR_TSS_BUSY);
	assert_int_equal(page.segment[SEG_CS].access, 0xc09b);
	assert_int_equal(page.segment[SEG_SS].limit, ~0u);
	assert_true(page.segment[SEG_DS].access & SEGMENT_UNUSABLE);

	assert_int_equal(word_at(OLD_TSS + 32), 0x5007);
	assert_int_equal(word_at(OLD_TSS + 36), RFLAGS_FIXED | RFLAGS_IF | RFLAGS_NT);
	assert_int_equal(word_at(OLD_TSS + 40 + 4 * GPR_RCX), 0x1234);
	assert_int_equal(word_at(OLD_TSS + 72 + 4 * SEG_CS), CODE);
	assert_int_equal(word_at(NEW_TSS), OLD);
	assert_int_equal(access_of(OLD), 0x8b);
	assert_int_equal(access_of(NEW), 0x8b);
}

static void test_jump_and_return(void **state)
{
	(void)state;
	assert_int_equal(run(NEW, TASK_JMP), EMULATE_DONE);
	assert_false(page.rflags & RFLAGS_NT);
	assert_int_equal(access_of(OLD), 0x89);
	assert_int_equal(access_of(NEW), 0x8b);

	setup(NULL);
	put_gdt(NEW, descriptor(NEW_TSS, 0x67, 0x8b, 0));
	assert_int_equal(run(NEW, TASK_IRET), EMULATE_DONE);
	assert_int_equal(word_at(OLD_TSS + 36), RFLAGS_FIXED | RFLAGS_IF);
	assert_int_equal(access_of(OLD), 0x89);
	assert_int_equal(access_of(NEW), 0x8b);
	assert_int_equal(word_at(NEW_TSS), 0);
}

static void test_small(void **state)
{
	(void)state;
	put(TSS_16 + 14, 0x6100, 2);
	put(TSS_16 + 16, RFLAGS_FIXED, 2);
	put(TSS_16 + 18 + 2 * GPR_RCX, 0x9abc, 2);
	put(TSS_16 + 34 + 2 * SEG_CS, CODE, 2);
	put(TSS_16 + 34 + 2 * SEG_SS, DATA, 2);
	assert_int_equal(run(SMALL, TASK_CALL), EMULATE_DONE);
	assert_int_equal(page.rip, 0x6100);
	assert_int_equal(page.gpr[GPR_RCX], 0x9abc);
	assert_int_equal(page.segment[SEG_TR].access & 0xf, DESCRIPTOR_TSS16_BUSY);

	/* and back, from a 16-bit TSS to a 32-bit one */
	page.gpr[GPR_RCX] = 0x4321;
	assert_int_equal(run(OLD, TASK_IRET), EMULATE_DONE);
	assert_int_equal(page.rip, 0x5007);
	assert_int_equal(page.gpr[GPR_RCX], 0x1234);
	assert_int_equal(word_at(TSS_16 + 18 + 2 * GPR_RCX) & 0xffff, 0x4321);
}

static void test_gate(void **state)
{
	struct task_switch request = {.selector = NEW, .source = TASK_GATE_IN_IDT,
				      .return_eip = 0x5000, .external = true,
				      .has_error_code = true, .error_code = 0x77};

	(void)state;
	assert_int_equal(task_switch(&emulator, &request, &event), EMULATE_DONE);
	assert_int_equal(page.gpr[GPR_RSP], STACK - 4);
	assert_int_equal(word_at(STACK - 4), 0x77);
	assert_true(page.rflags & RFLAGS_NT);
	/* the gate's TSS is busy now */
	assert_fault(task_switch(&emulator, &request, &event), VECTOR_GP, NEW | 1);
}

/* The error code is pushed with the new task's rights, on its stack. */
static void test_push_refused(void **state)
{
	struct task_switch request = {.selector = NEW, .source = TASK_GATE_IN_IDT,
				      .return_eip = 0x5000, .external = true,
				      .has_error_code = true, .error_code = 0x77};

	(void)state;
	put_gdt(DATA, descriptor(0, STACK - 2, 0x92, 0x4));
	assert_fault_within(task_switch(&emulator, &request, &event), VECTOR_SS, 1);
	assert_int_equal(page.gpr[GPR_RSP], STACK);
	assert_int_equal(word_at(STACK - 4), 0);
	setup(NULL);
	put_gdt(DATA, descriptor(0, 0x7fff, 0x96, 0x4)); /* expand-down, from 8000 */
	put(NEW_TSS + 40 + 4 * GPR_RSP, STACK + 3, 4);
	request.external = false;
	assert_fault_within(task_switch(&emulator, &request, &event), VECTOR_SS, 0);

	/* privilege level 3; identity-mapped 4-KiB pages, the stack's supervisor-only */
	setup(NULL);
	for (u32 i = 0; i < RAM_BYTES / PAGE_SIZE; i++)
		put(0xa000 + 4 * i, i << 12 | (i == STACK / PAGE_SIZE - 1 ? 3 : 7), 4);
	put(0xb000, 0xa007, 4);
	page.cr0 |= CR0_PG;
	page.cr3 = 0xb000;
	put(NEW_TSS + 28, 0xb000, 4);
	put_gdt(CODE, descriptor(0, 0xfffff, 0xfa, 0xc));
	put_gdt(DATA, descriptor(0, 0xfffff, 0xf2, 0xc));
	put(NEW_TSS + 72 + 4 * SEG_CS, CODE | 3, 4);
	put(NEW_TSS + 72 + 4 * SEG_SS, DATA | 3, 4);
	assert_fault_within(task_switch(&emulator, &request, &event), VECTOR_PF,
			    PF_ERROR_P | PF_ERROR_W | PF_ERROR_U);
	assert_int_equal(page.cr2, STACK - 4);
	assert_int_equal(page.gpr[GPR_RSP], STACK);
}

/* SMAP: reads of TSS and GDT are implicit supervisor accesses, for which EFLAGS.AC is ignored. */
static void test_smap(void **state)
{
	(void)state;
	for (u32 i = 0; i < RAM_BYTES / PAGE_SIZE; i++)
		put(0xa000 + 4 * i, i << 12 | 7, 4);
	put(0xb000, 0xa007, 4);
	page.cr0 |= CR0_PG;
	page.cr3 = 0xb000;
	page.cr4 |= CR4_SMAP;
	page.rflags |= RFLAGS_AC;
	assert_fault(run(NEW, TASK_CALL), VECTOR_PF, PF_ERROR_P);
	assert_int_equal(page.cr2, GDT + NEW);
}

static void test_refused(void **state)
{
	(void)state;
	assert_fault(run(OLD, TASK_CALL), VECTOR_GP, OLD);
	assert_fault(run(NEW, TASK_IRET), VECTOR_TS, NEW);
	assert_fault(run(DATA, TASK_JMP), VECTOR_GP, DATA);
	assert_fault(run(GDT_BYTES, TASK_JMP), VECTOR_GP, GDT_BYTES);
	assert_fault(run(NEW | 4, TASK_JMP), VECTOR_GP, NEW | 4);
	put_gdt(NEW, descriptor(NEW_TSS, 0x67, 0x09, 0));
	assert_fault(run(NEW, TASK_JMP), VECTOR_NP, NEW);
	put_gdt(NEW, descriptor(NEW_TSS, 0x66, 0x89, 0));
	assert_fault(run(NEW, TASK_JMP), VECTOR_TS, NEW);
	assert_int_equal(page.rip, 0x5000);
	assert_int_equal(page.segment[SEG_TR].selector, OLD);
	assert_int_equal(access_of(OLD), 0x8b);
	assert_int_equal(word_at(OLD_TSS + 32), 0);
}

/* Faults on loading the new task's segments occur in the new task. */
static void test_segments_refused(void **state)
{
	(void)state;
	put(NEW_TSS + 72 + 4 * SEG_SS, 0, 4);
	assert_fault_within(run(NEW, TASK_CALL), VECTOR_TS, 0);
	assert_int_equal(page.rip, 0x6000);
	assert_int_equal(page.segment[SEG_TR].selector, NEW);

	setup(NULL);
	put(NEW_TSS + 72 + 4 * SEG_CS, DATA, 4);
	assert_fault_within(run(NEW, TASK_CALL), VECTOR_TS, DATA);
	setup(NULL);
	put(NEW_TSS + 72 + 4 * SEG_DS, DATA | 3, 4);
	assert_fault_within(run(NEW, TASK_CALL), VECTOR_TS, DATA);
	setup(NULL);
	put_gdt(SMALL, descriptor(0, 0xffff, 0x12, 0));
	put(NEW_TSS + 72 + 4 * SEG_SS, SMALL, 4);
	assert_fault_within(run(NEW, TASK_CALL), VECTOR_SS, SMALL);
	setup(NULL);
	put(NEW_TSS + 96, DATA, 4);
	assert_fault_within(run(NEW, TASK_CALL), VECTOR_TS, DATA);
	setup(NULL);
	put(NEW_TSS + 100, 1, 2);
	assert_fault_within(run(NEW, TASK_CALL), VECTOR_DB, 0);
	assert_true(page.dr[6] & DR6_BT);
}

static void test_virtual_8086(void **state)
{
	(void)state;
	put(NEW_TSS + 36, RFLAGS_FIXED | RFLAGS_VM, 4);
	put(NEW_TSS + 72 + 4 * SEG_CS, 0x600, 4);
	assert_int_equal(run(NEW, TASK_JMP), EMULATE_DONE);
	assert_int_equal(page.segment[SEG_CS].base, 0x6000);
	assert_int_equal(page.segment[SEG_CS].access, 0xf3);
	assert_int_equal(page.segment[SEG_DS].limit, 0xffff);
}

/* A TSS of all ones, as unpopulated memory reads: the fault occurs in virtual-8086 mode. */
static void test_virtual_8086_refused(void **state)
{
	(void)state;
	memset(ram + NEW_TSS, 0xff, 104);
	assert_fault_within(run(NEW, TASK_CALL), VECTOR_TS, 0xfffc);
	assert_true(page.rflags & RFLAGS_VM);
	for (u32 i = SEG_ES; i <= SEG_GS; i++) {
		assert_int_equal(page.segment[i].access, 0xf3);
		assert_int_equal(page.segment[i].limit, 0xffff);
		assert_int_equal(page.segment[i].base, page.segment[i].selector << 4);
	}
	/* clang-format on */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_call, setup),
		cmocka_unit_test_setup(test_jump_and_return, setup),
		cmocka_unit_test_setup(test_small, setup),
		cmocka_unit_test_setup(test_gate, setup),
		cmocka_unit_test_setup(test_push_refused, setup),
		cmocka_unit_test_setup(test_smap, setup),
		cmocka_unit_test_setup(test_refused, setup),
		cmocka_unit_test_setup(test_segments_refused, setup),
		cmocka_unit_test_setup(test_virtual_8086, setup),
		cmocka_unit_test_setup(test_virtual_8086_refused, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
