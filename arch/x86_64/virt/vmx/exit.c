/* SPDX-License-Identifier: MIT */
/*
 * Translates VMX's exit reasons to struct vcpu_exit (SDM vol. 3, 25.9, 28.2 and appendix C), and
 * handles exits that concern the back end alone. enter.c calls it after each exit. It reads and
 * changes the current VMCS, the vCPU's exit and event.
 */
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/virt/vmx/vmcs.h"
#include "arch/x86_64/virt/vmx/vmx.h"

const u8 vmx_plain_reasons[] = {
	[VMX_EXIT_EXTERNAL_INTERRUPT] = EXIT_HOST_INTERRUPT,
	[VMX_EXIT_TRIPLE_FAULT] = EXIT_TRIPLE_FAULT,
	[VMX_EXIT_INIT] = EXIT_INIT,
	[VMX_EXIT_IO_SMI... VMX_EXIT_OTHER_SMI] = EXIT_SMI,
	[VMX_EXIT_TASK_SWITCH] = EXIT_TASK_SWITCH,
	[VMX_EXIT_CPUID] = EXIT_CPUID,
	[VMX_EXIT_GETSEC] = EXIT_INVALID_OPCODE,
	[VMX_EXIT_HLT] = EXIT_HLT,
	[VMX_EXIT_INVD] = EXIT_INVD,
	[VMX_EXIT_INVLPG] = EXIT_INVLPG,
	[VMX_EXIT_RDPMC] = EXIT_RDPMC,
	[VMX_EXIT_RDTSC] = EXIT_RDTSC,
	[VMX_EXIT_RSM] = EXIT_INVALID_OPCODE,
	[VMX_EXIT_VMCALL] = EXIT_HYPERCALL,
	[VMX_EXIT_VMCLEAR... VMX_EXIT_VMXON] = EXIT_INVALID_OPCODE,
	[VMX_EXIT_MOV_DR] = EXIT_DR,
	[VMX_EXIT_RDMSR] = EXIT_RDMSR,
	[VMX_EXIT_WRMSR] = EXIT_WRMSR,
	[VMX_EXIT_MWAIT] = EXIT_MWAIT,
	[VMX_EXIT_MONITOR] = EXIT_MONITOR,
	[VMX_EXIT_PAUSE] = EXIT_PAUSE,
	[VMX_EXIT_TPR_BELOW_THRESHOLD] = EXIT_TPR,
	[VMX_EXIT_APIC_ACCESS] = EXIT_APIC_ACCESS,
	[VMX_EXIT_GDTR_IDTR... VMX_EXIT_LDTR_TR] = EXIT_DESCRIPTOR_TABLE,
	[VMX_EXIT_INVEPT] = EXIT_INVALID_OPCODE,
	[VMX_EXIT_RDTSCP] = EXIT_RDTSC,
	[VMX_EXIT_INVVPID] = EXIT_INVALID_OPCODE,
	[VMX_EXIT_WBINVD] = EXIT_INVD,
	[VMX_EXIT_XSETBV] = EXIT_XSETBV,
	[VMX_EXIT_APIC_WRITE] = EXIT_APIC_WRITE,
	[VMX_EXIT_VMFUNC] = EXIT_INVALID_OPCODE,
	[VMX_EXIT_ENCLS] = EXIT_INVALID_OPCODE,
	[VMX_EXIT_ENCLV] = EXIT_INVALID_OPCODE,
	[VMX_EXIT_BUS_LOCK] = EXIT_BUS_LOCK,
};

/*
 * Which exits define which VMCS fields; a field is read at no other exits. Instructions that exit
 * unconditionally or by a control have no qualification, and only the exits of HAS_DELIVERY can
 * interrupt the delivery of an event (SDM vol. 3, 25.9.1, 25.9.3).
 */
