/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

#define ENTROPY_NAMES_BYTES 40u

/* Writes the names of the sources (enum entropy_source). */
void entropy_names(u64 sources, char *text, size_t size);
/* Returns whether timing and the loader's bytes were the only sources. */
bool entropy_is_weak(u64 sources);
