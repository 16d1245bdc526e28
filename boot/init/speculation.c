/* SPDX-License-Identifier: MIT */
/*
 * Decides which mitigations of speculative execution this host needs, and sets those that are set
 * once per CPU, at its start. boot/init/features.c calls it on each CPU. The decision depends only
 * on the CPU's own reports; docs/threat-model.md lists them.
 */
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/hw/msr.h"
#include "boot/init/init.h"
#include "vmm/hw/cpuid.h"

#define TSA_NO (CPUID_821_ECX_TSA_SQ_NO | CPUID_821_ECX_TSA_L1_NO)

static void speculation_use(struct speculation *to, bool when, u64 spec_ctrl, u64 done)
{
	to->spec_ctrl |= when ? spec_ctrl : 0;
	to->done |= when ? done : 0;
}

/*
 * Decides on the mitigations for Intel CPUs (Intel, "Affected processors: transient execution
 * attacks", and SDM vol. 4, table 2-2).
 */
static void speculation_decide_intel(const struct speculation_cpu *cpu, struct speculation *to)
{
	u64 no = cpu->capabilities;
	u32 edx = cpu->leaf_7_edx;
	bool ibrs = edx & CPUID_7_EDX_SPEC_CTRL;
	bool all = no & ARCH_CAP_IBRS_ALL;
	bool bhi = ibrs && all && !(no & ARCH_CAP_BHI_NO);
	bool bhi_dis = cpu->leaf_72_edx & CPUID_7_2_EDX_BHI_CTRL;
	bool clears =
		(edx & CPUID_7_EDX_MD_CLEAR) || (no & (ARCH_CAP_FB_CLEAR | ARCH_CAP_RFDS_CLEAR));
	bool mds = !(no & ARCH_CAP_MDS_NO) || (no & ARCH_CAP_MMIO_NO) != ARCH_CAP_MMIO_NO ||
		   (no & (ARCH_CAP_RFDS_CLEAR | ARCH_CAP_RFDS_NO)) == ARCH_CAP_RFDS_CLEAR ||
		   ((cpu->leaf_7_ebx & CPUID_7_EBX_RTM) && !(no & ARCH_CAP_TAA_NO));

	speculation_use(to, ibrs, SPEC_CTRL_IBRS,
			HOST_IBPB | (all ? HOST_IBRS : HOST_IBRS_ON_EXIT));
	speculation_use(to, edx & CPUID_7_EDX_STIBP, SPEC_CTRL_STIBP, HOST_STIBP);
	speculation_use(to, !(no & ARCH_CAP_SSB_NO) && (edx & CPUID_7_EDX_SSBD), SPEC_CTRL_SSBD,
			HOST_SSBD);
	speculation_use(to,
			!(no & (ARCH_CAP_RDCL_NO | ARCH_CAP_SKIP_L1DFL_VMENTRY)) &&
				(edx & CPUID_7_EDX_L1D_FLUSH),
			0, HOST_L1D_FLUSH);
	speculation_use(to, mds && clears, 0, HOST_VERW);
	speculation_use(to, ibrs && !(all && (no & ARCH_CAP_PBRSB_NO)), 0, HOST_RETURN_STACK);
	speculation_use(to, bhi && bhi_dis, SPEC_CTRL_BHI_DIS_S, HOST_BHI_DIS);
	speculation_use(to, bhi && !bhi_dis, 0, HOST_HISTORY);
	speculation_use(to, !(no & ARCH_CAP_PSCHANGE_MC_NO), 0, HOST_SMALL_CODE);
}

/*
 * Decides on the mitigations for AMD CPUs (AMD, "Indirect branch control extension", APM vol. 2,
 * 3.2.9).
 */
static void speculation_decide_amd(const struct speculation_cpu *cpu, struct speculation *to)
{
	u32 ebx = cpu->leaf_88_ebx;
	bool automatic = cpu->leaf_821_eax & CPUID_821_EAX_AUTOMATIC_IBRS;

	speculation_use(to, automatic, 0, HOST_IBRS | HOST_AUTO_IBRS);
	speculation_use(
		to, !automatic && (ebx & CPUID_88_EBX_IBRS) && (ebx & CPUID_88_EBX_IBRS_ALWAYS_ON),
		SPEC_CTRL_IBRS, HOST_IBRS);
	speculation_use(to, ebx & CPUID_88_EBX_IBPB, 0, HOST_IBPB);
	speculation_use(to, ebx & CPUID_88_EBX_STIBP, SPEC_CTRL_STIBP, HOST_STIBP);
	speculation_use(to, !(ebx & CPUID_88_EBX_SSB_NO) && (ebx & CPUID_88_EBX_SSBD),
			SPEC_CTRL_SSBD, HOST_SSBD);
	/* SB-7029: on Zen 3 and 4 VERW clears buffers, if the microcode is new enough. */
	speculation_use(to,
			speculation_family(cpu) == 0x19 && (cpu->leaf_821_ecx & TSA_NO) != TSA_NO,
			0, HOST_VERW);
}

struct speculation speculation_decide(const struct speculation_cpu *cpu)
{
	struct speculation result = {0};

	if (cpu->amd)
		speculation_decide_amd(cpu, &result);
	else
		speculation_decide_intel(cpu, &result);
	return result;
}

void speculation_enable(const struct speculation *speculation)
{
	if (speculation->spec_ctrl != 0)
		wrmsr(MSR_SPEC_CTRL, speculation->spec_ctrl);
	if (speculation->done & HOST_AUTO_IBRS)
		wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_AIBRSE);
}
