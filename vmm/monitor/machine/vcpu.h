/* SPDX-License-Identifier: MIT */
#pragma once

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

/* Where the vCPU's thread is; changed under the machine's lock. */
enum vcpu_place {
	VCPU_INSIDE,   /* in the monitor: looks at everything before it goes on */
	VCPU_IN_GUEST, /* in SYS_VCPU_RUN, or on its way there or back */
	VCPU_ASLEEP,   /* in SYS_QUEUE_WAIT, or on its way */
};

/* One virtual CPU; its registers are in `page`. */
struct vcpu {
	struct machine *machine;
	u32 id; /* also its APIC ID */
	handle_t handle;
	handle_t queue;
	handle_t wake_event; /* bound to the queue: others wake it by this */
	struct vcpu_page *page;
	struct lapic *lapic; /* of the machine's platform */
	struct lapic_page *lapic_page;
	struct vcpu_cpuid_entry *cpuid_page;
	u8 *xsave_page;
	enum vcpu_place place;
	u32 reserve_round;	 /* the last one in which it asked */
	bool woken;		 /* it was already told to come here */
	enum status refused;	 /* why the kernel did not run it, else STATUS_OK */
	u64 deadline_ns;	 /* guest time of its next timer */
	u64 tsc_adjust;		 /* IA32_TSC_ADJUST */
	bool halted;		 /* in HLT: waits for an interrupt */
	struct vcpu_event event; /* must be injected at the next entry */
	struct vcpu_event held;	 /* interrupt whose delivery was cut short by an exception */
	bool unhalted;		 /* KVM_HC_KICK_CPU: the present or next HLT ends at once */
	u64 decoded;		 /* exit reasons whose last instruction had to be decoded */
	bool quiet;		 /* nothing was pending; only a kick or its APIC can change that */
	u64 apic_base;		 /* its local APIC's, as vapic.c knows it */
	struct msr_state msr;
	struct pvclock pvclock;
	struct pv_eoi pv_eoi;
	struct steal_time steal_time;
	u32 spun_for;	/* the vCPU last assumed to be the one waited for */
	u32 yield_to;	/* vCPU to run before this one goes on, plus 1; 0: none */
	u32 rebuilt_at; /* rebuild.h: the page's run_count then */
	struct emulator emulator;
	struct moves moves;
	struct trace trace;
	struct trap_vcpu trap;
};

/*
 * Writes the table from which the kernel answers CPUID, empty while a debugger is attached. To be
 * repeated when that comes or goes and when the APIC is turned on or off.
 */
void vcpu_show_cpuid(struct vcpu *vcpu);

/* Makes the vCPU's thread look at what is new for it: ends its run or its sleep. */
void vcpu_wake(struct vcpu *vcpu);
/* The same for all others that have something new from the interrupt controllers. */
void vcpu_wake_kicked(struct vcpu *vcpu);

/* The guest's TSC has moved against the host's: sets the offset anew. */
void vcpu_set_tsc_offset(struct vcpu *vcpu);
/* The platform's clock as this vCPU sees it: with its TSC. */
void vcpu_update_clock(struct vcpu *vcpu);
/*
 * Fires those of its timers, on vCPU 0 also the devices', that are due by that clock; the next run
 * ends when the next one is due.
 */
void vcpu_tick(struct vcpu *vcpu);
/* The same at once, by a clock that is brought up to date. */
void vcpu_tick_now(struct vcpu *vcpu);
/* Another vCPU has moved a device's deadline: wakes the first, whose work it is, if it is early. */
void vcpu_wake_for_deadline(struct vcpu *vcpu);
/* Writes its record of the KVM clock anew. */
void vcpu_update_pvclock(struct vcpu *vcpu, bool stopped);

/* What the emulator needs of the guest that has reached device memory. */
#define EXIT_MEMORY_GROUPS (VCPU_SEGMENTS | VCPU_CONTROL | VCPU_CODE)

/* Which register groups the kernel is to bring along with each reason. */
void vcpu_set_wants(struct vcpu_page *page);

/* Makes groups of registers valid in the page. */
void vcpu_need(struct vcpu *vcpu, u32 groups);

/* The guest waits for others in a loop of PAUSEs: one of them may need this CPU. */
void vcpu_spins(struct vcpu *vcpu);

/* The instruction of the last exit is done: the guest goes on after it. */
void vcpu_advance(struct vcpu *vcpu);

/* Whether the CPU's own codes in an exit are SVM's; else they are VMX's. */
bool vcpu_is_svm(void);
/* The causes of the last exit's #DB, as bits of DR6. */
u64 vcpu_debug_bits(const struct vcpu *vcpu);
