/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/hw/vmx.h"
#include "arch/x86_64/virt/virt.h"
#include "arch/x86_64/virt/vmx/capability.h"

/*
 * Shared by the files of the VMX back end. All functions act on the current VMCS, which is that of
 * `vcpu`.
 */

/* Exceptions that always exit; #DB and #AC: see vmx_reflect in exit.c. */
#define VMX_EXCEPTIONS ((u32)(BIT(VECTOR_MC) | BIT(VECTOR_DB) | BIT(VECTOR_AC)))

/*
 * How many entries one call of vmx_enter may make before it returns, so that exceptions that
 * vmx_reflect injects again and again cannot keep the CPU in there.
 */
#define VMX_ROUNDS 16

/* The contents of the page after a vCPU's VMCS. */
struct vmx_scratch {
	struct vmx_msr_entry msr_load[8];
	/*
	 * the host's SPEC_CTRL, which the CPU loads from here at exits if the host writes it then
	 */
	struct vmx_msr_entry exit_load[1];
};
_Static_assert(offsetof(struct vmx_scratch, msr_load) % 16 == 0, "SDM vol. 3, 25.7.2");

/*
 * What the VMX back end keeps of a vCPU besides the VMCS. Each copy of a field of the VMCS equals
 * the field, which is written only when the value changes.
 */
struct vmx_vcpu {
	bool launched;	  /* VMLAUNCH has succeeded since VMCLEAR */
	bool msrs_live;	  /* the guest's MSRs in the CPU are newer than those in scratch */
	u8 tpr_threshold; /* copy of the TPR threshold in the VMCS */
	u32 primary;	  /* copy of the VMCS's primary controls, less those that open windows */
	u64 timer_tsc;	  /* TSC deadline of the preemption timer; 0: there is none */
	struct vmx_scratch *scratch;
	u64 dr6;
	u64 cr2; /* the guest's CR2, which the VMCS does not have */
	/* the CPU whose state the VMCS's host-state area holds; NULL: no CPU's */
	const struct cpu *host_cpu;
	/* copy of the host RSP in the VMCS, as host_cr3 is of the host CR3; 0: unknown */
	u64 host_rsp;
	u64 host_cr3;
	u64 rsp; /* the guest's RSP */
};
_Static_assert(sizeof(struct vmx_vcpu) <= sizeof(((struct virt_vcpu *)0)->own), "it fits");
#define vmx_of(vcpu) ((struct vmx_vcpu *)(vcpu)->own)

/*
 * Reads the guest's RSP into the vCPU page and CR2 into struct vmx_vcpu, whose values are old
 * between enter and leave. In enter.c.
 */
void vmx_collect(struct virt_vcpu *vcpu);

/* The address in entry.S at which an exit continues */
extern const char vmx_exited[];

/* Writes the running CPU's host state to the VMCS. In host.c. */
void vmx_host_state_write(struct virt_vcpu *vcpu);

/*
 * Takes over the MSRs that an entry does not switch (STAR, LSTAR, CSTAR, SFMASK, KERNEL_GS_BASE,
 * TSC_AUX): the next entry loads them from the MSR-load area, which holds their values until then.
 * In msr.c.
 */
void vmx_msrs_load(struct virt_vcpu *vcpu);
/*
 * Records that the first entry since vmx_msrs_load has loaded the MSRs. Returns `reason`, so that
 * it stays in a register.
 */
u32 vmx_msrs_entered(struct virt_vcpu *vcpu, u32 reason);
/*
 * Copies the MSRs of vmx_msrs_load from the CPU to the MSR-load area, if the CPU's values are
 * newer.
 */
void vmx_msrs_fetch(struct virt_vcpu *vcpu);
/* Copy the MSRs of vmx_msrs_load to and from the vCPU page. */
void vmx_msrs_get(struct virt_vcpu *vcpu);
void vmx_msrs_set(struct virt_vcpu *vcpu);

/* Gives the vCPU a VPID without stale translations on this CPU. In vpid.c. */
void vmx_tag_assign(struct virt_vcpu *vcpu);
/* Flushes the vCPU's TLB entries, guest-physical ones included, on this CPU. */
void vmx_tag_flush(struct virt_vcpu *vcpu);

/* Takes over the register group VCPU_TRAPS from the vCPU page. In control.c. */
void vmx_traps_set(struct virt_vcpu *vcpu);

/* Takes over the register group VCPU_APIC from the vCPU page. In control.c. */
void vmx_apic_set(struct virt_vcpu *vcpu);

/* Return the guest/host masks of CR0 and CR4, in which host-owned bits are set. In cr.c. */
u64 vmx_cr0_mask(const struct virt_vcpu *vcpu);
u64 vmx_cr4_mask(const struct virt_vcpu *vcpu);
/* Return CR0 and CR4 as the guest sees them. */
u64 vmx_cr0_get(void);
u64 vmx_cr4_get(void);
/* Takes CR0, CR2, CR3, CR4 and EFER from the vCPU page. */
void vmx_control_set(struct virt_vcpu *vcpu);
/* Handles an exit for a MOV to CR0 or CR4; returns false if the exit is for the monitor. */
bool vmx_cr_handle(struct virt_vcpu *vcpu, u64 qualification);
/* Returns true if the guest runs in 64-bit mode. */
bool vmx_is_64_bit(void);

/* Makes the next entry deliver the event to the guest. In inject.c. */
void vmx_inject(const struct vcpu_event *event);
/* Takes back the event of vmx_inject that no entry has delivered yet, and returns it. */
struct vcpu_event vmx_inject_cancel(void);
/* Decodes VM-entry, VM-exit or IDT-vectoring information; not valid if there is no event. */
struct vcpu_event vmx_event_decode(u32 info, u32 error_code, u32 length);

/*
 * Fills vcpu->exit and vcpu->event; returns true if the exit is handled and the vCPU may enter
 * again. In exit.c.
 */
bool vmx_exit_decode(struct virt_vcpu *vcpu, u32 reason);
/* By VMX exit reason: the exit reason to which it translates directly, else EXIT_NONE. */
extern const u8 vmx_plain_reasons[VMX_EXIT_BUS_LOCK + 1];

/* Exit reasons of whose exits nothing is decoded but, at most, the length of the instruction. */
#define IS_PLAIN                                                                                   \
	(BIT(VMX_EXIT_EXTERNAL_INTERRUPT) | BIT(VMX_EXIT_CPUID) | BIT(VMX_EXIT_HLT) |              \
	 BIT(VMX_EXIT_VMCALL) | BIT(VMX_EXIT_RDMSR) | BIT(VMX_EXIT_WRMSR))

/* Returns true if the basic exit reason is one of the bits of `reasons`. */
static inline bool vmx_is_one_of(u32 basic, u64 reasons)
{
	return basic < 64 && (reasons >> basic & 1);
}

/* The operations of vmx_ops, which struct virt_ops describes. */
void vmx_cpu_disable(void);
enum status vmx_vm_init(struct virt_vm *vm);
enum status vmx_vcpu_init(struct virt_vcpu *vcpu);
virt_operation vmx_vcpu_load, vmx_vcpu_unload, vmx_dump;
void vmx_enter(struct virt_vcpu *vcpu, u64 deadline_tsc);
virt_groups_operation vmx_leave, vmx_get, vmx_set;
void vmx_advance(struct virt_vcpu *vcpu, u64 length);
void vmx_request(struct virt_vcpu *vcpu, const struct vcpu_event *inject, u32 request);
