/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/pages.h"

#define KERNEL_PAGE_BYTES                                                                          \
	((sizeof(struct kernel_page) + CPU_MAX * sizeof(struct cpu_counters) + PAGE_MASK) &        \
	 ~PAGE_MASK)

/* The counters that the kernel shows to the manager, in whole pages, because ring 3 maps them. */
union kernel_page_memory {
	struct kernel_page page;
	u8 bytes[KERNEL_PAGE_BYTES];
};
extern union kernel_page_memory kernel_page;
