/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

#define TERMINAL_PARAMETER_BYTES 64u

/*
 * What a guest prints, on its way to the operator's terminal. Text passes, in UTF-8, and of the
 * control functions (ECMA-48; DEC's and xterm's) those that draw: colours, cursor, erasing,
 * scrolling, the alternate screen, the form of the cursor keys. What makes the terminal answer,
 * type, remember or do anything else does not pass: strings (OSC, DCS, PM, APC, SOS), queries,
 * reports, modes, and C1 in eight bits. Character sets are not switched: DEC's line graphics come
 * out as UTF-8. A sequence may be cut anywhere between two calls; only whole ones are put.
 */
struct terminal_filter {
	void (*put)(void *context, const char *bytes, size_t count);
	void *context;

	u8 state;	  /* enum in terminal_filter.c */
	u8 intermediate;  /* of an escape sequence; 0: none */
	u8 skip;	  /* bytes of Linux's palette sequence still to come */
	bool text_string; /* the string being dropped ends with a line */
	bool too_long;
	u32 length; /* of what lies in `parameters`: a control sequence without its last byte */
	char parameters[TERMINAL_PARAMETER_BYTES];

	/* A character of UTF-8 that is not whole: its bytes, and what the next one may be. */
	u32 have;
	u32 need; /* bytes still to come; 0: there is none */
	u8 low;
	u8 high;
	char character[4];

	/* Which sets are DEC's line graphics, G0 and G1, and which of them is in use. */
	struct terminal_sets {
		bool graphics[2];
		u8 used;
	} sets, saved_sets;
	u16 graphic; /* the last character, if it was put for one of theirs; else 0 */

	/* What the terminal is to be freed of. */
	bool touched; /* by any sequence */
	bool region;  /* scrolling region or origin mode */
	u32 screen;   /* the mode that has switched to the alternate screen; 0: it has not */
};

void terminal_filter_init(struct terminal_filter *filter,
			  void (*put)(void *context, const char *bytes, size_t count),
			  void *context);
void terminal_filter_take(struct terminal_filter *filter, const u8 *bytes, size_t count);

/* Puts what makes the terminal as it was, if anything has passed that may have changed it. */
void terminal_filter_leave(struct terminal_filter *filter);
/*
 * The same for a terminal that has seen all that the filter was given, unfiltered: `put` is where
 * to write this.
 */
void terminal_filter_leave_raw(struct terminal_filter *filter,
			       void (*put)(void *context, const char *bytes, size_t count));
