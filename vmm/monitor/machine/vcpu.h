/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A vCPU as the monitor keeps it, beside its registers in the page shared with the kernel; and how
 * threads wake it, tick it and ask for its registers.
 */
#include "kernel/abi/object.h"
#include "kernel/abi/vcpu.h"
#include "vmm/monitor/emulate/emulate.h"
#include "vmm/monitor/emulate/moves.h"
#include "vmm/monitor/vcpu/vcpu_types.h"
#include "vmm/monitor/pv/pv_types.h"
#include "vmm/monitor/machine/pvclock.h"

struct machine;
struct lapic;
struct lapic_page;

/* The place of the vCPU's thread; changed under the machine's lock. */
enum vcpu_place {
	VCPU_INSIDE,   /* the thread is in the monitor, and checks for work before a run */
	VCPU_IN_GUEST, /* the thread is in SYS_VCPU_RUN, or just before or after it */
	VCPU_ASLEEP,   /* the thread is in SYS_QUEUE_WAIT, or just before it */
};

/* One virtual CPU; its registers are in `page`, shared with the kernel. */
struct vcpu {
	struct machine *machine;
	u32 id; /* the vCPU's number, which is also its APIC ID */
	handle_t handle;
	handle_t queue;
	handle_t wake_event; /* the event, bound to `queue`, by which other threads wake the vCPU */
	struct vcpu_page *page;
	struct lapic *lapic; /* the vCPU's local APIC, part of machine->platform */
	struct lapic_page *lapic_page;
	struct vcpu_cpuid_entry *cpuid_page;
	u8 *xsave_page;
	enum vcpu_place place;
	/* the last round of asking (reserve.c) in which this vCPU has asked for its CPU time */
	u32 reserve_round;
	bool woken; /* the vCPU's thread has already been told to leave the guest or its sleep */
	enum status refused; /* why the kernel did not run the vCPU; STATUS_OK: it did */
	u64 deadline_ns;     /* guest time at which the next timer that the vCPU serves is due */
	u64 tsc_adjust;	     /* the guest's IA32_TSC_ADJUST */
	bool halted;	     /* the vCPU is in HLT and waits for an interrupt */
	struct vcpu_event event; /* the event that the next VM entry must inject */
	struct vcpu_event held;	 /* an interrupt whose delivery an exception has interrupted */
	bool unhalted;		 /* KVM_HC_KICK_CPU: the present or next HLT ends at once */
	/* a bit for each exit reason whose last exit did not report the instruction's length */
	u64 decoded;
	/*
	 * no interrupt is pending for the vCPU; only a kick or its own local APIC can change that
	 */
	bool quiet;
	u64 apic_base; /* the base address of the vCPU's local APIC, as vapic.c knows it */
	struct msr_state msr;
	struct pvclock pvclock;
	struct pv_eoi pv_eoi;
	struct steal_time steal_time;
	u32 spun_for; /* the number of the vCPU to which this vCPU last yielded in a spin loop */
	/* the number, plus 1, of the vCPU to which this vCPU yields before its next run; 0: none */
	u32 yield_to;
	u32 rebuilt_at; /* the page's run_count at the last rebuild (rebuild.h) */
	struct emulator emulator;
	struct moves moves;
	struct trace trace;
	struct trap_vcpu trap;
};

/*
 * Writes the table from which the kernel answers CPUID, which is empty while a debugger is
 * attached. Call it again when a debugger is attached or detached, and when the local APIC is
 * turned on or off.
 */
void vcpu_show_cpuid(struct vcpu *vcpu);

/* Makes the vCPU's thread leave the guest, or its sleep, and look for work. */
void vcpu_wake(struct vcpu *vcpu);
/* Wakes all other vCPUs for which something has become pending in the interrupt controllers. */
void vcpu_wake_kicked(struct vcpu *vcpu);

/* Sets the vCPU's TSC offset, after the guest's TSC has moved against the host's. */
void vcpu_set_tsc_offset(struct vcpu *vcpu);
/* Brings the platform's clock up to date with the TSC as this vCPU reads it. */
void vcpu_update_clock(struct vcpu *vcpu);
/*
 * Fires the vCPU's timers that are due by the platform's clock, on vCPU 0 also those of devices.
 * The vCPU's next run ends when its next timer is due.
 */
void vcpu_tick(struct vcpu *vcpu);
/* Updates the platform's clock, then fires the vCPU's timers that are due. */
void vcpu_tick_now(struct vcpu *vcpu);
/*
 * Wakes vCPU 0, which serves the devices' timers, if another vCPU has made a device's deadline
 * earlier.
 */
void vcpu_wake_for_deadline(struct vcpu *vcpu);
/* Writes the vCPU's record of the KVM clock anew; `stopped` tells the guest that it was paused. */
void vcpu_update_pvclock(struct vcpu *vcpu, bool stopped);

/* The register groups that the emulator needs when the guest has reached device memory. */
#define EXIT_MEMORY_GROUPS (VCPU_SEGMENTS | VCPU_CONTROL | VCPU_CODE)

/* Sets which register groups the kernel puts into the vCPU page at an exit of each reason. */
void vcpu_set_wants(struct vcpu_page *page);

/* Makes groups of registers valid in the vCPU page, if they are not: asks the kernel for them. */
void vcpu_need(struct vcpu *vcpu, u32 groups);

/*
 * Handles an exit for a loop of PAUSEs: the guest waits for other vCPUs, and one of them may need
 * this CPU.
 */
void vcpu_spins(struct vcpu *vcpu);

/* Moves RIP past the instruction of the last exit, which has been handled. */
void vcpu_advance(struct vcpu *vcpu);

/* Halts the vCPU, which has asked the window's device for that, until a bell is rung. */
void vcpu_wait_for_bell(struct vcpu *vcpu);

/* Returns whether codes of the CPU in an exit are SVM's; otherwise they are VMX's. */
bool vcpu_is_svm(void);
/* Returns the causes of the last exit's #DB, as bits of DR6. */
u64 vcpu_debug_bits(const struct vcpu *vcpu);
