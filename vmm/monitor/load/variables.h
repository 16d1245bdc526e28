/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* Facts about the volume (UEFI PI firmware volume) with a firmware's variables. */
struct variables {
	u64 bytes;	/* the size of the whole volume */
	u64 room_bytes; /* the size of the volume's part for variables */
	u64 live_bytes; /* the size of the valid variables: those complete and not dropped */
	u64 dead_bytes; /* the size of all other variables, whose room the firmware can use again */
	/* the offset in the volume at which the list of variables breaks off; 0: it is whole */
	u64 torn_at;
	u32 count; /* the number of valid variables */
};

/*
 * Reads the volume of variables that `bytes` begins with, and sets *about. Returns NULL, or the
 * reason why it is no such volume; then only `about->bytes` may be set.
 */
const char *variables_read(const u8 *bytes, u64 size, struct variables *about);
/* Returns whether all the bytes are 0 or all are 0xff, as on a disk that was never written to. */
bool variables_is_blank(const u8 *bytes, u64 size);
/* Returns whether new variables would have hardly any room, even if dead ones made way. */
bool variables_is_full(const struct variables *about);
