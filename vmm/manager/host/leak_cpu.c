/* SPDX-License-Identifier: MIT */
/*
 * Reads the input of leak.c: CPUID, and the kernel's page. Called by the command `cpu`; holds no
 * state.
 */
#include "lib/string.h"
#include "vmm/hw/cpuid.h"
#include "vmm/manager/host/leak.h"
#include "vmm/manager/host/machine.h"
#include "vmm/rt/start.h"

static struct cpuid_regs leak_cpu_leaf(u32 leaf, u32 subleaf)
{
	struct cpuid_regs regs;

	__asm__ volatile("cpuid"
			 : "=a"(regs.eax), "=b"(regs.ebx), "=c"(regs.ecx), "=d"(regs.edx)
			 : "a"(leaf), "c"(subleaf));
	return regs;
}

/*
 * Returns a leaf of CPUID, or zeros if it is out of range: Intel's CPUs answer such a leaf with
 * another one.
 */
static struct cpuid_regs leak_cpu_read_if(u32 leaf, u32 subleaf)
{
	if (leaf > leak_cpu_leaf(leaf & CPUID_EXTENDED, 0).eax)
		return (struct cpuid_regs){0};
	if (leaf == CPUID_FEATURES && subleaf > leak_cpu_leaf(leaf, 0).eax)
		return (struct cpuid_regs){0};
	return leak_cpu_leaf(leaf, subleaf);
}

struct leak_cpu leak_cpu_read(void)
{
	const struct kernel_page *page = machine_page();
	u32 vendor = leak_cpu_leaf(CPUID_VENDOR, 0).ebx;

	return (struct leak_cpu){
		.is =
			{
				.amd = memcmp(&vendor, "Auth", 4) == 0 ||
				       memcmp(&vendor, "Hygo", 4) == 0,
				.version = leak_cpu_leaf(CPUID_VERSION, 0).eax,
				.leaf_7_ebx = leak_cpu_read_if(CPUID_FEATURES, 0).ebx,
				.leaf_7_edx = leak_cpu_read_if(CPUID_FEATURES, 0).edx,
				.leaf_72_edx = leak_cpu_read_if(CPUID_FEATURES, 2).edx,
				.leaf_88_ebx = leak_cpu_read_if(CPUID_ADDRESS_SIZES, 0).ebx,
				.leaf_821_eax = leak_cpu_read_if(CPUID_EXTENDED_FEATURES2, 0).eax,
				.leaf_821_ecx = leak_cpu_read_if(CPUID_EXTENDED_FEATURES2, 0).ecx,
				.capabilities = page->arch_capabilities,
				.opt_ctrl = page->opt_ctrl,
				.microcode = page->microcode,
			},
		.svm = memcmp(start_info->backend, "SVM", 3) == 0,
		.done = page->features,
	};
}
