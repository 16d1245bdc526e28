/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/exits/exits.h"

/*
 * Handles EXIT_MEMORY or EXIT_APIC_ACCESS that is a plain move, as most are. Returns false, without
 * effect, if it is not one or if the page lacks what is needed.
 */
bool exits_memory_move(struct vcpu *vcpu, enum exit_reason reason);

/* Handles EXIT_MEMORY by any instruction. */
void exits_memory(struct vcpu *vcpu);

/* Returns the register groups that the emulator needs: a single step also sets DR6. */
u32 exits_memory_groups(const struct vcpu *vcpu);
/* Acts on what the emulator has made of the exit's instruction. */
void exits_memory_finish(struct vcpu *vcpu, enum emulate_result result,
			 const struct vcpu_event *event, const char *what);
