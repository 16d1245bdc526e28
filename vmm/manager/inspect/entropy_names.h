/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

#define ENTROPY_NAMES_BYTES 40u

/* The sources (enum entropy_source) in words. */
void entropy_names(u64 sources, char *text, size_t size);
/* Whether timing and what was loaded were the only sources. */
bool entropy_is_weak(u64 sources);
