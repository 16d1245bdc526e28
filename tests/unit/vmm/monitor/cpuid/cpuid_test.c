/* SPDX-License-Identifier: MIT */
/* What a guest sees of the CPU, from hosts of both vendors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "vmm/monitor/cpuid/cpuid.c"

static bool host_is_intel;
static u32 host_max_basic;
static u32 host_max_extended;
static u64 host_xcr0;
static bool host_poor; /* the host has no feature at all */

static struct cpuid_policy policy;
static struct cpuid_state state = {.apic_id = 0, .apic_enabled = true, .xcr0 = 1};

static u32 host_version_ecx;

/* A host that has every feature bit set, so that each 0 seen by a guest is the policy's doing. */
static struct cpuid_regs host_features(u32 leaf, u32 subleaf)
{
	if (host_poor)
		return (struct cpuid_regs){0};
	switch (leaf) {
	case 1:
		return (struct cpuid_regs){0x50654, 0x03200800, host_version_ecx, ~0u};
	case 4:
		if (subleaf > 3)
			return (struct cpuid_regs){0};
		/* caches: L1 data, L1 instruction, L2, L3; 64 cores */
		return (struct cpuid_regs){
			0xfc000021 + (subleaf > 1 ? (subleaf - 1) * 32 : 0) + (7 << 14), 1, 2, 3};
	case 7:
		return (struct cpuid_regs){2, ~0u, ~0u, ~0u};
	case 0xd:
		if (subleaf == 0)
			return (struct cpuid_regs){(u32)host_xcr0, 9999, 9999,
						   (u32)(host_xcr0 >> 32)};
		if (subleaf == 1)
			return (struct cpuid_regs){~0u, 1, ~0u, ~0u};
		if (subleaf == 2)
			return (struct cpuid_regs){256, 576, 0, 0};
		if (subleaf == 5)
			return (struct cpuid_regs){72, 1080, 0, 0};
		if (subleaf == 6)
			return (struct cpuid_regs){512, 1152, 0, 0};
		if (subleaf == 7)
			return (struct cpuid_regs){1024, 1664, 0, 0};
		if (subleaf == 9)
			return (struct cpuid_regs){8, 2688, 2, 0};
		return (struct cpuid_regs){0};
	case 0x8000001d:
		return (struct cpuid_regs){subleaf < 2 ? 0x121 : 0, 1, 2, 3};
	default:
		return (struct cpuid_regs){~0u, ~0u, ~0u, ~0u};
	}
}

void cpuid_host(u32 leaf, u32 subleaf, struct cpuid_regs *regs)
{
	if (leaf == 0) {
		*regs = (struct cpuid_regs){.eax = host_max_basic};
		memcpy(&regs->ebx, host_is_intel ? "Genu" : "Auth", 4);
		memcpy(&regs->edx, host_is_intel ? "ineI" : "enti", 4);
		memcpy(&regs->ecx, host_is_intel ? "ntel" : "cAMD", 4);
		return;
	}
	if (leaf == CPUID_EXTENDED) {
		*regs = (struct cpuid_regs){.eax = host_max_extended};
		return;
	}
	*regs = host_features(leaf, subleaf);
}

static struct cpuid_regs query(u32 leaf, u32 subleaf)
{
	struct cpuid_regs regs;

	cpuid_query(&policy, &state, leaf, subleaf, &regs);
	return regs;
}

static int use_intel(void **unused)
{
	(void)unused;
	host_is_intel = true;
	host_max_basic = 0x20;
	host_max_extended = 0x80000008;
	host_xcr0 = 0x2ff;
	host_poor = false;
	host_version_ecx = ~0u;
	state = (struct cpuid_state){.apic_enabled = true, .xcr0 = 1};
	cpuid_build(&policy, 1);
	return 0;
}

static int use_amd(void **unused)
{
	use_intel(unused);
	host_is_intel = false;
	host_max_basic = 0xd;
	host_max_extended = 0x8000001f;
	host_xcr0 = 7;
	cpuid_build(&policy, 1);
	return 0;
}

