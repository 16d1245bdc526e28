/* SPDX-License-Identifier: MIT */
#pragma once

#include "tests/guest/rt/rt.h"

/* "BENCH name least mean" */
void report(const char *name, u64 least, u64 mean);