#define HAS_QUALIFICATION                                                                          \
	(BIT(VMX_EXIT_EXCEPTION_NMI) | BIT(VMX_EXIT_SIPI) | BIT(VMX_EXIT_TASK_SWITCH) |            \
	 BIT(VMX_EXIT_INVLPG) | BIT(VMX_EXIT_VMCLEAR) | BIT(VMX_EXIT_VMPTRLD) |                    \
	 BIT(VMX_EXIT_VMPTRST) | BIT(VMX_EXIT_VMREAD) | BIT(VMX_EXIT_VMWRITE) |                    \
	 BIT(VMX_EXIT_VMXON) | BIT(VMX_EXIT_CR_ACCESS) | BIT(VMX_EXIT_MOV_DR) |                    \
	 BIT(VMX_EXIT_INVALID_GUEST_STATE) | BIT(VMX_EXIT_MSR_LOADING) | BIT(VMX_EXIT_MWAIT) |     \
	 BIT(VMX_EXIT_APIC_ACCESS) | BIT(VMX_EXIT_VIRTUALIZED_EOI) | BIT(VMX_EXIT_GDTR_IDTR) |     \
	 BIT(VMX_EXIT_LDTR_TR) | BIT(VMX_EXIT_EPT_VIOLATION) | BIT(VMX_EXIT_APIC_WRITE) |          \
	 BIT(VMX_EXIT_PML_FULL))
#define HAS_DELIVERY                                                                               \
	(BIT(VMX_EXIT_EXCEPTION_NMI) | BIT(VMX_EXIT_TASK_SWITCH) | BIT(VMX_EXIT_APIC_ACCESS) |     \
	 BIT(VMX_EXIT_EPT_VIOLATION) | BIT(VMX_EXIT_EPT_MISCONFIGURATION) |                        \
	 BIT(VMX_EXIT_PML_FULL) | BIT(VMX_EXIT_TRIPLE_FAULT))
#define HAS_INFORMATION                                                                            \
	(BIT(VMX_EXIT_GDTR_IDTR) | BIT(VMX_EXIT_LDTR_TR) | BIT(VMX_EXIT_INVEPT) |                  \
	 BIT(VMX_EXIT_INVVPID) | BIT(VMX_EXIT_INVPCID))
#define HAS_NO_LENGTH                                                                              \
	(BIT(VMX_EXIT_INTERRUPT_WINDOW) | BIT(VMX_EXIT_PREEMPTION_TIMER) |                         \
	 BIT(VMX_EXIT_EPT_VIOLATION))

/*
 * Blocks the guest's NMIs again. IRET ends the blocking even if it then faults; if the fault causes
 * an exit, IRET will run again, so the blocking must be restored (SDM vol. 3, 28.2.3).
 */
static void vmx_nmi_blocking_restore(const struct virt_vcpu *vcpu)
{
	if (!vcpu->event.valid)
		vmcs_change32(VMCS_GUEST_INTERRUPTIBILITY, INTERRUPTIBILITY_NMI,
			      INTERRUPTIBILITY_NMI);
}

_Static_assert(EPT_VIOLATION_READ == ACCESS_READ && EPT_VIOLATION_WRITE == ACCESS_WRITE &&
		       EPT_VIOLATION_FETCH == ACCESS_EXECUTE,
	       "decode_ept_violation moves them as they are");

static void vmx_decode_ept_violation(struct virt_vcpu *vcpu)
{
	struct vcpu_exit *exit = &vcpu->exit;
	u64 qualification = exit->qualification;

	exit->reason = EXIT_MEMORY;
	exit->gpa = vmcs_read64(VMCS_GUEST_PHYSICAL_ADDRESS);
	exit->gva = 0;
	exit->access = (u32)qualification & (ACCESS_READ | ACCESS_WRITE | ACCESS_EXECUTE);
	if (qualification & EPT_VIOLATION_LINEAR_VALID) {
		exit->gva = vmcs_read_natural(VMCS_GUEST_LINEAR_ADDRESS);
		if (!(qualification & EPT_VIOLATION_TRANSLATED))
			exit->access |= ACCESS_TABLE_WALK;
	}
	if (qualification & EPT_VIOLATION_NMI_UNBLOCKED)
		vmx_nmi_blocking_restore(vcpu);
}

/*
 * Injects an intercepted #DB or #AC unchanged (see virt_comes_once). They are intercepted only
 * because delivering one can raise the next in an endless loop, with no instruction in between at
 * which the CPU would exit; vmx_enter returns after VMX_ROUNDS of them.
 */
