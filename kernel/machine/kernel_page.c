/* SPDX-License-Identifier: MIT */
/*
 * The page of counters that the kernel shows to the manager (struct kernel_page), and the pointers
 * by which mm/ counts the host's pages there. boot/init fills its constants, the CPUs their
 * counters, mm/buddy.c the page counts under its own lock. The page shares no memory with other
 * data, as ring 3 may map it.
 */
#include "kernel/machine/kernel_page.h"
#include "mm/page.h"

union kernel_page_memory kernel_page ALIGNED(4096);

u64 *const page_counts = kernel_page.page.pages;
struct node_counters *const page_nodes = kernel_page.page.nodes;
