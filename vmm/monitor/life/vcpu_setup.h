/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/machine/vcpu.h"

/*
 * Creates the kernel's vCPU, the pages shared with the kernel, and the queue and event that wake
 * its thread; vCPU 0 has the machine's queue.
 */
enum status vcpu_setup(struct vcpu *vcpu, struct machine *machine, u32 id) MUST_CHECK;

/* Creates the kernel's vCPU and new, empty pages that are shared with it. */
enum status vcpu_setup_pages(struct vcpu *vcpu) MUST_CHECK;
