/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/text/text.h"

/* Notices that wait until the terminal is free for them; what does not fit 2 KiB is dropped. */
void console_notices_keep(struct text notice);
/* All of them, the oldest first, valid until the next is kept. */
struct text console_notices_take(void);
