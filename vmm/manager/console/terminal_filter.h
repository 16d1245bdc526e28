/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

#define TERMINAL_PARAMETER_BYTES 64u

/*
 * Filters a guest's output on its way to the operator's terminal. Text passes, in UTF-8, and of the
 * control functions (ECMA-48; DEC's and xterm's) those that draw: colours, cursor, erasing,
 * scrolling, the alternate screen, the form of the cursor keys. Functions that make the terminal
 * answer, type, remember or do anything else do not pass: strings (OSC, DCS, PM, APC, SOS),
 * queries, reports, modes, and C1 in eight bits. Character sets are not switched: DEC's line
 * graphics come out as UTF-8. A sequence may be cut anywhere between two calls; only whole
 * sequences are passed on.
 */
struct terminal_filter {
	void (*put)(void *context, const char *bytes, size_t count);
	void *context;

	u8 state;	  /* enum in terminal_filter.c */
	u8 intermediate;  /* the intermediate byte of an escape sequence; 0: there is none */
	u8 skip;	  /* bytes of Linux's palette sequence still to come */
	bool text_string; /* the string being dropped ends with the line */
	bool too_long;
	/* number of bytes in `parameters`, which hold a control sequence without its last byte */
	u32 length;
	char parameters[TERMINAL_PARAMETER_BYTES];

	/* A character of UTF-8 that is not complete: its bytes, and the range of the next one. */
	u32 have;
	u32 need; /* bytes of the character still to come; 0: there is no incomplete character */
	u8 low;
	u8 high;
	char character[4];

	/*
	 * The character sets G0 and G1, each either DEC's line graphics or not, and which of the
	 * two is in use.
	 */
	struct terminal_sets {
		bool graphics[2];
		u8 used;
	} sets, saved_sets;
	/* the last character if it was a line graphic, which REP repeats; otherwise 0 */
	u16 graphic;

	bool touched; /* a sequence of the guest's has reached the terminal */
	bool region;  /* the guest has set a scrolling region or the origin mode */
	/*
	 * number of the mode by which the guest switched to the alternate screen; 0: the main
	 * screen is shown
	 */
	u32 screen;
};

void terminal_filter_init(struct terminal_filter *filter,
			  void (*put)(void *context, const char *bytes, size_t count),
			  void *context);
void terminal_filter_take(struct terminal_filter *filter, const u8 *bytes, size_t count);

/*
 * Sends the sequences that restore the terminal, if anything has passed that may have changed it.
 */
void terminal_filter_leave(struct terminal_filter *filter);
/*
 * Restores a terminal that has seen, unfiltered, all that the filter was given; `put` writes to it.
 */
void terminal_filter_leave_raw(struct terminal_filter *filter,
			       void (*put)(void *context, const char *bytes, size_t count));
