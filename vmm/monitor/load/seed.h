/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

#define SEED_META_MAX 256u /* room for what tells a machine its name and its ID */

/*
 * Returns how many bytes the medium has for user-data of this length, which is at most the longest.
 */
u64 seed_bytes(u64 text_bytes);
/*
 * Writes the medium: an ISO 9660 volume of the name cidata with the files user-data and meta-data,
 * as cloud-init looks for it. The memory is zero and has seed_bytes.
 */
void seed_write(u8 *medium, const u8 *text, u64 text_bytes, const char *meta);
