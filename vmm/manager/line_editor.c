/* SPDX-License-Identifier: MIT */
#include "vmm/manager/line_editor.h"
#include "lib/text.h"

enum control {
	CTRL_A = 0x01, CTRL_B = 0x02, CTRL_C = 0x03, CTRL_D = 0x04, CTRL_E = 0x05, CTRL_F = 0x06,
	BACKSPACE = 0x08, TAB = 0x09, LINE_FEED = 0x0a, CTRL_K = 0x0b, CTRL_L = 0x0c,
	CARRIAGE_RETURN = 0x0d, CTRL_N = 0x0e, CTRL_P = 0x10, CTRL_U = 0x15, CTRL_W = 0x17,
	CTRL_Y = 0x19, ESCAPE = 0x1b, DELETE = 0x7f,
};

enum escape_state { ESCAPE_NONE, ESCAPE_FIRST, ESCAPE_CSI, ESCAPE_SS3 };

static void put(struct line_editor *editor, const char *text)
{
	editor->write(editor->context, text, strlen(text));
}

static void put_repeated(struct line_editor *editor, char c, u32 count)
{
	for (u32 i = 0; i < count; i++)
		editor->write(editor->context, &c, 1);
}

static void put_visible(struct line_editor *editor, u32 from, u32 to)
{
	for (u32 i = from; i < to; i++) {
		char c = char_is_printable(editor->text[i]) ? editor->text[i] : '?';

		editor->write(editor->context, &c, 1);
	}
}

/* Columns for the line, leaving the last one free: some terminals wrap as soon as it is used. */
static u32 window_columns(const struct line_editor *editor)
{
	return LINE_COLUMNS - 1 - (u32)strlen(editor->prompt);
}

/* Moves the window so that the cursor is in it, by half a window at a time. */
static void place_window(struct line_editor *editor)
{
	u32 columns = window_columns(editor);

	if (editor->cursor < editor->window)
		editor->window = editor->cursor - MIN(editor->cursor, columns / 2);
	else if (editor->cursor > editor->window + columns)
		editor->window = editor->cursor - columns / 2;
}

static void redraw(struct line_editor *editor)
{
	u32 end;

	if (editor->wrapped)
		put(editor, "\r\n");
	else if (editor->shown)
		put(editor, "\r");
	if (editor->wrapped || !editor->shown)
		editor->drawn = 0;
	editor->wrapped = false;
	editor->shown = true;
	place_window(editor);
	end = MIN(editor->length, editor->window + window_columns(editor));
	put(editor, editor->prompt);
	put_visible(editor, editor->window, end);
	if (editor->drawn > end - editor->window) {
		u32 stale = editor->drawn - (end - editor->window);

		put_repeated(editor, ' ', stale);
		put_repeated(editor, '\b', stale);
	}
	put_repeated(editor, '\b', end - editor->cursor);
	editor->drawn = end - editor->window;
}

void line_editor_init(struct line_editor *editor, const char *prompt,
		      void (*write)(void *context, const char *bytes, size_t count), void *context)
{
	memset(editor, 0, sizeof(*editor));
	editor->write = write;
	editor->context = context;
	string_copy(editor->prompt, sizeof(editor->prompt), prompt);
}

static void clear(struct line_editor *editor)
{
	editor->length = 0;
	editor->cursor = 0;
	editor->text[0] = '\0';
	editor->overflow = false;
	editor->wrapped = false;
	editor->window = 0;
	editor->drawn = 0;
	editor->history_back = 0;
}

void line_editor_begin(struct line_editor *editor)
{
	clear(editor);
	put(editor, editor->prompt);
	editor->shown = true;
}

void line_editor_hide(struct line_editor *editor)
{
	if (!editor->shown)
		return;
	if (editor->wrapped) {
		put(editor, "\r\n");
	} else {
		put(editor, "\r");
		put_repeated(editor, ' ', (u32)strlen(editor->prompt) + editor->drawn);
		put(editor, "\r");
	}
	editor->shown = false;
	editor->wrapped = false;
	editor->drawn = 0;
}

void line_editor_show(struct line_editor *editor)
{
	if (editor->shown)
		return;
	redraw(editor);
}

