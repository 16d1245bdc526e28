/* SPDX-License-Identifier: MIT */
/*
 * The memory type range registers (MTRRs) of a vCPU, checked and stored (SDM vol. 3, 12.11).
 * Called by msr.c; changes that vCPU's values only.
 */
#include "vmm/monitor/vcpu/msr_mtrr.h"

#include "arch/x86_64/hw/msr.h"
#include "vmm/monitor/memory/layout.h"

#define ALL_WB 0x0606060606060606ull

/* Indices into msr_state.mtrr: the default type, base and mask of each range, the fixed ranges. */
#define AT_DEFAULT 0
#define AT_RANGE   1
#define AT_FIXED   (AT_RANGE + 2 * MSR_MTRR_RANGE_COUNT)

static u64 msr_mtrr_address_bits(const struct cpuid_policy *policy)
{
	u64 bits = cpuid_shown(policy, CPUID_ADDRESS_SIZES, 0).eax & CPUID_88_EAX_PHYSICAL_BITS;

	return BITS((bits >= 32 && bits <= 52 ? bits : 36) - 1, 12);
}

/* Returns the index of an MSR in msr_state.mtrr, -1 if it is no MTRR. */
static s32 mtrr_place(u32 index)
{
	switch (index) {
	case MSR_MTRR_DEF_TYPE:
		return AT_DEFAULT;
	case MSR_MTRR_FIX_64K_00000:
		return AT_FIXED;
	case MSR_MTRR_FIX_16K_80000:
		return AT_FIXED + 1;
	case MSR_MTRR_FIX_16K_A0000:
		return AT_FIXED + 2;
	default:
		break;
	}
	if (index - MSR_MTRR_FIX_4K_C0000 < 8)
		return AT_FIXED + 3 + (s32)(index - MSR_MTRR_FIX_4K_C0000);
	if (index - MSR_MTRR_PHYS_BASE0 < 2 * MSR_MTRR_RANGE_COUNT)
		return AT_RANGE + (s32)(index - MSR_MTRR_PHYS_BASE0);
	return -1;
}

/*
 * Sets all of memory to write-back, except the VGA hole and the devices below 4 GiB, which are
 * uncached.
 */
void msr_mtrr_reset(struct msr_state *state, const struct cpuid_policy *policy)
{
	for (u32 i = 0; i < MSR_MTRR_COUNT; i++)
		state->mtrr[i] = i < AT_FIXED ? 0 : ALL_WB;
	state->mtrr[mtrr_place(MSR_MTRR_FIX_16K_A0000)] = 0;
	state->mtrr[AT_DEFAULT] = MTRR_ENABLE | MTRR_FIXED | MEMORY_TYPE_WB;
	state->mtrr[AT_RANGE] = LAYOUT_LOW_END | MEMORY_TYPE_UC;
	state->mtrr[AT_RANGE + 1] =
		(msr_mtrr_address_bits(policy) & ~(LAYOUT_ABOVE_4G - LAYOUT_LOW_END - 1)) |
		MTRR_MASK_VALID;
}

bool msr_mtrr_read(const struct msr_state *state, u32 index, u64 *value)
{
	s32 at = mtrr_place(index);

	if (at < 0)
		return false;
	*value = state->mtrr[at];
	return true;
}

static bool msr_mtrr_type_valid(u64 type)
{
	return type <= MEMORY_TYPE_WB && type != 2 && type != 3;
}

static bool msr_mtrr_fixed_valid(u64 value)
{
	for (u32 i = 0; i < 64; i += 8) {
		if (!msr_mtrr_type_valid(value >> i & 0xff))
			return false;
	}
	return true;
}

static bool msr_mtrr_value_valid(const struct cpuid_policy *policy, s32 at, u64 value)
{
	if (at >= AT_FIXED)
		return msr_mtrr_fixed_valid(value);
	if (at == AT_DEFAULT)
		return (value & ~(MTRR_ENABLE | MTRR_FIXED | 0xff)) == 0 &&
		       msr_mtrr_type_valid(value & 0xff);
	if ((at - AT_RANGE) % 2 == 0)
		return (value & ~(msr_mtrr_address_bits(policy) | 0xff)) == 0 &&
		       msr_mtrr_type_valid(value & 0xff);
	return (value & ~(msr_mtrr_address_bits(policy) | MTRR_MASK_VALID)) == 0;
}

bool msr_mtrr_write(struct msr_state *state, const struct cpuid_policy *policy, u32 index,
		    u64 value)
{
	s32 at = mtrr_place(index);

	if (at < 0 || !msr_mtrr_value_valid(policy, at, value))
		return false;
	state->mtrr[at] = value;
	return true;
}
