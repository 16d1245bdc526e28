/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/pages.h"

#define KERNEL_PAGE_BYTES                                                                       \
	((sizeof(struct kernel_page) + CPU_MAX * sizeof(struct cpu_counters) + PAGE_MASK) &     \
	 ~PAGE_MASK)

/* Fills struct kernel_page, which the manager reads; mm/ keeps the page counts in it already. */
void kernel_page_init(void);