void line_editor_insert(struct line_editor *editor, const char *text, u32 count)
{
	bool at_end = editor->cursor == editor->length;

	if (count > LINE_MAX - editor->length) {
		editor->overflow = true;
		return;
	}
	memmove(editor->text + editor->cursor + count, editor->text + editor->cursor,
		editor->length - editor->cursor + 1);
	memcpy(editor->text + editor->cursor, text, count);
	editor->length += count;
	editor->cursor += count;
	if (!at_end || editor->window != 0 || !editor->shown) {
		redraw(editor);
		return;
	}
	put_visible(editor, editor->length - count, editor->length);
	editor->drawn += count;
	editor->wrapped = editor->drawn > window_columns(editor);
}

/* Takes [from, to) out; what was killed can be yanked back. */
static void erase(struct line_editor *editor, u32 from, u32 to, bool keep)
{
	bool last = from + 1 == editor->length && to == editor->length;

	if (from == to)
		return;
	if (keep) {
		memcpy(editor->killed, editor->text + from, to - from);
		editor->killed_length = to - from;
	}
	memmove(editor->text + from, editor->text + to, editor->length - to + 1);
	editor->length -= to - from;
	last = last && editor->cursor == to && !editor->wrapped && editor->window == 0;
	editor->cursor = from;
	if (last) {
		put(editor, "\b \b");
		editor->drawn--;
	} else {
		redraw(editor);
	}
}

static void move_to(struct line_editor *editor, u32 cursor)
{
	if (cursor == editor->cursor)
		return;
	editor->cursor = cursor;
	redraw(editor);
}

static u32 word_left(const struct line_editor *editor)
{
	u32 at = editor->cursor;

	while (at > 0 && editor->text[at - 1] == ' ')
		at--;
	while (at > 0 && editor->text[at - 1] != ' ')
		at--;
	return at;
}

static u32 word_right(const struct line_editor *editor)
{
	u32 at = editor->cursor;

	while (at < editor->length && editor->text[at] == ' ')
		at++;
	while (at < editor->length && editor->text[at] != ' ')
		at++;
	return at;
}

static void history_add(struct line_editor *editor)
{
	char *newest = editor->history[(editor->history_count - 1) % LINE_HISTORY];

	if (editor->length == 0 ||
	    (editor->history_count > 0 && string_equal(newest, editor->text)))
		return;
	memcpy(editor->history[editor->history_count % LINE_HISTORY], editor->text,
	       editor->length + 1);
	editor->history_count++;
}

static void replace_line(struct line_editor *editor, const char *text)
{
	editor->length = (u32)strlen(text);
	memcpy(editor->text, text, editor->length + 1);
	editor->cursor = editor->length;
	editor->window = 0;
	redraw(editor);
}

/* back: lines before the one being written, 0 that line itself. */
static void history_go(struct line_editor *editor, u32 back)
{
	if (back > MIN(editor->history_count, LINE_HISTORY) || back == editor->history_back)
		return;
	if (editor->history_back == 0)
		memcpy(editor->pending, editor->text, editor->length + 1);
	editor->history_back = back;
	replace_line(editor, back == 0 ? editor->pending :
			     editor->history[(editor->history_count - back) % LINE_HISTORY]);
}

static void history_up(struct line_editor *editor)
{
	history_go(editor, editor->history_back + 1);
}

static void history_down(struct line_editor *editor)
{
	if (editor->history_back > 0)
		history_go(editor, editor->history_back - 1);
}

static enum line_event end_line(struct line_editor *editor)
{
	bool overflow = editor->overflow;

	put(editor, "\r\n");
	editor->shown = false;
	if (overflow) {
		clear(editor);
		return LINE_TOO_LONG;
	}
	history_add(editor);
	return LINE_DONE;
}

static void delete_right(struct line_editor *editor)
{
	if (editor->cursor < editor->length)
		erase(editor, editor->cursor, editor->cursor + 1, false);
}

