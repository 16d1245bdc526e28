/* SPDX-License-Identifier: MIT */
/*
 * Finds earlier lines, one by one or by a part of them. Called by line_editor.c and line_keys.c.
 * Holds no state beyond the given editor.
 */
#include "vmm/manager/console/line_keys.h"
#include "vmm/manager/text/text.h"

void line_history_add(struct line_editor *editor)
{
	char *newest = editor->history[(editor->history_count - 1) % LINE_HISTORY];

	if (editor->length == 0 ||
	    (editor->history_count > 0 && string_equal(newest, editor->text)))
		return;
	memcpy(editor->history[editor->history_count % LINE_HISTORY], editor->text,
	       editor->length + 1);
	editor->history_count++;
}

/* Shows the line `back` lines before the one being written; 0 is that line itself. */
static void line_history_go(struct line_editor *editor, u32 back)
{
	if (back > MIN(editor->history_count, LINE_HISTORY) || back == editor->history_back)
		return;
	if (editor->history_back == 0)
		memcpy(editor->pending, editor->text, editor->length + 1);
	editor->history_back = back;
	line_replace(editor,
		     back == 0 ? editor->pending
			       : editor->history[(editor->history_count - back) % LINE_HISTORY]);
}

void line_history_up(struct line_editor *editor)
{
	line_history_go(editor, editor->history_back + 1);
}

void line_history_down(struct line_editor *editor)
{
	if (editor->history_back > 0)
		line_history_go(editor, editor->history_back - 1);
}

/*
 * Shows the newest line, `back` lines back or older, that contains the query; if there is none, the
 * line stays.
 */
static void line_search_from(struct line_editor *editor, u32 back)
{
	struct text query = {editor->query, editor->query_length};
	u32 kept = MIN(editor->history_count, LINE_HISTORY);

	for (; back <= kept; back++) {
		const char *line = editor->history[(editor->history_count - back) % LINE_HISTORY];

		if (!text_contains(text_of(line), query))
			continue;
		editor->search_failed = false;
		editor->history_back = back;
		line_replace(editor, line);
		return;
	}
	editor->search_failed = true;
	line_redraw(editor);
}

void line_search_begin(struct line_editor *editor)
{
	memcpy(editor->pending, editor->text, editor->length + 1);
	editor->searching = true;
	editor->search_failed = false;
	editor->query_length = 0;
	editor->query[0] = '\0';
	editor->history_back = 0;
	line_redraw(editor);
}

/* Ends the search: the found line stays (`keep`), or the earlier line comes back. */
void line_search_end(struct line_editor *editor, bool keep)
{
	editor->searching = false;
	if (!keep) {
		editor->history_back = 0;
		line_replace(editor, editor->pending);
	} else {
		line_redraw(editor);
	}
}

/*
 * Returns whether the byte belongs to the search; another one ends the search and is an ordinary
 * key.
 */
bool line_search_feed(struct line_editor *editor, char byte)
{
	if (byte == CTRL_R) {
		line_search_from(editor, editor->history_back + 1);
	} else if (byte == CTRL_G || byte == CTRL_C) {
		line_search_end(editor, false);
	} else if (byte == BACKSPACE || byte == DELETE) {
		editor->query_length -= editor->query_length > 0;
		editor->query[editor->query_length] = '\0';
		line_search_from(editor, 1);
	} else if (char_is_printable(byte)) {
		if (editor->query_length < LINE_QUERY_MAX)
			editor->query[editor->query_length++] = byte;
		editor->query[editor->query_length] = '\0';
		line_search_from(editor, MAX(editor->history_back, 1u));
	} else {
		line_search_end(editor, true);
		return false;
	}
	return true;
}
