/* SPDX-License-Identifier: MIT */
/* skerryctl vm save, restore, balloon, inspect, digest: a VM's state and memory. */
#include "gateway/cli/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/cli/cli.h"
#include "gateway/cli/escape.h"
#include "gateway/cli/output.h"
#include "gateway/cli/table.h"

static enum cli_exit state_move(struct cli *cli, const char *verb, char **words, const char *done)
{
	json_t *body = json_object();
	struct http_answer answer;
	enum cli_exit code;
	char path[600];

	if (json_object_set_new(body, "disk", json_string(words[1])) != 0)
		cli_die(CLI_USAGE, "the disk's name is not UTF-8");
	if (cli->overwrite)
		json_object_set_new(body, "overwrite", json_true());
	if (cli->goes_on)
		json_object_set_new(body, "continue", json_true());
	cli_connect(cli);
	snprintf(path, sizeof(path), "/v1/vms/%s/actions/%s", http_segment(words[0]), verb);
	code = cli_change(cli, "POST", path, NULL, body, words[0], verb, &answer);
	json_decref(body);
	if (code != CLI_OK)
		return code;
	if (cli->json) {
		output_json(answer.json);
	} else {
		escape_print(stdout, words[0]);
		printf(": %s ", done);
		escape_print(stdout, words[1]);
		putchar('\n');
	}
	json_decref(answer.json);
	return CLI_OK;
}

enum cli_exit command_vm_save(struct cli *cli, int count, char **words)
{
	if (count != 2)
		cli_die(CLI_USAGE, "use: vm save NAME DISK [--overwrite] [--continue]; `disk list` "
				   "shows disks");
	return state_move(cli, "save", words, "saved on");
}

enum cli_exit command_vm_restore(struct cli *cli, int count, char **words)
{
	if (count != 2)
		cli_die(CLI_USAGE, "use: vm restore NAME DISK");
	return state_move(cli, "restore", words, "restored from");
}

json_int_t state_size_of(const char *word)
{
	static const char units[] = "KMGT";
	char *end;
	unsigned long long number = strtoull(word, &end, 10);
	const char *unit = *end ? strchr(units, *end) : NULL;
	int shift = unit != NULL ? 10 * (int)(unit - units + 1) : 0;

	if (end == word || word[0] == '-' || (*end && (unit == NULL || end[1])) ||
	    number > 1ull << (50 - shift))
		cli_die(CLI_USAGE, "\"%s\" is no size: write one such as 64M or 1G", word);
	return (json_int_t)(number << shift);
}

static void state_print_balloon(const char *name, const json_t *balloon)
{
	const char *key;
	json_t *value;

	escape_print(stdout, name);
	if (json_is_null(json_object_get(balloon, "wanted_bytes"))) {
		printf(": has no balloon, or is not running\n");
		return;
	}
	printf(": %s of %s wanted", table_bytes(json_object_get(balloon, "wanted_bytes")),
	       table_bytes(json_object_get(balloon, "memory_bytes")));
	printf(", %s at present%s\n", table_bytes(json_object_get(balloon, "present_bytes")),
	       json_is_false(json_object_get(balloon, "driver"))
		       ? "; its guest has no driver for a balloon yet"
		       : "");
	json_object_foreach(json_object_get(balloon, "guest"), key, value)
	{
		fputs("  ", stdout);
		escape_print(stdout, key);
		putchar(' ');
		escape_print(stdout, json_is_string(value) ? json_string_value(value) : "?");
		putchar('\n');
	}
}

enum cli_exit command_vm_balloon(struct cli *cli, int count, char **words)
{
	struct http_answer answer;
	json_t *body = NULL;
	enum cli_exit code;
	char path[600];

	if (count != 1 && count != 2)
		cli_die(CLI_USAGE, "use: vm balloon NAME [SIZE]");
	if (count == 2)
		body = json_pack("{s:I}", "bytes", state_size_of(words[1]));
	cli_connect(cli);
	snprintf(path, sizeof(path), "/v1/vms/%s/%sballoon", http_segment(words[0]),
		 body != NULL ? "actions/" : "");
	code = cli_ask(cli, body != NULL ? "POST" : "GET", path, body, NULL, &answer);
	json_decref(body);
	if (code != CLI_OK)
		return code;
	if (cli->json)
		output_json(answer.json);
	else
		state_print_balloon(words[0], answer.json);
	json_decref(answer.json);
	return CLI_OK;
}

enum cli_exit command_vm_inspect(struct cli *cli, int count, char **words)
{
	struct http_answer answer;
	enum cli_exit code;
	char path[1200];
	json_t *field;
	size_t i;

	if (count != 1 && count != 2)
		cli_die(CLI_USAGE, "use: vm inspect NAME [PATH]");
	cli_connect(cli);
	snprintf(path, sizeof(path), "/v1/vms/%s/inspect", http_segment(words[0]));
	if (count == 2) {
		strcat(path, "?path=");
		strncat(path, http_segment(words[1]), sizeof(path) - strlen(path) - 1);
	}
	code = cli_ask(cli, "GET", path, NULL, NULL, &answer);
	if (code != CLI_OK)
		return code;
	if (cli->json)
		output_json(json_object_get(answer.json, "items"));
	json_array_foreach(cli->json ? NULL : json_object_get(answer.json, "items"), i, field)
	{
		const char *hex = json_string_value(json_object_get(field, "hex"));

		escape_print(stdout, table_text(field, "path"));
		putchar(' ');
		escape_print(stdout, hex != NULL ? hex : table_text(field, "value"));
		putchar('\n');
	}
	json_decref(answer.json);
	return CLI_OK;
}

static void state_print_digest(const char *name, const char *of, const char *digest)
{
	escape_print(stdout, name);
	printf(": %-5s ", of);
	escape_print(stdout, digest);
	putchar('\n');
}

enum cli_exit command_vm_digest(struct cli *cli, int count, char **words)
{
	struct http_answer answer;
	const json_t *digest;
	enum cli_exit code;
	char path[600];

	if (count != 1)
		cli_die(CLI_USAGE, "use: vm digest NAME");
	cli_connect(cli);
	snprintf(path, sizeof(path), "/v1/vms/%s/actions/digest", http_segment(words[0]));
	code = cli_change(cli, "POST", path, NULL, NULL, words[0], "digest", &answer);
	if (code != CLI_OK)
		return code;
	/* if the digest took longer, it is in the result of an operation */
	digest = json_object_get(answer.json, "result");
	if (digest == NULL)
		digest = answer.json;
	if (cli->json) {
		output_json(digest);
	} else {
		state_print_digest(words[0], "RAM", table_text(digest, "ram"));
		state_print_digest(words[0], "state", table_text(digest, "state"));
	}
	json_decref(answer.json);
	return CLI_OK;
}
