/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/status.h"
#include "vmm/monitor/vcpu/vcpu_types.h"

struct machine;
struct vcpu;

/*
 * Sets up the virtualized APICs once all vCPUs are made. `wanted` says that the operator has not
 * turned APIC virtualization off.
 */
enum status vapic_setup(struct machine *machine, bool wanted) MUST_CHECK;

/*
 * Tells the CPU, before a VM entry, while the APIC's page is with the monitor, which parts of the
 * page have changed. With `hold` the CPU delivers no interrupt at this VM entry.
 */
void vapic_prepare(struct vcpu *vcpu, bool hold);
/* Tells the CPU all about the local APIC of a vCPU that was made anew. */
void vapic_prepare_anew(struct vcpu *vcpu);

/* Completes the guest's write after EXIT_EOI and EXIT_APIC_WRITE; RIP is past the instruction. */
void vapic_ended(struct vcpu *vcpu);
void vapic_written(struct vcpu *vcpu);
/* Turns an EXIT_APIC_ACCESS into an EXIT_MEMORY. */
void vapic_accessed(struct vcpu *vcpu);
