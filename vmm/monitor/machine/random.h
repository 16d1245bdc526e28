/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* Unpredictable bytes for the guest, from what the manager has started the monitor with. */
void random_init(void);
void random_draw(void *bytes, size_t count);
