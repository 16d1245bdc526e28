/* SPDX-License-Identifier: MIT */
/*
 * Reads the boot CPU's features, and turns on, on each CPU, those that the kernel always runs with.
 * boot/init/main.c and boot/init/cpus.c call it. It fills `features` once and writes the running
 * CPU's control registers, XCR0, PAT and speculation MSRs.
 */
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/hw/msr.h"
#include "boot/init/init.h"
#include "lib/string.h"
#include "vmm/hw/cpuid.h"

struct cpu_features features SECTION(".data.entry");

/*
 * The state components offered to guests: those that plain XSAVE saves in a page, without MPX and
 * AMX.
 */
#define XCR0_OFFERED (XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512 | XCR0_PKRU)

static struct cpuid_regs features_leaf_read(u32 leaf, u32 subleaf)
{
	if (leaf > cpuid(leaf & CPUID_EXTENDED, 0).eax)
		return (struct cpuid_regs){0};
	return cpuid(leaf, subleaf);
}

/*
 * Reads the CPU's features that concern speculative execution. AMD CPUs are not open to Meltdown;
 * any other CPU must report RDCL_NO, or it is taken to be open.
 */
static void features_speculation_read(struct cpu_features *to)
{
	u32 vendor = cpuid(CPUID_VENDOR, 0).ebx;
	struct speculation_cpu *cpu = &to->cpu;

	cpu->amd = memcmp(&vendor, "Auth", 4) == 0 || memcmp(&vendor, "Hygo", 4) == 0;
	cpu->version = features_leaf_read(CPUID_VERSION, 0).eax;
	cpu->leaf_7_ebx = features_leaf_read(CPUID_FEATURES, 0).ebx;
	cpu->leaf_7_edx = features_leaf_read(CPUID_FEATURES, 0).edx;
	cpu->leaf_72_edx = features_leaf_read(CPUID_FEATURES, 2).edx;
	cpu->leaf_88_ebx = features_leaf_read(CPUID_ADDRESS_SIZES, 0).ebx;
	cpu->leaf_821_eax = features_leaf_read(CPUID_EXTENDED_FEATURES2, 0).eax;
	cpu->leaf_821_ecx = features_leaf_read(CPUID_EXTENDED_FEATURES2, 0).ecx;
	if (cpu->amd)
		cpu->microcode = (u32)rdmsr(MSR_BIOS_SIGN_ID);
	else if (cpu->leaf_7_edx & CPUID_7_EDX_ARCH_CAPABILITIES)
		cpu->capabilities = rdmsr(MSR_ARCH_CAPABILITIES);
	if (!cpu->amd &&
	    ((cpu->leaf_7_edx & CPUID_7_EDX_SRBDS_CTRL) || (cpu->capabilities & ARCH_CAP_GDS_CTRL)))
		cpu->opt_ctrl = rdmsr(MSR_MCU_OPT_CTRL);
	to->meltdown = !cpu->amd && !(cpu->capabilities & ARCH_CAP_RDCL_NO);
	to->speculation = speculation_decide(cpu);
}

/*
 * Returns XCR0's bits of the state components that guests may use. AVX-512's three components are
 * enabled together, and only with AVX (SDM vol. 1, 13.3). If CPUID leaf 0DH.1 is empty, QEMU
 * announces XSAVE but refuses CR4.OSXSAVE: it then repeats the MOV to CR4 for ever. There are real
 * CPUs with XSAVE and an empty leaf, and they work.
 */
static u64 features_xcr0_read(u32 leaf_1_ecx)
{
	struct cpuid_regs leaf = features_leaf_read(CPUID_XSAVE, 0);
	u64 mask = ((u64)leaf.edx << 32 | leaf.eax) & XCR0_OFFERED;

	if (!(leaf_1_ecx & CPUID_1_ECX_XSAVE) ||
	    ((leaf_1_ecx & CPUID_1_ECX_HYPERVISOR) && features_leaf_read(CPUID_XSAVE, 1).eax == 0))
		return 0;
	if ((mask & XCR0_AVX512) != XCR0_AVX512 || !(mask & XCR0_AVX))
		mask &= ~XCR0_AVX512;
	return mask | XCR0_X87 | XCR0_SSE;
}

struct cpu_features features_read(void)
{
	struct cpuid_regs leaf = features_leaf_read(CPUID_VERSION, 0);
	struct cpu_features result = {0};

	result.machine_check = leaf.edx & CPUID_1_EDX_MCA;
	result.vmx = leaf.ecx & CPUID_1_ECX_VMX;
	result.x2apic = leaf.ecx & CPUID_1_ECX_X2APIC;
	result.tsc_deadline = leaf.ecx & CPUID_1_ECX_TSC_DEADLINE;
	result.xcr0 = features_xcr0_read(leaf.ecx);

	/* every CPU with 64-bit mode has these bits */
	result.cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT;
	result.cr4 |= leaf.edx & CPUID_1_EDX_DE ? CR4_DE : 0;
	result.cr4 |= leaf.edx & CPUID_1_EDX_MCE ? CR4_MCE : 0;
	result.cr4 |= result.xcr0 ? CR4_OSXSAVE : 0;
	leaf = features_leaf_read(CPUID_FEATURES, 0);
	result.cr4 |= leaf.ebx & CPUID_7_EBX_SMEP ? CR4_SMEP : 0;
	result.cr4 |= leaf.ebx & CPUID_7_EBX_SMAP ? CR4_SMAP : 0;
	result.cr4 |= leaf.ecx & CPUID_7_ECX_UMIP ? CR4_UMIP : 0;

	leaf = features_leaf_read(CPUID_EXTENDED_VERSION, 0);
	result.rdtscp = leaf.edx & CPUID_81_EDX_RDTSCP;
	result.svm = leaf.ecx & CPUID_81_ECX_SVM;
	result.gib_pages = leaf.edx & CPUID_81_EDX_PAGE1GB;

	leaf = features_leaf_read(CPUID_ADDRESS_SIZES, 0);
	result.physical_bits = leaf.eax ? (u8)(leaf.eax & 0xff) : 36;

	features_speculation_read(&result);
	return result;
}

bool features_enable(void)
{
	struct cpu_features here = features_read();

	if ((features.cr4 & ~here.cr4) || (features.xcr0 & ~here.xcr0) || features.svm > here.svm ||
	    features.vmx > here.vmx || features.x2apic > here.x2apic ||
	    features.tsc_deadline > here.tsc_deadline || features.rdtscp > here.rdtscp ||
	    features.gib_pages > here.gib_pages || features.meltdown < here.meltdown ||
	    features.machine_check > here.machine_check)
		return false;
	speculation_enable(&features.speculation);
	wrmsr(MSR_PAT, PAT_RESET); /* page tables rely on this PAT; firmware may have changed it */
	write_cr4(features.cr4);
	if (features.xcr0)
		xsetbv(0, features.xcr0);
	write_cr0(CR0_PG | CR0_PE | CR0_MP | CR0_TS | CR0_ET | CR0_NE | CR0_WP);
	return true;
}
