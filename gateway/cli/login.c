/* SPDX-License-Identifier: MIT */
/* skerryctl login: asks for a token, tries it, keeps it for this host in a file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "gateway/cli/cli.h"
#include "gateway/cli/escape.h"
#include "gateway/cli/table.h"
#include "gateway/cli/trust.h"

/* One line from stdin, unseen where that is a terminal. */
static bool read_secret(char *line, size_t size)
{
	struct termios before;
	bool terminal = tcgetattr(0, &before) == 0;
	bool got;

	if (terminal) {
		struct termios quiet = before;

		quiet.c_lflag &= (tcflag_t)~ECHO;
		fputs("Token: ", stderr);
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

/* Written beside and put in place, so that what was there stays if this fails. */
static bool keep(const char *path, const char *token)
{
	char beside[1100];
	size_t size = strlen(token);
	bool written;
	int file;

	snprintf(beside, sizeof(beside), "%s.new", path);
	if (!trust_make_folders(path))
		return false;
	unlink(beside);
	file = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (file < 0)
		return false;
	written = write(file, token, size) == (ssize_t)size && write(file, "\n", 1) == 1 &&
		  fsync(file) == 0;
	return close(file) == 0 && written && rename(beside, path) == 0;
}

enum cli_exit login_command(struct cli *cli, int count, char **words)
{
	struct http_answer answer;
	enum cli_exit code;
	char path[1024];

	if (count != 0)
		cli_die(CLI_USAGE, "login: found \"%s\"; a token is never on the command line",
			words[0]);
	if (!cli_token_path(cli, path, sizeof(path)))
		cli_die(CLI_USAGE, "login: needs --host or SKERRY_HOST, and a home folder");
	cli_connect(cli);
	if (!read_secret(cli->http.token, sizeof(cli->http.token)))
		cli_die(CLI_USAGE, "login: no token");
	if (strspn(cli->http.token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
		   "_-+/=.~") != strlen(cli->http.token))
		cli_die(CLI_USAGE, "login: the token has a character that no token has");
	code = cli_ask(cli, "GET", "/v1/me", NULL, NULL, &answer);
	if (code != CLI_OK)
		return code;
	if (!keep(path, cli->http.token))
		cli_die(CLI_FAILED, "%s: %s", path, strerror(errno));
	fputs("logged in as ", stdout);
	escape_print(stdout, table_text(answer.json, "name"));
	printf(", kept in %s\n", path);
	json_decref(answer.json);
	return CLI_OK;
}
