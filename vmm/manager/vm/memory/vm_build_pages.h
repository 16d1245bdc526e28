/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/config/config.h"

/* Returns the pages that the memory group of a VM with this configuration is promised. */
u64 vm_build_pages(const struct vm_config *config);
