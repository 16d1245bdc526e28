/* SPDX-License-Identifier: MIT */
#pragma once

/* The steps that give back, touch, map and lose memory, and let time pass. */
#include "tests/model/steps.h"

static void step_discard(const struct step *step, struct vm *vm, u32 cpu)
{
	static const u64 counts[] = {1, 2, 8, 64, 512, 600, 1100, 2000};
	u64 first;
	u64 count = counts[step->b % ARRAY_COUNT(counts)];
	u64 left;

	if (vm->ram == NULL)
		return;
	first = step->a < 200 ? attempt_index(vm->shape, step->a * 256u + step->c) / 8 * 8
			      : step->c;
	count = MIN(count, vm->ram->page_count - first);
	call.vm = vm;
	for (left = count; left > 0; left -= call.count, first += call.count) {
		/* a step that was left half done is not made again: what was touched since stays */
		bool repeats = vm->ram->breaking == first + 1;

		/* of an object with layers nothing is given back */
		for (u32 place = 0; place < shapes[vm->shape].places; place++)
			if (vm->ram->below == NULL && world_index(vm->shape, place) - first < left)
				reference_open(&vm->reference, place, 0);
		call.first = first;
		call.count = left;
		step_call(step, cpu, call_discard, steps_limit(vm->ram));
		if (call.status != STATUS_OK)
			return;
		CHECK_THAT(vm->ram->below == NULL && call.count != 0 && call.count <= left);
		step_close(vm, &vm->reference, vm->ram, first, call.count, !repeats);
		cpu = steps_cpu(cpu);
	}
}

static void step_trim(const struct step *step, struct vm *vm, u32 cpu)
{
	u64 left;

	if (vm->ram == NULL)
		return;
	call.vm = vm;
	call.first = step->a < 128 ? 0 : attempt_index(vm->shape, step->b);
	left = MIN(step->b * 8ull + 1, vm->ram->page_count - call.first);
	for (; left > 0; left -= call.count, call.first += call.count) {
		call.count = left;
		step_call(step, cpu, call_trim, steps_limit(vm->ram));
		if (call.status != STATUS_OK)
			return;
		CHECK_THAT(call.count != 0 && call.count <= left && call.given <= call.count);
		cpu = steps_cpu(cpu);
	}
}

static const u32 step_rights[] = {PT_WRITE, PT_READ, PT_WRITE, PT_EXECUTE};

static void step_touch(const struct step *step, struct vm *vm, u32 cpu)
{
	u32 rights = step_rights[step->d % 4];
	u64 index;

	if (step->a >= 128 && attempt_again(cpu, rights)) {
		(void)steps_repeat(cpu, step->d >= 208);
		return;
	}
	if (vm->ram == NULL)
		return;
	index = step->b < 224 ? attempt_index(vm->shape, step->b | step->c << 8)
			      : step->c * 4ull + step->b % 4;
	(void)steps_reach(cpu, vm, step->a, index, rights, step->d >= 208);
}

/* Accesses many pages, one after the other; the pieces that are left out are holes. */
static void step_sweep(const struct step *step, struct vm *vm, u32 cpu)
{
	static const u64 strides[] = {1, 512, 512, 8};
	static const u64 counts[] = {16, 512, 1100, 64};
	u64 stride = strides[step->a / 4 % 4];
	u64 count = counts[step->b % 4];
	u64 index = step->c;

	if (vm->ram == NULL)
		return;
	if (vm->shape == SHAPE_HUGE) {
		stride = step->a % 8 == 0 ? 1 : 512;
		count = step->b < 128 ? 512 : step->b * 2u;
		index = (512 + step->c / 2 * (step->d & 1)) * MEMORY_CHUNK_PAGES;
	}
	for (u64 n = 0; n < count && index < vm->ram->page_count; n++, index += stride)
		if (!steps_reach(cpu, vm, step->d / 4, index, step_rights[step->d / 2 % 4], true))
			return;
}

static void step_map_more(const struct step *step, struct vm *vm, u32 cpu)
{
	static const u32 rights[] = {PT_READ | PT_WRITE, PT_READ, PT_READ | PT_EXECUTE};
	enum space_of where = step->a % SPACES;
	u64 offset, count;

	if (vm->ram == NULL || vm->space[where] == NULL || vm->space[where]->mapping_count > 5)
		return;
	offset = step->b < 128 ? 0 : attempt_index(vm->shape, step->b);
	count = vm->ram->page_count - offset;
	if (step->c & 1)
		count = MIN(count, 1 + step->c * 3ull);
	call.vm = vm;
	(void)step_map(vm, cpu, where,
		       where == MONITOR && step->d % 2
			       ? 0
			       : (8 + step->c / 2 % 4 * 4) * GIB +
					 step_places[step->d % ARRAY_COUNT(step_places)],
		       offset, count, rights[step->d / 8 % ARRAY_COUNT(rights)]);
}