static void test_hidden(void **unused)
{
	(void)unused;
	assert_int_equal(query(1, 0).ecx &
				 (CPUID_1_ECX_VMX | CPUID_1_ECX_MONITOR | CPUID_1_ECX_SMX |
				  CPUID_1_ECX_PDCM | CPUID_1_ECX_DTES64 | CPUID_1_ECX_OSXSAVE),
			 0);
	assert_int_equal(query(1, 0).edx & (CPUID_1_EDX_DS | CPUID_1_EDX_ACPI | CPUID_1_EDX_TM |
					    CPUID_1_EDX_HTT),
			 0);
	assert_int_equal(query(7, 0).ebx & (CPUID_7_EBX_SGX | CPUID_7_EBX_MPX | CPUID_7_EBX_RTM |
					    CPUID_7_EBX_HLE | CPUID_7_EBX_PT),
			 0);
	assert_int_equal(query(7, 0).ecx &
				 (CPUID_7_ECX_CET_SS | CPUID_7_ECX_WAITPKG | CPUID_7_ECX_OSPKE),
			 0);
	assert_int_equal(query(7, 0).edx & (CPUID_7_EDX_SPEC_CTRL | CPUID_7_EDX_ARCH_CAPABILITIES |
					    CPUID_7_EDX_CET_IBT),
			 0);
	assert_int_equal(query(7, 0).eax, 0);
	assert_int_equal(query(7, 1).eax, 0);
	assert_int_equal(query(5, 0).edx, 0);
	assert_int_equal(query(0xa, 0).eax, 0);
	assert_int_equal(query(0xd, 1).eax & (CPUID_D_1_EAX_XSAVEC | CPUID_D_1_EAX_XSAVES), 0);
	assert_int_equal(query(0xd, 1).ebx, 0); /* size of the compacted form */
	assert_int_equal(query(0x80000001, 0).ecx & (CPUID_81_ECX_SVM | CPUID_81_ECX_IBS |
						     CPUID_81_ECX_PERFCTR_CORE | CPUID_81_ECX_OSVW),
			 0);
	assert_int_equal(query(0x80000001, 0).edx & CPUID_81_EDX_FFXSR, 0);
	assert_int_equal(query(0x80000007, 0).edx, CPUID_87_EDX_INVARIANT_TSC);
	assert_int_equal(query(0x80000008, 0).eax, 57 << 8 | 0xff);
}

static void test_shown(void **unused)
{
	(void)unused;
	assert_int_equal(query(7, 0).ebx & (CPUID_7_EBX_SMEP | CPUID_7_EBX_SMAP | CPUID_7_EBX_AVX2),
			 CPUID_7_EBX_SMEP | CPUID_7_EBX_SMAP | CPUID_7_EBX_AVX2);
	assert_int_equal(query(7, 0).ecx & CPUID_7_ECX_UMIP, CPUID_7_ECX_UMIP);
	assert_int_equal(query(1, 0).ecx & CPUID_1_ECX_AVX, CPUID_1_ECX_AVX);
	assert_int_equal(query(6, 0).eax, CPUID_6_EAX_ARAT);
	assert_int_equal(query(1, 0).eax, 0x50654);
}

/* Offered because the monitor emulates them, even on a host that has nothing. */
static void test_forced(void **unused)
{
	(void)unused;
	host_poor = true;
	cpuid_build(&policy, 1);
	assert_int_equal(query(1, 0).ecx,
			 CPUID_1_ECX_X2APIC | CPUID_1_ECX_TSC_DEADLINE | CPUID_1_ECX_HYPERVISOR);
	assert_int_equal(query(1, 0).edx, CPUID_1_EDX_APIC | CPUID_1_EDX_MTRR);
	assert_int_equal(query(7, 0).ebx, CPUID_7_EBX_TSC_ADJUST);
	assert_int_equal(query(0xd, 0).eax, 0);
}

