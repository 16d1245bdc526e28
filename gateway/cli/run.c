/* SPDX-License-Identifier: MIT */
/*
 * skerryctl run, ps, logs, stop: commands that run in VMs of their own. Input, output and exit code
 * are those of the command, as if it ran here.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gnutls/gnutls.h>

#include "gateway/base/string.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/escape.h"
#include "gateway/cli/file.h"
#include "gateway/cli/items.h"
#include "gateway/cli/output.h"
#include "gateway/cli/run_follow.h"
#include "gateway/cli/run_output.h"
#include "gateway/cli/terminal.h"

enum {
	RUN_INPUT_BYTES = 11000, /* the most bytes of input; a request has 16 KiB at most */
	/*
	 * Exit codes of skerryctl where the command has none, with the values that other tools use.
	 */
	RUN_TIME = 124,
	RUN_NOT = 125,
	RUN_SIGNAL = 128,
	RUN_STOPPED = 130,     /* the run was stopped by Ctrl-C */
	RUN_TERMINAL_S = 3600, /* the time limit in seconds with a terminal but without --timeout */
};

/*
 * Returns all of a file's bytes in base 64. Ends the program if they cannot be read, or are too
 * many for a request; `what` names the file in that message.
 */
static json_t *run_read(int file, const char *what)
{
	static unsigned char bytes[RUN_INPUT_BYTES + 1];
	gnutls_datum_t from = {bytes, 0}, to;
	ssize_t count = file_read(file, bytes, sizeof(bytes));
	json_t *text;

	/* a closed stdin counts as empty */
	if (count < 0 && errno != EBADF)
		cli_die(CLI_USAGE, "%s: %s", what, strerror(errno));
	if (count > RUN_INPUT_BYTES)
		cli_die(CLI_USAGE, "%s has more than %d bytes, which do not fit into a request",
			what, RUN_INPUT_BYTES);
	from.size = count > 0 ? (unsigned)count : 0;
	if (from.size == 0 || gnutls_base64_encode2(&from, &to) < 0)
		return json_string("");
	text = json_stringn((char *)to.data, to.size);
	gnutls_free(to.data);
	return text;
}

/* Adds all of stdin to the request as the command's input, unless stdin is a terminal. */
static void run_add_input(json_t *body)
{
	if (!isatty(0))
		json_object_set_new(body, "stdin_base64", run_read(0, "the input"));
}

/* Adds to the request the files of --file FILE:PATH: FILE on this host, PATH in the VM. */
static void run_add_files(json_t *body, const struct cli *cli)
{
	json_t *all = json_object();

	for (int i = 0; i < cli->file_count; i++) {
		const char *colon = strrchr(cli->files[i], ':');
		char name[4096];
		int file;

		if (colon == NULL || colon[1] != '/' || colon - cli->files[i] >= (long)sizeof(name))
			cli_die(CLI_USAGE, "--file is FILE:PATH with an absolute path, not \"%s\"",
				cli->files[i]);
		snprintf(name, sizeof(name), "%.*s", (int)(colon - cli->files[i]), cli->files[i]);
		file = open(name, O_RDONLY | O_CLOEXEC);
		if (file < 0)
			cli_die(CLI_USAGE, "%s cannot be read", name);
		json_object_set_new(all, colon + 1, run_read(file, name));
		close(file);
	}
	json_object_set_new(body, "files_base64", all);
}

/*
 * Adds to the request the variables of --env NAME=TEXT, or --env NAME with its value in this
 * environment.
 */
static void run_add_environment(json_t *body, const struct cli *cli)
{
	json_t *all = json_object();

	for (int i = 0; i < cli->environment_count; i++) {
		const char *word = cli->environment[i], *equals = strchr(word, '=');
		const char *value = equals ? equals + 1 : getenv(word);
		char name[120];

		if (snprintf(name, sizeof(name), "%.*s",
			     (int)(equals ? equals - word : (long)strlen(word)),
			     word) >= (int)sizeof(name) ||
		    !*name || (value && json_object_set_new(all, name, json_string(value)) != 0))
			cli_die(CLI_USAGE, "\"%s\" is no variable: write NAME=TEXT, in UTF-8",
				word);
	}
	json_object_set_new(body, "env", all);
}

