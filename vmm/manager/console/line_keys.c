/* SPDX-License-Identifier: MIT */
/*
 * Carries out editing keys, and reads escape sequences. Called by line_editor.c. Holds no state
 * beyond the given editor.
 */
#include "vmm/manager/console/line_keys.h"
#include "vmm/manager/text/text.h"

enum escape_state { ESCAPE_NONE, ESCAPE_FIRST, ESCAPE_CSI, ESCAPE_SS3 };

static u32 line_word_left(const struct line_editor *editor)
{
	u32 at = editor->cursor;

	while (at > 0 && editor->text[at - 1] == ' ')
		at--;
	while (at > 0 && editor->text[at - 1] != ' ')
		at--;
	return at;
}

static u32 line_word_right(const struct line_editor *editor)
{
	u32 at = editor->cursor;

	while (at < editor->length && editor->text[at] == ' ')
		at++;
	while (at < editor->length && editor->text[at] != ' ')
		at++;
	return at;
}

static void line_delete_right(struct line_editor *editor)
{
	if (editor->cursor < editor->length)
		line_erase(editor, editor->cursor, editor->cursor + 1, false);
}

/* Notes a byte that is neither a key nor part of a line. */
void line_take_bad(struct line_editor *editor, char byte)
{
	if (editor->bad_column == 0) {
		editor->bad_byte = (u8)byte;
		editor->bad_column = editor->cursor + 1;
	}
}

static void line_move_left(struct line_editor *editor, bool word)
{
	line_move_to(editor, word ? line_word_left(editor) : editor->cursor - (editor->cursor > 0));
}

static void line_move_right(struct line_editor *editor, bool word)
{
	line_move_to(editor,
		     word ? line_word_right(editor) : MIN(editor->cursor + 1, editor->length));
}

/* Takes a number of at most three digits, and moves *text behind it. */
static u32 line_take_number(const char **text)
{
	u32 number = 0;

	for (u32 i = 0; i < 3 && char_is_digit(**text); i++, (*text)++)
		number = number * 10 + (u32)(**text - '0');
	return number;
}

/*
 * Takes the terminal's report of the cursor's position, "ROWS;COLUMNS" (CPR; ECMA-48, 8.3.14), as
 * its size, only if the size was asked for: F3 with a modifier sends the same bytes.
 */
static bool line_take_size(struct line_editor *editor, char final)
{
	const char *at = editor->escape;
	u32 rows = line_take_number(&at);
	u32 columns;

	if (!editor->size_asked || final != 'R' || *at != ';')
		return false;
	at++;
	columns = line_take_number(&at);
	if (*at != '\0' || rows < 2 || columns < 40)
		return false;
	editor->size_asked = false;
	editor->told_rows = rows;
	editor->told_columns = columns;
	return true;
}

/* Handles keys that send a number and '~'. */
static void line_handle_numbered(struct line_editor *editor, bool modified)
{
	switch (editor->escape[0]) {
	case '1':
	case '7':
		if (editor->escape_length == 1)
			line_move_to(editor, 0);
		break;
	case '4':
	case '8':
		line_move_to(editor, editor->length);
		break;
	case '3':
		if (modified)
			line_erase(editor, editor->cursor, line_word_right(editor), true);
		else
			line_delete_right(editor);
		break;
	default: /* PageUp, F5 and the brackets around pasted text do nothing */
		break;
	}
}

/*
 * Handles sequences of xterm, rxvt, VT100 and the Linux console: "[" parameters final, or "O"
 * final. With Ctrl or Alt xterm adds ";5" or ";3", rxvt sends small letters or an ESC first.
 */
