/* SPDX-License-Identifier: MIT */
/*
 * Finds out whether Skerry can use this host's SVM, and turns it on, on each CPU for itself.
 * boot/init/virt.c calls it. It fills svm_capabilities once and writes EFER.SVME and the host save
 * area's MSR.
 */
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/hw/msr.h"
#include "arch/x86_64/virt/svm/svm.h"
#include "boot/init/init.h"
#include "boot/init/virt.h"
#include "kernel/log/log.h"
#include "lib/string.h"
#include "mm/address.h"
#include "mm/page.h"
#include "vmm/hw/cpuid.h"

#define IOPM_ORDER 2 /* the I/O permission map has four pages, of which three are used */
_Static_assert(IOPM_BYTES <= PAGE_SIZE << IOPM_ORDER, "APM vol. 2, 15.10.1");

/*
 * Returns the SVM back end's operations, or NULL and in *reason why SVM cannot be used. If the
 * firmware has set SVMDIS, the kernel cannot clear it (APM vol. 2, 15.4).
 */
const struct virt_ops *svm_probe(const char **reason)
{
	struct cpuid_regs leaf;

	if (rdmsr(MSR_VM_CR) & VM_CR_SVMDIS) {
		*reason = "the firmware has turned SVM off (VM_CR.SVMDIS): enable it in its setup";
		return NULL;
	}
	leaf = cpuid(CPUID_SVM, 0);
	if (!(leaf.edx & CPUID_8A_EDX_NP)) {
		*reason = "SVM of this CPU has no nested paging";
		return NULL;
	}
	if (leaf.ebx < 2) {
		*reason = "SVM of this CPU has no ASID for a guest";
		return NULL;
	}
	if (page_alloc(IOPM_ORDER, PAGE_CONTROL, NULL, &svm_capabilities.all_exit) != STATUS_OK) {
		*reason = "there is no memory for SVM's I/O permission map";
		return NULL;
	}
	memset(hpa_to_pointer(svm_capabilities.all_exit), 0xff, PAGE_SIZE << IOPM_ORDER);
	svm_capabilities.asid_count = leaf.ebx;
	svm_capabilities.nrip_save = leaf.edx & CPUID_8A_EDX_NRIP_SAVE;
	svm_capabilities.flush_by_asid = leaf.edx & CPUID_8A_EDX_FLUSH_BY_ASID;
	svm_capabilities.pause_filter = leaf.edx & CPUID_8A_EDX_PAUSE_FILTER;
	if (leaf.edx & CPUID_8A_EDX_BUS_LOCK_THRESHOLD)
		features.speculation.done |= HOST_BUS_LOCKS;
	log_info(LOG_VIRT, "SVM revision %u, %u ASIDs, features %x",
		 leaf.eax & CPUID_8A_EAX_REVISION, leaf.ebx, leaf.edx);
	return &svm_ops;
}

static void svm_vmsave(hpa_t area)
{
	__asm__ volatile("vmsave %0" : : "a"(area.value) : "memory");
}

/*
 * Turns SVM on, on the running CPU. VMRUN keeps its part of the host state in the area, in a format
 * of its own (APM vol. 2, 15.30.4). No existing CPU keeps that part where VMSAVE writes, so one
 * page serves both.
 */
enum status svm_cpu_enable(hpa_t area_hpa)
{
	struct svm_cpu *cpu = svm_cpu();

	if (rdmsr(MSR_VM_CR) & VM_CR_SVMDIS)
		return STATUS_NOT_SUPPORTED;
	cpu->host_area = area_hpa;
	asid_pool_init(&cpu->asids, this_cpu()->id, svm_capabilities.asid_count);
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
	wrmsr(MSR_VM_HSAVE_PA, area_hpa.value);
	svm_vmsave(area_hpa);
	return STATUS_OK;
}
