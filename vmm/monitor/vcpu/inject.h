/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/vcpu/vcpu.h"

/*
 * Decides what the next entry delivers, and which windows to ask for when it cannot be delivered
 * yet. False: the vCPU is halted with nothing to wake it, or waits for its start-up IPI.
 */
bool inject_prepare(struct vcpu *vcpu);
