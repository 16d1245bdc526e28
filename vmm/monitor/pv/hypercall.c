/* SPDX-License-Identifier: MIT */
#include "vmm/monitor/pv/hypercall.h"

void hypercall_setup(struct vcpu_page *page)
{
	page->settle = SETTLE_HYPERCALL;
	page->hypercalls = HYPERCALLS_OFFERED;
	page->hypercall_result = (u64)HYPERCALL_UNKNOWN;
}
