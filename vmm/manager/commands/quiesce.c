/* SPDX-License-Identifier: MIT */
/*
 * Says whether a guest's file systems were frozen, for the answers of `vm snapshot` and `vm
 * backup`. Reads vm->quiesce.
 */
#include "vmm/manager/commands/quiesce.h"

#include "vmm/rt/format.h"

bool command_quiesce_word(const char *word, bool *quiesce)
{
	if (!string_equal(word, "quiesce=yes") && !string_equal(word, "quiesce=no"))
		return false;
	*quiesce = string_equal(word, "quiesce=yes");
	return true;
}

void command_quiesce_json(struct json *object, const struct vm *vm)
{
	if (!vm->quiesce.wanted)
		return;
	if (vm->quiesce.why != NULL)
		json_string(object, "not_frozen", vm->quiesce.why);
	else
		json_u64(object, "frozen", vm->quiesce.count);
}

const char *command_quiesce_text(const struct vm *vm, char *text, size_t size)
{
	text[0] = '\0';
	if (vm->quiesce.wanted && vm->quiesce.why != NULL)
		format(text, size, ", its file systems not frozen: %s", vm->quiesce.why);
	else if (vm->quiesce.wanted)
		format(text, size, ", %u of its file systems frozen", vm->quiesce.count);
	return text;
}
