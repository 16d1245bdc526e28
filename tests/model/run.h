/* SPDX-License-Identifier: MIT */
#pragma once

/* A whole run: steps, one after the other, after each of which the invariants are looked at. */
#include "tests/model/more_steps.h"

#define RUN_STEPS_MAX 400u

static bool run_shows;

/* The kinds of steps by number; some kinds come up more often. */
enum kind {
	KIND_CREATE = 0,
	KIND_LAYER = 2,
	KIND_MAP = 3,
	KIND_UNMAP = 4,
	KIND_FREEZE = 5,
	KIND_RESET = 7,
	KIND_MERGE = 8,
	KIND_DISCARD = 10,
	KIND_TRIM = 11,
	KIND_DROP = 12,
	KIND_CHURN = 15,
	KIND_SLEEP = 17,
	KIND_END = 19,
	KIND_TEARDOWN = 20,
	KIND_SWEEP = 22,
	KIND_ROUND = 25,
	KIND_TOUCH = 28,
	KINDS = 32,
};

static const struct {
	const char *name;
	void (*function)(const struct step *step, struct vm *vm, u32 cpu);
} run_kinds[KINDS] = {
	[0 ... 1] = {"create", step_create},
	{"layer", step_layer},
	{"map", step_map_more},
	{"unmap", step_unmap},
	[5 ... 6] = {"freeze", step_freeze},
	{"reset", step_reset},
	[8 ... 9] = {"merge", step_merge},
	{"discard", step_discard},
	{"trim", step_trim},
	[12 ... 13] = {"drop", step_drop},
	{"quota", step_quota},
	{"churn", step_churn},
	{"settle", step_settle_all},
	{"sleep", step_sleep},
	{"byte", step_byte},
	{"end", step_end_some},
	[20 ... 21] = {"teardown", step_teardown},
	[22 ... 24] = {"sweep", step_sweep},
	{"round", step_round},
	{"hold", step_hold},
	{"lose", step_lose},
	[28 ... 31] = {"touch", step_touch},
};

/* Shows an input's steps if MODEL_TRACE=1, for whoever looks for what the input found. */
static void run_show(const struct step *step, u32 number)
{
	const struct vm *vm = &vms[step->who % VMS];

	fprintf(stderr, "%u: %s vm %u cpu %u, %u %u %u %u, noise %u", number,
		run_kinds[step->kind % KINDS].name, step->who % VMS, step->who / VMS % PROCESSORS,
		step->a, step->b, step->c, step->d, step->noise);
	if (vm->ram != NULL)
		fprintf(stderr, "; %lu pages, flags %x, %u below, %lu present, merging %u",
			(unsigned long)vm->ram->page_count, vm->ram->flags, vm->ram->depth,
			(unsigned long)vm->ram->present, vm->ram->merging);
	fprintf(stderr, "\n");
}

static void run_step(const struct step *step, u32 number)
{
	static const u32 noises[] = {0, 0, 60, 160};
	struct vm *vm = &vms[step->who % VMS];

	memcpy(&processor_dice, step, sizeof(*step)); /* each step has its own dice */
	processor_dice = (processor_dice ^ RANDOM_SEED) | 1;
	processor_noise = noises[step->noise % ARRAY_COUNT(noises)];
	if (run_shows)
		run_show(step, number);
	run_kinds[step->kind % KINDS].function(step, vm, steps_cpu(step->who / VMS));
	if (step->noise < 192)
		processors_settle();
	if (!processors_busy())
		invariants_check();
}

/* The VMs end, and all that is left goes: every page is free, and nobody pays for anything. */
static void run_end(u64 free_before)
{
	processors_settle();
	processor_noise = 0;
	for (u32 i = 0; i < VMS; i++)
		step_end(&vms[i]);
	for (u32 i = 0; i < FROZEN_MAX; i++) {
		if (frozen[i].held)
			object_put(&frozen[i].memory->object);
		frozen[i].held = false;
	}
	for (u32 n = 0; !list_empty(&machine_dying) || tlb_pages_waiting() != 0; n++) {
		CHECK_THAT(n < 40000);
		if (!list_empty(&machine_dying))
			processor_run(0, call_teardown);
		if (n % 4 == 0 || list_empty(&machine_dying))
			world_round();
	}
	invariants_check();
	CHECK_THAT(machine_free_pages() + bad_count == free_before && reserved_count == 0);
	for (u32 i = 0; i < VMS; i++)
		CHECK_THAT(vms[i].account.used_pages == 0);
}

/* The first byte says which machine it is. */
static void run_input(const u8 *bytes, size_t size)
{
	static const u32 places[] = {3, 8, REFERENCE_PLACES, REFERENCE_PLACES};
	struct fuzz input = {bytes, size};
	u8 machine = fuzz_u8(&input);
	u64 free_before;

	run_shows = getenv("MODEL_TRACE") != NULL;
	features.gib_pages = machine & 1;
	features.speculation.done = (machine & 2) ? HOST_SMALL_CODE : 0;
	features.meltdown = machine & 4;
	attempt_places = places[machine / 16 % ARRAY_COUNT(places)];
	memset(vms, 0, sizeof(vms));
	memset(frozen, 0, sizeof(frozen));
	memset(running, 0, sizeof(running));
	memset(accesses, 0, sizeof(accesses));
	processor_noise = 0;
	processor_begin = attempt_any;
	processor_leave = world_leave;
	processor_wake = world_wake;
	machine_begin(machine % 16 == 9 || machine % 16 == 11);
	free_before = machine_free_pages();
	for (u32 n = 0; n < RUN_STEPS_MAX && input.left > 0; n++) {
		struct step step;

		fuzz_take(&input, &step, sizeof(step));
		run_step(&step, n);
	}
	run_end(free_before);
}
