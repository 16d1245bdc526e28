/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

#define ENTROPY_NAMES_BYTES 40u

/* Writes the names of those sources of entropy (enum entropy_source) whose bits are set. */
void entropy_names(u64 sources, char *text, size_t size);
/* Returns whether timing and the loader's bytes were the kernel's only sources of entropy. */
bool entropy_is_weak(u64 sources);
