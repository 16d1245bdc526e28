/* SPDX-License-Identifier: MIT */
#pragma once

/* What an input says: a list of steps, each a call of the manager's, or what CPUs do. */
#include "tests/model/calls.h"

/* What the manager does with an answer of STATUS_AGAIN. */
enum insists {
	/* the manager leaves the call half done, for a later step, a merge at some place */
	INSISTS_NOT,
	INSISTS, /* the manager repeats the call until it has ended */
	/* the manager repeats the call while others exchange pages of the VM's RAM for their own */
	INSISTS_WRITTEN,
	/* the manager repeats the call while the group gives back a page now and then */
	INSISTS_FREED,
	INSISTS_COUNT
};

static void step_churn_call(u32 cpu)
{
	hpa_t hpa;

	(void)cpu;
	if (page_alloc(0, PAGE_PROCESS, &call.vm->quota, &hpa) == STATUS_OK)
		tlb_page_free(hpa, &call.vm->quota);
}

/*
 * Reads one page after the other on a CPU, and begins to write to another page on another CPU
 * through another space. Each time it is the other of the two that has yet to notice its kick.
 */
static void step_exchange(struct vm *vm, u32 cpu, u32 n)
{
	u64 index = (vm->ram->page_count / 2 + n) % vm->ram->page_count;
	u32 reader = steps_cpu(cpu + 1 + n % 2);
	enum space_of where = n / 2 % 2 ? MONITOR : GUEST;

	if (n % 8 == 7)
		(void)steps_reach(reader, vm, where, attempt_index(vm->shape, n), PT_WRITE, false);
	(void)steps_reach(reader, vm, where, index, PT_READ, false);
	cpu = steps_cpu(cpu + 2 - n % 2);
	if (!attempt_choose(cpu, vm, where == GUEST ? MONITOR : GUEST, index, PT_WRITE))
		return;
	accesses[cpu].zero = true;
	processor_run(cpu, world_attempt);
}

/* Does what others do between two calls of the manager's. */
static void step_meanwhile(enum insists insists, u32 cpu, u32 n)
{
	enum status status = call.status;

	world_round();
	if (insists == INSISTS_FREED && n % 2 == 0) /* no page is back by then */
		processor_run(steps_cpu(cpu + 1), step_churn_call);
	if (insists == INSISTS_WRITTEN && call.vm->ram != NULL)
		step_exchange(call.vm, cpu, n);
	call.status = status;
}

/* The group has given back pages just now, and has hardly more than a freeze takes. */
static void step_leave_little(const struct step *step, struct vm *vm, u32 cpu)
{
	call.vm = vm;
	for (u32 n = 0; n < 48; n++)
		processor_run(cpu, step_churn_call);
	call.count = vm->account.used_pages + vm->ram->present + 12 + step->c % 32;
	processor_run(cpu, call_limit);
}

/* Makes the call, as often as the manager insists. Whatever others do, it ends. */
static void step_call(const struct step *step, u32 cpu, void (*function)(u32 cpu), u32 limit)
{
	enum insists insists = step->d % INSISTS_COUNT;
	u64 merged = attempt_index(call.vm->shape, step->b | step->c << 8);

	for (u32 n = 0;; n++) {
		processor_run(cpu, function);
		if (call.status != STATUS_AGAIN)
			return;
		if (insists == INSISTS_NOT &&
		    (!call.vm->ram->merging || call.vm->ram->cursor >= merged))
			return;
		CHECK_THAT(n < limit); /* the manager hangs */
		step_meanwhile(insists, cpu, n);
		cpu = steps_cpu(cpu);
	}
}

/* --- VMs --- */

static bool step_map(struct vm *vm, u32 cpu, enum space_of where, u64 at, u64 offset, u64 count,
		     u32 rights)
{
	call.space = vm->space[where];
	call.memory = vm->ram;
	call.at = at;
	call.offset = offset;
	call.count = count;
	call.flags = rights;
	processor_run(cpu, call_map);
	return call.status == STATUS_OK;
}

static void step_spaces_end(struct vm *vm)
{
	for (u32 where = 0; where < SPACES; where++) {
		if (vm->space[where] != NULL)
			object_put(&vm->space[where]->object);
		vm->space[where] = NULL;
	}
}

/*
 * Makes the VM's spaces, with all of its RAM mapped in them; returns false if there is no memory
 * for that.
 */
