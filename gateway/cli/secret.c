/* SPDX-License-Identifier: MIT */
/*
 * Reads a secret from a pipe, or from a terminal, where it is not shown. The commands of logins and
 * users call it; it sets the terminal back to its former mode.
 */
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "gateway/cli/cli.h"

bool cli_read_secret(const char *prompt, char *line, size_t size)
{
	struct termios before;
	bool terminal = tcgetattr(0, &before) == 0;
	bool got;

	if (terminal) {
		struct termios quiet = before;

		quiet.c_lflag &= (tcflag_t)~ECHO;
		fprintf(stderr, "%s: ", prompt);
		tcsetattr(0, TCSAFLUSH, &quiet);
	}
	got = fgets(line, (int)size, stdin) != NULL;
	if (terminal) {
		tcsetattr(0, TCSAFLUSH, &before);
		fputc('\n', stderr);
	}
	line[got ? strcspn(line, "\r\n") : 0] = 0;
	return got && line[0];
}

void cli_read_new_password(char *line, size_t size)
{
	char again[256];

	if (!cli_read_secret("New password", line, size))
		cli_die(CLI_USAGE, "no password");
	if (isatty(0) &&
	    (!cli_read_secret("Once more", again, sizeof(again)) || strcmp(line, again) != 0))
		cli_die(CLI_USAGE, "the two passwords differ: nothing is changed");
	explicit_bzero(again, sizeof(again));
}
