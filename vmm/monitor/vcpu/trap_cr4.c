/* SPDX-License-Identifier: MIT */
/*
 * Decides which bits of CR4 a guest may set, and which MOV to CR4 gets #GP. Called by trap.c; reads
 * the CPUID policy and the instruction of the exit.
 */
#include "vmm/monitor/vcpu/trap_cr4.h"

#include "arch/x86_64/hw/control.h"
#include "vmm/hw/cpuid.h"
#include "vmm/monitor/machine/machine.h"

enum where { WHERE_1_ECX, WHERE_1_EDX, WHERE_7_EBX, WHERE_7_ECX, WHERE_COUNT };

/* Bits of CR4 that are reserved where CPUID does not show their feature: SDM vol. 3, 2.5. */
static const struct {
	u64 bits;
	enum where where;
	u32 feature;
} allowed[] = {
	{CR4_VME | CR4_PVI, WHERE_1_EDX, CPUID_1_EDX_VME},
	{CR4_TSD, WHERE_1_EDX, CPUID_1_EDX_TSC},
	{CR4_DE, WHERE_1_EDX, CPUID_1_EDX_DE},
	{CR4_PSE, WHERE_1_EDX, CPUID_1_EDX_PSE},
	{CR4_PAE, WHERE_1_EDX, CPUID_1_EDX_PAE},
	{CR4_MCE, WHERE_1_EDX, CPUID_1_EDX_MCE},
	{CR4_PGE, WHERE_1_EDX, CPUID_1_EDX_PGE},
	{CR4_OSFXSR, WHERE_1_EDX, CPUID_1_EDX_FXSR},
	{CR4_OSXMMEXCPT, WHERE_1_EDX, CPUID_1_EDX_SSE},
	{CR4_UMIP, WHERE_7_ECX, CPUID_7_ECX_UMIP},
	{CR4_LA57, WHERE_7_ECX, CPUID_7_ECX_LA57},
	{CR4_FSGSBASE, WHERE_7_EBX, CPUID_7_EBX_FSGSBASE},
	{CR4_PCIDE, WHERE_1_ECX, CPUID_1_ECX_PCID},
	{CR4_OSXSAVE, WHERE_1_ECX, CPUID_1_ECX_XSAVE},
	{CR4_SMEP, WHERE_7_EBX, CPUID_7_EBX_SMEP},
	{CR4_SMAP, WHERE_7_EBX, CPUID_7_EBX_SMAP},
	{CR4_PKE, WHERE_7_ECX, CPUID_7_ECX_PKU},
	{CR4_CET, WHERE_7_ECX, CPUID_7_ECX_CET_SS},
};

u64 trap_cr4_allowed(const struct cpuid_policy *policy)
{
	struct cpuid_regs version = cpuid_shown(policy, CPUID_VERSION, 0);
	struct cpuid_regs features = cpuid_shown(policy, CPUID_FEATURES, 0);
	const u32 has[WHERE_COUNT] = {version.ecx, version.edx, features.ebx, features.ecx};
	u64 bits = CR4_PCE; /* CR4.PCE exists on every CPU with SVM */

	for (size_t i = 0; i < ARRAY_COUNT(allowed); i++)
		if ((has[allowed[i].where] & allowed[i].feature) != 0)
			bits |= allowed[i].bits;
	return bits;
}

bool trap_cr4_refuses(struct vcpu *vcpu)
{
	struct x86_instruction in = {0};
	struct vcpu_event event = {0};

	vcpu_need(vcpu, VCPU_SEGMENTS | VCPU_CONTROL);
	/* if the instruction cannot be fetched, or has changed since, the CPU decides */
	if (emulate_decode(&vcpu->emulator, &in, &event) != EMULATE_DONE || in.map != X86_MAP_0F ||
	    in.opcode != 0x22 || in.reg != 4)
		return false;
	return (vcpu->page->gpr[in.rm & 15] & ~trap_cr4_allowed(&vcpu->machine->cpuid)) != 0;
}