static bool step_spaces(struct vm *vm, u32 cpu, u64 at)
{
	struct memory *ram = call.memory;

	memset(vm->tag, 0, sizeof(vm->tag));
	call.vm = vm;
	processor_run(cpu, call_spaces);
	if (call.status != STATUS_OK) {
		step_spaces_end(vm);
		call.memory = ram;
		processor_run(cpu, call_put);
		return false;
	}
	vm->ram = ram;
	vm->freezing = NULL;
	vm->resetting = false;
	(void)step_map(vm, cpu, GUEST, at, 0, ram->page_count, PT_READ | PT_WRITE | PT_EXECUTE);
	(void)step_map(vm, cpu, MONITOR, 0, 0, ram->page_count, PT_READ | PT_WRITE);
	return true;
}

/* Makes or ends a group, which is there as long as it pays for something. */
static void step_group(struct vm *vm, u64 limit)
{
	if (vm->account.used_pages != 0)
		return;
	memset(&vm->account, 0, sizeof(vm->account));
	quota_init(&vm->quota, &vm->account, limit);
	machine_group_begins(&vm->quota);
}

static u32 step_owner(void)
{
	static u32 owner;

	return owner = (owner + 1) % REFERENCE_OWNERS;
}

static const u64 step_places[] = {0, 64 * MIB, PAGE_SIZE, GIB, GIB + 2 * MIB};

static void step_create(const struct step *step, struct vm *vm, u32 cpu)
{
	static const u32 flags[] = {0, 0, MEMORY_SMALL, MEMORY_OVERCOMMIT, 0, MEMORY_HUGE};
	bool huge = machine_ram_bytes > GIB;

	if (vm->ram != NULL)
		return;
	vm->shape = huge && step->a % 4 != 0 ? SHAPE_HUGE : step->a % SHAPE_HUGE;
	call.count = shapes[vm->shape].pages;
	call.flags = flags[step->b % ARRAY_COUNT(flags)];
	if (vm->shape == SHAPE_HUGE)
		call.flags = MEMORY_HUGE | (step->b % 3 == 0 ? MEMORY_WHOLE : 0);
	step_group(vm, step->c % 4 == 0 ? call.count + 40 : 2 * MACHINE_RAM_MAX / PAGE_SIZE);
	call.vm = vm;
	processor_run(cpu, call_create);
	if (call.status != STATUS_OK)
		return;
	reference_init(&vm->reference, step_owner());
	(void)step_spaces(vm, cpu,
			  vm->shape == SHAPE_HUGE && step->c % 8 != 0
				  ? 0
				  : step_places[step->c % ARRAY_COUNT(step_places)]);
}

/* Makes a clone: an object of its own above what is frozen. */
static void step_layer(const struct step *step, struct vm *vm, u32 cpu)
{
	struct frozen *entry = &frozen[step->a % FROZEN_MAX];

	for (u32 n = 1; n < FROZEN_MAX && !entry->held; n++)
		entry = &frozen[(step->a + n) % FROZEN_MAX];
	if (vm->ram != NULL || !entry->held)
		return;
	step_group(vm, 2 * MACHINE_RAM_MAX / PAGE_SIZE);
	call.vm = vm;
	call.memory = entry->memory;
	processor_run(cpu, call_layer);
	if (call.status != STATUS_OK)
		return;
	vm->shape = entry->shape;
	reference_copy(&vm->reference, &entry->reference, step_owner());
	(void)step_spaces(vm, cpu, step_places[step->c % 2]);
}

/* The VM's threads and vCPUs have ended by now. */
static void step_end(struct vm *vm)
{
	if (vm->ram == NULL)
		return;
	processors_settle();
	for (u32 cpu = 0; cpu < PROCESSORS; cpu++) {
		if (running[cpu].guest == vm)
			world_unload(cpu);
		if (running[cpu].process == vm)
			running[cpu].process = NULL;
	}
	step_spaces_end(vm);
	object_put(&vm->ram->object);
	vm->ram = NULL;
	vm->freezing = NULL;
}

/* --- layers --- */

static struct frozen *step_frozen_free(void)
{
	for (u32 i = 0; i < FROZEN_MAX; i++)
		if (frozen[i].memory == NULL)
			return &frozen[i];
	return NULL;
}

static void step_open(struct vm *vm, struct reference *reference, const struct reference *after)
{
	for (u32 place = 0; place < shapes[vm->shape].places; place++)
		reference_open(reference, place,
			       after != NULL ? after->word[place] : reference->word[place]);
}

/*
 * Checks that what a frozen object holds, or a live one shows, is one of the values that it may be.
 */
static void step_close(struct vm *vm, struct reference *reference, struct memory *memory, u64 first,
		       u64 count, bool gone)
{
	for (u32 place = 0; place < shapes[vm->shape].places; place++) {
		u64 index = world_index(vm->shape, place);

		if (index - first < count)
			CHECK_THAT(
				reference_close(reference, place, world_word(memory, index), gone));
	}
}