static void test_xcr0_decides(void **unused)
{
	(void)unused;
	host_xcr0 = 3;
	cpuid_build(&policy, 1);
	assert_int_equal(query(1, 0).ecx & (CPUID_1_ECX_AVX | CPUID_1_ECX_FMA), 0);
	assert_int_equal(query(1, 0).ecx & CPUID_1_ECX_XSAVE, CPUID_1_ECX_XSAVE);
	assert_int_equal(query(7, 0).ebx & (CPUID_7_EBX_AVX2 | CPUID_7_EBX_AVX512F), 0);
	assert_int_equal(query(7, 0).ecx & CPUID_7_ECX_PKU, 0);
	host_xcr0 = 0x67; /* a part of AVX-512's components: none is offered */
	cpuid_build(&policy, 1);
	assert_int_equal(policy.xcr0, 7);
	assert_int_equal(query(7, 0).ebx & CPUID_7_EBX_AVX512F, 0);
}

static void test_osxsave_decides(void **unused)
{
	(void)unused;
	host_version_ecx = ~(u32)CPUID_1_ECX_OSXSAVE; /* the kernel does not use what the CPU has */
	cpuid_build(&policy, 1);
	assert_int_equal(query(1, 0).ecx & (CPUID_1_ECX_XSAVE | CPUID_1_ECX_AVX), 0);
	assert_int_equal(query(0xd, 0).eax, 0);
}

static void test_xsave_sizes(void **unused)
{
	(void)unused;
	assert_int_equal(query(0xd, 0).eax, 0x2e7);
	assert_int_equal(query(0xd, 0).ecx, 2696);
	assert_int_equal(query(0xd, 0).ebx, 576);
	state.xcr0 = 7;
	assert_int_equal(query(0xd, 0).ebx, 832);
	state.xcr0 = 0x203;
	assert_int_equal(query(0xd, 0).ebx, 2696);
	state.xcr0 = 0x2e7;
	assert_int_equal(query(0xd, 0).ebx, 2696);
	assert_int_equal(query(0xd, 3).eax, 0); /* the component of MPX is not offered */
}

static void test_dynamic_bits(void **unused)
{
	(void)unused;
	state.cr4 = CR4_OSXSAVE | CR4_PKE;
	assert_int_equal(query(1, 0).ecx & CPUID_1_ECX_OSXSAVE, CPUID_1_ECX_OSXSAVE);
	assert_int_equal(query(7, 0).ecx & CPUID_7_ECX_OSPKE, CPUID_7_ECX_OSPKE);
	state.apic_enabled = false;
	assert_int_equal(query(1, 0).edx & CPUID_1_EDX_APIC, 0);
	state.apic_id = 3;
	assert_int_equal(query(1, 0).ebx >> 24, 3);
	assert_int_equal(query(0xb, 0).edx, 3);
	assert_int_equal(query(0xb, 7).edx, 3);
}

static void test_topology(void **unused)
{
	(void)unused;
	cpuid_build(&policy, 6);
	assert_int_equal(query(1, 0).ebx >> 16 & 0xff, 6);
	assert_true((query(1, 0).edx & CPUID_1_EDX_HTT) != 0);
	assert_int_equal(query(0xb, 0).eax, 0);
	assert_int_equal(query(0xb, 0).ebx, 1);
	assert_int_equal(query(0xb, 0).ecx, 0x100);
	assert_int_equal(query(0xb, 1).eax, 3);
	assert_int_equal(query(0xb, 1).ebx, 6);
	assert_int_equal(query(0xb, 1).ecx, 0x201);
	assert_int_equal(query(0xb, 2).ebx, 0);
	assert_int_equal(query(0xb, 2).ecx, 2);
	/* six cores: all share the L3 cache, none shares L1 */
	assert_int_equal(query(4, 0).eax >> 26, 5);
	assert_int_equal(query(4, 0).eax >> 14 & 0xfff, 0);
	assert_int_equal(query(4, 3).eax >> 14 & 0xfff, 5);
	assert_int_equal(query(4, 4).eax, 0);
}

