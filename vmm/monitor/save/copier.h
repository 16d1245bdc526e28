/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* Returns whether this process was started to copy a VM's disks (vmm/io/copier_page.h). */
bool copier_wanted(void);
NORETURN void copier_run(void);
