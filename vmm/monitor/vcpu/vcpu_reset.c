/* SPDX-License-Identifier: MIT */
/*
 * Resets a vCPU and handles INIT and SIPI. Called by todo.c and inject.c; changes the vCPU and its
 * local APIC.
 */
#include "vmm/monitor/vcpu/vcpu_reset.h"

#include "vmm/monitor/load/start_state.h"
#include "vmm/monitor/machine/machine.h"
#include "vmm/monitor/pv/steal_time.h"
#include "vmm/monitor/vcpu/debugger.h"
#include "vmm/monitor/vcpu/msr.h"
#include "vmm/monitor/vcpu/trap.h"

static void vcpu_forget(struct vcpu *vcpu)
{
	vcpu->halted = false;
	vcpu->unhalted = false;
	vcpu->quiet = false;
	vcpu->event.valid = 0;
	vcpu->held.valid = 0;
	vcpu->pvclock = (struct pvclock){0};
	vcpu->pv_eoi = (struct pv_eoi){0};
	steal_time_reset(vcpu);
	if (vcpu->trap.stepping) {
		vcpu->trap.stepping = false;
		trap_apply(vcpu);
	}
	vcpu->yield_to = 0;
	vcpu->page->exit.reason = EXIT_NONE;
	vcpu->page->request = 0;
	vcpu->page->inject = (struct vcpu_event){0};
}

void vcpu_reset(struct vcpu *vcpu)
{
	vcpu_forget(vcpu);
	vcpu->tsc_adjust = 0;
	vcpu->apic_base = 0;
	msr_reset(&vcpu->msr, &vcpu->machine->cpuid);
	vcpu_show_cpuid(vcpu);
	vcpu_set_tsc_offset(vcpu);
	if (vcpu->id != 0)
		start_state_reset(vcpu->page);
}

/*
 * Sets the registers as INIT does. EDX holds the processor's signature after RESET and INIT (SDM
 * vol. 3, table 10-1).
 */
void vcpu_take_init(struct vcpu *vcpu)
{
	vcpu_forget(vcpu);
	vcpu_need(vcpu, VCPU_CONTROL);
	start_state_init(vcpu->page);
	vcpu->page->gpr[GPR_RDX] = cpuid_shown(&vcpu->machine->cpuid, CPUID_VERSION, 0).eax;
	debugger_restarted(vcpu);
}

void vcpu_take_sipi(struct vcpu *vcpu, u8 vector)
{
	vcpu->halted = false;
	start_state_sipi(vcpu->page, vector);
}
