/* SPDX-License-Identifier: MIT */
/*
 * MSRs that the monitor emulates for a vCPU. Called by exits_msr.c; changes that vCPU's values,
 * never the host's MSRs.
 */
#include "vmm/monitor/vcpu/msr.h"

#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/hw/msr.h"
#include "lib/string.h"
#include "vmm/monitor/vcpu/msr_mtrr.h"
#include "vmm/monitor/x86/canonical.h"

/*
 * Numbers of MSRs: SDM vol. 4, chapter 2; AMD's: APM vol. 2, appendix A, and the PPR of family 17h.
 */
#define MSR_PLATFORM_ID 0x17u
#define MSR_TOP_MEM	0xc001001au
#define MSR_TOM2	0xc001001du
#define MSR_NB_CFG	0xc001001fu
#define MSR_INT_PENDING 0xc0010055u
/* the first of AMD's four event selectors; the four counters follow */
#define MSR_K7_FIRST 0xc0010000u
#define MSR_K7_LAST  0xc0010007u

#define MISC_ENABLE_FAST_STRING BIT(0)
#define MISC_ENABLE_NO_BTS	BIT(11)
#define MISC_ENABLE_NO_PEBS	BIT(12)
/* Bits that are kept without effect: TCC, EIST, MONITOR, limit CPUID, xTPR off, NX off. */
#define MISC_ENABLE_KEPT      (BIT(3) | BIT(16) | BIT(18) | BIT(22) | BIT(23) | BIT(34))
#define HWCR_TSC_AT_P0	      BIT(24) /* the TSC counts at the P0 frequency */
#define NB_CFG_ENABLE_CF8_EXT BIT(46)

enum msr_vendor { VENDOR_ANY, VENDOR_INTEL, VENDOR_AMD };

/*
 * The MSRs that only keep a value, and their values after a reset. A write that changes a bit
 * outside `writable` is #GP, or without effect where `lenient` is set.
 */
static const struct {
	u32 index;
	u8 vendor; /* enum msr_vendor */
	bool lenient;
	u64 initial;
	u64 writable;
} table[] = {
	{MSR_PLATFORM_ID, VENDOR_INTEL, false, 0, 0},
	{MSR_FEATURE_CONTROL, VENDOR_INTEL, false, FEATURE_CONTROL_LOCK, 0},
	/* the upper half holds the microcode revision; guests write 0 before they read it */
	{MSR_BIOS_SIGN_ID, VENDOR_INTEL, true, 1ull << 32, 0},
	{MSR_BIOS_SIGN_ID, VENDOR_AMD, true, 0x01000065, 0},
	{MSR_MTRR_CAP, VENDOR_ANY, false, MTRR_CAP_FIXED | MTRR_CAP_WC | MSR_MTRR_RANGE_COUNT, 0},
	{MSR_MCG_CAP, VENDOR_ANY, false, 0, 0}, /* the guest has no banks of machine checks */
	{MSR_MCG_STATUS, VENDOR_ANY, false, 0, BITS(2, 0)},
	/* Intel's MSR, but QEMU's AMD CPUs and KVM have it, too */
	{MSR_MISC_ENABLE, VENDOR_ANY, false,
	 MISC_ENABLE_FAST_STRING | MISC_ENABLE_NO_BTS | MISC_ENABLE_NO_PEBS,
	 MISC_ENABLE_FAST_STRING | MISC_ENABLE_KEPT},
	{MSR_DEBUGCTL, VENDOR_ANY, false, 0, 0},
	/* bits say how the fixed MTRRs reach DRAM; the guest may not change them */
	{MSR_SYSCFG, VENDOR_AMD, false, 0, BITS(22, 18)},
	{MSR_HWCR, VENDOR_AMD, true, HWCR_TSC_AT_P0, BIT(3) | BIT(6) | BIT(8) | BIT(18)},
	{MSR_TOP_MEM, VENDOR_AMD, false, 0, 0},
	{MSR_TOM2, VENDOR_AMD, false, 0, 0},
	{MSR_NB_CFG, VENDOR_AMD, true, 0, NB_CFG_ENABLE_CF8_EXT},
	{MSR_INT_PENDING, VENDOR_AMD, true, 0, 0}, /* the guest has no C1E */
	{MSR_VM_CR, VENDOR_AMD, false, VM_CR_LOCK | VM_CR_SVMDIS, 0},
	{MSR_DE_CFG, VENDOR_AMD, true, DE_CFG_LFENCE_SERIALIZE, DE_CFG_LFENCE_SERIALIZE},
};
_Static_assert(ARRAY_COUNT(table) == MSR_STORED_COUNT, "a place for each");

