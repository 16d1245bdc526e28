/* SPDX-License-Identifier: MIT */
/*
 * Shows the answer to a GET: a list as a table, a single object as its command prints it, or either
 * as JSON with --json.
 */
#include "gateway/cli/items.h"
#include "gateway/cli/output.h"

enum cli_exit items_show(struct cli *cli, const char *path, const char *titles, items_row *row)
{
	struct http_answer answer;
	struct table table;
	enum cli_exit code = cli_ask(cli, "GET", path, NULL, NULL, &answer);
	json_t *item;
	size_t i;

	if (code != CLI_OK)
		return code;
	if (cli->json) {
		output_json(json_object_get(answer.json, "items"));
	} else {
		table_begin(&table, titles);
		json_array_foreach(json_object_get(answer.json, "items"), i, item)
			row(&table, item);
		table_end(&table);
	}
	json_decref(answer.json);
	return CLI_OK;
}

enum cli_exit item_show(struct cli *cli, const char *path, item_print *print)
{
	struct http_answer answer;
	enum cli_exit code = cli_ask(cli, "GET", path, NULL, NULL, &answer);

	if (code != CLI_OK)
		return code;
	if (cli->json)
		output_json(answer.json);
	else
		print(answer.json);
	json_decref(answer.json);
	return CLI_OK;
}