static bool vmx_reflect(struct virt_vcpu *vcpu, const struct vcpu_event *exception)
{
	if (virt_comes_once(&vcpu->event))
		return true;
	if (exception->vector == VECTOR_DB) {
		/*
		 * An intercepted exception has updated neither DR6 nor DR7 (SDM vol. 3, 28.1). INT1
		 * does not change DR6 either, though Bochs 2.7 reports a pending single step for
		 * it.
		 */
		if (exception->type == EVENT_EXCEPTION)
			write_dr6((read_dr6() & ~DB_QUALIFICATION_B) |
				  (vcpu->exit.qualification & DB_QUALIFICATION_DR6));
		vmcs_change_natural(VMCS_GUEST_DR7, DR7_GD, 0);
	}
	vcpu->event = (struct vcpu_event){0};
	vmx_inject(exception);
	return true;
}

/*
 * Decodes an exit for an exception or NMI; returns true if it is handled. Not inlined: profiles
 * attribute NMIs that hit in a guest to this function's name.
 */
static NOINLINE bool vmx_decode_exception(struct virt_vcpu *vcpu)
{
	u32 info = vmcs_read32(VMCS_EXIT_INTERRUPTION_INFO);
	struct vcpu_event exception = vmx_event_decode(info, vmcs_read32(VMCS_EXIT_ERROR_CODE),
						       vcpu->exit.instruction_length);

	if (exception.type == EVENT_NMI) {
		/*
		 * The exit has consumed the host's NMI (SDM vol. 3, 28.2.1): run the host's
		 * handler.
		 */
		int_nmi();
		vcpu->exit.reason = EXIT_HOST_INTERRUPT;
		return false;
	}
	if (exception.vector == VECTOR_MC) {
		int_machine_check();
		vcpu->exit.reason = EXIT_HOST_INTERRUPT;
		return false;
	}
	if (info & INTERRUPTION_NMI_UNBLOCKED && exception.vector != VECTOR_DF)
		vmx_nmi_blocking_restore(vcpu);
	/*
	 * If TF is set, an interrupt shadow needs a pending single step, which is this #DB (SDM
	 * vol. 3, 27.3.1.5).
	 */
	if (exception.vector == VECTOR_DB)
		vmcs_change32(VMCS_GUEST_INTERRUPTIBILITY,
			      INTERRUPTIBILITY_STI | INTERRUPTIBILITY_MOV_SS, 0);
	if ((exception.vector == VECTOR_DB || exception.vector == VECTOR_AC) &&
	    !(vcpu->trap_exceptions & BIT(exception.vector)))
		return vmx_reflect(vcpu, &exception);

	vcpu->exit.reason = EXIT_EXCEPTION;
	vcpu->exit.vector = exception.vector;
	vcpu->exit.error_code = exception.error_code;
	vcpu->exit.instruction_length = exception.instruction_length;
	return false;
}

/* Decodes a failed VM entry; the guest has not run (SDM vol. 3, 27.8). */
static void vmx_decode_entry_failure(struct vcpu_exit *exit, u32 basic)
{
	if (basic == VMX_EXIT_MACHINE_CHECK) {
		int_machine_check();
		exit->reason = EXIT_HOST_INTERRUPT;
		return;
	}
	exit->reason = EXIT_ENTRY_FAILED;
}

static void vmx_interrupted_delivery(struct virt_vcpu *vcpu)
{
	u32 info = vmcs_read32(VMCS_IDT_VECTORING_INFO);

	if (info & INTERRUPTION_VALID)
		vcpu->event = vmx_event_decode(info, vmcs_read32(VMCS_IDT_VECTORING_ERROR_CODE),
					       vmcs_read32(VMCS_EXIT_INSTRUCTION_LENGTH));
}

