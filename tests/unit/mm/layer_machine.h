/* SPDX-License-Identifier: MIT */
#pragma once

/* Guests' RAM with layers, for layer_test.c and discard_test.c. */
#include "tests/unit/mm/leaf_next.h"
#include "tests/unit/mm_machine.h"

static u32 kicks;

void tlb_arch_load_root(hpa_t root)
{
	(void)root;
}

void tlb_arch_kick(u32 cpu)
{
	machine_kicked[cpu] = true;
	kicks++;
}

/* CPU 1 takes notice of its kick. */
static UNUSED void pass(void)
{
	machine_kicked[1] = false;
}

#define PAGES 1100ull /* two blocks of 2 MiB and some pages more */
#define AT    (64 * MIB)

/* A guest's RAM, mapped in its space and in its monitor's. */
struct machine_vm {
	struct quota quota;
	struct memory *ram;
	struct space *guest;
	struct space *monitor;
	u64 at; /* the address in the monitor */
};

static void map_ram(struct machine_vm *vm)
{
	u64 at;

	assert_int_equal(space_create_guest(&vm->quota, &format_ept, &vm->guest), STATUS_OK);
	assert_int_equal(space_create_process(&vm->quota, &vm->monitor), STATUS_OK);
	assert_int_equal(space_map(vm->guest, AT, vm->ram, 0, vm->ram->page_count,
				   PT_READ | PT_WRITE | PT_EXECUTE, &at),
			 STATUS_OK);
	assert_int_equal(space_map(vm->monitor, 0, vm->ram, 0, vm->ram->page_count,
				   PT_READ | PT_WRITE, &vm->at),
			 STATUS_OK);
}

static void make_vm(struct machine_vm *vm, u64 pages, u64 limit)
{
	machine_quota(&vm->quota, limit);
	assert_int_equal(memory_create(&vm->quota, PAGE_GUEST, pages, 0, &vm->ram), STATUS_OK);
	map_ram(vm);
}

static UNUSED void end_vm(struct machine_vm *vm)
{
	object_put(&vm->guest->object);
	object_put(&vm->monitor->object);
	object_put(&vm->ram->object);
}

/* Faults until the access succeeds; the page. */
static u64 *reach(struct space *space, u64 at, u32 access)
{
	struct pt_leaf leaf;
	enum status status;
	u32 steps = 0;

	do
		status = space_fault(space, at, access);
	while (status == STATUS_AGAIN && ++steps < 40);
	assert_int_equal(status, STATUS_OK);
	assert_true(table_lookup(&space->table, at, &leaf));
	assert_int_equal(access & ~leaf.rights, 0);
	return hpa_to_pointer(HPA(leaf.hpa.value + (at - leaf.at)));
}

static u64 *in_guest(struct machine_vm *vm, u64 index, u32 access)
{
	return reach(vm->guest, AT + index * PAGE_SIZE, access);
}

static UNUSED u64 *in_monitor(struct machine_vm *vm, u64 index, u32 access)
{
	return reach(vm->monitor, vm->at + index * PAGE_SIZE, access);
}

static UNUSED struct memory *freeze(struct machine_vm *vm)
{
	struct memory *frozen;
	enum status status;
	u32 steps = 0;

	do
		status = layer_freeze(vm->ram, &frozen);
	while (status == STATUS_AGAIN && ++steps < 100);
	assert_int_equal(status, STATUS_OK);
	return frozen;
}

static UNUSED void reset(struct machine_vm *vm)
{
	enum status status;

	u32 steps = 0;

	do
		status = layer_reset(vm->ram);
	while (status == STATUS_AGAIN && ++steps < 100);
	assert_int_equal(status, STATUS_OK);
}

/* The rule that the audit checks. */
static UNUSED void assert_no_writable_leaf(struct space *space, const struct memory *frozen)
{
	u64 at = 0;
	struct pt_leaf leaf;

	while (leaf_next(&space->table, &at, SPACE_USER_HIGH, &leaf)) {
		at = leaf.at + table_level_bytes(leaf.level);
		if ((leaf.rights & PT_WRITE) == 0)
			continue;
		for (u64 i = 0; i < frozen->page_count;) {
			hpa_t hpa;
			u64 count = memory_walk((struct memory *)frozen, &i, &hpa);

			assert_false(count != 0 && leaf.hpa.value < hpa.value + count * PAGE_SIZE &&
				     hpa.value < leaf.hpa.value + table_level_bytes(leaf.level));
		}
	}
}
