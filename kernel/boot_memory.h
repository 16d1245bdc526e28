/* SPDX-License-Identifier: MIT */
#pragma once

struct boot_info;

/* Hands the machine's RAM to the page allocator and takes over the boot code's tables. */
void boot_memory_init(const struct boot_info *info);
