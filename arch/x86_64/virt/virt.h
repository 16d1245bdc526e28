/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/hw/lapic.h"
#include "kernel/abi/vcpu.h"
#include "lib/read_once.h"
#include "lib/status.h"
#include "lib/types.h"
#include "mm/table.h"

struct cpu;
struct lapic_page;
struct quota;

/*
 * The processor's virtualization, one interface for VMX and SVM. Vendor code enters a guest and
 * decodes the exit into a struct vcpu_exit; what to do about it is decided above.
 */

/* What the vCPUs of a VM share. Zero-initialised by the owner before vm_init. */
struct virt_vm {
	struct table second_stage; /* of the guest's physical space */
	struct quota *quota;       /* pays for control pages */
	void *msr_bitmap;          /* SVM: MSRPM (2 pages); VMX: two MSR bitmaps (control.c) */
};

/*
 * How the page that RIP lies in was last translated. While its entries still hold what they held a
 * walk would come to the same page.
 */
struct virt_code {
	u64 linear; /* of the page */
	u64 cr3;
	u32 depth;  /* entries on the way, 0: nothing is known */
	const u64 *entry[4];
	u64 value[4];
	const u8 *page;
};

/*
 * One virtual CPU as the back end sees it. The guest's general registers live in page->gpr all the
 * time, RAX included while the guest is out, RSP from leave to the next enter; its task priority
 * then in the APIC page.
 */
struct virt_vcpu {
	struct virt_vm *vm;
	struct vcpu_page *page; /* kernel address of the page shared with the monitor */
	struct lapic_page *apic; /* likewise; VMX: its virtual-APIC page */
	hpa_t apic_access;      /* VMX: page that stands for the local APIC's memory, 0: none */
	struct vcpu_exit exit;  /* of the last enter */
	struct vcpu_event event; /* delivery interrupted by the last exit */

	void *control;          /* VMCB, one page, or VMCS and another (struct vmx_scratch) */
	hpa_t control_hpa;
	u64 tag_generation;     /* of the ASID or VPID, per CPU */
	u32 tag;                /* ASID or VPID; 0: none assigned */
	u32 loaded_cpu;         /* CPU whose registers hold its state, or ~0 */
	bool launched;          /* VMX: VMLAUNCH has succeeded since VMCLEAR */
	bool window;            /* an interrupt or NMI window was asked for */
	bool msrs_live;         /* VMX: the CPU's MSRs are newer than those in scratch */
	bool nmi_blocked;       /* SVM: an NMI was delivered and its IRET has not completed */
	u8 tpr_threshold;       /* VMX: as it stands in the VMCS; SVM: whether there is one */
	bool live;              /* between enter and leave */
	bool own_timer;         /* VMX: the CPU ends a stay at its deadline by itself */
	/* What makes an entry more than an entry: one word, looked at once. */
	union {
		struct {
			bool flush;       /* the guest's TLB entries, on the next entry */
			bool nmi_window;  /* SVM: exit when the guest can take an NMI */
			bool nmi_iret;    /* SVM: an NMI's IRET, at nmi_iret_rip, is to run */
			bool shadow_lost; /* SVM: the window has opened inside a shadow */
			bool unchecked;   /* SVM: set has changed what no entry accepted yet */
			u8 reserved[3];
		};
		u64 special;
	};
	u32 tsc_aux;            /* SVM: in no VMCB */
	u32 trap_exceptions;    /* that the monitor wants to see */
	u32 trap;               /* enum vcpu_trap */
	u32 primary;            /* VMX: primary controls but for windows */
	u64 timer_tsc;          /* VMX: what the preemption timer is set for, 0: to look */
	u64 nmi_iret_rip;
	void *scratch;          /* VMX: MSR-load area; SVM: the CPU's svm_cpu */

	u64 tsc_offset;
	u64 xcr0;
	u64 dr[4];              /* DR0-DR3; DR6 and DR7 where the back end keeps them */
	u64 dr6;
	u64 cr2;                /* VMX: not in the VMCS */
	const struct cpu *host_cpu; /* VMX: whose the VMCS's host state is; NULL: nobody's */
	u64 host_rsp;           /* VMX: as the VMCS has it; 0: not known */
	u64 host_cr3;           /* likewise */
	u64 rsp;                /* VMX: the guest's, as the VMCS has it */
	struct virt_code code;
	void *xsave_area;       /* 64-byte aligned, fpu_area_bytes() long */
};

/* Operations that are alike. */
typedef void virt_operation(struct virt_vcpu *vcpu);
typedef void virt_groups_operation(struct virt_vcpu *vcpu, u32 groups);

struct virt_ops {
	const char *name; /* "SVM/NPT", "VMX/EPT" */
	const struct pt_format *second_stage;

	/* Turns virtualization on or off on the running CPU; `area`: a zeroed page for this CPU. */
	enum status (*cpu_enable)(void *area, hpa_t area_hpa);
	void (*cpu_disable)(void);

