/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/hw/lapic.h"
#include "kernel/abi/vcpu.h"
#include "lib/read_once.h"
#include "lib/status.h"
#include "lib/types.h"
#include "mm/table.h"

struct cpu;

/*
 * The processor's virtualization: one interface for VMX and SVM. Vendor code enters a guest and
 * decodes the exit into a struct vcpu_exit; its callers decide what to do about the exit.
 */

/*
 * The state that the vCPUs of a VM share. Its owner zeroes it and sets the first two fields before
 * vm_init.
 */
struct virt_vm {
	struct table second_stage; /* translates the guest's physical addresses */
	/* the quota that pays for the VM's and its vCPUs' control pages */
	struct quota *quota;
	void *msr_bitmap; /* SVM: MSRPM (2 pages); VMX: two MSR bitmaps (control.c) */
};

/*
 * The last translation of the page that contains RIP. As long as the guest's page-table entries are
 * unchanged, a walk would lead to the same page.
 */
struct virt_code {
	u64 linear; /* guest-linear address of the page */
	u64 cr3;
	u32 depth; /* number of table entries on the way to the page; 0: no walk is remembered */
	const u64 *entry[4];
	u64 value[4];
	const u8 *page;
};

/*
 * One virtual CPU as the back end sees it. Outside the guest its general registers are in
 * page->gpr, and its task priority is in the APIC page. RSP and the task priority are up to date
 * there only from `leave` to the next `enter`.
 */
struct virt_vcpu {
	struct virt_vm *vm;
	struct vcpu_page *page; /* kernel address of the vCPU page, shared with the monitor */
	/* kernel address of the shared APIC page; VMX: the virtual-APIC page */
	struct lapic_page *apic;
	/* host address of the page that stands for the local APIC's memory; 0: there is none */
	hpa_t apic_access;
	struct vcpu_exit exit; /* the exit that ended the last `enter` */
	/* an event whose delivery the last exit interrupted, or an event to inject */
	struct vcpu_event event;

	/* the vCPU's control structure, and whatever else the back end asked virt_vcpu_alloc for */
	void *control;
	hpa_t control_hpa;
	/*
	 * generation of the ASID or VPID, which is valid in this one alone; CPUs share no
	 * generation
	 */
	u64 tag_generation;
	u32 tag;	/* the vCPU's ASID or VPID; 0: none is assigned */
	u32 loaded_cpu; /* the CPU whose registers hold the vCPU's state; ~0: none */
	bool window;	/* a requested interrupt window is to end a run */
	bool live;	/* the vCPU is between the operations `enter` and `leave` */
	bool own_timer; /* the back end itself ends a run at the deadline */
	/*
	 * a window for an NMI alone was requested, where the back end tells NMI and interrupt
	 * windows apart
	 */
	bool nmi_window;
	bool flush;	     /* the next entry flushes the guest's TLB entries */
	u32 trap_exceptions; /* exceptions that the monitor wants as exits, a bit for each vector */
	u32 trap;	     /* enum vcpu_trap */
	u64 own[9];	     /* the back end's own state: struct vmx_vcpu or struct svm_vcpu */

	u64 xcr0;
	u64 dr[4]; /* DR0-DR3 */
	struct virt_code code;
	void *xsave_area; /* the area for XSAVE, aligned to 64 bytes and fpu_area_bytes() long */
};

/* The types of operations that have equal signatures. */
typedef void virt_operation(struct virt_vcpu *vcpu);
typedef void virt_groups_operation(struct virt_vcpu *vcpu, u32 groups);

struct virt_ops {
	const char *name; /* the back end's name: "SVM/NPT" or "VMX/EPT" */
	const struct pt_format *second_stage;

	/* Turns virtualization off on the running CPU. */
	void (*cpu_disable)(void);

	enum status (*vm_init)(struct virt_vm *vm);
	/*
	 * Initialises a vCPU's control structure, with the registers in the vCPU page.
	 * STATUS_NO_MEMORY, STATUS_NO_QUOTA.
	 */
	enum status (*vcpu_init)(struct virt_vcpu *vcpu);

	/*
	 * vcpu_load loads into this CPU the vCPU's registers that an entry does not switch;
	 * vcpu_unload saves them from the CPU.
	 */
	virt_operation *vcpu_load;
	virt_operation *vcpu_unload;

	/*
	 * Runs the guest until the next exit and decodes it into vcpu->exit and vcpu->event, which
	 * must not be valid before. The vCPU must be loaded. Host interrupts are off and stay off;
	 * a pending one ends the run with EXIT_HOST_INTERRUPT and stays pending. If the vCPU has
	 * own_timer, the run ends with EXIT_DEADLINE at `deadline_tsc` (host TSC; 0: none).
	 */
	void (*enter)(struct virt_vcpu *vcpu, u64 deadline_tsc);
	/*
	 * Ends a sequence of enters: until then the CPU holds part of the guest's state instead of
	 * the host's, and only request, get, set and advance may be called. Copies the register
	 * groups `groups` to the vCPU page, as get does.
	 */
	virt_groups_operation *leave;

