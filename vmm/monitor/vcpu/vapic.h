/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/status.h"
#include "vmm/monitor/vcpu/vcpu_types.h"

struct machine;
struct vcpu;

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
