/* SPDX-License-Identifier: MIT */
/*
 * Sends requests for changes, which the server answers at once, or with an operation for whose end
 * skerryctl waits.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gateway/cli/cli.h"
#include "gateway/cli/output.h"
#include "gateway/cli/table.h"

/* Waits until the operation ends; meanwhile the terminal's last line shows `verb` and the time. */
static enum cli_exit operation_await(struct cli *cli, const char *about, const char *verb,
				     struct http_answer *answer)
{
	time_t began = time(NULL);
	bool shown = isatty(2) && !cli->json;
	enum cli_exit code = CLI_OK;
	char path[300];

	if (strncmp(answer->location, "/v1/operations/", 15) != 0) {
		cli_say("%s: the server does not say where its operation is", about);
		return CLI_FAILED;
	}
	snprintf(path, sizeof(path), "%s?wait=1", answer->location);
	while (code == CLI_OK && strcmp(table_text(answer->json, "state"), "running") == 0) {
		json_decref(answer->json);
		answer->json = NULL;
		if (shown)
			fprintf(stderr, "\r%s, %ld s \033[K", verb, (long)(time(NULL) - began));
		code = cli_ask(cli, "GET", path, NULL, NULL, answer);
	}
	if (shown)
		fputs("\r\033[K", stderr);
	if (code == CLI_OK && strcmp(table_text(answer->json, "state"), "done") != 0)
		code = output_problem(json_object_get(answer->json, "problem"), about);
	return code;
}

enum cli_exit cli_change(struct cli *cli, const char *method, const char *path, const char *headers,
			 const json_t *body, const char *about, const char *verb,
			 struct http_answer *answer)
{
	enum cli_exit code = CLI_OK;
	char all[300];

	snprintf(all, sizeof(all), "Prefer: wait=1\r\n%s", headers != NULL ? headers : "");
	if (!http_exchange(&cli->http, method, path, all, body, answer))
		cli_die(CLI_NOT_REACHED, "%s", cli->http.net.error);
	if (answer->status < 200 || answer->status > 299)
		code = cli_problem(answer, about);
	else if (answer->status == 202)
		code = operation_await(cli, about, verb, answer);
	if (code != CLI_OK) {
		json_decref(answer->json);
		answer->json = NULL;
	}
	return code;
}
