/* SPDX-License-Identifier: MIT */
/* skerryctl token: the tokens of programs, and of people without a password. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/cli/cli.h"
#include "gateway/cli/escape.h"
#include "gateway/cli/items.h"
#include "gateway/cli/output.h"

static void token_row(struct table *table, const json_t *token)
{
	table_add(table, table_text(token, "id"));
	table_add(table, table_text(token, "name"));
	table_add(table, table_text(token, "scope"));
	table_add(table, table_time(token, "expires"));
	table_add(table, table_words(token, "roles"));
}

/*
 * Creates a token. The secret goes to stdout alone, so that it can be put into a file; the
 * explanation goes to stderr.
 */
static enum cli_exit token_create(struct cli *cli, const char *name)
{
	json_t *body = cli_grant(cli);
	struct http_answer answer;
	enum cli_exit code;
	char *end;

	json_object_set_new(body, "name", json_string(name));
	if (cli->expires != NULL) {
		long long seconds = strtoll(cli->expires, &end, 10);

		if (seconds <= 0 || *end != 0)
			cli_die(CLI_USAGE, "--expires must be a number of seconds, not \"%s\"",
				cli->expires);
		json_object_set_new(body, "expires_s", json_integer(seconds));
	}
	cli_connect(cli);
	code = cli_ask(cli, "POST", "/v1/tokens", body, NULL, &answer);
	json_decref(body);
	if (code != CLI_OK)
		return code;
	if (cli->json) {
		output_json(answer.json);
	} else {
		cli_say("token %s, shown this once:", table_text(answer.json, "id"));
		escape_print(stdout, table_text(answer.json, "token"));
		putchar('\n');
	}
	json_decref(answer.json);
	return CLI_OK;
}

enum cli_exit command_token(struct cli *cli, int count, char **words)
{
	struct http_answer answer;
	enum cli_exit code;
	char path[600];

	if (count == 1 && strcmp(words[0], "list") == 0) {
		cli_connect(cli);
		return items_show(cli, "/v1/tokens", "ID NAME SCOPE EXPIRES ROLES", token_row);
	}
	if (count == 2 && strcmp(words[0], "create") == 0) {
		cli_need_role(cli, "token create");
		return token_create(cli, words[1]);
	}
	if (count != 2 || strcmp(words[0], "revoke") != 0)
		cli_die(CLI_USAGE,
			"use: token list, token create NAME --role ROLE..., token revoke ID");
	cli_connect(cli);
	snprintf(path, sizeof(path), "/v1/tokens/%s", http_segment(words[1]));
	code = cli_ask(cli, "DELETE", path, NULL, NULL, &answer);
	if (code == CLI_OK)
		json_decref(answer.json);
	return code;
}
