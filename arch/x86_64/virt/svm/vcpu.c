/* SPDX-License-Identifier: MIT */
/*
 * Initialises a vCPU's VMCB, and moves a vCPU to and from a CPU. kernel/guest/vcpu.c calls it
 * through svm_ops. Loading writes the FPU, debug registers and TSC_AUX of the running CPU;
 * unloading saves them and releases the vCPU to other CPUs.
 */
#include "arch/x86_64/cpu/features.h"
#include "arch/x86_64/cpu/fpu.h"
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/percpu.h"
#include "arch/x86_64/hw/msr.h"
#include "arch/x86_64/virt/svm/svm.h"
#include "mm/address.h"

/*
 * What counts as a guest's spin loop, and exits: this many PAUSEs, at most PAUSE_FILTER_THRESHOLD
 * cycles apart if the CPU supports the threshold (APM vol. 2, 15.14.4).
 */
#define PAUSE_FILTER_COUNT     3000
#define PAUSE_FILTER_THRESHOLD 128

/*
 * The guest's instructions and events that exit. RDTSC, accesses to control and debug registers,
 * and INVLPG do not.
 */
#define INTERCEPT1                                                                                 \
	(VMCB_INTERCEPT1_INTR | VMCB_INTERCEPT1_NMI | VMCB_INTERCEPT1_SMI | VMCB_INTERCEPT1_INIT | \
	 VMCB_INTERCEPT1_RDPMC | VMCB_INTERCEPT1_CPUID | VMCB_INTERCEPT1_INVD |                    \
	 VMCB_INTERCEPT1_HLT | VMCB_INTERCEPT1_INVLPGA | VMCB_INTERCEPT1_IOIO |                    \
	 VMCB_INTERCEPT1_MSR | VMCB_INTERCEPT1_SHUTDOWN)
#define INTERCEPT2                                                                                 \
	(VMCB_INTERCEPT2_VMRUN | VMCB_INTERCEPT2_VMMCALL | VMCB_INTERCEPT2_VMLOAD |                \
	 VMCB_INTERCEPT2_VMSAVE | VMCB_INTERCEPT2_STGI | VMCB_INTERCEPT2_CLGI |                    \
	 VMCB_INTERCEPT2_SKINIT | VMCB_INTERCEPT2_WBINVD | VMCB_INTERCEPT2_MONITOR |               \
	 VMCB_INTERCEPT2_MWAIT | VMCB_INTERCEPT2_XSETBV | VMCB_INTERCEPT2_RDPRU)

static void svm_control_init(struct virt_vcpu *vcpu)
{
	struct vmcb_control *control = &svm_vmcb(vcpu)->control;

	control->intercept_exceptions = SVM_INTERCEPT_EXCEPTIONS;
	control->intercept1 = (u32)INTERCEPT1;
	control->intercept2 = (u32)INTERCEPT2;
	control->iopm_base_pa = svm_capabilities.all_exit.value;
	control->msrpm_base_pa = pointer_to_hpa(vcpu->vm->msr_bitmap).value;
	control->virtual_interrupt = VMCB_V_INTR_MASKING;
	control->np_control = VMCB_NP_ENABLE;
	control->n_cr3 = vcpu->vm->second_stage.root.kernel.value;
	if (features.speculation.done & HOST_BUS_LOCKS)
		control->intercept3 = (u32)VMCB_INTERCEPT3_BUS_LOCK;
	if (svm_capabilities.pause_filter) {
		control->intercept1 |= (u32)VMCB_INTERCEPT1_PAUSE;
		control->pause_filter_count = PAUSE_FILTER_COUNT;
		control->pause_filter_threshold = PAUSE_FILTER_THRESHOLD;
	}
}

enum status svm_vcpu_init(struct virt_vcpu *vcpu)
{
	enum status status = virt_vcpu_alloc(vcpu, 0);

	if (status != STATUS_OK)
		return status;
	svm_control_init(vcpu);
	svm_set(vcpu, VCPU_ALL);
	return STATUS_OK;
}

void svm_vcpu_load(struct virt_vcpu *vcpu)
{
	vcpu->loaded_cpu = this_cpu()->id;
	svm_of(vcpu)->cpu = svm_cpu();
	virt_debug_load(vcpu);
	if (features.rdtscp)
		wrmsr(MSR_TSC_AUX, svm_of(vcpu)->tsc_aux);
	fpu_load(vcpu->xsave_area, vcpu->xcr0);
}

void svm_vcpu_unload(struct virt_vcpu *vcpu)
{
	vcpu->xcr0 = fpu_xcr0_get();
	fpu_save(vcpu->xsave_area);
	virt_debug_save(vcpu);
	/* From now on another CPU may load the vCPU. */
	__atomic_store_n(&vcpu->loaded_cpu, ~0u, __ATOMIC_RELEASE);
}
