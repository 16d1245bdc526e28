/* SPDX-License-Identifier: MIT */
/*
 * Completes the word at the cursor, or lists the choices. Called by console.c for the Tab key;
 * command_complete finds the words. Holds no state between calls.
 */
#include "vmm/manager/console/console_complete.h"
#include "vmm/manager/command/command.h"
#include "vmm/manager/console/console.h"
#include "vmm/manager/log/notice.h"
#include "vmm/rt/format.h"

#define MORE_TEXT_MAX 24u

struct candidates {
	u32 count;
	u32 listed;
	char common[CONFIG_FILE_BYTES + CONFIG_NAME_BYTES];
	char list[1024];
	size_t list_length;
};

static void console_complete_take(void *context, const char *word)
{
	struct candidates *candidates = context;
	size_t length = strlen(word) + 2;
	size_t same = 0;

	if (candidates->count++ == 0)
		string_copy(candidates->common, sizeof(candidates->common), word);
	while (candidates->common[same] != '\0' && candidates->common[same] == word[same])
		same++;
	candidates->common[same] = '\0';
	if (candidates->list_length + length + MORE_TEXT_MAX > sizeof(candidates->list))
		return;
	candidates->list_length +=
		format(candidates->list + candidates->list_length,
		       sizeof(candidates->list) - candidates->list_length, "%s  ", word);
	candidates->listed++;
}

void console_complete(struct line_editor *editor)
{
	struct candidates candidates = {.count = 0};
	size_t typed =
		command_complete(editor->text, editor->cursor, console_complete_take, &candidates);
	size_t common = strlen(candidates.common);

	if (candidates.count == 0)
		return;
	if (common > typed)
		line_editor_insert(editor, candidates.common + typed, (u32)(common - typed));
	if (candidates.count == 1 && (common == 0 || candidates.common[common - 1] != '='))
		line_editor_insert(editor, " ", 1);
	else if (candidates.count > 1 && common == typed)
		notice(candidates.listed < candidates.count ? "%s... %u in all\n" : "%s\n",
		       candidates.list, candidates.count);
}
