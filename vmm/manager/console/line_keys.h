/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/console/line_editor.h"

/* Functions and types that the files of the line editor share. */

/* clang-format off */
enum control {
	CTRL_A = 0x01, CTRL_B = 0x02, CTRL_C = 0x03, CTRL_D = 0x04, CTRL_E = 0x05, CTRL_F = 0x06,
	BACKSPACE = 0x08, TAB = 0x09, LINE_FEED = 0x0a, CTRL_K = 0x0b, CTRL_L = 0x0c,
	CARRIAGE_RETURN = 0x0d, CTRL_N = 0x0e, CTRL_P = 0x10, CTRL_R = 0x12, CTRL_U = 0x15,
	CTRL_W = 0x17, CTRL_Y = 0x19, ESCAPE = 0x1b, CTRL_BRACKET = 0x1d,
	DELETE = 0x7f, CTRL_G = 0x07,
};
/* clang-format on */

/* Functions of line_editor.c that change the text of the line, or draw it on the terminal. */
void line_draw_text(struct line_editor *editor, const char *text);
void line_redraw(struct line_editor *editor);
void line_clear(struct line_editor *editor);
void line_move_to(struct line_editor *editor, u32 cursor);
/* Takes [from, to) out of the line; a killed part (`keep`) can be yanked back. */
void line_erase(struct line_editor *editor, u32 from, u32 to, bool keep);
void line_replace(struct line_editor *editor, const char *text);

/* Functions of line_history.c: add a line to the history, show earlier and later lines, search. */
void line_history_add(struct line_editor *editor);
void line_history_up(struct line_editor *editor);
void line_history_down(struct line_editor *editor);
void line_search_begin(struct line_editor *editor);
/* Ends the search: the found line stays (`keep`), or the earlier line comes back. */
void line_search_end(struct line_editor *editor, bool keep);
/*
 * Returns whether the byte belongs to the search; another one ends the search and is an ordinary
 * key.
 */
bool line_search_feed(struct line_editor *editor, char byte);

/* Notes a byte that is neither a key nor part of a line. In line_keys.c, as the functions below. */
void line_take_bad(struct line_editor *editor, char byte);
enum line_event line_escape_feed(struct line_editor *editor, char byte);
enum line_event line_control_feed(struct line_editor *editor, char byte);
