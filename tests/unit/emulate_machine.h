/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A guest for the emulator's tests, with 4-level page tables: two pages of data and two of code,
 * at the linear addresses where the test process has its own, so that an instruction can run in
 * both. Each data page is RAM or device memory. The emulator's sources are included unchanged.
 */
#include <cpuid.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/hw/paging.h"
#include "vmm/hw/cpuid.h"
#include "vmm/monitor/emulate/emulate.c"
#include "vmm/monitor/emulate/emulate_0f.c"
#include "vmm/monitor/emulate/emulate_alu.c"
#include "vmm/monitor/emulate/emulate_arithmetic.c"
#include "vmm/monitor/emulate/emulate_bits.c"
#include "vmm/monitor/emulate/emulate_execute.c"
#include "vmm/monitor/emulate/emulate_memory.c"
#include "vmm/monitor/emulate/emulate_operand.c"
#include "vmm/monitor/emulate/emulate_stack.c"
#include "vmm/monitor/emulate/emulate_string.c"
#include "vmm/monitor/emulate/emulate_system.c"
#include "vmm/monitor/emulate/emulate_vector.c"
#include "vmm/monitor/emulate/emulate_vector_forms.c"
#include "vmm/monitor/emulate/emulate_x87.c"
#include "vmm/monitor/x86/x87_number.c"
#include "vmm/monitor/memory/guest_memory.c"
#include "vmm/monitor/task/task_segment.c"
#include "vmm/monitor/task/task_switch.c"
#include "vmm/monitor/memory/walk.c"
#include "vmm/monitor/x86/decode.c"
#include "vmm/monitor/x86/prefix.c"
#include "vmm/monitor/x86/tables.c"
#include "vmm/monitor/x86/xsave.c"

/* The CPUID of the test process. */
void cpuid_host(u32 leaf, u32 subleaf, struct cpuid_regs *regs)
{
	__cpuid_count(leaf, subleaf, regs->eax, regs->ebx, regs->ecx, regs->edx);
}

#define DATA_GVA   0x10000000ul
#define CODE_GVA   0x10010000ul
#define DATA_BYTES (2 * PAGE_SIZE)
#define CODE_BYTES (2 * PAGE_SIZE)

#define TABLES_GPA  0x1000ul  /* PML4, PDPT, PD, PT */
#define DATA_GPA    0x20000ul /* the pages are 8 KiB apart */
#define CODE_GPA    0x30000ul /* the guest-physical address of the code */
#define DEVICE_GPA  0xd0000000ul
#define GUEST_BYTES 0x40000ul

struct machine {
	struct vcpu_page page;
	struct guest_memory memory;
	struct emulator emulator;
	u8 ram[GUEST_BYTES] ALIGNED(4096);
	u8 device[DATA_BYTES];
	u32 device_pages; /* bit i: data page i is device memory */
	u32 reads;
	u32 writes;
	u32 widest; /* largest size seen */
	u64 last_port_value;
	bool anywhere; /* accesses outside the device are expected, and ignored */
};

/* Counts the access; false if nothing is at the address. */
static bool machine_access(struct machine *machine, gpa_t gpa, u32 size)
{
	assert_true(size == 1 || size == 2 || size == 4 || size == 8);
	machine->widest = MAX(machine->widest, size);
	if (gpa.value >= DEVICE_GPA && gpa.value <= DEVICE_GPA + DATA_BYTES - size)
		return true;
	assert_true(machine->anywhere);
	return false;
}

static u64 machine_read(void *device, gpa_t gpa, u32 size)
{
	struct machine *machine = device;
	u64 value = 0;

	machine->reads++;
	if (machine_access(machine, gpa, size))
		memcpy(&value, machine->device + (gpa.value - DEVICE_GPA), size);
	return value;
}

