/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * Random bytes for what the manager makes: monitors' seeds, salts. The source is the 32 bytes that
 * the kernel started it with, of the machine's entropy pool.
 */
void random_init(void);
void random_draw(void *bytes, size_t count);
