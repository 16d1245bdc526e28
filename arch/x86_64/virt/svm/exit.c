/* SPDX-License-Identifier: MIT */
/*
 * Translates SVM's exit codes to struct vcpu_exit (APM vol. 2, appendix C). enter.c calls it after
 * each VMRUN. It only reads the VMCB and fills in the vCPU's exit and interrupted event.
 */
#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/virt/svm/svm.h"

/* The exit codes that translate directly to an exit reason; all other codes have EXIT_NONE here. */
static const u8 plain_reasons[] = {
	[VMEXIT_CR_READ... VMEXIT_DR_READ - 1] = EXIT_CR,
	[VMEXIT_DR_READ... VMEXIT_EXCEPTION - 1] = EXIT_DR,
	[VMEXIT_INTR... VMEXIT_INIT] = EXIT_HOST_INTERRUPT, /* INTR, NMI, SMI, INIT */
	[VMEXIT_VINTR] = EXIT_INTERRUPT_WINDOW,
	[VMEXIT_CR0_SELECTIVE_WRITE] = EXIT_CR,
	[VMEXIT_IDTR_READ... VMEXIT_TR_WRITE] = EXIT_DESCRIPTOR_TABLE,
	[VMEXIT_RDTSC] = EXIT_RDTSC,
	[VMEXIT_RDPMC] = EXIT_RDPMC,
	[VMEXIT_CPUID] = EXIT_CPUID,
	[VMEXIT_IRET] = EXIT_NMI_WINDOW,
	[VMEXIT_INVD] = EXIT_INVD,
	[VMEXIT_PAUSE] = EXIT_PAUSE,
	[VMEXIT_HLT] = EXIT_HLT,
	[VMEXIT_INVLPG] = EXIT_INVLPG,
	[VMEXIT_INVLPGA] = EXIT_INVALID_OPCODE,
	[VMEXIT_TASK_SWITCH] = EXIT_TASK_SWITCH,
	[VMEXIT_SHUTDOWN] = EXIT_TRIPLE_FAULT,
	[VMEXIT_VMRUN] = EXIT_INVALID_OPCODE,
	[VMEXIT_VMMCALL] = EXIT_HYPERCALL,
	[VMEXIT_VMLOAD... VMEXIT_SKINIT] = EXIT_INVALID_OPCODE,
	[VMEXIT_RDTSCP] = EXIT_RDTSC,
	[VMEXIT_WBINVD] = EXIT_INVD,
	[VMEXIT_MONITOR] = EXIT_MONITOR,
	[VMEXIT_MWAIT... VMEXIT_MWAIT_CONDITIONAL] = EXIT_MWAIT,
	[VMEXIT_XSETBV] = EXIT_XSETBV,
	[VMEXIT_RDPRU] = EXIT_INVALID_OPCODE,
	[VMEXIT_BUS_LOCK] = EXIT_BUS_LOCK,
};

/* Decodes a nested page fault (APM vol. 2, 15.25.6). */
static void svm_decode_nested_fault(struct vcpu_exit *exit)
{
	u64 info = exit->qualification;

	exit->reason = EXIT_MEMORY;
	exit->instruction_length = 0;
	exit->gpa = exit->qualification2;
	exit->gva = 0;
	if (info & PF_ERROR_I)
		exit->access = ACCESS_EXECUTE;
	else if (info & PF_ERROR_W)
		exit->access = ACCESS_WRITE;
	else
		exit->access = ACCESS_READ;
	if (info & VMEXIT_NPF_WALK)
		exit->access |= ACCESS_TABLE_WALK;
}

static void svm_decode_reason(const struct vmcb *vmcb, struct vcpu_exit *exit)
{
	u64 code = vmcb->control.exit_code;

	exit->reason = EXIT_UNKNOWN;
	if (code < ARRAY_COUNT(plain_reasons) && plain_reasons[code] != EXIT_NONE) {
		exit->reason = plain_reasons[code];
		if (code == VMEXIT_TASK_SWITCH)
			exit->error_code = (u32)exit->qualification2;
		if (code == VMEXIT_VMMCALL)
			exit->vector = vmcb->save.cpl;
	} else if (code == VMEXIT_NPF) {
		svm_decode_nested_fault(exit);
	} else if ((u32)code == VMEXIT_INVALID) {
		exit->reason = EXIT_ENTRY_FAILED;
	} else if (code == VMEXIT_MSR) {
		exit->reason = exit->qualification & 1 ? EXIT_WRMSR : EXIT_RDMSR;
	} else if (code < VMEXIT_INTR) {
		exit->reason = EXIT_EXCEPTION;
		exit->vector = (u32)(code - VMEXIT_EXCEPTION);
		exit->error_code = (u32)exit->qualification;
	} else if (code == VMEXIT_SWINT) {
		exit->reason = EXIT_EXCEPTION;
		exit->vector = VECTOR_BP;
	}
}

void svm_exit_decode(const struct vmcb *vmcb, struct vcpu_exit *exit, struct vcpu_event *event)
{
	const struct vmcb_control *control = &vmcb->control;

	if (!svm_decode_io(vmcb, exit)) {
		exit->vendor_code = control->exit_code;
		exit->qualification = control->exit_info1;
		exit->qualification2 = control->exit_info2;
		exit->instruction_length = svm_length_to(vmcb->save.rip, control->next_rip);
		svm_decode_reason(vmcb, exit);
	}
	event->valid = 0;
	if (unlikely(control->exit_int_info & VMCB_EVENT_V))
		svm_event_decode(control->exit_int_info, event);
}
