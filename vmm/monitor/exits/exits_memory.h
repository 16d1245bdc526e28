/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/exits/exits.h"

/*
 * Handles EXIT_MEMORY or EXIT_APIC_ACCESS that is a plain move, as most are. Returns false, without
 * effect, if the instruction is no plain move or the vCPU page lacks a needed register.
 */
bool exits_memory_move(struct vcpu *vcpu, enum exit_reason reason);

/* Handles EXIT_MEMORY by any instruction, through the emulator. */
void exits_memory(struct vcpu *vcpu);

/*
 * Returns the register groups (VCPU_...) that the emulator needs in the vCPU page: for a single
 * step also that of DR6.
 */
u32 exits_memory_groups(const struct vcpu *vcpu);
/* Acts on the emulator's result for the instruction that has exited. */
void exits_memory_finish(struct vcpu *vcpu, enum emulate_result result,
			 const struct vcpu_event *event, const char *what);
