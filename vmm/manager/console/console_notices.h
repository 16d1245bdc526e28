/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/text/text.h"

/* Keeps a notice until the terminal is free; one that does not fit into 2 KiB is dropped. */
void console_notices_keep(struct text notice);
/* Returns all kept notices, the oldest first, and forgets them; valid until the next is kept. */
struct text console_notices_take(void);
