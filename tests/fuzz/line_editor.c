/* SPDX-License-Identifier: MIT */
/* Typed bytes between other output: the editor's state stays valid, and the terminal's too. */
/* Counted elsewhere: vmm/manager/text/text.c */
#include "tests/fuzz/fuzz.h"

#include "lib/string.c"
#include "vmm/manager/console/line_editor.c"
#include "vmm/manager/console/line_history.c"
#include "vmm/manager/console/line_keys.c"
#include "vmm/manager/text/text.c"
#include "vmm/rt/format.c"

static struct line_editor editor;

static void draw(void *context, const char *bytes, size_t count)
{
	(void)context;
	for (size_t i = 0; i < count; i++)
		CHECK_THAT(char_is_printable(bytes[i]) || bytes[i] == '\r' || bytes[i] == '\n' ||
			   bytes[i] == '\b');
}

static void check(void)
{
	CHECK_THAT(editor.length <= LINE_MAX && editor.cursor <= editor.length);
	CHECK_THAT(strlen(editor.text) == editor.length);
	CHECK_THAT(editor.killed_length <= LINE_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz fuzz = {bytes, size};

	memset(&editor, 0, sizeof(editor));
	line_editor_init(&editor, "skerry> ", draw, NULL);
	line_editor_begin(&editor);
	while (fuzz.left > 0) {
		u8 byte = fuzz_u8(&fuzz);
		enum line_event event = LINE_NONE;

		switch (byte) {
		case 0xf0: /* output that comes in between */
			line_editor_hide(&editor);
			break;
		case 0xf1:
			line_editor_show(&editor);
			break;
		case 0xf2: /* completion inserts text */
			line_editor_insert(&editor, "completion ", 11);
			break;
		case 0xf3: /* the same byte many times */
			byte = fuzz_u8(&fuzz);
			for (u32 i = fuzz_u8(&fuzz) * 8u; i > 0 && event == LINE_NONE; i--)
				event = line_editor_feed(&editor, (char)byte);
			break;
		default:
			event = line_editor_feed(&editor, (char)byte);
		}
		check();
		if (event != LINE_NONE && event != LINE_COMPLETE)
			line_editor_begin(&editor);
	}
	return 0;
}