static void line_handle_escape(struct line_editor *editor, char final)
{
	bool modified = editor->meta || strchr(editor->escape, ';') != NULL ||
			editor->escape[0] == '5' || (final >= 'a' && final <= 'd');

	switch (final) {
	case 'A':
		line_history_up(editor);
		break;
	case 'B':
		line_history_down(editor);
		break;
	case 'C':
	case 'c':
		line_move_right(editor, modified);
		break;
	case 'D':
	case 'd':
		line_move_left(editor, modified);
		break;
	case 'H':
		line_move_to(editor, 0);
		break;
	case 'F':
		line_move_to(editor, editor->length);
		break;
	case '~':
		line_handle_numbered(editor, modified);
		break;
	case 'E': /* all other keys that terminals send do nothing */
	case 'P':
	case 'Q':
	case 'R':
	case 'S':
	case 'Z':
		break;
	default:
		line_take_bad(editor, ESCAPE);
		break;
	}
}

/* Handles ESC and a letter: Alt was held, or ESC pressed before. */
static void line_handle_alt(struct line_editor *editor, char byte)
{
	switch (byte) {
	case 'b':
		line_move_left(editor, true);
		break;
	case 'f':
		line_move_right(editor, true);
		break;
	case 'd':
		line_erase(editor, editor->cursor, line_word_right(editor), true);
		break;
	case BACKSPACE:
	case DELETE:
		line_erase(editor, line_word_left(editor), editor->cursor, true);
		break;
	default:
		break;
	}
}

enum line_event line_escape_feed(struct line_editor *editor, char byte)
{
	u8 state = editor->escape_state;

	if (state == ESCAPE_FIRST && byte == ESCAPE) {
		editor->meta = true;
		return LINE_NONE;
	}
	if (state == ESCAPE_FIRST && (byte == '[' || byte == 'O')) {
		editor->escape_state = byte == '[' ? ESCAPE_CSI : ESCAPE_SS3;
		editor->escape_length = 0;
		memset(editor->escape, 0, sizeof(editor->escape));
		return LINE_NONE;
	}
	/* ECMA-48, 5.4: parameter and intermediate bytes, then one final byte from '@' to '~' */
	if (state == ESCAPE_CSI && byte >= ' ' && byte < '@') {
		if (editor->escape_length < sizeof(editor->escape) - 1)
			editor->escape[editor->escape_length++] = byte;
		return LINE_NONE;
	}
	editor->escape_state = ESCAPE_NONE;
	if (state == ESCAPE_CSI && line_take_size(editor, byte))
		return LINE_SIZE;
	if (state == ESCAPE_FIRST)
		line_handle_alt(editor, byte);
	else
		line_handle_escape(editor, byte);
	return LINE_NONE;
}

enum line_event line_control_feed(struct line_editor *editor, char byte)
{
	switch ((enum control)byte) {
	case CTRL_C:
		line_draw_text(editor, "^C\r\n");
		editor->shown = false;
		line_clear(editor);
		return LINE_BREAK;
	case TAB:
		return LINE_COMPLETE;
	case CTRL_A:
		line_move_to(editor, 0);
		break;
	case CTRL_B:
		line_move_left(editor, false);
		break;
	case CTRL_D:
		line_delete_right(editor);
		break;
	case CTRL_E:
		line_move_to(editor, editor->length);
		break;
	case CTRL_F:
		line_move_right(editor, false);
		break;
	case BACKSPACE:
	case DELETE:
		line_erase(editor, editor->cursor - (editor->cursor > 0), editor->cursor, false);
		break;
	case CTRL_K:
		line_erase(editor, editor->cursor, editor->length, true);
		break;
	case CTRL_L:
		line_redraw(editor);
		break;
	case CTRL_N:
		line_history_down(editor);
		break;
	case CTRL_P:
		line_history_up(editor);
		break;
	case CTRL_R:
		line_search_begin(editor);
		break;
	case CTRL_U:
		line_erase(editor, 0, editor->cursor, true);
		break;
	case CTRL_W:
		line_erase(editor, line_word_left(editor), editor->cursor, true);
		break;
	case CTRL_Y:
		line_editor_insert(editor, editor->killed, editor->killed_length);
		break;
	case ESCAPE:
		editor->escape_state = ESCAPE_FIRST;
		editor->meta = false;
		break;
	case CTRL_G:
	case CTRL_BRACKET: /* Ctrl-] leaves a guest's console; in the line editor it does nothing */
		break;
	default:
		line_take_bad(editor, byte);
		break;
	}
	return LINE_NONE;
}