static void machine_write(void *device, gpa_t gpa, u32 size, u64 value)
{
	struct machine *machine = device;

	assert_true(size == 8 || value >> (8 * size) == 0);
	machine->writes++;
	if (machine_access(machine, gpa, size))
		memcpy(machine->device + (gpa.value - DEVICE_GPA), &value, size);
}

static u32 machine_in(void *device, u16 port, u32 size)
{
	struct machine *machine = device;

	machine->reads++;
	return (u32)((port * 0x01010101u + machine->reads) & (~0ull >> (64 - 8 * size)));
}

static void machine_out(void *device, u16 port, u32 size, u32 value)
{
	struct machine *machine = device;

	machine->writes++;
	machine->last_port_value = value;
}

/* A test with vector registers fills in its own functions. */
static struct emulate_ops machine_ops = {
	.read = machine_read, .write = machine_write, .in = machine_in, .out = machine_out};

static void machine_entry(struct machine *machine, u64 gpa, u64 index, u64 entry)
{
	memcpy(machine->ram + gpa + 8 * index, &entry, 8);
}

static void machine_map(struct machine *machine, u64 gva, u64 entry)
{
	machine_entry(machine, TABLES_GPA + 3 * PAGE_SIZE, gva >> 12 & 511, entry);
}

static void machine_set_device_pages(struct machine *machine, u32 pages)
{
	machine->device_pages = pages;
	for (u64 i = 0; i < 2; i++)
		machine_map(machine, DATA_GVA + i * PAGE_SIZE,
			    (pages >> i & 1 ? DEVICE_GPA + i * PAGE_SIZE
					    : DATA_GPA + 2 * i * PAGE_SIZE) |
				    PTE_P | PTE_W | PTE_U);
}

static u8 *machine_data(struct machine *machine, u32 page)
{
	return machine->device_pages >> page & 1 ? machine->device + page * PAGE_SIZE
						 : machine->ram + DATA_GPA + 2 * page * PAGE_SIZE;
}

static void machine_put_code(struct machine *machine, u64 offset, const u8 *bytes, u32 count)
{
	for (u32 i = 0; i < count; i++, offset++)
		machine->ram[CODE_GPA + (offset >> 12) * 2 * PAGE_SIZE + (offset & PAGE_MASK)] =
			bytes[i];
}

/* 64-bit user mode; rip at the start of the code. */
static void machine_init(struct machine *machine)
{
	struct vcpu_page *page = &machine->page;

	memset(machine, 0, sizeof(*machine));
	guest_memory_init(&machine->memory, machine->ram, GUEST_BYTES);
	for (u64 level = 0; level < 3; level++) {
		u64 shift = 39 - 9 * level;

		machine_entry(machine, TABLES_GPA + level * PAGE_SIZE, DATA_GVA >> shift & 511,
			      (TABLES_GPA + (level + 1) * PAGE_SIZE) | PTE_P | PTE_W | PTE_U);
	}
	for (u64 i = 0; i < 2; i++)
		machine_map(machine, CODE_GVA + i * PAGE_SIZE,
			    (CODE_GPA + 2 * i * PAGE_SIZE) | PTE_P | PTE_U);
	machine_set_device_pages(machine, 0);
	machine->emulator = (struct emulator){
		.page = page, .memory = &machine->memory, .ops = &machine_ops, .device = machine};
	page->cr0 = CR0_PE | CR0_PG | CR0_WP;
	page->cr3 = TABLES_GPA;
	page->cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXSAVE;
	page->efer = EFER_LME | EFER_LMA | EFER_NXE;
	page->rflags = RFLAGS_FIXED | RFLAGS_IF;
	page->rip = CODE_GVA;
	for (u32 i = 0; i < SEG_COUNT; i++)
		page->segment[i] = (struct vcpu_segment_state){
			.limit = 0xffffffff, .access = 0xc0f3 /* data, DPL 3, big */};
	page->segment[SEG_CS].access = 0xa0fb; /* 64-bit code, DPL 3 */
}
