/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/rt/window.h"

/*
 * What a fuzzer's bridge and one target say to each other in a window that they share: an area for
 * each VM, behind the heads, in the order of their places. Either side may be hostile: each reads
 * every word once, and checks it. A target ends a run by WINDOW_CALL_DONE or WINDOW_CALL_PANIC,
 * with the input's number.
 */
#define AREA_FIRST	 4096u
#define AREA_INPUT_BYTES 4084u
#define AREA_MAP_BYTES	 8192u

/* The bells that the bridge rings: the input is there; the run has to end now. */
#define AREA_BELL_INPUT 0u
#define AREA_BELL_STOP	1u

struct area {
	u32 asked; /* an input's number by the bridge; 0 by the target: it has taken that */
	u32 stop;  /* 1 by the bridge, for AREA_BELL_STOP; 0 by the target: it goes back */
	u32 bytes; /* of the input */
	u8 input[AREA_INPUT_BYTES];
	u8 map[AREA_MAP_BYTES]; /* by the target: how often each edge was passed; the bridge clears
				   it */
};

static inline u64 area_at(u32 place)
{
	return AREA_FIRST + place * sizeof(struct area);
}
