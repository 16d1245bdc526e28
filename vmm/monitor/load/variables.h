/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* What a volume of UEFI firmware's variables holds. */
struct variables {
	u64 bytes;	/* of the whole volume */
	u64 room_bytes; /* of the part with variables */
	u64 live_bytes; /* of variables that count */
	u64 dead_bytes; /* of others, whose room the firmware can take back */
	u64 torn_at;	/* where in the volume the list of variables breaks off; 0: nowhere */
	u32 count;	/* of variables that count */
};

/*
 * Reads the volume of variables with which `bytes` begins. Returns NULL, or what it is about them
 * that is no such volume; then only `about->bytes` may be set.
 */
const char *variables_read(const u8 *bytes, u64 size, struct variables *about);
/* Returns whether all the bytes are the same, 0 or 0xff: a disk that nobody has written to. */
bool variables_is_blank(const u8 *bytes, u64 size);
/* Returns whether new variables have hardly any room, even in the place of dead ones. */
bool variables_is_full(const struct variables *about);