/* Closes whatever was open: no CPU uses an old translation any more. */
static void step_settle(void)
{
	processors_settle();
	world_round();
	for (u32 i = 0; i < VMS; i++) {
		vms[i].resetting = false;
		if (vms[i].ram != NULL)
			step_close(&vms[i], &vms[i].reference, vms[i].ram, 0, ~0ull, false);
	}
}

static void step_freeze_call(u32 cpu)
{
	static struct reference before;
	struct vm *vm = call.vm;
	const struct memory *below = vm->ram->below;
	struct frozen *entry = step_frozen_free();

	if (entry == NULL) {
		call.status = STATUS_NO_MEMORY;
		return;
	}
	reference_copy(&before, &vm->reference, vm->reference.owner);
	step_open(vm, &before, NULL);
	call_freeze(cpu);
	if (vm->ram->below == below)
		return;
	*entry = (struct frozen){.memory = vm->ram->below, .shape = vm->shape};
	reference_copy(&entry->reference, &before, before.owner);
	vm->freezing = entry;
	vm->resetting = false;
}

static void step_freeze(const struct step *step, struct vm *vm, u32 cpu)
{
	struct frozen *entry;

	if (vm->ram == NULL)
		return;
	call.vm = vm;
	if (step->d % INSISTS_COUNT == INSISTS_FREED)
		step_leave_little(step, vm, cpu);
	step_call(step, cpu, step_freeze_call, steps_limit(vm->ram));
	if (vm->ram->held || vm->ram->device_mappings != 0)
		CHECK_THAT(call.status == STATUS_BAD_STATE || call.status == STATUS_NO_MEMORY);
	if (call.status != STATUS_OK)
		return;
	entry = world_frozen_of(vm->ram->below);
	CHECK_THAT(entry != NULL && entry->memory->frozen);
	if (entry == vm->freezing) {
		reference_follow(&entry->reference, &vm->reference);
		step_close(vm, &entry->reference, entry->memory, 0, ~0ull, false);
		vm->freezing = NULL;
	}
	if (!entry->held && step->a % 4 != 0) {
		object_get(&entry->memory->object);
		entry->held = true;
	}
}

static void step_drop_held(struct frozen *entry, u32 cpu)
{
	entry->held = false;
	call.memory = entry->memory;
	processor_run(cpu, call_put);
}

static void step_drop(const struct step *step, struct vm *vm, u32 cpu)
{
	(void)vm;
	for (u32 n = 0; n < FROZEN_MAX; n++) {
		struct frozen *entry = &frozen[(step->a + n) % FROZEN_MAX];

		if (entry->held) {
			step_drop_held(entry, cpu);
			return;
		}
	}
}

/*
 * Calls a reset. What the object does not own when the first step is made stays, as does what comes
 * later.
 */
static void step_reset_call(u32 cpu)
{
	struct vm *vm = call.vm;
	bool begins = !vm->ram->resetting;

	call_reset(cpu);
	for (u32 place = 0; begins && place < shapes[vm->shape].places; place++) {
		u64 index = world_index(vm->shape, place);

		if (vm->resetting && slot_word(vm->ram, index) == 0)
			step_close(vm, &vm->reference, vm->ram, index, 1, false);
	}
}

/* All that was written before the first step goes. */
static void step_reset(const struct step *step, struct vm *vm, u32 cpu)
{
	bool gone;

	if (vm->ram == NULL || vm->ram->below == NULL || vm->ram->merging)
		return;
	call.vm = vm;
	gone = vm->resetting || !vm->ram->resetting;
	if (!vm->resetting) {
		/*
		 * otherwise the call goes on with a reset of which it is not known any more when it
		 * began
		 */
		step_settle(); /* ends a discard that was left half done */
		vm->resetting = vm->ram->below->frozen;
		if (vm->resetting)
			step_open(vm, &vm->reference, &world_frozen_of(vm->ram->below)->reference);
	}
	step_call(step, cpu, step_reset_call, STEPS_WAIT + (u32)vm->ram->present / 32);
	if (call.status != STATUS_OK)
		return;
	step_close(vm, &vm->reference, vm->ram, 0, ~0ull, gone);
	vm->resetting = false;
}

static void step_merge(const struct step *step, struct vm *vm, u32 cpu)
{
	if (vm->ram == NULL)
		return;
	call.vm = vm;
	/* each page that is on its way comes up first, and none comes twice */
	step_call(step, cpu, call_merge, steps_limit(vm->ram) + (u32)vm->ram->page_count);
}
