/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* Unpredictable bytes for the guest, drawn from a pool that the manager's start info seeds. */
void random_init(void);
void random_draw(void *bytes, size_t count);
