/* SPDX-License-Identifier: MIT */
/*
 * Asks for confirmation before a command that cannot be undone, if stdin is a terminal.
 */
#include <stdio.h>
#include <unistd.h>

#include "gateway/cli/cli.h"
#include "gateway/cli/escape.h"

bool cli_confirm(const struct cli *cli, const char *what, const char *about, const char *so)
{
	char line[16] = "";

	if (cli->yes || !isatty(0))
		return true;
	fprintf(stderr, "%s ", what);
	escape_print(stderr, about);
	fprintf(stderr, "? %s [y/N] ", so);
	fflush(stderr);
	if (fgets(line, sizeof(line), stdin) != NULL && (line[0] == 'y' || line[0] == 'Y'))
		return true;
	cli_say("%s: not done", about);
	return false;
}
