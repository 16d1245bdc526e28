/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "kernel/abi/vcpu.h"
#include "vmm/monitor/emulate.h"
#include "vmm/monitor/msr.h"
#include "vmm/monitor/pvclock.h"

struct machine;
struct lapic_page;

/* One virtual CPU: its page is where its registers are. */
struct vcpu {
	struct machine *machine;
	u32 id;
	handle_t handle;
	handle_t queue;
	struct vcpu_page *page;
	struct lapic_page *lapic_page;
	struct vcpu_cpuid_entry *cpuid_page;
	bool halted;		 /* in HLT: waits for an interrupt */
	struct vcpu_event event; /* must be injected at the next entry */
	struct vcpu_event held;	 /* interrupt whose delivery an exception of its own cut short */
	bool quiet;		 /* nothing was pending; only a kick or its APIC can change that */
	struct msr_state msr;
	struct pvclock pvclock;
	struct emulator emulator;
};

/* Creates the kernel's vCPU and the pages it shares. */
enum status vcpu_init(struct vcpu *vcpu, struct machine *machine, u32 id) MUST_CHECK;

/* Forgets what the vCPU was about to do; its registers are the loader's. */
void vcpu_reset(struct vcpu *vcpu);

/* Lays down what the kernel answers to CPUID; again when the APIC is turned on or off. */
void vcpu_show_cpuid(struct vcpu *vcpu);

/* The guest's TSC was moved against the host's. */
void vcpu_set_tsc_offset(struct vcpu *vcpu);

/* The vCPU's life: never returns. */
NORETURN void vcpu_thread(struct vcpu *vcpu);

/* Makes groups of registers valid in the page. */
void vcpu_need(struct vcpu *vcpu, u32 groups);

/* The instruction of the last exit is done: goes on behind it. */
void vcpu_advance(struct vcpu *vcpu);

/*
 * Gives the guest an exception at the instruction of the last exit. One that comes while another
 * event is being delivered makes #DF or a triple fault of it, as the CPU would.
 */
void vcpu_raise(struct vcpu *vcpu, u32 vector, u32 error_code);
/* The same for an event that the emulator made. */
void vcpu_raise_event(struct vcpu *vcpu, const struct vcpu_event *event);