static void test_amd_topology(void **unused)
{
	(void)unused;
	cpuid_build(&policy, 4);
	state.apic_id = 2;
	assert_int_equal(query(0x80000008, 0).ecx, 2 << 12 | 3);
	assert_int_equal(query(0x8000001e, 0).eax, 2);
	assert_int_equal(query(0x8000001e, 0).ebx, 2);
	assert_int_equal(query(0x8000001d, 0).eax >> 14, 0);
	assert_int_equal(query(0x8000001d, 2).eax, 0);
	assert_int_equal(query(0x80000001, 0).ecx & CPUID_81_ECX_TOPOEXT, CPUID_81_ECX_TOPOEXT);
	assert_int_equal(query(4, 0).eax, 0);
	assert_int_equal(query(0x8000000a, 0).edx, 0);
	assert_int_equal(query(0x8000001f, 0).eax, 0);
}

static void test_hypervisor(void **unused)
{
	struct cpuid_regs regs = query(0x40000000, 0);
	char name[13] = {0};

	(void)unused;
	memcpy(name, &regs.ebx, 12);
	assert_string_equal(name, "KVMKVMKVM");
	assert_int_equal(regs.eax, 0x40000001);
	/*
	 * NOP_IO_DELAY, CLOCKSOURCE2, STEAL_TIME, PV_EOI, PV_UNHALT, PV_TLB_FLUSH, PV_SEND_IPI,
	 * PV_SCHED_YIELD, CLOCKSOURCE_STABLE
	 */
	assert_int_equal(query(0x40000001, 0).eax, 1 << 1 | 1 << 3 | 1 << 5 | 1 << 6 | 1 << 7 |
							   1 << 9 | 1 << 11 | 1 << 13 | 1 << 24);
	regs = query(0x40000100, 0);
	memcpy(name, &regs.ebx, 12);
	assert_string_equal(name, "SkerrySkerry");
	assert_int_equal(query(0x40000002, 0).eax, 0);
}

static void test_out_of_range_intel(void **unused)
{
	struct cpuid_regs last = query(0xd, 0);

	(void)unused;
	assert_int_equal(query(0, 0).eax, 0xd);
	assert_int_equal(query(0x80000000, 0).eax, 0x80000008);
	assert_int_equal(query(0x16, 0).ecx, last.ecx);
	assert_int_equal(query(0x80000009, 0).ecx, last.ecx);
	assert_int_equal(query(0x90000000, 0).ecx, last.ecx);
	assert_int_equal(query(3, 0).ecx, 0); /* inside the range: reads as 0 */
}

static void test_out_of_range_amd(void **unused)
{
	(void)unused;
	assert_int_equal(query(0x80000000, 0).eax, 0x8000001e);
	assert_int_equal(query(0x16, 0).ecx, 0);
	assert_int_equal(query(0x80000020, 0).eax, 0);
	assert_int_equal(query(0xffffffff, 0).edx, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_hidden, use_intel),
		cmocka_unit_test_setup(test_hidden, use_amd),
		cmocka_unit_test_setup(test_shown, use_intel),
		cmocka_unit_test_setup(test_shown, use_amd),
		cmocka_unit_test_setup(test_forced, use_intel),
		cmocka_unit_test_setup(test_forced, use_amd),
		cmocka_unit_test_setup(test_xcr0_decides, use_intel),
		cmocka_unit_test_setup(test_osxsave_decides, use_intel),
		cmocka_unit_test_setup(test_xsave_sizes, use_intel),
		cmocka_unit_test_setup(test_dynamic_bits, use_intel),
		cmocka_unit_test_setup(test_topology, use_intel),
		cmocka_unit_test_setup(test_amd_topology, use_amd),
		cmocka_unit_test_setup(test_hypervisor, use_intel),
		cmocka_unit_test_setup(test_hypervisor, use_amd),
		cmocka_unit_test_setup(test_out_of_range_intel, use_intel),
		cmocka_unit_test_setup(test_out_of_range_amd, use_amd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
