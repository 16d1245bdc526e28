/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/pages.h"

#define KERNEL_PAGE_BYTES                                                                       \
	((sizeof(struct kernel_page) + CPU_MAX * sizeof(struct cpu_counters) + PAGE_MASK) &     \
	 ~PAGE_MASK)

/* Makes struct kernel_page, which the manager reads, and moves the page counts into it. */
void kernel_page_init(void);
