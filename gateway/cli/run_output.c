/* SPDX-License-Identifier: MIT */
/*
 * skerryctl run --output, cp: files that a run leaves, which skerryd keeps for a while. What they
 * hold is the run's; where they are written is the caller's alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <gnutls/gnutls.h>

#include "gateway/cli/run_output.h"
#include "gateway/cli/table.h"

enum { OUTPUT_PATH = 256 };

/*
 * Takes "PATH=LOCAL" apart at the first "=". Returns LOCAL, or NULL if there is none.
 */
static const char *run_output_split(const char *option, char path[OUTPUT_PATH])
{
	const char *equals = strchr(option, '=');
	size_t count = equals ? (size_t)(equals - option) : strlen(option);

	if (*option != '/' || count >= OUTPUT_PATH || (equals && !equals[1]))
		cli_die(CLI_USAGE, "--output is PATH=LOCAL with an absolute path, not \"%s\"",
			option);
	snprintf(path, OUTPUT_PATH, "%.*s", (int)count, option);
	return equals ? equals + 1 : NULL;
}

void run_output_add(json_t *body, const struct cli *cli)
{
	json_t *limits = json_object_get(body, "limits"), *paths = json_array();
	char path[OUTPUT_PATH];

	for (int i = 0; i < cli->output_count; i++) {
		bool local = run_output_split(cli->outputs[i], path) != NULL;

		if (local == (cli->detach || cli->json))
			cli_die(CLI_USAGE, "give --output PATH=LOCAL, and with --detach or --json "
					   "the path alone");
		if (json_array_append_new(paths, json_string(path)) != 0)
			cli_die(CLI_USAGE, "the path of --output is not UTF-8");
	}
	if (cli->output_count == 0) {
		json_decref(paths);
		return;
	}
	json_object_set_new(body, "outputs", paths);
	json_object_set_new(limits, "output_bytes", json_integer(1 << 20));
}

static bool run_output_write(const char *local, const unsigned char *bytes, size_t count)
{
	int file = open(local, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	bool done = file >= 0;

	while (done && count > 0) {
		ssize_t wrote = write(file, bytes, count);

		done = wrote > 0;
		bytes += done ? wrote : 0;
		count -= done ? (size_t)wrote : 0;
	}
	if (file >= 0 && close(file) != 0)
		done = false;
	if (!done)
		cli_say("%s: %s", local, strerror(errno));
	return done;
}

/* Writes one of the files of a run's JSON. */
static bool run_output_take(const json_t *run, const char *path, const char *local)
{
	const json_t *file = json_object_get(json_object_get(run, "outputs"), path);
	const json_t *text = json_object_get(file, "data_base64");
	gnutls_datum_t from, to = {0};
	bool done;

	if (!json_is_string(text)) {
		cli_say("%s: %s", path,
			file ? table_text(file, "problem")
			     : "the run was not asked for this file by --output");
		return false;
	}
	from = (gnutls_datum_t){(unsigned char *)json_string_value(text),
				(unsigned)json_string_length(text)};
	if (from.size > 0 && gnutls_base64_decode2(&from, &to) < 0) {
		cli_say("%s: the answer is no base64", path);
		return false;
	}
	done = run_output_write(local, to.data, to.size);
	gnutls_free(to.data);
	return done;
}

static enum cli_exit run_output_ask(struct cli *cli, const char *number, struct http_answer *answer)
{
	char path[600];

	snprintf(path, sizeof(path), "/v1/runs/%s", http_segment(number));
	return cli_ask(cli, "GET", path, NULL, NULL, answer);
}

bool run_output_fetch(struct cli *cli, const char *number)
{
	struct http_answer answer;
	bool done = true;

	/* The connection is still the stream of the output. */
	net_close(&cli->http.net);
	cli_connect(cli);
	if (run_output_ask(cli, number, &answer) != CLI_OK)
		return false;
	for (int i = 0; i < cli->output_count; i++) {
		char path[OUTPUT_PATH];
		const char *local = run_output_split(cli->outputs[i], path);

		done &= run_output_take(answer.json, path, local);
	}
	json_decref(answer.json);
	return done;
}

enum cli_exit command_cp(struct cli *cli, int count, char **words)
{
	struct http_answer answer;
	char *colon = count == 2 ? strchr(words[0], ':') : NULL;
	enum cli_exit code;

	if (!colon || colon[1] != '/')
		cli_die(CLI_USAGE, "use: cp ID:PATH FILE");
	*colon = 0;
	cli_connect(cli);
	code = run_output_ask(cli, words[0], &answer);
	if (code != CLI_OK)
		return code;
	if (!run_output_take(answer.json, colon + 1, words[1]))
		code = CLI_FAILED;
	json_decref(answer.json);
	return code;
}
