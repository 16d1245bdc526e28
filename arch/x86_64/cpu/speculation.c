/* SPDX-License-Identifier: MIT */
#include "arch/x86_64/cpu/speculation.h"
#include "arch/x86_64/cpu/features.h"
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/percpu.h"
#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/hw/cpuid.h"
#include "arch/x86_64/hw/msr.h"
#include "arch/x86_64/hw/speculation.h"

#define TSA_NO (CPUID_821_ECX_TSA_SQ_NO | CPUID_821_ECX_TSA_L1_NO)

/* VERW needs a writable segment to clear buffers: SDM vol. 2, and Intel's guidance on MDS. */
const u16 speculation_selector = SELECTOR_KERNEL_DATA;

static void control(struct speculation *to, u64 bits, u64 shown)
{
	to->spec_ctrl |= bits;
	to->shown |= shown;
}

/* Intel: "Affected processors: transient execution attacks", and SDM vol. 4, table 2-2. */
static void decide_intel(const struct speculation_cpu *cpu, struct speculation *to)
{
	u64 no = cpu->capabilities;
	u32 edx = cpu->leaf_7_edx;
	bool mds = !(no & ARCH_CAP_MDS_NO) || (no & ARCH_CAP_MMIO_NO) != ARCH_CAP_MMIO_NO ||
		   (no & (ARCH_CAP_RFDS_CLEAR | ARCH_CAP_RFDS_NO)) == ARCH_CAP_RFDS_CLEAR ||
		   ((cpu->leaf_7_ebx & CPUID_7_EBX_RTM) && !(no & ARCH_CAP_TAA_NO));

	if (edx & CPUID_7_EDX_SPEC_CTRL) {
		to->ibpb = true;
		to->ibrs_on_exit = !(no & ARCH_CAP_IBRS_ALL);
		control(to, SPEC_CTRL_IBRS,
			HOST_IBPB | (to->ibrs_on_exit ? HOST_IBRS_ON_EXIT : HOST_IBRS));
	}
	if (edx & CPUID_7_EDX_STIBP)
		control(to, SPEC_CTRL_STIBP, HOST_STIBP);
	if (!(no & ARCH_CAP_SSB_NO) && (edx & CPUID_7_EDX_SSBD))
		control(to, SPEC_CTRL_SSBD, HOST_SSBD);
	to->l1d_flush = (edx & CPUID_7_EDX_L1D_FLUSH) &&
			!(no & (ARCH_CAP_RDCL_NO | ARCH_CAP_SKIP_L1DFL_VMENTRY));
	mds = mds && ((edx & CPUID_7_EDX_MD_CLEAR) ||
		      (no & (ARCH_CAP_FB_CLEAR | ARCH_CAP_RFDS_CLEAR)));
	to->clear = to->l1d_flush || mds;
	to->shown |= (to->l1d_flush ? HOST_L1D_FLUSH : 0) | (mds ? HOST_VERW : 0);
}

/* AMD: "Indirect branch control extension", APM vol. 2, 3.2.9. */
static void decide_amd(const struct speculation_cpu *cpu, struct speculation *to)
{
	u32 ebx = cpu->leaf_88_ebx;

	if (cpu->leaf_821_eax & CPUID_821_EAX_AUTOMATIC_IBRS) {
		to->auto_ibrs = true;
		to->shown |= HOST_IBRS;
	} else if ((ebx & CPUID_88_EBX_IBRS) && (ebx & CPUID_88_EBX_IBRS_ALWAYS_ON)) {
		control(to, SPEC_CTRL_IBRS, HOST_IBRS);
	}
	to->ibpb = ebx & CPUID_88_EBX_IBPB;
	to->shown |= to->ibpb ? HOST_IBPB : 0;
	if (ebx & CPUID_88_EBX_STIBP)
		control(to, SPEC_CTRL_STIBP, HOST_STIBP);
	if (!(ebx & CPUID_88_EBX_SSB_NO) && (ebx & CPUID_88_EBX_SSBD))
		control(to, SPEC_CTRL_SSBD, HOST_SSBD);
	/* SB-7029: Zen 3 and 4. VERW clears something if their microcode is new enough. */
	to->clear = speculation_family(cpu) == 0x19 && (cpu->leaf_821_ecx & TSA_NO) != TSA_NO;
	to->shown |= to->clear ? HOST_VERW : 0;
}

struct speculation speculation_decide(const struct speculation_cpu *cpu)
{
	struct speculation result = {0};

	if (cpu->amd)
		decide_amd(cpu, &result);
	else
		decide_intel(cpu, &result);
	return result;
}

void speculation_enable(const struct speculation *speculation)
{
	if (speculation->spec_ctrl != 0)
		wrmsr(MSR_SPEC_CTRL, speculation->spec_ctrl);
	if (speculation->auto_ibrs)
		wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_AIBRSE);
}

void speculation_barrier(void)
{
	if (unlikely(features.speculation.ibpb))
		wrmsr(MSR_PRED_CMD, PRED_CMD_IBPB);
}

void speculation_clear(const struct speculation *speculation)
{
	if (speculation->l1d_flush)
		wrmsr(MSR_FLUSH_CMD, FLUSH_CMD_L1D);
	else
		__asm__ volatile("verw %0" : : "m"(speculation_selector) : "cc");
}
