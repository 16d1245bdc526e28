/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* What stands below a page, and what wipes it out. */
#define PAGER_MORE	"--more-- (space: a page, Enter: a line, G: all, q: no more)"
#define PAGER_MORE_GONE "\r                                                           \r"
_Static_assert(sizeof(PAGER_MORE_GONE) == sizeof(PAGER_MORE) + 2, "it covers the other");

/*
 * Holds a command's output back after each screenful, until a key asks for more. It counts the
 * lines of what is sent; positions are those of struct console_output, free-running.
 */
struct pager {
	u32 rows;    /* of the terminal */
	u32 left;    /* lines that may still be sent */
	bool active; /* output of a command is on its way */
	bool ended;  /* ... and ends at `end` */
	bool paused; /* waiting for a key */
	u32 start;
	u32 end;
};

/* A command begins to write at this position; with fewer than 2 rows nothing is held back. */
void pager_begin(struct pager *pager, u32 rows, u32 position);
/* Its output ends at this position. */
void pager_end(struct pager *pager, u32 position);
/* Nothing more of the command is held back. */
void pager_off(struct pager *pager);

/* How many of the bytes at `position` may be sent; 0 although count > 0: `paused` is set. */
u32 pager_allow(struct pager *pager, const u8 *bytes, u32 count, u32 position);
/* These were sent. */
void pager_sent(struct pager *pager, const u8 *bytes, u32 count, u32 position);

/* Lets so many more lines through. */
void pager_more(struct pager *pager, u32 lines);
