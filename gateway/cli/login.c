/* SPDX-License-Identifier: MIT */
/* skerryctl login, logout: gets a token, which is kept in a file for this host, and removes it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/string.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/escape.h"
#include "gateway/cli/output.h"
#include "gateway/cli/table.h"
#include "gateway/cli/trust.h"

/*
 * Keeps a token in the file `path`. The new file is written beside the old one and put in its
 * place, so that the old file stays if this fails.
 */
static bool login_keep(const char *path, const char *token)
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

/* Keeps the token http.token in the file `path`; `me` names the token's holder. */
static enum cli_exit login_kept(struct cli *cli, const char *path, const json_t *me)
{
	const json_t *session = json_object_get(me, "session_s");

	if (!login_keep(path, cli->http.token))
		cli_die(CLI_FAILED, "%s: %s", path, strerror(errno));
	fputs("logged in as ", stdout);
	escape_print(stdout, table_text(me, "name"));
	if (session != NULL)
		printf(" for %s", output_duration(json_number_value(session)));
	printf(", kept in %s\n", path);
	return CLI_OK;
}

/* Gets a token from the server for the password, which is kept nowhere. */
static enum cli_exit login_with_password(struct cli *cli, const char *path)
{
	struct http_answer answer;
	char password[256];
	enum cli_exit code;
	json_t *body;

	if (!cli_read_secret("Password", password, sizeof(password)))
		cli_die(CLI_USAGE, "login: no password");
	body = json_pack("{s:s, s:s, s:b}", "user", cli->user, "password", password, "cookie", 0);
	explicit_bzero(password, sizeof(password));
	if (body == NULL)
		cli_die(CLI_USAGE, "login: name and password are UTF-8");
	cli->http.token[0] = 0;
	code = cli_ask(cli, "POST", "/v1/login", body, NULL, &answer);
	json_decref(body);
	if (code != CLI_OK)
		return code;
	string_copy(cli->http.token, sizeof(cli->http.token), table_text(answer.json, "token"));
	code = login_kept(cli, path, answer.json);
	json_decref(answer.json);
	return code;
}

static enum cli_exit login_with_token(struct cli *cli, const char *path)
{
	struct http_answer answer;
	enum cli_exit code;

	if (!cli_read_secret("Token", cli->http.token, sizeof(cli->http.token)))
		cli_die(CLI_USAGE, "login: no token");
	if (strspn(cli->http.token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				    "_-+/=.~") != strlen(cli->http.token))
		cli_die(CLI_USAGE, "login: the token has a character that no token has");
	code = cli_ask(cli, "GET", "/v1/me", NULL, NULL, &answer);
	if (code != CLI_OK)
		return code;
	code = login_kept(cli, path, answer.json);
	json_decref(answer.json);
	return code;
}

/*
 * Writes the path of the file that keeps the token for this server; ends the program when there is
 * no place for such a file.
 */
static void login_token_path(struct cli *cli, const char *command, char *path, size_t size)
{
	if (!cli_token_path(cli, path, size))
		cli_die(CLI_USAGE, "%s: needs --host or SKERRY_HOST, and a home folder", command);
	cli_connect(cli);
}

enum cli_exit command_login(struct cli *cli, int count, char **words)
{
	char path[1024];

	if (count != 0)
		cli_die(CLI_USAGE,
			"login: never put a token or a password on the command line: remove \"%s\"",
			words[0]);
	login_token_path(cli, "login", path, sizeof(path));
	return cli->user != NULL ? login_with_password(cli, path) : login_with_token(cli, path);
}

/* Logs out. The kept token is removed in any case, as the server may not know it any more. */
enum cli_exit command_logout(struct cli *cli, int count, char **words)
{
	struct http_answer answer;
	enum cli_exit code;
	char path[1024];

	if (count != 0)
		cli_die(CLI_USAGE, "logout takes options and no words: remove \"%s\"", words[0]);
	login_token_path(cli, "logout", path, sizeof(path));
	code = cli_ask(cli, "POST", "/v1/logout", NULL, NULL, &answer);
	if (code == CLI_OK)
		json_decref(answer.json);
	if (unlink(path) != 0 && errno != ENOENT)
		cli_die(CLI_FAILED, "%s: %s", path, strerror(errno));
	return code;
}
