/* SPDX-License-Identifier: MIT */
/*
 * Shows that what CPUID says is consistent, both with itself and with the state of the processor.
 */
#include "tests/guest/rt/cpu.h"
#include "vmm/hw/cpuid.h"

static bool same_text(const struct cpuid_result *result, const char *text)
{
	const u32 words[3] = {result->ebx, result->ecx, result->edx};

	for (u32 i = 0; i < 12; i++) {
		if ((char)(words[i / 4] >> i % 4 * 8) != text[i])
			return false;
	}
	return true;
}

static void test_hypervisor(void)
{
	struct cpuid_result result = cpuid(CPUID_HYPERVISOR, 0);
	u32 leaf;

	check_equal("hypervisor-bit", cpuid(CPUID_VERSION, 0).ecx & CPUID_1_ECX_HYPERVISOR,
		    CPUID_1_ECX_HYPERVISOR);
	if (option("bare")) {
		absent("kvm-leaves");
		return;
	}
	check("kvm-signature", same_text(&result, "KVMKVMKVM\0\0\0"), "another signature");
	check_between("kvm-max-leaf", result.eax, 0x40000001, 0x400000ff);
	/* bits 3 and 24: there is version 2 of the clock source, and it is stable */
	check_equal("kvm-clock", cpuid(0x40000001, 0).eax & (BIT(3) | BIT(24)), BIT(3) | BIT(24));
	for (leaf = 0x40000100; leaf < 0x40010000; leaf += 0x100) {
		result = cpuid(leaf, 0);
		if (same_text(&result, "SkerrySkerry"))
			break;
	}
	check("own-signature", leaf < 0x40010000, "none above the one of KVM");
}

static void test_basic(void)
{
	struct cpuid_result basic = cpuid(CPUID_VENDOR, 0);
	struct cpuid_result extended = cpuid(CPUID_EXTENDED, 0);
	struct cpuid_result version = cpuid(CPUID_VERSION, 0);
	bool intel = same_text(&basic, "GenuntelineI");

	check_between("max-basic", basic.eax, 7, 0x20);
	check_between("max-extended", extended.eax, 0x80000008, 0x80000022);
	check_equal("no-pmu", cpuid(10, 0).eax & 0xff, 0);
	check("no-vmx", (version.ecx & CPUID_1_ECX_VMX) == 0, "nested VMX is not offered");
	check("no-svm",
	      (cpuid(CPUID_EXTENDED_VERSION, 0).ecx & CPUID_81_ECX_SVM) == 0 || option("bare"),
	      "nested SVM is not offered");
	check_equal("long-mode", cpuid(CPUID_EXTENDED_VERSION, 0).edx >> 29 & 1, 1);
	check_equal("apic-bit", version.edx & CPUID_1_EDX_APIC, CPUID_1_EDX_APIC);
	check_equal("clflush-64", version.ebx >> 8 & 0xff, 8);
	check_between("physical-bits", cpuid(CPUID_ADDRESS_SIZES, 0).eax & 0xff, 36, 52);
	check_equal("linear-bits", cpuid(CPUID_ADDRESS_SIZES, 0).eax >> 8 & 0xff, 48);
	if (intel)
		check_equal("intel-extended-vendor", extended.ebx, 0);
	else
		check_equal("amd-extended-vendor", extended.ebx, basic.ebx);
	if (!option("bare")) {
		check_equal("x2apic-offered", version.ecx & CPUID_1_ECX_X2APIC, CPUID_1_ECX_X2APIC);
		check_equal("deadline-offered", version.ecx & CPUID_1_ECX_TSC_DEADLINE,
			    CPUID_1_ECX_TSC_DEADLINE);
		check_equal("one-core", version.ebx >> 16 & 0xff, 1);
	}
}

