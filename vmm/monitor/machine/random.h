/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * Seeds the generator from the manager's start info; random_draw then gives the guest unpredictable
 * bytes.
 */
void random_init(void);
void random_draw(void *bytes, size_t count);
