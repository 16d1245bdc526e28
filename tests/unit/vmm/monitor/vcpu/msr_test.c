/* SPDX-License-Identifier: MIT */
/* RDMSR and WRMSR of MSRs that belong to no device. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "vmm/monitor/cpuid/cpuid.h"
#include "vmm/monitor/vcpu/msr.c"
#include "vmm/monitor/vcpu/msr_mtrr.c"

static struct cpuid_policy policy;
static struct msr_state state;
static struct vcpu_page page;
static bool intel;
static bool has_rdtscp;

void cpuid_host(u32 leaf, u32 subleaf, struct cpuid_regs *regs)
{
	(void)subleaf;
	*regs = (struct cpuid_regs){0};
	if (leaf == 0) {
		regs->eax = 0xd;
		memcpy(&regs->ebx, intel ? "Genu" : "Auth", 4);
		memcpy(&regs->edx, intel ? "ineI" : "enti", 4);
	} else if (leaf == CPUID_EXTENDED) {
		regs->eax = 0x80000008;
	} else if (leaf == CPUID_EXTENDED_VERSION) {
		regs->edx = (u32)(CPUID_81_EDX_SYSCALL | CPUID_81_EDX_NX | CPUID_81_EDX_LM |
				  (has_rdtscp ? CPUID_81_EDX_RDTSCP : 0));
	} else if (leaf == CPUID_ADDRESS_SIZES) {
		regs->eax = 0x3028;
	}
}

static int use(bool as_intel)
{
	intel = as_intel;
	has_rdtscp = true;
	cpuid_build(&policy, 1);
	memset(&page, 0, sizeof(page));
	msr_reset(&state, &policy);
	return 0;
}

static int use_intel(void **unused)
{
	(void)unused;
	return use(true);
}

static int use_amd(void **unused)
{
	(void)unused;
	return use(false);
}

static bool writes(u32 index, u64 value)
{
	page.dirty = 0;
	return msr_write(&state, &policy, &page, index, value);
}

static u64 reads(u32 index)
{
	u64 value = 0;

	assert_true(msr_read(&state, &policy, &page, index, &value));
	return value;
}

static bool readable(u32 index)
{
	u64 value;

	return msr_read(&state, &policy, &page, index, &value);
}

static void test_efer(void **unused)
{
	(void)unused;
	assert_true(writes(MSR_EFER, EFER_SCE | EFER_LME | EFER_NXE));
	assert_int_equal(page.efer, EFER_SCE | EFER_LME | EFER_NXE);
	assert_int_equal(page.dirty, VCPU_CONTROL);
	assert_false(writes(MSR_EFER, EFER_SVME));
	assert_false(writes(MSR_EFER, BIT(1)));
	assert_false(writes(MSR_EFER, EFER_FFXSR));
	assert_int_equal(page.dirty, 0);
	/* with paging enabled LME cannot change; writes of LMA are ignored */
	page.cr0 = CR0_PG | CR0_PE;
	page.efer |= EFER_LMA;
	assert_false(writes(MSR_EFER, EFER_SCE));
	assert_true(writes(MSR_EFER, EFER_LME));
	assert_int_equal(page.efer, EFER_LME | EFER_LMA);
	page.cr0 = 0;
	page.efer = 0;
	assert_true(writes(MSR_EFER, EFER_LMA));
	assert_int_equal(page.efer, 0);
}

static void test_bases(void **unused)
{
	(void)unused;
	assert_true(writes(MSR_FS_BASE, 0xffff800000000000ull));
	assert_int_equal(page.segment[SEG_FS].base, 0xffff800000000000ull);
	assert_int_equal(page.dirty, VCPU_SEGMENTS);
	assert_false(writes(MSR_GS_BASE, 0x0000800000000000ull));
	assert_false(writes(MSR_LSTAR, 0x1000000000000000ull));
	assert_true(writes(MSR_LSTAR, 0xffffffff81000000ull));
	assert_int_equal(reads(MSR_LSTAR), 0xffffffff81000000ull);
	assert_int_equal(page.dirty, VCPU_MSRS);
	assert_true(writes(MSR_KERNEL_GS_BASE, 5));
	assert_int_equal(page.msr[VMSR_KERNEL_GS_BASE], 5);
	assert_false(writes(MSR_SFMASK, 1ull << 32));
	assert_int_equal(msr_groups(MSR_LSTAR), VCPU_MSRS);
	assert_int_equal(msr_groups(MSR_EFER), VCPU_CONTROL);
	assert_int_equal(msr_groups(MSR_GS_BASE), VCPU_SEGMENTS);
	assert_int_equal(msr_groups(MSR_MTRR_CAP), 0);
}

static void test_tsc_aux(void **unused)
{
	(void)unused;
	assert_true(writes(MSR_TSC_AUX, 0xffffffff));
	assert_false(writes(MSR_TSC_AUX, 0x100000000ull));
	has_rdtscp = false;
	cpuid_build(&policy, 1);
	assert_false(writes(MSR_TSC_AUX, 1));
	assert_false(readable(MSR_TSC_AUX));
}

