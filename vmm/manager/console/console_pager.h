/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* The text below a page, and the text that wipes it out. */
#define PAGER_MORE	"--more-- (space: a page, Enter: a line, G: all, q: no more)"
#define PAGER_MORE_GONE "\r                                                           \r"
_Static_assert(sizeof(PAGER_MORE_GONE) == sizeof(PAGER_MORE) + 2, "it covers the other");

/*
 * Holds a command's output back after each screenful, until the operator presses a key for more.
 * The pager counts the lines sent; positions are those of struct console_output and run freely.
 */
struct pager {
	u32 rows;    /* rows of the operator's terminal */
	u32 left;    /* lines of output that may still be sent before the next pause */
	bool active; /* a command's output is being sent */
	bool ended;  /* the output that is being shown ends at `end` */
	bool paused; /* output is held back until the operator presses a key */
	u32 start;
	u32 end;
};

/*
 * Begins to count the output of a command that writes from this position on; with fewer than 2 rows
 * nothing is held back.
 */
void pager_begin(struct pager *pager, u32 rows, u32 position);
/* Notes that the command's output ends at this position. */
void pager_end(struct pager *pager, u32 position);
/* Stops holding back the command's output. */
void pager_off(struct pager *pager);

/*
 * Returns how many of the bytes at `position` may be sent; if that is 0 although count > 0,
 * `paused` is set.
 */
u32 pager_allow(struct pager *pager, const u8 *bytes, u32 count, u32 position);
/* Counts the lines in bytes that were sent. */
void pager_sent(struct pager *pager, const u8 *bytes, u32 count, u32 position);

/* Lets that many more lines of the command's output through. */
void pager_more(struct pager *pager, u32 lines);
