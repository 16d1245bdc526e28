/* SPDX-License-Identifier: MIT */
/* What is taken from CPUID, what is turned on, and which CPUs are refused beside the boot CPU. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define cpuid	  cpuid_of_cpu
#define rdmsr	  rdmsr_of_cpu
#define wrmsr	  wrmsr_of_cpu
#define write_cr0 write_cr0_of_cpu
#define write_cr4 write_cr4_of_cpu
#define xsetbv	  xsetbv_of_cpu
#include "arch/x86_64/cpu/instructions.h"
#undef cpuid
#undef rdmsr
#undef wrmsr
#undef write_cr0
#undef write_cr4
#undef xsetbv
#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/hw/msr.h"
#include "vmm/hw/cpuid.h"

/* The CPU. */
static struct {
	struct cpuid_regs version, features, xsave[2], extended;
	u64 cr0, cr4, xcr0;
} here;

static struct cpuid_regs cpuid(u32 leaf, u32 subleaf)
{
	switch (leaf) {
	case CPUID_VENDOR:
		/* the vendor is AMD */
		return (struct cpuid_regs){.eax = CPUID_XSAVE, .ebx = 0x68747541};
	case CPUID_VERSION:
		return here.version;
	case CPUID_FEATURES:
		return here.features;
	case CPUID_XSAVE:
		return here.xsave[subleaf];
	case CPUID_EXTENDED:
		return (struct cpuid_regs){.eax = CPUID_ADDRESS_SIZES};
	case CPUID_EXTENDED_VERSION:
		return here.extended;
	case CPUID_ADDRESS_SIZES:
		return (struct cpuid_regs){.eax = 40};
	}
	fail();
	return (struct cpuid_regs){0};
}

static u64 rdmsr(u32 msr)
{
	assert_int_equal(msr, MSR_BIOS_SIGN_ID);
	return 0x0830107cull;
}

static void wrmsr(u32 msr, u64 value)
{
	assert_int_equal(msr, MSR_PAT);
	(void)value;
}

static void write_cr0(u64 value)
{
	here.cr0 = value;
}

static void write_cr4(u64 value)
{
	here.cr4 = value;
}

static void xsetbv(u32 index, u64 value)
{
	assert_int_equal(index, 0);
	assert_true(here.cr4 & CR4_OSXSAVE);
	here.xcr0 = value;
}

#include "boot/init/features.c"

struct speculation speculation_decide(const struct speculation_cpu *cpu)
{
	assert_true(cpu->amd);
	return (struct speculation){0};
}

void speculation_enable(const struct speculation *speculation)
{
	(void)speculation;
}

static int set_up(void **state)
{
	(void)state;
	memset(&here, 0, sizeof(here));
	here.version.ecx = (u32)(CPUID_1_ECX_XSAVE | CPUID_1_ECX_X2APIC);
	here.version.edx = (u32)(CPUID_1_EDX_DE | CPUID_1_EDX_MCE | CPUID_1_EDX_MCA);
	here.features.ebx = (u32)(CPUID_7_EBX_SMEP | CPUID_7_EBX_SMAP);
	here.features.ecx = (u32)CPUID_7_ECX_UMIP;
	here.xsave[0].eax = 7;
	here.extended.ecx = (u32)CPUID_81_ECX_SVM;
	here.extended.edx = (u32)(CPUID_81_EDX_RDTSCP | CPUID_81_EDX_PAGE1GB);
	features = features_read();
	return 0;
}

/* Each bit of CR4 is set if CPUID announces it, and only then. */
static void test_announced(void **state)
{
	const u64 all = CR4_DE | CR4_MCE | CR4_SMEP | CR4_SMAP | CR4_UMIP | CR4_OSXSAVE;
	const u64 always = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT;

	(void)state;
	assert_int_equal(features.cpu.microcode, 0x0830107c);
	assert_true(features_enable());
	assert_int_equal(here.cr4, all | always);
	assert_int_equal(here.xcr0, 7);
	assert_true(here.cr0 & CR0_WP);
	memset(&here, 0, sizeof(here));
	features = features_read();
	assert_true(features_enable());
	assert_int_equal(here.cr4, always);
	assert_int_equal(here.xcr0, 0);
}

static u64 xcr0_with(u32 version_ecx, u32 xsave_0_eax, u32 xsave_1_eax)
{
	here.version.ecx = version_ecx;
	here.xsave[0].eax = xsave_0_eax;
	here.xsave[1].eax = xsave_1_eax;
	features = features_read();
	assert_int_equal(!!(features.cr4 & CR4_OSXSAVE), features.xcr0 != 0);
	return features.xcr0;
}

/* AVX-512 whole or not at all; an emulated CPU whose leaf 0DH.1 is empty may refuse OSXSAVE. */
static void test_xcr0(void **state)
{
	const u32 xsave = (u32)CPUID_1_ECX_XSAVE;
	const u32 emulated = (u32)(CPUID_1_ECX_XSAVE | CPUID_1_ECX_HYPERVISOR);

	(void)state;
	assert_int_equal(xcr0_with(xsave, 0xe7, 0), 0xe7);
	assert_int_equal(xcr0_with(xsave, 0x67, 0), 7);
	assert_int_equal(xcr0_with(xsave, 0xe3, 0), 3);
	assert_int_equal(xcr0_with(xsave, 0x1f, 0), 7); /* the components of MPX are left out */
	assert_int_equal(xcr0_with(0, 7, 1), 0);
	assert_int_equal(xcr0_with(emulated, 7, 0), 0);
	assert_int_equal(xcr0_with(emulated, 7, 1), 7);
}

#define ASSERT_REFUSED(field, bits)                                                                \
	do {                                                                                       \
		here.field &= ~(u32)(bits);                                                        \
		assert_false(features_enable());                                                   \
		assert_int_equal(here.cr4, 0);                                                     \
		set_up(NULL);                                                                      \
	} while (0)

static void test_lacks(void **state)
{
	(void)state;
	ASSERT_REFUSED(version.ecx, CPUID_1_ECX_XSAVE);
	ASSERT_REFUSED(version.ecx, CPUID_1_ECX_X2APIC);
	ASSERT_REFUSED(version.edx, CPUID_1_EDX_MCA);
	ASSERT_REFUSED(version.edx, CPUID_1_EDX_MCE);
	ASSERT_REFUSED(features.ebx, CPUID_7_EBX_SMEP);
	ASSERT_REFUSED(features.ecx, CPUID_7_ECX_UMIP);
	ASSERT_REFUSED(xsave[0].eax, XCR0_AVX);
	ASSERT_REFUSED(extended.ecx, CPUID_81_ECX_SVM);
	ASSERT_REFUSED(extended.edx, CPUID_81_EDX_RDTSCP);
	ASSERT_REFUSED(extended.edx, CPUID_81_EDX_PAGE1GB);
}

/* More than the boot CPU has does no harm, and is not turned on. */
static void test_has_more(void **state)
{
	(void)state;
	here.features.ebx = 0;
	features = features_read();
	here.features.ebx = (u32)CPUID_7_EBX_SMEP;
	assert_true(features_enable());
	assert_false(here.cr4 & CR4_SMEP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_announced, set_up),
		cmocka_unit_test_setup(test_xcr0, set_up),
		cmocka_unit_test_setup(test_lacks, set_up),
		cmocka_unit_test_setup(test_has_more, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