static void step_unmap(const struct step *step, struct vm *vm, u32 cpu)
{
	const struct mapping *mapping;
	struct space *space;

	if (vm->ram == NULL)
		return;
	space = vm->space[step->a % SPACES];
	if (space == NULL || space->mapping_count < (step->b < 32 ? 1 : 2))
		return;
	mapping = LIST_ENTRY(space->mappings.prev, struct mapping, space_node);
	call.vm = vm;
	call.space = space;
	call.at = mapping->at;
	call.count = mapping->page_count;
	step_call(step, cpu, call_unmap, steps_limit(vm->ram));
}

static void step_byte(const struct step *step, struct vm *vm, u32 cpu)
{
	if (attempt_choose(cpu, vm, GUEST, attempt_index(vm->shape, step->b), PT_WRITE))
		processor_run(cpu, world_mark);
}

static void step_quota(const struct step *step, struct vm *vm, u32 cpu)
{
	if (vm->quota.account == NULL)
		return;
	call.vm = vm;
	call.count = vm->account.used_pages + (step->a < 160 ? step->b % 64 : 100000);
	if (step->a < 96 && vm->ram != NULL) /* hardly enough for what a freeze takes */
		call.count += vm->ram->present;
	processor_run(cpu, call_limit);
}

/* Holds a page, as a caller does that knows where it is and has it stay there. */
static void step_hold(const struct step *step, struct vm *vm, u32 cpu)
{
	if (vm->ram == NULL || step->a >= 64)
		return;
	call.vm = vm;
	call.first = attempt_index(vm->shape, step->b);
	step_call(step, cpu, call_hold, steps_limit(vm->ram));
}

/* A page is broken: all whose memory it is, or lies on it, end. */
static void step_lose(const struct step *step, struct vm *vm, u32 cpu)
{
	const struct memory *memory;
	const struct page *head;
	u64 frame = step->a | step->b << 8;

	processors_settle();
	invariants_check();
	if (vm->ram != NULL && step->c < 192)
		frame = slot_shows(vm->ram, attempt_index(vm->shape, step->b)) >> PAGE_SHIFT;
	head = buddy_block_of(frame);
	if (frame == 0 || step->d >= 64 || head == NULL ||
	    (head->owner != PAGE_GUEST && head->owner != PAGE_FREE))
		return;
	memory = use_of((u64)(head - page_frames)) == USE_PAGE ? uses[head - page_frames].memory
							       : NULL;
	call.first = frame;
	processor_run(cpu, call_lose);
	for (u32 i = 0; memory != NULL && i < VMS; i++)
		if (world_lies_on(vms[i].ram, memory))
			step_end(&vms[i]);
	for (u32 i = 0; memory != NULL && i < FROZEN_MAX; i++)
		if (frozen[i].held && world_lies_on(frozen[i].memory, memory))
			step_drop_held(&frozen[i], steps_cpu(cpu));
}

static void step_churn(const struct step *step, struct vm *vm, u32 cpu)
{
	if (vm->ram == NULL)
		return;
	call.vm = vm;
	for (u32 n = 0; n < step->a % 16u; n++)
		processor_run(cpu, step_churn_call);
}

static void step_settle_all(const struct step *step, struct vm *vm, u32 cpu)
{
	(void)step, (void)vm, (void)cpu;
	step_settle();
}

static void step_sleep(const struct step *step, struct vm *vm, u32 cpu)
{
	(void)step, (void)vm;
	processor_run(cpu, world_sleep);
}

static void step_round(const struct step *step, struct vm *vm, u32 cpu)
{
	(void)step, (void)vm, (void)cpu;
	world_round();
}

static void step_teardown(const struct step *step, struct vm *vm, u32 cpu)
{
	(void)step, (void)vm;
	processor_run(cpu, call_teardown);
}

static void step_end_some(const struct step *step, struct vm *vm, u32 cpu)
{
	(void)cpu;
	if (step->a < 40)
		step_end(vm);
}
