/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * Returns whether this process is to move a volume's content, and do nothing else: content_page.h.
 */
bool carrier_wanted(void);
NORETURN void carrier_run(void);
