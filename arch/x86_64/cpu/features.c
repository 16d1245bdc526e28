/* SPDX-License-Identifier: MIT */
#include "arch/x86_64/cpu/features.h"

#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/hw/cpuid.h"
#include "arch/x86_64/hw/msr.h"
#include "lib/string.h"

struct cpu_features features SECTION(".data.ro_after_init");

/* State components that are saved with plain XSAVE in a page: no MPX, no AMX. */
#define XCR0_OFFERED (XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512 | XCR0_PKRU)

static struct cpuid_regs leaf_read(u32 leaf, u32 subleaf)
{
	if (leaf > cpuid(leaf & CPUID_EXTENDED, 0).eax)
		return (struct cpuid_regs){0};
	return cpuid(leaf, subleaf);
}

/* AMD CPUs are not open to Meltdown; any other must report RDCL_NO, or it is taken to be open. */
static void speculation_read(void)
{
	u32 vendor = cpuid(CPUID_VENDOR, 0).ebx;
	struct speculation_cpu cpu = {
		.amd = memcmp(&vendor, "Auth", 4) == 0 || memcmp(&vendor, "Hygo", 4) == 0,
		.leaf_7_ebx = leaf_read(CPUID_FEATURES, 0).ebx,
		.leaf_7_edx = leaf_read(CPUID_FEATURES, 0).edx,
		.leaf_88_ebx = leaf_read(CPUID_ADDRESS_SIZES, 0).ebx,
		.leaf_821_eax = leaf_read(CPUID_EXTENDED_FEATURES2, 0).eax,
	};

	if (!cpu.amd && cpu.leaf_7_edx & CPUID_7_EDX_ARCH_CAPABILITIES)
		cpu.capabilities = rdmsr(MSR_ARCH_CAPABILITIES);
	features.meltdown = !cpu.amd && !(cpu.capabilities & ARCH_CAP_RDCL_NO);
	features.speculation = speculation_decide(&cpu);
}

static void basic_read(void)
{
	struct cpuid_regs leaf = leaf_read(CPUID_VERSION, 0);

	features.machine_check = leaf.edx & CPUID_1_EDX_MCA;
	features.vmx = leaf.ecx & CPUID_1_ECX_VMX;
	features.x2apic = leaf.ecx & CPUID_1_ECX_X2APIC;
	features.tsc_deadline = leaf.ecx & CPUID_1_ECX_TSC_DEADLINE;
	features.xsave = leaf.ecx & CPUID_1_ECX_XSAVE;

	leaf = leaf_read(CPUID_FEATURES, 0);
	features.cr4 = CR4_PAE | CR4_DE | CR4_MCE | CR4_OSFXSR | CR4_OSXMMEXCPT;
	if (leaf.ebx & CPUID_7_EBX_SMEP)
		features.cr4 |= CR4_SMEP;
	if (leaf.ebx & CPUID_7_EBX_SMAP)
		features.cr4 |= CR4_SMAP;
	if (leaf.ecx & CPUID_7_ECX_UMIP)
		features.cr4 |= CR4_UMIP;
	if (features.xsave)
		features.cr4 |= CR4_OSXSAVE;
}

static void extended_read(void)
{
	struct cpuid_regs leaf = leaf_read(CPUID_EXTENDED_VERSION, 0);

	features.rdtscp = leaf.edx & CPUID_81_EDX_RDTSCP;
	features.svm = leaf.ecx & CPUID_81_ECX_SVM;
	features.gib_pages = leaf.edx & CPUID_81_EDX_PAGE1GB;

	leaf = leaf_read(CPUID_ADDRESS_SIZES, 0);
	features.physical_bits = leaf.eax ? (u8)(leaf.eax & 0xff) : 36;
}

/* SDM vol. 1, 13.3: AVX-512's three components are enabled together, and only with AVX. */
static void xcr0_read(void)
{
	struct cpuid_regs leaf = leaf_read(CPUID_XSAVE, 0);
	u64 mask = ((u64)leaf.edx << 32 | leaf.eax) & XCR0_OFFERED;

	if (!features.xsave)
		return;
	if ((mask & XCR0_AVX512) != XCR0_AVX512 || !(mask & XCR0_AVX))
		mask &= ~XCR0_AVX512;
	features.xcr0 = mask | XCR0_X87 | XCR0_SSE;
}

void features_read(void)
{
	basic_read();
	extended_read();
	xcr0_read();
	speculation_read();
}

void features_enable(void)
{
	speculation_enable(&features.speculation);
	wrmsr(MSR_PAT, PAT_RESET); /* page tables rely on it; firmware may have changed it */
	write_cr4(features.cr4);
	if (features.xsave)
		xsetbv(0, features.xcr0);
	write_cr0(CR0_PG | CR0_PE | CR0_MP | CR0_TS | CR0_ET | CR0_NE | CR0_WP);
}
