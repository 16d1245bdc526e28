/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/exits/exits.h"

/*
 * EXIT_MEMORY and EXIT_APIC_ACCESS by a plain move, as most are. False: nothing has happened. The
 * next exit for the same reason brings along what this one needed.
 */
bool exits_memory_move(struct vcpu *vcpu, enum exit_reason reason);

/* EXIT_MEMORY by any instruction. */
void exits_memory(struct vcpu *vcpu);

/* The register groups that the emulator needs: a single step also sets DR6. */
u32 exits_memory_groups(const struct vcpu *vcpu);
/* Acts on what the emulator has made of the exit's instruction. */
void exits_memory_finish(struct vcpu *vcpu, enum emulate_result result,
			 const struct vcpu_event *event, const char *what);
