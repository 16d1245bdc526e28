/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/command/command.h"

/*
 * The word quiesce=yes or quiesce=no of the commands that take snapshots and backups, and what they
 * answer of it.
 */

/*
 * Returns whether the word is one of these, and notes in *quiesce which. Of any other word nothing
 * is said.
 */
bool command_quiesce_word(const char *word, bool *quiesce);
/* Says in an answer of JSON what became of the freeze, if one was wanted. */
void command_quiesce_json(struct json *object, const struct vm *vm);
/* Returns what became of the freeze, to be put behind the answer's first words; "" if none was. */
const char *command_quiesce_text(const struct vm *vm, char *text, size_t size);
