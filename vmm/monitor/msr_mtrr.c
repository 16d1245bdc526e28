/* SPDX-License-Identifier: MIT */
#include "vmm/monitor/msr_mtrr.h"

#include "arch/x86_64/hw/msr.h"
#include "vmm/monitor/load/layout.h"

#define ALL_WB 0x0606060606060606ull

static const u32 fixed_index[MSR_MTRR_FIXED_COUNT] = {
	MSR_MTRR_FIX_64K_00000,     MSR_MTRR_FIX_16K_80000,     MSR_MTRR_FIX_16K_A0000,
	MSR_MTRR_FIX_4K_C0000,      MSR_MTRR_FIX_4K_C0000 + 1,  MSR_MTRR_FIX_4K_C0000 + 2,
	MSR_MTRR_FIX_4K_C0000 + 3,  MSR_MTRR_FIX_4K_C0000 + 4,  MSR_MTRR_FIX_4K_C0000 + 5,
	MSR_MTRR_FIX_4K_C0000 + 6,  MSR_MTRR_FIX_4K_C0000 + 7,
};

/* Everything write-back, but the VGA hole and the devices below 4 GiB uncached. */
void msr_mtrr_reset(struct msr_state *state)
{
	state->mtrr_default = MTRR_ENABLE | MTRR_FIXED | MEMORY_TYPE_WB;
	for (u32 i = 0; i < MSR_MTRR_FIXED_COUNT; i++)
		state->mtrr_fixed[i] = fixed_index[i] == MSR_MTRR_FIX_16K_A0000 ? 0 : ALL_WB;
	for (u32 i = 0; i < ARRAY_COUNT(state->mtrr_range); i++)
		state->mtrr_range[i] = 0;
	state->mtrr_range[0] = LAYOUT_LOW_END | MEMORY_TYPE_UC;
	/* 1 GiB; address bits above 35 are every CPU's to have */
	state->mtrr_range[1] = (BITS(35, 12) & ~(LAYOUT_ABOVE_4G - LAYOUT_LOW_END - 1)) |
			       MTRR_MASK_VALID;
}

/* Where the value of the MSR lies; NULL for others. */
static const u64 *find(const struct msr_state *state, u32 index)
{
	if (index == MSR_MTRR_DEF_TYPE)
		return &state->mtrr_default;
	if (index - MSR_MTRR_PHYS_BASE0 < ARRAY_COUNT(state->mtrr_range))
		return &state->mtrr_range[index - MSR_MTRR_PHYS_BASE0];
	for (u32 i = 0; i < MSR_MTRR_FIXED_COUNT; i++) {
		if (fixed_index[i] == index)
			return &state->mtrr_fixed[i];
	}
	return NULL;
}

bool msr_mtrr_read(const struct msr_state *state, u32 index, u64 *value)
{
	const u64 *at = find(state, index);

	if (at == NULL)
		return false;
	*value = *at;
	return true;
}

static bool type_valid(u64 type)
{
	return type <= MEMORY_TYPE_WB && type != 2 && type != 3;
}

static bool fixed_valid(u64 value)
{
	for (u32 i = 0; i < 64; i += 8) {
		if (!type_valid(value >> i & 0xff))
			return false;
	}
	return true;
}

bool msr_mtrr_write(struct msr_state *state, const struct cpuid_policy *policy, u32 index,
		    u64 value)
{
	u64 bits = cpuid_shown(policy, CPUID_ADDRESS_SIZES, 0).eax & CPUID_88_EAX_PHYSICAL_BITS;
	u64 *at = (u64 *)(uintptr_t)find(state, index);
	u64 address = BITS((bits >= 32 && bits <= 52 ? bits : 36) - 1, 12);

	if (at == NULL)
		return false;
	if (index == MSR_MTRR_DEF_TYPE) {
		if ((value & ~(MTRR_ENABLE | MTRR_FIXED | 0xff)) != 0 || !type_valid(value & 0xff))
			return false;
	} else if (index - MSR_MTRR_PHYS_BASE0 >= ARRAY_COUNT(state->mtrr_range)) {
		if (!fixed_valid(value))
			return false;
	} else if ((index & 1) == 0) {
		if ((value & ~(address | 0xff)) != 0 || !type_valid(value & 0xff))
			return false;
	} else if ((value & ~(address | MTRR_MASK_VALID)) != 0) {
		return false;
	}
	*at = value;
	return true;
}