/*
 * The MSRs that the kernel's back ends (VMX, SVM) switch at entry and exit; their values lie in the
 * vCPU page.
 */
static const struct {
	u32 index;
	u8 slot; /* enum vcpu_msr */
	bool canonical;
	u64 bits; /* the bits that the guest may set */
} switched[] = {
	{MSR_STAR, VMSR_STAR, false, ~0ull},
	{MSR_LSTAR, VMSR_LSTAR, true, ~0ull},
	{MSR_CSTAR, VMSR_CSTAR, true, ~0ull},
	{MSR_SFMASK, VMSR_SFMASK, false, ~0u},
	{MSR_KERNEL_GS_BASE, VMSR_KERNEL_GS_BASE, true, ~0ull},
	{MSR_SYSENTER_CS, VMSR_SYSENTER_CS, false, ~0u},
	{MSR_SYSENTER_ESP, VMSR_SYSENTER_ESP, true, ~0ull},
	{MSR_SYSENTER_EIP, VMSR_SYSENTER_EIP, true, ~0ull},
	{MSR_TSC_AUX, VMSR_TSC_AUX, false, ~0u},
};

/*
 * Returns whether the MSR belongs to the four counters that every AMD CPU has, without a CPUID bit.
 * They never count: reads give 0, writes do nothing.
 */
static bool msr_is_dead_counter(const struct cpuid_policy *policy, u32 index)
{
	return !policy->intel && index >= MSR_K7_FIRST && index <= MSR_K7_LAST;
}

static s32 msr_find_stored(const struct cpuid_policy *policy, u32 index)
{
	enum msr_vendor vendor = policy->intel ? VENDOR_INTEL : VENDOR_AMD;

	for (u32 i = 0; i < ARRAY_COUNT(table); i++) {
		if (table[i].index == index &&
		    (table[i].vendor == VENDOR_ANY || table[i].vendor == vendor))
			return (s32)i;
	}
	return -1;
}

static bool msr_has_tsc_aux(const struct cpuid_policy *policy)
{
	return (cpuid_shown(policy, CPUID_EXTENDED_VERSION, 0).edx & CPUID_81_EDX_RDTSCP) != 0 ||
	       (cpuid_shown(policy, CPUID_FEATURES, 0).ecx & CPUID_7_ECX_RDPID) != 0;
}

static s32 msr_find_switched(const struct cpuid_policy *policy, u32 index)
{
	if (index == MSR_TSC_AUX && !msr_has_tsc_aux(policy))
		return -1;
	for (u32 i = 0; i < ARRAY_COUNT(switched); i++) {
		if (switched[i].index == index)
			return (s32)i;
	}
	return -1;
}

void msr_reset(struct msr_state *state, const struct cpuid_policy *policy)
{
	for (u32 i = 0; i < ARRAY_COUNT(table); i++)
		state->stored[i] = table[i].initial;
	msr_mtrr_reset(state, policy);
}

u32 msr_groups(u32 index)
{
	if (index == MSR_EFER)
		return VCPU_CONTROL;
	if (index == MSR_FS_BASE || index == MSR_GS_BASE)
		return VCPU_SEGMENTS;
	if (index == MSR_PAT)
		return VCPU_MSRS;
	for (u32 i = 0; i < ARRAY_COUNT(switched); i++) {
		if (switched[i].index == index)
			return VCPU_MSRS;
	}
	return 0;
}

bool msr_read(const struct msr_state *state, const struct cpuid_policy *policy,
	      const struct vcpu_page *page, u32 index, u64 *value)
{
	s32 at;

	switch (index) {
	case MSR_EFER:
		*value = page->efer;
		return true;
	case MSR_FS_BASE:
		*value = page->segment[SEG_FS].base;
		return true;
	case MSR_GS_BASE:
		*value = page->segment[SEG_GS].base;
		return true;
	case MSR_PAT:
		*value = page->msr[VMSR_PAT];
		return true;
	default:
		break;
	}
	at = msr_find_switched(policy, index);
	if (at >= 0) {
		*value = page->msr[switched[at].slot];
		return true;
	}
	at = msr_find_stored(policy, index);
	if (at >= 0) {
		*value = state->stored[at];
		return true;
	}
	if (msr_is_dead_counter(policy, index)) {
		*value = 0;
		return true;
	}
	return msr_mtrr_read(state, index, value);
}