	enum status (*vm_init)(struct virt_vm *vm);
	/* With the registers that the page holds. Fails only for want of pages. */
	enum status (*vcpu_init)(struct virt_vcpu *vcpu);

	/* Brings its registers that entry does not switch into this CPU, or saves them from it. */
	virt_operation *vcpu_load;
	virt_operation *vcpu_unload;

	/*
	 * Runs the guest until the next exit and decodes it into vcpu->exit and vcpu->event, which
	 * has nothing valid when it is called. The
	 * vCPU is loaded, host interrupts are off and stay off; a pending one ends the run with
	 * EXIT_HOST_INTERRUPT without being taken. At `deadline_tsc` (host TSC, 0: none) it ends
	 * with EXIT_DEADLINE where the vCPU has an own_timer.
	 */
	void (*enter)(struct virt_vcpu *vcpu, u64 deadline_tsc);
	/*
	 * Ends a sequence of enters: until then the CPU holds a part of the guest's state instead
	 * of the host's, and nothing but request, get and set may be called. Brings groups along,
	 * as get does.
	 */
	virt_groups_operation *leave;

	/*
	 * For a vCPU that is loaded here, as the rest that follows: copies groups between the
	 * control structure and the page. set takes each word once.
	 * VCPU_EVENT is left to the caller, and so is setting VCPU_XCR0 (checked, in vcpu->xcr0).
	 */
	virt_groups_operation *get;
	virt_groups_operation *set;
	/*
	 * REQUEST_ADVANCE: the instruction of the last exit is done. What the page says of RIP,
	 * RFLAGS and the shadow is taken for true behind leave.
	 */
	void (*advance)(struct virt_vcpu *vcpu, u64 length);
	/*
	 * Obeys page->inject (NULL: nothing) and the rest of page->request, as read by the caller
	 * into these arguments. Windows
	 * not asked for are closed. An injection stays until the next entry; what that interrupts
	 * comes back in vcpu->event, whatever the exit reason.
	 */
	void (*request)(struct virt_vcpu *vcpu, const struct vcpu_event *inject, u32 request);
	/* Fills page->dump with every field of the control structure. */
	virt_operation *dump;
};

/*
 * Chooses the back end. NULL and *reason, one plain sentence for the operator, when this CPU cannot
 * run guests: no VMX or SVM, no nested paging, or locked off by the firmware.
 */
const struct virt_ops *virt_probe(const char **reason);

const struct virt_ops *vmx_probe(const char **reason);
const struct virt_ops *svm_probe(const char **reason);

/*
 * vm.c, for both back ends: the MSR bitmap, of 2^order pages, in which every access exits; a vCPU's
 * control structure, of as many, and its XSAVE area.
 * STATUS_NO_MEMORY, STATUS_NO_QUOTA: without effect.
 */
enum status virt_vm_alloc(struct virt_vm *vm, unsigned int order) MUST_CHECK;
void virt_vm_free(struct virt_vm *vm);
enum status virt_vcpu_alloc(struct virt_vcpu *vcpu, unsigned int order) MUST_CHECK;
void virt_vcpu_free(struct virt_vcpu *vcpu);
/* MSRs that are the guest's alone while it runs, on either CPU: accesses need not exit. */
extern const u32 virt_guest_msrs[10];

/*
 * #DB and #AC are benign, so an exception or a software interrupt whose delivery they interrupted
 * is simply raised again by the guest's next attempt; an interrupt or NMI would be lost: it goes
 * first.
 */
static inline bool virt_comes_once(const struct vcpu_event *event)
{
	return event->valid && (event->type == EVENT_INTERRUPT || event->type == EVENT_NMI);
}

/* debug.c, for both back ends: DR0 to DR3 into the CPU and back, from and to the page. */
void virt_debug_load(const struct virt_vcpu *vcpu);
void virt_debug_save(struct virt_vcpu *vcpu);
void virt_debug_get(struct virt_vcpu *vcpu);
void virt_debug_set(struct virt_vcpu *vcpu);

/*
 * code.c, for both back ends. The guest's code at RIP by its four-level tables, up to the end of
 * the page; NULL when it cannot be found. A flush has to set vcpu->code.depth to 0.
 */
const u8 *virt_code_find(struct virt_vcpu *vcpu, u64 cr3, u64 rip);
/*
 * The guest's RAM at an address, NULL when it is not mapped or not in the direct map. What is taken
 * from the guest meanwhile is not given to anybody else before this CPU has passed its loop.
 */
const void *virt_guest_pointer(const struct virt_vcpu *vcpu, u64 gpa);
/* VCPU_CODE: puts it into the page, NULL: none. */
void virt_code_show(struct virt_vcpu *vcpu, const u8 *bytes);

/* CR8 is bits 7:4 of TPR, whose other half is no business of the CPU's. */
static inline u32 virt_cr8(const struct virt_vcpu *vcpu)
{
	return (u32)(u8)READ_ONCE(vcpu->apic->reg[LAPIC_TPR / 4]) >> 4;
}
