/* SPDX-License-Identifier: MIT */
/*
 * Tells the kernel which of the guest's hypercalls it may refuse by itself, without an exit to the
 * monitor. Called by vcpu_setup.c and vcpu_state.c; changes that vCPU only.
 */
#include "vmm/monitor/pv/hypercall.h"

void hypercall_setup(struct vcpu_page *page)
{
	page->settle = SETTLE_HYPERCALL;
	page->hypercalls = HYPERCALLS_OFFERED;
	page->hypercall_result = (u64)HYPERCALL_UNKNOWN;
}
