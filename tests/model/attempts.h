/* SPDX-License-Identifier: MIT */
#pragma once

/* What an input says: a list of steps, each a call of the manager's, or what CPUs do. */
#include "tests/model/leaves.h"

/* One step, as it stands in the input. */
struct step {
	u8 kind;
	u8 who;
	u8 a, b, c, d;
	u8 noise;
	u8 dice;
};

/* --- attempts --- */

static bool attempt_choose(u32 cpu, struct vm *vm, u32 which, u64 index, u32 rights)
{
	struct access *access = &accesses[cpu];
	const struct mapping *mapping;
	struct space *space;
	struct list *node;

	if (vm->ram == NULL)
		return false;
	*access = (struct access){
		.vm = vm, .where = which % SPACES, .which = which, .rights = rights};
	if (access->where == DEVICE && rights == PT_EXECUTE)
		access->rights = PT_READ; /* a device executes nothing */
	space = vm->space[access->where];
	if (space == NULL || space->mapping_count == 0)
		return false;
	node = space->mappings.next;
	for (u32 n = which / SPACES % space->mapping_count; n > 0; n--)
		node = node->next;
	access->index = index % vm->ram->page_count;
	mapping = LIST_ENTRY(node, struct mapping, space_node);
	if (access->index - mapping->offset >= mapping->page_count)
		access->index = mapping->offset + access->index % mapping->page_count;
	access->at = mapping->at + ((access->index - mapping->offset) << PAGE_SHIFT);
	return true;
}

/* The places in use: in some runs all steps use but a few places, and so meet there. */
static u32 attempt_places;

static u64 attempt_index(u32 shape, u32 which)
{
	return world_index(shape, which % MIN(shapes[shape].places, attempt_places));
}

/* The CPU's last access once more: it has a translation, perhaps an old one. */
static bool attempt_again(u32 cpu, u32 rights)
{
	const struct access last = accesses[cpu];

	return last.vm != NULL && attempt_choose(cpu, last.vm, last.which, last.index, rights);
}

/* Does what another CPU does while a call is under way. */
static void attempt_any(u32 cpu)
{
	struct vm *vm = &vms[processor_roll(VMS)];
	u32 rights = processor_roll(3) == 0 ? PT_READ : PT_WRITE;
	u64 index;

	if (processor_roll(4) == 0) {
		machine_clock_ms += processor_roll(3);
		processors[cpu].call = world_pass;
		return;
	}
	if (processor_roll(3) == 0 && attempt_again(cpu, rights)) {
		processors[cpu].call = world_attempt;
		return;
	}
	if (vm->ram == NULL)
		return;
	index = processor_roll(4) != 0 ? attempt_index(vm->shape, processor_roll(1024))
				       : processor_roll((u32)vm->ram->page_count);
	if (attempt_choose(cpu, vm, processor_roll(8), index, rights))
		processors[cpu].call = accesses[cpu].where == GUEST && processor_roll(8) == 0
					       ? world_mark
					       : world_attempt;
}

static u32 steps_cpu(u32 which)
{
	for (u32 n = 0; n < PROCESSORS; n++)
		if (processors[(which + n) % PROCESSORS].call == NULL)
			return (which + n) % PROCESSORS;
	processors_settle();
	return which % PROCESSORS;
}

/*
 * The tries after which a call that waits for CPUs alone has waited; the CPUs pass between two
 * tries.
 */
#define STEPS_WAIT 16u

/* Returns the steps in which a repeated call comes to its end, whatever other CPUs do. */
static u32 steps_limit(const struct memory *memory)
{
	return 400 + (u32)(memory->page_count / 8);
}

/* Repeats the chosen access until it is made or refused; false: refused. */
static bool steps_repeat(u32 cpu, bool zero)
{
	u32 limit = 200 + (accesses[cpu].vm->ram->flags & MEMORY_WHOLE ? 9000 : 0);

	accesses[cpu].zero = zero;
	for (u32 n = 0;; n++) {
		processor_run(cpu, world_attempt);
		if (accesses[cpu].done)
			return true;
		if (accesses[cpu].status != STATUS_OK && accesses[cpu].status != STATUS_AGAIN)
			return false;
		CHECK_THAT(n < limit); /* the access would fault for ever */
		if (n % 16 == 15 || tlb_waiting != 0 || world_kicked())
			world_round();
	}
}

static bool steps_reach(u32 cpu, struct vm *vm, u32 which, u64 index, u32 rights, bool zero)
{
	return attempt_choose(cpu, vm, which, index, rights) && steps_repeat(cpu, zero);
}
