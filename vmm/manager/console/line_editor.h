/* SPDX-License-Identifier: MIT */
#pragma once

/* The line editor of the operator's terminal: bytes go in, finished lines and events come out. */
#include "lib/types.h"
#include "vmm/manager/command/command.h"

#define LINE_HISTORY	32u
#define LINE_PROMPT_MAX 48u
#define LINE_QUERY_MAX	24u
#define LINE_COLUMNS	80u /* columns of the terminal; a wider one only leaves room unused */

enum line_event {
	LINE_NONE,
	LINE_DONE,     /* a line is in `text` */
	LINE_TOO_LONG, /* a line of more than LINE_MAX characters came, without its end */
	/* the line has a byte that is not printable: bad_byte, at bad_column from 1 */
	LINE_BAD,
	LINE_BREAK,    /* Ctrl-C: the line is given up */
	LINE_COMPLETE, /* Tab: complete the text before the cursor */
	LINE_SIZE,     /* the terminal has told its size: told_rows, told_columns */
};

/*
 * Edits one line of a terminal, byte by byte. Draws with printable characters, CR, LF and BS only,
 * so that a pipe can read along: typing at the end of the line gives plain echo. A line wider than
 * the terminal is shown in part, through a window, once it is edited anywhere but at its end. A
 * line is printable ASCII; any other byte that is no key is drawn as '?', and makes the line a bad
 * one.
 */
struct line_editor {
	void (*write)(void *context, const char *bytes, size_t count);
	void *context;
	char prompt[LINE_PROMPT_MAX];
	u32 columns;

	char text[LINE_MAX + 1]; /* the line, terminated by 0 */
	u32 length;
	u32 cursor;
	bool overflow; /* the line is too long, and its further characters are dropped */
	u8 bad_byte;
	u32 bad_column; /* the column of the first character that is not valid; 0: there is none */
	bool after_cr;	/* the last byte was a CR: a LF now belongs to it */

	/* The state of the terminal: */
	bool shown;
	/* the line was typed past the right edge, where the terminal has wrapped it */
	bool wrapped;
	u32 window; /* index of the first character shown */
	u32 drawn;  /* columns of the terminal that the shown line uses, the prompt included */

	/* the escape sequence being read */
	u8 escape_state;
	u8 escape_length;
	bool meta; /* an ESC came before the present byte */
	char escape[12];
	/* the next report of the cursor's position is the answer; any other sequence is a key */
	bool size_asked;
	u32 told_rows;
	u32 told_columns;

	char killed[LINE_MAX + 1];
	u32 killed_length;

	char history[LINE_HISTORY][LINE_MAX + 1];
	u32 history_count; /* lines ever added; the last LINE_HISTORY are kept */
	/* how far back in the history the user looks; 0: at the line being written */
	u32 history_back;
	/* after Ctrl-R: the query is being typed, and the line shown is the one found */
	bool searching;
	bool search_failed;
	char query[LINE_QUERY_MAX + 1];
	u32 query_length;
	/* the line being written, saved while the user looks at earlier lines */
	char pending[LINE_MAX + 1];
};

void line_editor_init(struct line_editor *editor, const char *prompt,
		      void (*write)(void *context, const char *bytes, size_t count), void *context);

/*
 * Takes one byte from the terminal. After LINE_DONE, LINE_TOO_LONG and LINE_BREAK the terminal is
 * at the start of a new line without prompt; the caller uses `text` and calls line_editor_begin.
 */
enum line_event line_editor_feed(struct line_editor *editor, char byte);

/* Shows the prompt with an empty line. */
void line_editor_begin(struct line_editor *editor);

/*
 * Make room for other output at the start of a line, and show prompt and line again after it.
 * Hiding a hidden line or showing a shown one does nothing.
 */
void line_editor_hide(struct line_editor *editor);
void line_editor_show(struct line_editor *editor);

/* Sets the terminal's width, at least 40. */
void line_editor_columns(struct line_editor *editor, u32 columns);

/* Asks the terminal for its size; its answer is LINE_SIZE. */
void line_editor_ask_size(struct line_editor *editor);

/* Types `count` characters at the cursor, as completion does. */
void line_editor_insert(struct line_editor *editor, const char *text, u32 count);