	/*
	 * The operations from here on are for a vCPU that is loaded here. get and set copy register
	 * groups between the control structure and the vCPU page. set reads each word of the page
	 * once. VCPU_EVENT is left to the caller, and so is setting VCPU_XCR0 (checked, in
	 * vcpu->xcr0).
	 */
	virt_groups_operation *get;
	virt_groups_operation *set;
	/*
	 * Completes the instruction of the last exit, `length` bytes long. After leave, VMX takes
	 * RIP, RFLAGS and the interrupt shadow from the vCPU page, where leave has put them.
	 */
	void (*advance)(struct virt_vcpu *vcpu, u64 length);
	/*
	 * Prepares `inject` (NULL: none) for the next entry and obeys `request` (enum vcpu_request
	 * but REQUEST_ADVANCE). A window is an exit as soon as the guest can take an interrupt or
	 * an NMI. VMX stops waiting for a window that the next call does not request again; SVM
	 * waits for an NMI window until it has caused an exit, and for an interrupt window until an
	 * interrupt is injected. If an exit interrupts the delivery, the event comes back in
	 * vcpu->event, whatever the exit reason.
	 */
	void (*request)(struct virt_vcpu *vcpu, const struct vcpu_event *inject, u32 request);
	/* Fills page->dump with the control structure, except for host addresses. */
	virt_operation *dump;
};

extern const struct virt_ops vmx_ops;
extern const struct virt_ops svm_ops;
/* The operations of the back end that boot has chosen, svm_ops or vmx_ops. */
extern const struct virt_ops *virt;

/*
 * Allocate a VM's MSR bitmap of 2^order pages, with every bit set so that all accesses exit; and a
 * vCPU's control structure, also of 2^order pages, and its XSAVE area. They fail without effect:
 * STATUS_NO_MEMORY, STATUS_NO_QUOTA. In vm.c, for both back ends.
 */
enum status virt_vm_alloc(struct virt_vm *vm, unsigned int order) MUST_CHECK;
void virt_vm_free(struct virt_vm *vm);
enum status virt_vcpu_alloc(struct virt_vcpu *vcpu, unsigned int order) MUST_CHECK;
void virt_vcpu_free(struct virt_vcpu *vcpu);
/* The MSRs that belong to the guest alone while it runs, on VMX and SVM: accesses need not exit. */
extern const u32 virt_guest_msrs[10];

/*
 * Returns true if the event would be lost if a #DB or #AC replaced it. #DB and #AC are benign: an
 * exception or software interrupt whose delivery they interrupted will be raised again by the
 * guest's instruction. An interrupt or NMI comes only once and would be lost: it is injected
 * instead of the #DB or #AC, which its delivery will raise again.
 */
static inline bool virt_comes_once(const struct vcpu_event *event)
{
	return event->valid && (event->type == EVENT_INTERRUPT || event->type == EVENT_NMI);
}

/*
 * Copy DR0 to DR3 of the vCPU to the CPU and back; the `get` and `set` functions copy them to and
 * from the vCPU page. In debug.c, for both back ends.
 */
void virt_debug_load(const struct virt_vcpu *vcpu);
void virt_debug_save(struct virt_vcpu *vcpu);
void virt_debug_get(struct virt_vcpu *vcpu);
void virt_debug_set(struct virt_vcpu *vcpu);

/*
 * Returns the guest's code at RIP, translated by 4-level paging, up to the end of the page; NULL if
 * it cannot be found. A back end that flushes the guest's TLB entries must set vcpu->code.depth to
 * 0. In code.c, for both back ends.
 */
const u8 *virt_code_find(struct virt_vcpu *vcpu, u64 cr3, u64 rip);
/*
 * Returns a pointer to the guest's RAM at an address, NULL if it is not mapped or not in the direct
 * map. Even if the page is unmapped meanwhile, nobody else gets it before this CPU has gone through
 * its loop (mm/tlb.h).
 */
const void *virt_guest_pointer(const struct virt_vcpu *vcpu, u64 gpa);
/*
 * Copies `bytes`, from virt_code_find, to the vCPU page for the group VCPU_CODE; NULL: no bytes are
 * known.
 */
void virt_code_show(struct virt_vcpu *vcpu, const u8 *bytes);

/* Returns the guest's CR8: bits 7:4 of TPR; the CPU does not use bits 3:0. */
static inline u32 virt_cr8(const struct virt_vcpu *vcpu)
{
	return (u32)(u8)READ_ONCE(vcpu->apic->reg[LAPIC_TPR / 4]) >> 4;
}
