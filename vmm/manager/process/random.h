/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * Random bytes for the manager's use: monitors' seeds, salts, ids. The source is 32 bytes of the
 * kernel's entropy pool, with which the kernel started the manager.
 */
void random_init(void);
void random_draw(void *bytes, size_t count);