/* Sequences of xterm, VT100 and the Linux console: "[" parameters final, or "O" final. */
static void obey_escape(struct line_editor *editor, char final)
{
	bool modified = strchr(editor->escape, ';') != NULL; /* with Ctrl or Alt held */

	switch (final) {
	case 'A':
		history_up(editor);
		break;
	case 'B':
		history_down(editor);
		break;
	case 'C':
		move_to(editor, modified ? word_right(editor) :
				MIN(editor->cursor + 1, editor->length));
		break;
	case 'D':
		move_to(editor, modified ? word_left(editor) :
				editor->cursor - (editor->cursor > 0));
		break;
	case 'H':
		move_to(editor, 0);
		break;
	case 'F':
		move_to(editor, editor->length);
		break;
	case '~':
		if (editor->escape[0] == '1' || editor->escape[0] == '7')
			move_to(editor, 0);
		else if (editor->escape[0] == '4' || editor->escape[0] == '8')
			move_to(editor, editor->length);
		else if (editor->escape[0] == '3')
			delete_right(editor);
		break;
	default:
		break;
	}
}

static void feed_escape(struct line_editor *editor, char byte)
{
	u8 state = editor->escape_state;

	if (state == ESCAPE_FIRST && (byte == '[' || byte == 'O')) {
		editor->escape_state = byte == '[' ? ESCAPE_CSI : ESCAPE_SS3;
		editor->escape_length = 0;
		memset(editor->escape, 0, sizeof(editor->escape));
		return;
	}
	/* ECMA-48, 5.4: parameter and intermediate bytes, then one final byte from '@' to '~' */
	if (state == ESCAPE_CSI && byte >= ' ' && byte < '@') {
		if (editor->escape_length < sizeof(editor->escape) - 1)
			editor->escape[editor->escape_length++] = byte;
		return;
	}
	editor->escape_state = ESCAPE_NONE;
	if (state != ESCAPE_FIRST)
		obey_escape(editor, byte);
	else if (byte == 'b')
		move_to(editor, word_left(editor));
	else if (byte == 'f')
		move_to(editor, word_right(editor));
}

static enum line_event feed_control(struct line_editor *editor, char byte)
{
	switch ((enum control)byte) {
	case CTRL_C:
		put(editor, "^C\r\n");
		editor->shown = false;
		clear(editor);
		return LINE_BREAK;
	case TAB:
		return LINE_COMPLETE;
	case CTRL_A:
		move_to(editor, 0);
		break;
	case CTRL_B:
		move_to(editor, editor->cursor - (editor->cursor > 0));
		break;
	case CTRL_D:
		delete_right(editor);
		break;
	case CTRL_E:
		move_to(editor, editor->length);
		break;
	case CTRL_F:
		move_to(editor, MIN(editor->cursor + 1, editor->length));
		break;
	case BACKSPACE:
	case DELETE:
		erase(editor, editor->cursor - (editor->cursor > 0), editor->cursor, false);
		break;
	case CTRL_K:
		erase(editor, editor->cursor, editor->length, true);
		break;
	case CTRL_L:
		redraw(editor);
		break;
	case CTRL_N:
		history_down(editor);
		break;
	case CTRL_P:
		history_up(editor);
		break;
	case CTRL_U:
		erase(editor, 0, editor->cursor, true);
		break;
	case CTRL_W:
		erase(editor, word_left(editor), editor->cursor, true);
		break;
	case CTRL_Y:
		line_editor_insert(editor, editor->killed, editor->killed_length);
		break;
	case ESCAPE:
		editor->escape_state = ESCAPE_FIRST;
		break;
	default: /* any other control byte means nothing */
		break;
	}
	return LINE_NONE;
}

enum line_event line_editor_feed(struct line_editor *editor, char byte)
{
	bool after_cr = editor->after_cr;

	editor->after_cr = byte == CARRIAGE_RETURN;
	if (byte == LINE_FEED && after_cr)
		return LINE_NONE;
	if (byte == CARRIAGE_RETURN || byte == LINE_FEED) {
		editor->escape_state = ESCAPE_NONE;
		return end_line(editor);
	}
	if (editor->overflow && byte != CTRL_C)
		return LINE_NONE;
	if (editor->escape_state != ESCAPE_NONE && byte != ESCAPE && byte != CTRL_C) {
		feed_escape(editor, byte);
		return LINE_NONE;
	}
	if ((u8)byte >= 0x80 || char_is_printable(byte)) {
		line_editor_insert(editor, &byte, 1);
		return LINE_NONE;
	}
	return feed_control(editor, byte);
}
