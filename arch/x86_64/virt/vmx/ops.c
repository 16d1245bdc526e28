/* SPDX-License-Identifier: MIT */
/*
 * The VMX back end's operations, and turning VMX off on a CPU. boot/init enables VMX and fills the
 * capabilities; ring 0 reaches all else through vmx_ops.
 */
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/virt/vmx/vmcs.h"
#include "arch/x86_64/virt/vmx/vmx.h"
#include "mm/table.h"

const struct virt_ops vmx_ops = {
	.name = "VMX/EPT",
	.second_stage = &format_ept,
	.cpu_disable = vmx_cpu_disable,
	.vm_init = vmx_vm_init,
	.vcpu_init = vmx_vcpu_init,
	.vcpu_load = vmx_vcpu_load,
	.vcpu_unload = vmx_vcpu_unload,
	.enter = vmx_enter,
	.leave = vmx_leave,
	.get = vmx_get,
	.set = vmx_set,
	.advance = vmx_advance,
	.request = vmx_request,
	.dump = vmx_dump,
};

/* Turns VMX off on this CPU; may be called at any time, from a panic too. */
void vmx_cpu_disable(void)
{
	if (!(read_cr4() & CR4_VMXE))
		return;
	vmxoff();
	write_cr4(read_cr4() & ~CR4_VMXE);
}