/* Decodes an exit by its basic reason; returns true if it is handled. */
static bool vmx_decode_reason(struct virt_vcpu *vcpu, u32 basic)
{
	struct vcpu_exit *exit = &vcpu->exit;

	switch (basic) {
	case VMX_EXIT_EXCEPTION_NMI:
		return vmx_decode_exception(vcpu);
	case VMX_EXIT_CR_ACCESS:
		exit->reason = EXIT_CR;
		return vmx_cr_handle(vcpu, exit->qualification);
	case VMX_EXIT_PREEMPTION_TIMER:
		/*
		 * An exit before the deadline, or without one, is the end of STAY_MAX_MS: it is
		 * handled like a host interrupt.
		 */
		exit->reason = vmx_of(vcpu)->timer_tsc == 0 || rdtsc() < vmx_of(vcpu)->timer_tsc
				       ? EXIT_HOST_INTERRUPT
				       : EXIT_DEADLINE;
		return false;
	case VMX_EXIT_INTERRUPT_WINDOW:
		exit->reason = EXIT_INTERRUPT_WINDOW;
		vmcs_change32(VMCS_PRIMARY_CONTROLS, PRIMARY_INTERRUPT_WINDOW_EXITING, 0);
		return false;
	case VMX_EXIT_NMI_WINDOW:
		exit->reason = EXIT_NMI_WINDOW;
		vmcs_change32(VMCS_PRIMARY_CONTROLS, PRIMARY_NMI_WINDOW_EXITING, 0);
		return false;
	case VMX_EXIT_EPT_VIOLATION:
		vmx_decode_ept_violation(vcpu);
		return false;
	case VMX_EXIT_EPT_MISCONFIGURATION:
		exit->gpa = vmcs_read64(VMCS_GUEST_PHYSICAL_ADDRESS);
		break;
	case VMX_EXIT_TASK_SWITCH:
		exit->error_code = vcpu->event.error_code;
		break;
	case VMX_EXIT_SIPI:
		exit->reason = EXIT_SIPI;
		exit->vector = (u32)(exit->qualification & 0xff);
		return false;
	case VMX_EXIT_VIRTUALIZED_EOI:
		exit->reason = EXIT_EOI;
		exit->vector = (u32)(exit->qualification & 0xff);
		return false;
	}
	exit->reason = EXIT_UNKNOWN;
	/* a reason in IS_PLAIN comes here only with upper bits set, whose meaning is unknown */
	if (basic < ARRAY_COUNT(vmx_plain_reasons) && vmx_plain_reasons[basic] != EXIT_NONE &&
	    !vmx_is_one_of(basic, IS_PLAIN))
		exit->reason = vmx_plain_reasons[basic];
	return false;
}

bool vmx_exit_decode(struct virt_vcpu *vcpu, u32 reason)
{
	u32 basic = reason & (u32)EXIT_REASON_BASIC;
	struct vcpu_exit *exit = &vcpu->exit;

	exit->vendor_code = reason;
	exit->qualification = 0;
	exit->qualification2 = 0;
	exit->instruction_length = 0;
	if (vmx_is_one_of(basic, HAS_QUALIFICATION))
		exit->qualification = vmcs_read_natural(VMCS_EXIT_QUALIFICATION);
	if (unlikely(reason & EXIT_REASON_ENTRY_FAILURE)) {
		vmx_decode_entry_failure(&vcpu->exit, basic);
		return false;
	}
	/*
	 * An exit that vmx_decode_exit did not recognize because of the bus-lock bit is decoded
	 * again without that bit.
	 */
	if ((reason & EXIT_REASON_BUS_LOCK) && vmx_is_one_of(basic, IS_PLAIN | BIT(VMX_EXIT_IO)))
		return true;

	if (!vmx_is_one_of(basic, HAS_NO_LENGTH))
		exit->instruction_length = vmcs_read32(VMCS_EXIT_INSTRUCTION_LENGTH);
	if (unlikely(vmx_is_one_of(basic, HAS_INFORMATION)))
		exit->qualification2 = vmcs_read32(VMCS_EXIT_INSTRUCTION_INFO);
	if (vmx_is_one_of(basic, HAS_DELIVERY))
		vmx_interrupted_delivery(vcpu);
	if (!vmx_decode_reason(vcpu, basic))
		return false;
	if (vcpu->event.valid)
		vmx_inject(&vcpu->event);
	vcpu->event.valid = 0;
	return true;
}