/* Leaf and subleaf registers are written in full: the upper halves become 0. */
static void test_registers(void)
{
	u64 rax = 0xffffffff00000000;
	u64 rbx = ~0ull;
	u64 rcx = 0xffffffff00000000;
	u64 rdx = ~0ull;

	asm volatile("cpuid" : "+a"(rax), "+b"(rbx), "+c"(rcx), "+d"(rdx));
	check_equal("upper-halves", (rax | rbx | rcx | rdx) >> 32, 0);
}

static void test_xsave(void)
{
	struct cpuid_result xsave;
	u64 cr4 = read_cr4();

	if ((cpuid(CPUID_VERSION, 0).ecx & CPUID_1_ECX_XSAVE) == 0) {
		absent("xsave");
		return;
	}
	check_equal("osxsave-off", cpuid(CPUID_VERSION, 0).ecx & CPUID_1_ECX_OSXSAVE, 0);
	write_cr4(cr4 | CR4_OSXSAVE);
	check_equal("osxsave-on", cpuid(CPUID_VERSION, 0).ecx & CPUID_1_ECX_OSXSAVE,
		    CPUID_1_ECX_OSXSAVE);
	xsave = cpuid(CPUID_XSAVE, 0);
	check_equal("xsave-legacy-parts", xsave.eax & (XCR0_X87 | XCR0_SSE), XCR0_X87 | XCR0_SSE);
	check_equal("xsave-size-now", xsave.ebx, 576);
	check_between("xsave-size-most", xsave.ecx, 576, 8192);
	if ((xsave.eax & XCR0_AVX) != 0) {
		asm volatile("xsetbv" ::"c"(0), "a"(XCR0_X87 | XCR0_SSE | XCR0_AVX), "d"(0));
		check_equal("xsave-size-avx", cpuid(CPUID_XSAVE, 0).ebx,
			    cpuid(CPUID_XSAVE, 2).ebx + cpuid(CPUID_XSAVE, 2).eax);
	} else {
		absent("avx");
	}
	write_cr4(cr4);
}

static void bad_xsetbv(void *unused)
{
	(void)unused;
	asm volatile("xsetbv" ::"c"(0), "a"(0), "d"(0)); /* bit 0 must be set */
}

static void test_xsetbv(void)
{
	if ((cpuid(CPUID_VERSION, 0).ecx & CPUID_1_ECX_XSAVE) == 0)
		return;
	trap_catch(bad_xsetbv, NULL);
	check_trap("xsetbv-without-osxsave", VECTOR_UD, 0);
	write_cr4(read_cr4() | CR4_OSXSAVE);
	trap_catch(bad_xsetbv, NULL);
	check_trap("xsetbv-bad-value", VECTOR_GP, 0);
}

static void test_topology(void)
{
	struct cpuid_result level = cpuid(CPUID_TOPOLOGY, 0);

	if (cpuid(CPUID_VENDOR, 0).eax < CPUID_TOPOLOGY) {
		absent("topology");
		return;
	}
	check_equal("topology-level", level.ecx & 0xff, 0);
	check_equal("topology-id", level.edx, cpuid(CPUID_VERSION, 0).ebx >> 24);
	check_equal("topology-subleaf", cpuid(CPUID_TOPOLOGY, 1).ecx & 0xff, 1);
}

static void test_brand(void)
{
	struct cpuid_result part = cpuid(CPUID_BRAND, 0);

	check("brand", (part.eax & 0xff) != 0, "it is empty");
}

/* Many exits in a row all give the same answer. */
static void test_repeat(void)
{
	struct cpuid_result first = cpuid(CPUID_FEATURES, 0);
	u32 different = 0;

	for (u32 i = 0; i < 1000; i++) {
		struct cpuid_result again = cpuid(CPUID_FEATURES, 0);

		different += again.ebx != first.ebx || again.ecx != first.ecx;
	}
	check_equal("repeat", different, 0);
}

void guest_main(void)
{
	test_basic();
	test_hypervisor();
	test_registers();
	test_xsave();
	test_xsetbv();
	test_topology();
	test_brand();
	test_repeat();
}
