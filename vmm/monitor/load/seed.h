/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* the most bytes of the file that tells a VM its name and its instance ID */
#define SEED_META_MAX 256u

/* Returns how many bytes the CD has with `text_bytes` of user-data, at most FIRMWARE_SEED_MAX. */
u64 seed_bytes(u64 text_bytes);
/*
 * Return the numbers of the CD's blocks in which the user-data lies: the first, and the one behind
 * the last.
 */
u32 seed_text_first(void);
u32 seed_text_end(u64 text_bytes);
/*
 * Writes the CD: an ISO 9660 volume of the name cidata with the files user-data and meta-data, as
 * cloud-init looks for it. `medium`, the CD's content in memory, is zero and has
 * seed_bytes(text_bytes) bytes. With NULL for the text, user-data asks for nothing.
 */
void seed_write(u8 *medium, const u8 *text, u64 text_bytes, const char *meta);