/* Adds --cpus, and --memory, a number with K, M, G or nothing behind it. */
static void run_add_machine(json_t *limits, const struct cli *cli)
{
	double cpus = cli->cpus ? strtod(cli->cpus, NULL) : 0;
	const char *units = "KMG", *unit;
	unsigned long long bytes;
	char *end;

	if (cli->cpus && cpus <= 0)
		cli_die(CLI_USAGE, "--cpus is a number, such as 0.5");
	if (cli->cpus)
		json_object_set_new(limits, "cpus", json_real(cpus));
	if (!cli->memory)
		return;
	bytes = strtoull(cli->memory, &end, 10);
	unit = *end ? strchr(units, *end) : NULL;
	if (bytes == 0 || bytes > 1 << 20 || !unit || end[1])
		cli_die(CLI_USAGE, "--memory is a size, such as 256M");
	json_object_set_new(limits, "memory_bytes",
			    json_integer((json_int_t)(bytes << 10 * (unit - units + 1))));
}

/*
 * Asks for a terminal of this terminal's size and type (unless --env sets another type), and for
 * the most output that a run may have, as a terminal is rewritten again and again.
 */
static void run_add_terminal(json_t *body, json_t *limits)
{
	json_t *environment = json_object_get(body, "env");
	const char *kind = getenv("TERM");
	unsigned rows, columns;

	terminal_size(&rows, &columns);
	json_object_set_new(body, "terminal",
			    json_pack("{s:i, s:i}", "rows", (int)rows, "columns", (int)columns));
	json_object_set_new(limits, "output_bytes", json_integer(1 << 20));
	if (json_object_get(environment, "TERM") == NULL)
		json_object_set_new(environment, "TERM",
				    json_string(kind != NULL && *kind ? kind : "xterm"));
}

/* Adds the ports of --publish. */
static void run_add_ports(json_t *body, const struct cli *cli)
{
	json_t *all = cli->port_count ? json_array() : NULL;

	for (int i = 0; i < cli->port_count; i++)
		json_array_append_new(all, json_string(cli->ports[i]));
	if (all)
		json_object_set_new(body, "publish", all);
}

static json_t *run_body(const struct cli *cli, int count, char **words)
{
	json_t *body = json_object(), *command = json_array(), *limits = json_object();
	double wall_s = cli->timeout ? strtod(cli->timeout, NULL) : 0;

	if (cli->terminal && !cli->timeout)
		wall_s = RUN_TERMINAL_S;
	json_object_set_new(body, "template", json_string(words[0]));
	for (int i = 1; i < count; i++)
		if (json_array_append_new(command, json_string(words[i])) != 0)
			cli_die(CLI_USAGE, "a word of the command is not UTF-8");
	json_object_set_new(body, "command", command);
	run_add_environment(body, cli);
	if (cli->timeout && wall_s <= 0)
		cli_die(CLI_USAGE, "--timeout is a number of seconds");
	if (wall_s > 0)
		json_object_set_new(limits, "wall_s", json_real(wall_s));
	run_add_machine(limits, cli);
	json_object_set_new(body, "limits", limits);
	if (cli->user)
		json_object_set_new(body, "user", json_string(cli->user));
	if (cli->egress)
		json_object_set_new(body, "egress", json_string(cli->egress));
	run_add_ports(body, cli);
	if (cli->volume)
		json_object_set_new(body, "volumes", json_pack("[s]", cli->volume));
	if (cli->directory)
		json_object_set_new(body, "directory", json_string(cli->directory));
	if (cli->interactive)
		json_object_set_new(body, "stdin_open", json_true());
	else if (!cli->detach)
		run_add_input(body);
	if (cli->file_count > 0)
		run_add_files(body, cli);
	run_output_add(body, cli);
	if (cli->terminal)
		run_add_terminal(body, limits);
	return body;
}

