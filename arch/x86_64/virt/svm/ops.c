/* SPDX-License-Identifier: MIT */
/*
 * The SVM back end's operations, the state that it keeps for each CPU, and turning SVM off on a
 * CPU. boot/init enables SVM and fills the capabilities; ring 0 reaches all else through svm_ops.
 */
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/percpu.h"
#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/hw/msr.h"
#include "arch/x86_64/virt/svm/svm.h"
#include "kernel/abi/pages.h"
#include "mm/table.h"

struct svm_capabilities svm_capabilities SECTION(".data.ro_after_init");
static struct svm_cpu cpus[CPU_MAX];

const struct virt_ops svm_ops = {
	.name = "SVM/NPT",
	.second_stage = &format_npt,
	.cpu_disable = svm_cpu_disable,
	.vm_init = svm_vm_init,
	.vcpu_init = svm_vcpu_init,
	.vcpu_load = svm_vcpu_load,
	.vcpu_unload = svm_vcpu_unload,
	.enter = svm_enter,
	.leave = svm_leave,
	.get = svm_get,
	.set = svm_set,
	.advance = svm_advance,
	.request = svm_request,
	.dump = svm_dump,
};

struct svm_cpu *svm_cpu(void)
{
	return &cpus[this_cpu()->id];
}

/* Turns SVM off on this CPU; may be called at any time, from a panic too. */
void svm_cpu_disable(void)
{
	if (!(rdmsr(MSR_EFER) & EFER_SVME))
		return;
	__asm__ volatile("cli; stgi" : : : "memory");
	wrmsr(MSR_VM_HSAVE_PA, 0);
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) & ~EFER_SVME);
}
