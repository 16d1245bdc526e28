/* SPDX-License-Identifier: MIT */
/*
 * The debug registers DR0 to DR3, which neither VMRUN nor VM entry switches: a CPU holds those of
 * its loaded vCPU. Both back ends call it when they load, unload, read or set a vCPU. It touches
 * the running CPU's debug registers, the vCPU's copy and its page.
 */
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/virt/virt.h"
#include "lib/read_once.h"

void virt_debug_load(const struct virt_vcpu *vcpu)
{
	write_dr0(vcpu->dr[0]);
	write_dr1(vcpu->dr[1]);
	write_dr2(vcpu->dr[2]);
	write_dr3(vcpu->dr[3]);
}

void virt_debug_save(struct virt_vcpu *vcpu)
{
	vcpu->dr[0] = read_dr0();
	vcpu->dr[1] = read_dr1();
	vcpu->dr[2] = read_dr2();
	vcpu->dr[3] = read_dr3();
}

void virt_debug_get(struct virt_vcpu *vcpu)
{
	virt_debug_save(vcpu);
	for (u32 i = 0; i < ARRAY_COUNT(vcpu->dr); i++)
		vcpu->page->dr[i] = vcpu->dr[i];
}

void virt_debug_set(struct virt_vcpu *vcpu)
{
	for (u32 i = 0; i < ARRAY_COUNT(vcpu->dr); i++)
		vcpu->dr[i] = READ_ONCE(vcpu->page->dr[i]);
	if (vcpu->loaded_cpu != ~0u)
		virt_debug_load(vcpu);
}
