/* SPDX-License-Identifier: MIT */
/* skerryctl user, password: the users who log in with a password. */
#include <stdio.h>
#include <string.h>

#include "gateway/cli/cli.h"
#include "gateway/cli/items.h"
#include "gateway/cli/output.h"

json_t *cli_grant(const struct cli *cli)
{
	json_t *body = json_object();
	json_t *roles = json_array();

	for (int i = 0; i < cli->role_count; i++)
		json_array_append_new(roles, json_string(cli->roles[i]));
	if (cli->role_count > 0)
		json_object_set(body, "roles", roles);
	json_decref(roles);
	if (cli->scope != NULL && json_object_set_new(body, "scope", json_string(cli->scope)) != 0)
		cli_die(CLI_USAGE, "--scope is not UTF-8");
	return body;
}

void cli_need_role(const struct cli *cli, const char *command)
{
	if (cli->role_count == 0)
		cli_die(CLI_USAGE,
			"%s: name its roles with --role: viewer operator admin auditor "
			"console-read console-write guest content",
			command);
}

static void user_row(struct table *table, const json_t *user)
{
	table_add(table, table_text(user, "name"));
	table_add(table, table_text(user, "scope"));
	table_add(table, table_time(user, "last_login"));
	table_add(table, table_words(user, "roles"));
}

/*
 * Asks for a new password, and adds it. Call it after connecting: a user should not type a password
 * for an unknown server.
 */
static void user_add_password(json_t *body, const char *key)
{
	char password[256];

	cli_read_new_password(password, sizeof(password));
	if (json_object_set_new(body, key, json_string(password)) != 0)
		cli_die(CLI_USAGE, "the password is not UTF-8");
	explicit_bzero(password, sizeof(password));
}

/* Sends `body`, which is freed, and prints `done` and `name`. */
static enum cli_exit user_change(struct cli *cli, const char *method, const char *path,
				 json_t *body, const char *name, const char *done)
{
	struct http_answer answer;
	enum cli_exit code = cli_ask(cli, method, path, body, NULL, &answer);

	json_decref(body);
	if (code != CLI_OK)
		return code;
	output_done(cli, &answer, name, done);
	return CLI_OK;
}

static enum cli_exit user_create(struct cli *cli, const char *name)
{
	json_t *body = cli_grant(cli);

	cli_need_role(cli, "user create");
	cli_connect(cli);
	if (json_object_set_new(body, "name", json_string(name)) != 0)
		cli_die(CLI_USAGE, "the name is not UTF-8");
	user_add_password(body, "password");
	return user_change(cli, "POST", "/v1/users", body, name, "created");
}

enum cli_exit command_user(struct cli *cli, int count, char **words)
{
	const char *verb = count == 2 ? words[0] : "";
	char path[600];
	json_t *body;

	if (count == 1 && strcmp(words[0], "list") == 0) {
		cli_connect(cli);
		return items_show(cli, "/v1/users", "NAME SCOPE LAST-LOGIN ROLES", user_row);
	}
	if (strcmp(verb, "create") == 0)
		return user_create(cli, words[1]);
	if (count == 2)
		snprintf(path, sizeof(path), "/v1/users/%s", http_segment(words[1]));
	if (strcmp(verb, "set") == 0 && (cli->role_count > 0 || cli->scope != NULL)) {
		cli_connect(cli);
		return user_change(cli, "PATCH", path, cli_grant(cli), words[1], "set");
	}
	if (strcmp(verb, "password") == 0) {
		cli_connect(cli);
		body = json_object();
		user_add_password(body, "password");
		return user_change(cli, "PATCH", path, body, words[1], "has a new password");
	}
	if (strcmp(verb, "remove") == 0) {
		cli_connect(cli);
		return user_change(cli, "DELETE", path, NULL, words[1], "removed");
	}
	cli_die(CLI_USAGE,
		"use: user list, user create NAME --role ROLE... [--scope GLOB], user set NAME "
		"[--role ROLE...] [--scope GLOB], user password NAME, user remove NAME");
}

enum cli_exit command_password(struct cli *cli, int count, char **words)
{
	char old[256];
	json_t *body;

	if (count != 0)
		cli_die(CLI_USAGE,
			"password: never put a password on the command line: remove \"%s\"; change "
			"another user's with `user password NAME`",
			words[0]);
	cli_connect(cli);
	if (!cli_read_secret("Old password", old, sizeof(old)))
		cli_die(CLI_USAGE, "no password");
	body = json_pack("{s:s}", "old", old);
	explicit_bzero(old, sizeof(old));
	if (body == NULL)
		cli_die(CLI_USAGE, "the password is not UTF-8");
	user_add_password(body, "new");
	return user_change(cli, "POST", "/v1/me/password", body, "password",
			   "changed; log in again");
}