/* Prints text to a terminal, line by line, with characters escaped that move the cursor. */
static void run_print_lines(FILE *out, const char *text)
{
	char line[512];

	while (*text) {
		size_t count = strcspn(text, "\n");
		size_t piece = count < sizeof(line) - 1 ? count : sizeof(line) - 1;

		memcpy(line, text, piece);
		/* A terminal's output ends its lines with a carriage return, too. */
		line[piece - (piece == count && piece && line[piece - 1] == '\r')] = 0;
		escape_print(out, line);
		text += piece;
		if (piece == count && *text) {
			putc('\n', out);
			text++;
		}
	}
}

/* Returns an output of a run if it is in base 64 because it is no text, else NULL. */
static const json_t *run_encoded(const json_t *run, const char *name)
{
	const json_t *text;
	char key[32];

	snprintf(key, sizeof(key), "%s_base64", name);
	text = json_object_get(run, key);
	return json_is_string(text) ? text : NULL;
}

/* Prints the output `name` of `run` unchanged. */
static void run_print_bytes(const json_t *run, const char *name, FILE *out)
{
	const json_t *text = json_object_get(run, name);
	gnutls_datum_t from, to;

	if (json_is_string(text))
		fwrite(json_string_value(text), 1, json_string_length(text), out);
	text = run_encoded(run, name);
	if (text == NULL)
		return;
	from = (gnutls_datum_t){(unsigned char *)json_string_value(text),
				(unsigned)json_string_length(text)};
	if (gnutls_base64_decode2(&from, &to) < 0)
		return;
	fwrite(to.data, 1, to.size, out);
	gnutls_free(to.data);
}

void run_print(const json_t *run, const char *name, FILE *out, bool as_is)
{
	const json_t *text = json_object_get(run, name);

	if (as_is || !isatty(fileno(out)))
		run_print_bytes(run, name, out);
	else if (json_is_string(text))
		run_print_lines(out, json_string_value(text));
	else if (run_encoded(run, name))
		fputs("(bytes that are no text; use > FILE)\n", out);
}

/*
 * Returns the exit code for a run that has ended. If the command did not exit by itself, writes
 * that to stderr.
 */
static enum cli_exit run_code(const json_t *run)
{
	const char *result = table_text(run, "result");

	if (strcmp(result, "exit") == 0)
		return (enum cli_exit)json_integer_value(json_object_get(run, "exit_code"));
	if (strcmp(result, "signal") == 0)
		return (enum cli_exit)(RUN_SIGNAL +
				       json_integer_value(json_object_get(run, "signal")));
	cli_say("the command has ended by %s", result);
	return (enum cli_exit)(strcmp(result, "out-of-time") == 0 ? RUN_TIME : RUN_NOT);
}

/* Shows the output of a run as it comes, and returns its exit code. */
static enum cli_exit run_show_live(struct cli *cli, const char *method, const char *path,
				   const json_t *body)
{
	struct http_answer none = {.status = 503};
	enum cli_exit code;
	json_t *run = NULL;

	if (!run_follow(cli, method, path, body, &run, &code))
		return (enum cli_exit)RUN_NOT;
	if (run == NULL)
		return (enum cli_exit)RUN_STOPPED;
	none.json = json_object_get(run, "problem");
	if (none.json != NULL) {
		(void)cli_problem(&none, NULL);
		code = (enum cli_exit)RUN_NOT;
	} else {
		code = run_code(run);
		if (cli->output_count > 0 && !run_output_fetch(cli, table_text(run, "id")) &&
		    code == CLI_OK)
			code = (enum cli_exit)RUN_NOT;
	}
	json_decref(run);
	return code;
}

enum cli_exit command_run(struct cli *cli, int count, char **words)
{
	struct http_answer answer;
	enum cli_exit code;
	char path[100];
	json_t *body;

