/* SPDX-License-Identifier: MIT */
/*
 * Memory objects, layers, spaces and quotas: calls into mm/ by a manager, and what guests and
 * monitors do meanwhile on three CPUs, compared with a reference model after each step.
 */
/* Counted elsewhere: boot/ */
#include "tests/model/run.h"
#include "tests/model/reference.c"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	if (size != 0)
		run_input(bytes, size);
	return 0;
}

size_t LLVMFuzzerMutate(uint8_t *bytes, size_t size, size_t size_max);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t size_max, unsigned int seed);

static u32 draw(u64 *state, u32 sides)
{
	return (u32)(random_step(state) >> 33) % sides;
}

/* Kinds that meet: what is exchanged, hidden, taken up or given back while others use it. */
#define THEME_KINDS 5u
static const u8 themes[][THEME_KINDS] = {
	{KIND_FREEZE, KIND_TOUCH, KIND_TOUCH, KIND_SWEEP, KIND_ROUND},
	{KIND_FREEZE, KIND_RESET, KIND_RESET, KIND_TOUCH, KIND_SWEEP},
	{KIND_FREEZE, KIND_DROP, KIND_MERGE, KIND_TOUCH, KIND_DISCARD},
	{KIND_DISCARD, KIND_TRIM, KIND_TOUCH, KIND_FREEZE, KIND_CHURN},
	{KIND_MAP, KIND_UNMAP, KIND_TOUCH, KIND_ROUND, KIND_SLEEP},
	{KIND_FREEZE, KIND_LAYER, KIND_TEARDOWN, KIND_END, KIND_TOUCH},
};

/*
 * A list of steps of a few kinds, on few VMs: that brings them to more unusual states than a list
 * of all kinds does. It begins with a VM.
 */
static size_t fresh(uint8_t *bytes, size_t size_max, u64 *state)
{
	const u8 *theme = draw(state, 2) == 0 ? themes[draw(state, ARRAY_COUNT(themes))] : NULL;
	bool large = draw(state, 4) == 0;
	u32 count = 8 + draw(state, large ? 24 : 64);
	u32 kinds = 2 + draw(state, 6);
	u32 vm_count = large ? 1 : 1 + draw(state, VMS);
	u32 noise = draw(state, 4);
	u8 kind[8];
	struct step step;
	size_t size = 1;

	for (u32 i = 0; i < kinds; i++)
		kind[i] = theme != NULL ? theme[draw(state, THEME_KINDS)] : (u8)draw(state, KINDS);
	if (theme == NULL && draw(state, 2) == 0)
		kind[0] = KIND_FREEZE;
	bytes[0] = (u8)(draw(state, 4) << 4 | (large ? 9 + draw(state, 2) * 2 : draw(state, 8)));
	for (u32 n = 0; n < count && size + sizeof(step) <= size_max; n++, size += sizeof(step)) {
		u64 any = random_step(state);

		memcpy(&step, &any, sizeof(step));
		step.who = (u8)(draw(state, vm_count) + VMS * draw(state, PROCESSORS));
		step.kind = n == 0		  ? KIND_CREATE
			    : draw(state, 6) == 0 ? KIND_SWEEP
						  : kind[draw(state, kinds)];
		if (noise != 0)
			step.noise = (u8)(step.noise / 4 * 4 + (noise == 1 ? 0 : 2));
		memcpy(bytes + size, &step, sizeof(step));
	}
	return size;
}

/* Every other input is new: long lists of steps are found by chance, not by small changes. */
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t size_max, unsigned int seed)
{
	u64 state = seed * 0x9e3779b97f4a7c15ull | 1;

	return draw(&state, 2) == 0 ? LLVMFuzzerMutate(bytes, size, size_max)
				    : fresh(bytes, size_max, &state);
}
