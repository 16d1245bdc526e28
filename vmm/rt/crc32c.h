/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * Computes CRC32C (RFC 3720, B.4) of `count` bytes that follow other bytes whose CRC32C was
 * `so_far`, 0 at first.
 */
u32 crc32c(u32 so_far, const void *bytes, size_t count);