	if (count < 1)
		cli_die(CLI_USAGE, "use: run TEMPLATE [--env NAME=TEXT] [--file FILE:PATH] "
				   "[--output PATH=LOCAL] [--timeout SECONDS] "
				   "[--user UID:GID] [--workdir DIR] [--egress LIST] "
				   "[--publish [HOSTPORT:]PORT] "
				   "[--volume STORE/VOLUME:/PATH[:ro]] "
				   "[-d | -i | -t] -- COMMAND...");
	if ((cli->interactive || cli->terminal) && (cli->detach || cli->json))
		cli_die(CLI_USAGE, "give --interactive and --terminal without --detach and --json");
	if (!cli->interactive && !cli->detach && !cli->json)
		cli->terminal |= isatty(0) && isatty(1);
	cli->interactive |= cli->terminal;
	body = run_body(cli, count, words);
	cli_connect(cli);
	if (!cli->detach && !cli->json) {
		code = run_show_live(cli, "POST", "/v1/runs", body);
		json_decref(body);
		return code;
	}
	code = cli_ask(cli, "POST", "/v1/runs", body,
		       cli->detach ? "Prefer: wait=0\r\n" : "Prefer: wait=50\r\n", &answer);
	json_decref(body);
	if (code == CLI_OK && cli->detach) {
		puts(table_text(answer.json, "id"));
		json_decref(answer.json);
		return CLI_OK;
	}
	snprintf(path, sizeof(path), "/v1/runs/%s?wait=50",
		 http_segment(table_text(answer.json, "id")));
	while (code == CLI_OK && strcmp(table_text(answer.json, "state"), "done") != 0) {
		json_decref(answer.json);
		code = cli_ask(cli, "GET", path, NULL, NULL, &answer);
	}
	if (code != CLI_OK)
		return (enum cli_exit)RUN_NOT;
	output_json(answer.json);
	json_decref(answer.json);
	return CLI_OK;
}

/* Adds a cell with the ports that lead to the run now, such as 127.0.0.1:8080->80. */
static void run_ports(struct table *table, const json_t *run)
{
	const json_t *port;
	char text[300] = "";
	size_t at = 0, i;

	json_array_foreach(json_object_get(run, "published"), i, port)
	{
		if (json_is_true(json_object_get(port, "open")) && at < sizeof(text))
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s:%.0f->%.0f",
					       at ? "," : "", table_text(port, "address"),
					       table_number(port, "port"),
					       table_number(port, "guest_port"));
	}
	table_add(table, text);
}

static void run_row(struct table *table, const json_t *run)
{
	const json_t *used = json_object_get(run, "used");

	table_add(table, table_text(run, "id"));
	table_add(table, table_text(run, "template"));
	table_add(table, table_text(run, "owner"));
	table_add(table, table_text(run, "state"));
	table_add(table, table_text(run, "result"));
	table_add(table, table_text(run, "exit_code"));
	table_add_format(table, "%.2f", table_number(used, "wall_s"));
	run_ports(table, run);
}

enum cli_exit command_ps(struct cli *cli, int count, char **words)
{
	(void)words;
	if (count != 0)
		cli_die(CLI_USAGE, "use: ps");
	cli_connect(cli);
	return items_show(cli, "/v1/runs", "ID TEMPLATE OWNER STATE RESULT >EXIT >SECONDS PORTS",
			  run_row);
}

enum cli_exit command_logs(struct cli *cli, int count, char **words)
{
	struct http_answer answer;
	enum cli_exit code;
	char path[600];

	if (count != 1)
		cli_die(CLI_USAGE, "use: logs ID [--follow]");
	cli_connect(cli);
	snprintf(path, sizeof(path), "/v1/runs/%s", http_segment(words[0]));
	if (cli->follow)
		return run_show_live(cli, "GET", path, NULL);
	code = cli_ask(cli, "GET", path, NULL, NULL, &answer);
	if (code != CLI_OK)
		return code;
	if (strcmp(table_text(answer.json, "state"), "done") != 0)
		cli_say("run %s has not ended yet", words[0]);
	run_print(answer.json, "stdout", stdout, false);
	run_print(answer.json, "stderr", stderr, false);
	json_decref(answer.json);
	return CLI_OK;
}

enum cli_exit command_stop(struct cli *cli, int count, char **words)
{
	struct http_answer answer;
	enum cli_exit code;
	char path[600];

	if (count != 1)
		cli_die(CLI_USAGE, "use: stop ID");
	cli_connect(cli);
	snprintf(path, sizeof(path), "/v1/runs/%s", http_segment(words[0]));
	code = cli_ask(cli, "DELETE", path, NULL, NULL, &answer);
	if (code == CLI_OK)
		json_decref(answer.json);
	return code;
}
