/* SPDX-License-Identifier: MIT */
/*
 * The command `password`: has the console ask for a new password and prints its configuration line.
 * Run by command.c; the console does the asking (console/console_secret.c).
 */
#include "vmm/manager/command/command.h"
#include "vmm/manager/text/parse_number.h"

static void command_password_run(struct reply *reply, const struct arguments *arguments)
{
	u64 iterations = PASSWORD_ITERATIONS;
	char shown[40];

	if (!reply_has_terminal(reply))
		return;
	if (arguments->count > 0 &&
	    (!parse_u64(text_of(arguments->word[0]), &iterations) ||
	     iterations < PASSWORD_ITERATIONS_MIN || iterations > PASSWORD_ITERATIONS_MAX)) {
		reply_bad(reply, "\"%s\" is not valid; use %u to %u iterations",
			  text_show(shown, sizeof(shown), text_of(arguments->word[0])),
			  PASSWORD_ITERATIONS_MIN, PASSWORD_ITERATIONS_MAX);
		return;
	}
	reply->secret_iterations = (u32)iterations;
}

COMMAND(password,
	.name = "password",
	.right = MAY_HOST,
	.arguments = "[ITERATIONS]",
	.summary = "makes a configuration line for a new password",
	.detail = "Asks for it twice, without echo. It is in force when a host\n"
		  "starts with that line in [host]. More iterations make guessing and logging in\n"
		  "slower: 1000 to 1000000, else 100000.",
	.example = "password",
	.run = command_password_run,
	.maximum = 1,
	.audited = true,
	.changes = true);
