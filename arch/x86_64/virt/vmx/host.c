/* SPDX-License-Identifier: MIT */
/*
 * Writes the host-state area of a VMCS: what a VM exit loads on this CPU (SDM vol. 3, 25.5).
 * enter.c calls it when a vCPU comes to another CPU. It writes the current VMCS alone.
 */
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/percpu.h"
#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/hw/msr.h"
#include "arch/x86_64/virt/vmx/vmcs.h"
#include "arch/x86_64/virt/vmx/vmx.h"

/*
 * Writes the VMCS's whole host state but CR3 and RSP, which change now and then: enter.c and
 * entry.S write those.
 */
void vmx_host_state_write(struct virt_vcpu *vcpu)
{
	const struct cpu *cpu = this_cpu();

	vmx_of(vcpu)->host_cpu = cpu;
	vmx_of(vcpu)->host_rsp = 0;
	vmx_of(vcpu)->host_cr3 = 0;
	vmcs_write_natural(VMCS_HOST_CR0, read_cr0() | CR0_TS);
	vmcs_write_natural(VMCS_HOST_CR4, read_cr4());
	vmcs_write_natural(VMCS_HOST_RIP, (u64)vmx_exited);
	vmcs_write64(VMCS_HOST_EFER, rdmsr(MSR_EFER));
	vmcs_write64(VMCS_HOST_PAT, rdmsr(MSR_PAT));

	/* Ring 3 runs with null data segments and uses no FS or GS base. */
	vmcs_write16(VMCS_HOST_CS_SELECTOR, SELECTOR_KERNEL_CODE);
	vmcs_write16(VMCS_HOST_SS_SELECTOR, SELECTOR_KERNEL_DATA);
	vmcs_write16(VMCS_HOST_DS_SELECTOR, 0);
	vmcs_write16(VMCS_HOST_ES_SELECTOR, 0);
	vmcs_write16(VMCS_HOST_FS_SELECTOR, 0);
	vmcs_write16(VMCS_HOST_GS_SELECTOR, 0);
	vmcs_write16(VMCS_HOST_TR_SELECTOR, SELECTOR_TSS);
	vmcs_write_natural(VMCS_HOST_FS_BASE, 0);
	vmcs_write_natural(VMCS_HOST_GS_BASE, 0);
	vmcs_write_natural(VMCS_HOST_TR_BASE, (u64)&cpu->tss);
	vmcs_write_natural(VMCS_HOST_GDTR_BASE, (u64)cpu->gdt);
	vmcs_write_natural(VMCS_HOST_IDTR_BASE, (u64)cpu->idt);

	vmcs_write32(VMCS_HOST_SYSENTER_CS, (u32)rdmsr(MSR_SYSENTER_CS));
	vmcs_write_natural(VMCS_HOST_SYSENTER_ESP, rdmsr(MSR_SYSENTER_ESP));
	vmcs_write_natural(VMCS_HOST_SYSENTER_EIP, rdmsr(MSR_SYSENTER_EIP));
}
