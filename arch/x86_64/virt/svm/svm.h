/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/hw/svm.h"
#include "arch/x86_64/virt/svm/asid.h"
#include "arch/x86_64/virt/virt.h"

/* Shared by the files of the SVM back end. */

/* Exceptions that always exit; #DB and #AC: see svm_reflect in enter.c. */
#define SVM_INTERCEPT_EXCEPTIONS ((u32)(BIT(VECTOR_DB) | BIT(VECTOR_AC) | BIT(VECTOR_MC)))

/* writes of CR0, CR3 and CR4, for VTRAP_CR */
#define SVM_INTERCEPT_CR_WRITES ((u16)(BIT(0) | BIT(3) | BIT(4)))

#define SVM_INSTRUCTION_BYTES_MAX 15u

struct svm_capabilities {
	u32 asid_count; /* number of ASIDs that the CPUs have, the host's (0) included */
	bool nrip_save;
	bool flush_by_asid;
	bool pause_filter;
	/*
	 * an I/O permission map of all ones; longer than an MSR permission map, it serves as one
	 * too
	 */
	hpa_t all_exit;
};
extern struct svm_capabilities svm_capabilities;

/* What the SVM back end keeps of one CPU, touched by that CPU alone. */
struct svm_cpu {
	/*
	 * address of VMRUN's host save area; VMSAVE and VMLOAD keep the rest of the host's state
	 * there
	 */
	hpa_t host_area;
	struct asid_pool asids;
};
/* Returns the running CPU's struct svm_cpu. */
struct svm_cpu *svm_cpu(void);

/* What the SVM back end keeps of a vCPU besides the VMCB. */
struct svm_vcpu {
	struct svm_cpu *cpu; /* the struct of the CPU on which the vCPU is loaded */
	u64 nmi_iret_rip;
	u64 moved_rip;
	u32 tsc_aux;	  /* the guest's TSC_AUX, which the VMCB does not have */
	bool nmi_blocked; /* an NMI was delivered and its IRET has not completed */
	bool cr8_exits;	  /* MOV to CR8 currently exits */
	/* The flags that make an entry special, tested together as one word. */
	union {
		struct {
			bool nmi_iret; /* the guest's IRET at nmi_iret_rip ends NMI blocking */
			/*
			 * an interrupt window opened inside an interrupt shadow, which must be set
			 * again before the next entry
			 */
			bool shadow_lost;
			/* no VMRUN has yet accepted the state that svm_set wrote last */
			bool unchecked;
			/* svm_inject has moved the guest's RIP away from moved_rip */
			bool rip_moved;
		};
		u32 special;
	};
};
_Static_assert(sizeof(struct svm_vcpu) <= sizeof(((struct virt_vcpu *)0)->own), "it fits");
#define svm_of(vcpu) ((struct svm_vcpu *)(vcpu)->own)

static inline struct vmcb *svm_vmcb(const struct virt_vcpu *vcpu)
{
	return vcpu->control;
}

/* MOV to CR8: intercepted while an interrupt waits for the task priority to fall */
#define SVM_INTERCEPT_CR8 ((u16)BIT(8))

/*
 * Decodes what the VMCB says about the last exit to *exit and *event, without acting on it. In
 * exit.c.
 */
void svm_exit_decode(const struct vmcb *vmcb, struct vcpu_exit *exit, struct vcpu_event *event);

/*
 * Returns the instruction's length, if the CPU gives the address of the next one: at an IOIO exit
 * always, at others with NRIP save. 0: unknown.
 */
static inline u32 svm_length_to(u64 rip, u64 next_rip)
{
	u64 length = next_rip - rip;

	return next_rip != 0 && length <= SVM_INSTRUCTION_BYTES_MAX ? (u32)length : 0;
}

_Static_assert(VMEXIT_IOIO_IN == IO_IN && VMEXIT_IOIO_STR >> 1 == IO_STRING &&
		       VMEXIT_IOIO_REP >> 1 == IO_REP && VMEXIT_IOIO_SZ16 == 2 * VMEXIT_IOIO_SZ8,
	       "svm_decode_io moves them as they are");

/*
 * Decodes an IOIO exit (APM vol. 2, 15.10.2); returns false for any other exit. The fields of *exit
 * that it fills say everything about an IOIO exit, which cannot interrupt the delivery of an event.
 */
static ALWAYS_INLINE bool svm_decode_io(const struct vmcb *vmcb, struct vcpu_exit *exit)
{
	u64 info = vmcb->control.exit_info1;

	if (vmcb->control.exit_code != VMEXIT_IOIO)
		return false;
	exit->reason = EXIT_IO;
	exit->instruction_length = svm_length_to(vmcb->save.rip, vmcb->control.exit_info2);
	exit->io_port = (u16)(info >> VMEXIT_IOIO_PORT_SHIFT);
	/* the field has a bit for each size: 1, 2 and 4 bytes */
	exit->io_size = (u8)(info / VMEXIT_IOIO_SZ8 & 7);
	exit->io_flags = (u8)((info & VMEXIT_IOIO_IN) | (info >> 1 & (IO_STRING | IO_REP)));
	return true;
}

/* Copies RIP, RFLAGS and the interrupt shadow from the VMCB to the vCPU page. */
static inline void svm_rip_get(const struct virt_vcpu *vcpu)
{
	const struct vmcb *vmcb = svm_vmcb(vcpu);
	struct vcpu_page *page = vcpu->page;

	page->rip = vmcb->save.rip;
	page->rflags = vmcb->save.rflags;
	page->shadow = (vmcb->control.interrupt_shadow & VMCB_SHADOW ? SHADOW_STI : 0) |
		       (svm_of(vcpu)->nmi_blocked ? SHADOW_NMI : 0);
}

/*
 * svm_code_find returns the guest's code at RIP, or NULL if it was not found; svm_code_length the
 * length of the instruction there, 0 if unknown. In code.c.
 */
const u8 *svm_code_find(struct virt_vcpu *vcpu);
u32 svm_code_length(struct virt_vcpu *vcpu);

/*
 * Sets the intercepts of VCPU_TRAPS; as emulated CPUs intercept INT3 only as a software interrupt,
 * INTn may be intercepted too. In inject.c.
 */
void svm_traps_set(struct virt_vcpu *vcpu);
/* Decodes an event whose delivery the exit interrupted; `event` is not valid if there is none. */
void svm_event_decode(u64 exit_int_info, struct vcpu_event *event);
/*
 * svm_window_open turns on, svm_window_close off, the exit that comes as soon as the guest can take
 * an interrupt.
 */
void svm_window_open(struct virt_vcpu *vcpu);
void svm_window_close(struct vmcb *vmcb);
/* Notes whether the guest's NMIs are blocked, and intercepts its next IRET if they are. */
void svm_nmi_block(struct virt_vcpu *vcpu, bool blocked);

/* The operations of svm_ops, which struct virt_ops describes. */
void svm_cpu_disable(void);
enum status svm_vm_init(struct virt_vm *vm);
enum status svm_vcpu_init(struct virt_vcpu *vcpu);
virt_operation svm_vcpu_load, svm_vcpu_unload, svm_dump;
void svm_enter(struct virt_vcpu *vcpu, u64 deadline_tsc);
virt_groups_operation svm_leave, svm_get, svm_set;
void svm_advance(struct virt_vcpu *vcpu, u64 length);
void svm_request(struct virt_vcpu *vcpu, const struct vcpu_event *inject, u32 request);