/* Writes EFER: SDM vol. 3, 2.2.1 and 4.1.1; APM vol. 2, 3.1.7. */
static bool msr_write_efer(const struct cpuid_policy *policy, struct vcpu_page *page, u64 value)
{
	u32 features = cpuid_shown(policy, CPUID_EXTENDED_VERSION, 0).edx;
	u64 allowed = EFER_LMA; /* LMA is read-only: a write may hold any value of that bit */

	if ((features & CPUID_81_EDX_SYSCALL) != 0)
		allowed |= EFER_SCE;
	if ((features & CPUID_81_EDX_LM) != 0)
		allowed |= EFER_LME;
	if ((features & CPUID_81_EDX_NX) != 0)
		allowed |= EFER_NXE;
	if ((value & ~allowed) != 0)
		return false;
	if (((value ^ page->efer) & EFER_LME) != 0 && (page->cr0 & CR0_PG) != 0)
		return false;
	page->efer = (value & ~EFER_LMA) | (page->efer & EFER_LMA);
	page->dirty |= VCPU_CONTROL;
	return true;
}

/*
 * Writes an MSR with a base address, which must be canonical for the CPU's full width in every
 * paging mode (SDM vol. 3, 4.5.2).
 */
static bool msr_write_base(const struct cpuid_policy *policy, struct vcpu_page *page,
			   enum vcpu_segment segment, u64 value)
{
	if (!is_canonical(value, cpuid_linear_bits(policy)))
		return false;
	page->segment[segment].base = value;
	page->dirty |= VCPU_SEGMENTS;
	return true;
}

/*
 * Writes the MSR PAT: each of the eight fields must be a memory type, which 2 and 3 are not (SDM
 * vol. 3, 12.12.4).
 */
static bool msr_write_pat(struct vcpu_page *page, u64 value)
{
	for (u32 i = 0; i < 64; i += 8) {
		u64 type = value >> i & 0xff;

		if (type > MEMORY_TYPE_UC_MINUS || type == 2 || type == 3)
			return false;
	}
	page->msr[VMSR_PAT] = value;
	page->dirty |= VCPU_MSRS;
	return true;
}

static bool msr_write_switched(const struct cpuid_policy *policy, struct vcpu_page *page, u32 at,
			       u64 value)
{
	if ((value & ~switched[at].bits) != 0 ||
	    (switched[at].canonical && !is_canonical(value, cpuid_linear_bits(policy))))
		return false;
	page->msr[switched[at].slot] = value;
	page->dirty |= VCPU_MSRS;
	return true;
}

static bool msr_write_stored(struct msr_state *state, u32 at, u64 value)
{
	u64 *stored = &state->stored[at];

	if (((value ^ *stored) & ~table[at].writable) != 0 && !table[at].lenient)
		return false;
	*stored = (*stored & ~table[at].writable) | (value & table[at].writable);
	return true;
}

bool msr_write(struct msr_state *state, const struct cpuid_policy *policy, struct vcpu_page *page,
	       u32 index, u64 value)
{
	s32 at;

	switch (index) {
	case MSR_EFER:
		return msr_write_efer(policy, page, value);
	case MSR_FS_BASE:
		return msr_write_base(policy, page, SEG_FS, value);
	case MSR_GS_BASE:
		return msr_write_base(policy, page, SEG_GS, value);
	case MSR_PAT:
		return msr_write_pat(page, value);
	default:
		break;
	}
	at = msr_find_switched(policy, index);
	if (at >= 0)
		return msr_write_switched(policy, page, (u32)at, value);
	at = msr_find_stored(policy, index);
	if (at >= 0)
		return msr_write_stored(state, (u32)at, value);
	if (msr_is_dead_counter(policy, index))
		return true;
	return msr_mtrr_write(state, policy, index, value);
}
