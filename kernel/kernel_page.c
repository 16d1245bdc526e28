/* SPDX-License-Identifier: MIT */
#include "kernel/kernel_page.h"
#include "mm/page.h"

union kernel_page_memory kernel_page ALIGNED(4096);

u64 *const page_counts = kernel_page.page.pages;
struct node_counters *const page_nodes = kernel_page.page.nodes;
