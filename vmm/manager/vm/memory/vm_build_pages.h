/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/config/config.h"

/* Returns the pages that a VM's group is promised. */
u64 vm_build_pages(const struct vm_config *config);
