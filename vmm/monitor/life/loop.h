/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/machine/vcpu.h"

/* The life of a vCPU's thread, which runs the guest until it exits, again and again. */
NORETURN void loop_run(struct vcpu *vcpu);
