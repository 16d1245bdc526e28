/* SPDX-License-Identifier: MIT */
/*
 * The command `state key`: has the console ask for the key of saved VMs, or forgets it. Run by
 * command.c; config/vm_save_key.c keeps the key.
 */
#include "vmm/manager/command/command.h"
#include "vmm/manager/config/vm_save_key.h"

static void command_state_key_run(struct reply *reply, const struct arguments *arguments)
{
	if (!reply_has_terminal(reply))
		return;
	if (arguments->count == 0)
		reply->asks_state_key = true;
	else if (string_equal(arguments->word[0], "forget"))
		vm_save_key_forget();
	else
		reply_bad(reply, "the only word to give is forget");
}

COMMAND(state_key,
	.name = "state key",
	.right = MAY_HOST,
	.arguments = "[forget]",
	.summary = "asks for the key of saved VMs, in place of state_key of [host]",
	.detail = "64 hex digits, without echo, at the console only. It counts for `vm save`\n"
		  "and `vm restore` until `state key forget` or `lock`, or until the host ends.",
	.example = "state key",
	.run = command_state_key_run,
	.maximum = 1,
	.audited = true,
	.changes = true,
	.completion = COMPLETE_WORDS,
	.words = "forget");
