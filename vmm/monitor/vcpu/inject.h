/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/machine/vcpu.h"

/*
 * Decides which event the next VM entry delivers, and which windows (exits as soon as one can be
 * taken) to ask for when an event cannot be delivered yet. Returns false if the vCPU is halted with
 * nothing to wake it, or waits for its start-up IPI.
 */
bool inject_prepare(struct vcpu *vcpu);

/*
 * Gives the guest an exception at the instruction of the last exit. Raised during the delivery of
 * another exception it becomes #DF or a triple fault, as on the CPU.
 */
void inject_raise(struct vcpu *vcpu, u32 vector, u32 error_code);
/* Gives the guest an event that the emulator has made, as inject_raise does. */
void inject_raise_event(struct vcpu *vcpu, const struct vcpu_event *event);