static void test_pat(void **unused)
{
	(void)unused;
	assert_true(writes(MSR_PAT, 0x0007040600070406ull));
	assert_true(writes(MSR_PAT, 0x0407050600070106ull));
	assert_int_equal(reads(MSR_PAT), 0x0407050600070106ull);
	assert_false(writes(MSR_PAT, 0x0007040600020406ull));
	assert_false(writes(MSR_PAT, 0x0307040600070406ull));
	assert_false(writes(MSR_PAT, 0x0807040600070406ull));
	assert_int_equal(reads(MSR_PAT), 0x0407050600070106ull);
}

static void test_mtrr(void **unused)
{
	(void)unused;
	assert_int_equal(reads(MSR_MTRR_CAP), 0x508);
	assert_false(writes(MSR_MTRR_CAP, 0));
	assert_int_equal(reads(MSR_MTRR_DEF_TYPE), 0xc06);
	/* 3 to 4 GiB uncached, the mask as wide as the CPU's 40 address bits */
	assert_int_equal(reads(0x200), 0xc0000000);
	assert_int_equal(reads(0x201), 0xffc0000800ull);
	assert_int_equal(reads(MSR_MTRR_FIX_64K_00000), ALL_WB);
	assert_int_equal(reads(MSR_MTRR_FIX_16K_A0000), 0);
	assert_true(writes(0x20e, 0x100000006ull));
	assert_true(writes(0x20f, 0xff00000800ull));
	assert_int_equal(reads(0x20e), 0x100000006ull);
	assert_false(writes(0x20e, 0x100000002ull));
	assert_false(writes(0x20e, 1ull << 40));
	assert_false(writes(0x20f, 0x801));
	assert_false(readable(0x210));
	assert_true(writes(0x26f, 0x0506040100000606ull));
	assert_false(writes(0x26f, 0x0706040100000606ull));
	assert_false(writes(MSR_MTRR_DEF_TYPE, 0x1c06));
	assert_false(writes(MSR_MTRR_DEF_TYPE, 0xc03));
	assert_true(writes(MSR_MTRR_DEF_TYPE, 0));
	assert_false(readable(0x270));
	assert_false(readable(0x251));
}

static void test_intel(void **unused)
{
	(void)unused;
	assert_int_equal(reads(MSR_FEATURE_CONTROL), 1);
	assert_false(writes(MSR_FEATURE_CONTROL, 5));
	assert_true(writes(MSR_BIOS_SIGN_ID, 0));
	assert_int_equal(reads(MSR_BIOS_SIGN_ID), 1ull << 32);
	assert_int_equal(reads(MSR_MISC_ENABLE), 0x1801);
	assert_true(writes(MSR_MISC_ENABLE, 0x1800));
	assert_true(writes(MSR_MISC_ENABLE, 0x1801 | BIT(18)));
	assert_int_equal(reads(MSR_MISC_ENABLE), 0x1801 | BIT(18));
	/* the bit would turn on BTS, which is not there */
	assert_false(writes(MSR_MISC_ENABLE, 0x1001));
	assert_false(readable(MSR_HWCR));
	assert_false(readable(MSR_ARCH_CAPABILITIES));
	assert_false(readable(MSR_VMX_BASIC));
}

static void test_amd(void **unused)
{
	(void)unused;
	assert_int_equal(reads(MSR_HWCR), BIT(24));
	assert_true(writes(MSR_HWCR, BIT(24) | BIT(18) | BIT(30)));
	assert_int_equal(reads(MSR_HWCR), BIT(24) | BIT(18));
	assert_int_equal(reads(MSR_VM_CR), 0x18);
	assert_false(writes(MSR_VM_CR, 0));
	assert_int_equal(reads(MSR_BIOS_SIGN_ID), 0x01000065);
	assert_int_equal(reads(MSR_SYSCFG) & BIT(19), 0);
	assert_true(writes(MSR_NB_CFG, BIT(46)));
	assert_int_equal(reads(MSR_NB_CFG), BIT(46));
	assert_true(writes(MSR_DE_CFG, BIT(1) | BIT(9)));
	assert_false(readable(MSR_FEATURE_CONTROL));
	assert_false(readable(MSR_VM_HSAVE_PA));
}

static void test_common(void **unused)
{
	(void)unused;
	assert_int_equal(reads(MSR_MCG_CAP), 0);
	assert_true(writes(MSR_MCG_STATUS, 0));
	assert_false(writes(MSR_MCG_STATUS, 8));
	assert_true(writes(MSR_DEBUGCTL, 0));
	assert_false(writes(MSR_DEBUGCTL, 1));
	assert_false(readable(MSR_MC0_CTL));
	assert_false(readable(MSR_SPEC_CTRL));
	assert_false(writes(MSR_PRED_CMD, 1));
	assert_false(readable(0xdeadbeef));
	assert_false(writes(0xdeadbeef, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_efer, use_intel),
		cmocka_unit_test_setup(test_efer, use_amd),
		cmocka_unit_test_setup(test_bases, use_intel),
		cmocka_unit_test_setup(test_tsc_aux, use_intel),
		cmocka_unit_test_setup(test_pat, use_amd),
		cmocka_unit_test_setup(test_mtrr, use_intel),
		cmocka_unit_test_setup(test_intel, use_intel),
		cmocka_unit_test_setup(test_amd, use_amd),
		cmocka_unit_test_setup(test_common, use_intel),
		cmocka_unit_test_setup(test_common, use_amd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
