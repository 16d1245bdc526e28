/* SPDX-License-Identifier: MIT */
/*
 * skerryctl run --output, cp: files that a run leaves, which skerryd keeps for a while, and files
 * that go into a run. The run determines the contents of the former, the caller where they are
 * written.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <gnutls/gnutls.h>

#include "gateway/cli/file.h"
#include "gateway/cli/run_output.h"
#include "gateway/cli/table.h"

enum {
	OUTPUT_PATH = 256,
	OUTPUT_FILE = 1 << 20, /* the most bytes of a file */
	OUTPUT_PIECE = 8192,   /* bytes of a file in a request */
	OUTPUT_AGAIN = 40,     /* the most attempts to send a piece that finds no room */
};

/* Divides "PATH=LOCAL" at the first "=". Returns LOCAL, or NULL if there is none. */
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

	/* The connection still carries the stream of output. */
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

/* Sends one piece of a file to offset `at` of `path` in the run. */
static enum cli_exit run_output_send(struct cli *cli, const char *number, const char *path,
				     size_t at, gnutls_datum_t piece)
{
	const struct timespec wait = {.tv_nsec = 250000000};
	struct http_answer answer = {0};
	gnutls_datum_t text = {0};
	enum cli_exit code = CLI_OK;
	char target[64];
	json_t *body;

	if (piece.size > 0 && gnutls_base64_encode2(&piece, &text) < 0)
		cli_die(CLI_FAILED, "there is no memory left");
	body = json_pack("{s:s, s:I, s:s%}", "path", path, "at", (json_int_t)at, "data_base64",
			 text.size ? (char *)text.data : "", (size_t)text.size);
	gnutls_free(text.data);
	if (body == NULL)
		cli_die(CLI_USAGE, "the path is not UTF-8");
	snprintf(target, sizeof(target), "/v1/runs/%s/files", number);
	for (int i = 0; i < OUTPUT_AGAIN; i++) {
		if (i > 0) {
			json_decref(answer.json);
			nanosleep(&wait, NULL);
		}
		if (!http_exchange(&cli->http, "POST", target, NULL, body, &answer))
			cli_die(CLI_NOT_REACHED, "%s", cli->http.net.error);
		if (answer.status != 429)
			break;
	}
	if (answer.status / 100 != 2)
		code = cli_problem(&answer, NULL);
	json_decref(answer.json);
	json_decref(body);
	return code;
}

/* Copies a file of this host into a run while its command runs. */
static enum cli_exit run_output_put(struct cli *cli, const char *local, const char *number,
				    const char *path)
{
	static unsigned char bytes[OUTPUT_FILE + 1];
	int file = open(local, O_RDONLY | O_CLOEXEC);
	ssize_t count = file_read(file, bytes, sizeof(bytes));
	enum cli_exit code = CLI_OK;
	size_t at = 0;

	if (count < 0)
		cli_die(CLI_USAGE, "%s: %s", local, strerror(errno));
	close(file);
	if (count > OUTPUT_FILE)
		cli_die(CLI_USAGE, "%s has more than %d bytes, the most that a run takes as a file",
			local, OUTPUT_FILE);
	cli_connect(cli);
	do {
		size_t left = (size_t)count - at;
		size_t piece = left < OUTPUT_PIECE ? left : OUTPUT_PIECE;

		code = run_output_send(cli, number, path, at,
				       (gnutls_datum_t){bytes + at, (unsigned)piece});
		at += piece;
	} while (code == CLI_OK && at < (size_t)count);
	return code;
}

/*
 * Divides ID:/PATH. Returns /PATH, and ends the word behind ID; returns NULL if the word has
 * another form.
 */
static char *run_output_place(char *word)
{
	char *colon = word + strspn(word, "0123456789");

	if (colon == word || colon - word > 20 || colon[0] != ':' || colon[1] != '/')
		return NULL;
	*colon = 0;
	return colon + 1;
}

enum cli_exit command_cp(struct cli *cli, int count, char **words)
{
	char *from = count == 2 ? run_output_place(words[0]) : NULL;
	char *into = count == 2 && !from ? run_output_place(words[1]) : NULL;
	struct http_answer answer;
	enum cli_exit code;

	if (into)
		return run_output_put(cli, words[0], words[1], into);
	if (!from)
		cli_die(CLI_USAGE, "use: cp ID:/PATH FILE, or cp FILE ID:/PATH");
	cli_connect(cli);
	code = run_output_ask(cli, words[0], &answer);
	if (code != CLI_OK)
		return code;
	if (!run_output_take(answer.json, from, words[1]))
		code = CLI_FAILED;
	json_decref(answer.json);
	return code;
}
