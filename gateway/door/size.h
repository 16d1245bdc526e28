/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdint.h>

/*
 * Reads a size as libvirt's XML has it: a number, and its unit such as "MiB" (NULL: `standard`).
 * Returns it in bytes, rounded up to whole pages, or 0 when it is none.
 */
uint64_t size_read(const char *number, const char *unit, const char *standard);
