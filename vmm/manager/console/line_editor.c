/* SPDX-License-Identifier: MIT */
/*
 * Edits a line and draws it on the terminal. Called by console.c, and by line_keys.c and
 * line_history.c, which handle keys. Holds no state beyond the given editor.
 */
#include "vmm/manager/console/line_editor.h"
#include "vmm/manager/console/line_keys.h"
#include "vmm/manager/text/text.h"
#include "vmm/rt/format.h"

void line_draw_text(struct line_editor *editor, const char *text)
{
	editor->write(editor->context, text, strlen(text));
}

static void line_draw_repeated(struct line_editor *editor, char c, u32 count)
{
	for (u32 i = 0; i < count; i++)
		editor->write(editor->context, &c, 1);
}

static void line_draw_visible(struct line_editor *editor, u32 from, u32 to)
{
	for (u32 i = from; i < to; i++) {
		char c = char_is_printable(editor->text[i]) ? editor->text[i] : '?';

		editor->write(editor->context, &c, 1);
	}
}

/* Returns the text before the line: the prompt, or the search. */
static const char *line_prompt_of(const struct line_editor *editor, char *buffer, size_t size)
{
	if (!editor->searching)
		return editor->prompt;
	format(buffer, size, "(%ssearch '%s') ", editor->search_failed ? "failed " : "",
	       editor->query);
	return buffer;
}

static u32 line_prompt_columns(const struct line_editor *editor)
{
	char buffer[LINE_PROMPT_MAX];

	return (u32)strlen(line_prompt_of(editor, buffer, sizeof(buffer)));
}

/*
 * Returns how many columns of the terminal the line may use, which excludes the last one: some
 * terminals wrap as soon as it is used.
 */
static u32 line_window_columns(const struct line_editor *editor)
{
	return editor->columns - 1 - line_prompt_columns(editor);
}

/*
 * Moves the window, the part of the line that is shown, by half its width, so that the cursor is in
 * it.
 */
static void line_place_window(struct line_editor *editor)
{
	u32 columns = line_window_columns(editor);

	if (editor->cursor < editor->window)
		editor->window = editor->cursor - MIN(editor->cursor, columns / 2);
	else if (editor->cursor > editor->window + columns)
		editor->window = editor->cursor - columns / 2;
}

void line_redraw(struct line_editor *editor)
{
	char buffer[LINE_PROMPT_MAX];
	u32 used;
	u32 end;

	if (editor->wrapped)
		line_draw_text(editor, "\r\n");
	else if (editor->shown)
		line_draw_text(editor, "\r");
	if (editor->wrapped || !editor->shown)
		editor->drawn = 0;
	editor->wrapped = false;
	editor->shown = true;
	line_place_window(editor);
	end = MIN(editor->length, editor->window + line_window_columns(editor));
	used = line_prompt_columns(editor) + end - editor->window;
	line_draw_text(editor, line_prompt_of(editor, buffer, sizeof(buffer)));
	line_draw_visible(editor, editor->window, end);
	if (editor->drawn > used) {
		line_draw_repeated(editor, ' ', editor->drawn - used);
		line_draw_repeated(editor, '\b', editor->drawn - used);
	}
	line_draw_repeated(editor, '\b', end - editor->cursor);
	editor->drawn = used;
}

void line_editor_init(struct line_editor *editor, const char *prompt,
		      void (*write)(void *context, const char *bytes, size_t count), void *context)
{
	memset(editor, 0, sizeof(*editor));
	editor->write = write;
	editor->context = context;
	editor->columns = LINE_COLUMNS;
	string_copy(editor->prompt, sizeof(editor->prompt), prompt);
}

void line_clear(struct line_editor *editor)
{
	editor->length = 0;
	editor->cursor = 0;
	editor->text[0] = '\0';
	editor->overflow = false;
	editor->bad_column = 0;
	editor->escape_state = 0;
	editor->wrapped = false;
	editor->window = 0;
	editor->drawn = 0;
	editor->history_back = 0;
	editor->searching = false;
}

void line_editor_begin(struct line_editor *editor)
{
	line_clear(editor);
	line_draw_text(editor, editor->prompt);
	editor->drawn = (u32)strlen(editor->prompt);
	editor->shown = true;
}

void line_editor_columns(struct line_editor *editor, u32 columns)
{
	editor->columns = MAX(columns, 40u);
}

/* Asks for the cursor's position after moving it as far down and right as it goes (VT100). */
void line_editor_ask_size(struct line_editor *editor)
{
	line_draw_text(editor, "\x1b\x37\x1b[999;999H\x1b[6n\x1b\x38");
	editor->size_asked = true;
}

void line_editor_hide(struct line_editor *editor)
{
	if (!editor->shown)
		return;
	if (editor->wrapped) {
		line_draw_text(editor, "\r\n");
	} else {
		line_draw_text(editor, "\r");
		line_draw_repeated(editor, ' ', editor->drawn);
		line_draw_text(editor, "\r");
	}
	editor->shown = false;
	editor->wrapped = false;
	editor->drawn = 0;
}

void line_editor_show(struct line_editor *editor)
{
	if (editor->shown)
		return;
	line_redraw(editor);
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
		line_redraw(editor);
		return;
	}
	line_draw_visible(editor, editor->length - count, editor->length);
	editor->drawn += count;
	editor->wrapped = editor->drawn > editor->columns - 1;
}

/* Takes [from, to) out of the line; a killed part (`keep`) can be yanked back. */
void line_erase(struct line_editor *editor, u32 from, u32 to, bool keep)
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
		line_draw_text(editor, "\b \b");
		editor->drawn--;
	} else {
		line_redraw(editor);
	}
}

void line_move_to(struct line_editor *editor, u32 cursor)
{
	if (cursor == editor->cursor)
		return;
	editor->cursor = cursor;
	line_redraw(editor);
}

void line_replace(struct line_editor *editor, const char *text)
{
	editor->length = (u32)strlen(text);
	memcpy(editor->text, text, editor->length + 1);
	editor->cursor = editor->length;
	editor->window = 0;
	line_redraw(editor);
}

static enum line_event line_end(struct line_editor *editor)
{
	bool overflow = editor->overflow;

	line_draw_text(editor, "\r\n");
	editor->shown = false;
	if (overflow) {
		line_clear(editor);
		return LINE_TOO_LONG;
	}
	if (editor->bad_column != 0)
		return LINE_BAD;
	line_history_add(editor);
	return LINE_DONE;
}

enum line_event line_editor_feed(struct line_editor *editor, char byte)
{
	bool after_cr = editor->after_cr;

	editor->after_cr = byte == CARRIAGE_RETURN;
	if (byte == LINE_FEED && after_cr)
		return LINE_NONE;
	if (byte == CARRIAGE_RETURN || byte == LINE_FEED) {
		editor->escape_state = 0;
		if (editor->searching)
			line_search_end(editor, true);
		return line_end(editor);
	}
	if (editor->overflow && byte != CTRL_C)
		return LINE_NONE;
	if (editor->searching && editor->escape_state == 0 && line_search_feed(editor, byte))
		return LINE_NONE;
	if (editor->escape_state != 0 && byte != CTRL_C) {
		return line_escape_feed(editor, byte);
	}
	if ((u8)byte >= 0x80)
		line_take_bad(editor, byte);
	if ((u8)byte >= 0x80 || char_is_printable(byte)) {
		line_editor_insert(editor, &byte, 1);
		return LINE_NONE;
	}
	return line_control_feed(editor, byte);
}
