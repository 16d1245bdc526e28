/* SPDX-License-Identifier: MIT */
/* Sets up hypercalls for a vCPU. Called by vcpu_setup.c; changes that vCPU only. */
#include "vmm/monitor/pv/hypercall.h"

void hypercall_setup(struct vcpu_page *page)
{
	page->settle = SETTLE_HYPERCALL;
	page->hypercalls = HYPERCALLS_OFFERED;
	page->hypercall_result = (u64)HYPERCALL_UNKNOWN;
}
