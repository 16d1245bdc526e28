/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/status.h"
#include "lib/types.h"

struct machine;
struct vcpu;

/*
 * Local APICs that the CPU virtualizes: which part of the work it does for each vCPU follows from
 * the state of their APICs (irqchip/lapic_lend.c has the page itself).
 *
 * In xAPIC mode the CPU must find a page at the APIC's address. It is mapped only while all APICs
 * of the machine are in that mode, at one address and software-enabled, so that no vCPU finds it
 * there whose own APIC is elsewhere or takes no interrupts.
 */
struct vapic {
	bool by_cpu; /* set once */
	u32 memory;  /* handle of that page */
	u64 mapped;  /* its guest-physical address, 0: nowhere */
	bool late;   /* it is to be mapped when no vCPU is in the guest */
};

/* Once all vCPUs are made. `wanted`: the operator has not turned it off. */
enum status vapic_setup(struct machine *machine, bool wanted) MUST_CHECK;

/*
 * Before an entry, with the APIC's page recalled: tells the CPU what has changed. `hold`: the CPU
 * is to deliver nothing this time.
 */
void vapic_prepare(struct vcpu *vcpu, bool hold);
/* The same for a vCPU that was made anew: tells everything. */
void vapic_prepare_anew(struct vcpu *vcpu);

/* What is left to do after EXIT_EOI and EXIT_APIC_WRITE; RIP is past the instruction. */
void vapic_ended(struct vcpu *vcpu);
void vapic_written(struct vcpu *vcpu);
/* Turns an EXIT_APIC_ACCESS into an EXIT_MEMORY. */
void vapic_accessed(struct vcpu *vcpu);
