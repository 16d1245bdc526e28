/* SPDX-License-Identifier: MIT */
/* skerryctl events: server-sent events (WHATWG HTML, 9.2) as lines. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/base/string.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/escape.h"
#include "gateway/cli/output.h"
#include "gateway/cli/table.h"

#define LINE_LIMIT 262144 /* a snapshot of many machines is one line */
#define FIRST_MS   10000  /* without --follow: the time to wait for the first bytes */
/* without --follow: a pause of this length says that no more events are kept */
#define QUIET_MS    1000
#define ALIVE_MS    45000 /* the server says something every 15 s */
#define AGAIN_LIMIT 10
#define ID_BYTES    "0123456789abcdef."

struct reader {
	char *line;
	size_t used;
	char id[64];
	char name[64];
	char *data;
	size_t data_size;
	char last_id[64];
};

static void events_show(struct cli *cli, const struct reader *reader)
{
	json_error_t error;
	json_t *event = json_loadb(reader->data, reader->data_size, 0, &error);
	bool all = cli->since == NULL && !cli->follow;

	if (event == NULL) {
		cli_say("an event is not JSON; it is left out");
		return;
	}
	/* A reader that asks for all kept events is not told that older events are lost. */
	if (strcmp(reader->name, "snapshot") == 0) {
		/* The snapshot answers an id behind which events are gone. */
		if (reader->last_id[0] && !all)
			cli_say("not all of what happened since then is kept");
	} else if (strcmp(reader->name, "lost") == 0 && all) {
		/* the event `lost` is not shown */
	} else if (cli->json) {
		output_json_line(event);
	} else {
		const char *dot = strrchr(reader->id, '.');

		printf("%s %.3f ",
		       dot != NULL     ? dot + 1
		       : reader->id[0] ? reader->id
				       : "-",
		       table_number(event, "time_s"));
		escape_print(stdout, table_text(event, "vm"));
		putchar(' ');
		escape_print(stdout, reader->name[0] ? reader->name : table_text(event, "event"));
		if (strcmp(table_text(event, "reason"), "-") != 0) {
			fputs(": ", stdout);
			escape_print(stdout, table_text(event, "reason"));
		}
		putchar('\n');
		fflush(stdout);
	}
	json_decref(event);
}

static void events_keep(char *to, size_t size, const char *value)
{
	size_t length = strlen(value);

	if (length < size)
		memcpy(to, value, length + 1);
}

static void events_take_line(struct cli *cli, struct reader *reader)
{
	char *line = reader->line;
	char *value;

	if (reader->used > 0 && line[reader->used - 1] == '\r')
		reader->used--;
	line[reader->used] = 0;
	if (reader->used == 0) {
		if (reader->data_size > 0)
			events_show(cli, reader);
		if (reader->id[0])
			string_copy(reader->last_id, sizeof(reader->last_id), reader->id);
		reader->data_size = 0;
		reader->name[0] = 0;
		return;
	}
	value = strchr(line, ':');
	if (value == line)
		return;
	if (value != NULL) {
		*value++ = 0;
		value += *value == ' ';
	} else {
		value = line + reader->used;
	}
	/* An id, BOOT.NUMBER, goes into a header and to the terminal. */
	if (strcmp(line, "id") == 0 && strspn(value, ID_BYTES) == strlen(value)) {
		events_keep(reader->id, sizeof(reader->id), value);
	} else if (strcmp(line, "event") == 0) {
		events_keep(reader->name, sizeof(reader->name), value);
	} else if (strcmp(line, "data") == 0) {
		reader->data_size = strlen(value);
		memcpy(reader->data, value, reader->data_size);
	}
}

/* Reads until the stream ends; CLI_OK: it was quiet, and nobody wanted to follow. */
static enum cli_exit events_read_stream(struct cli *cli, struct reader *reader)
{
	int limit = cli->follow ? ALIVE_MS : FIRST_MS;
	char bytes[4096];

	for (;;) {
		int got = http_body(&cli->http, bytes, sizeof(bytes), limit);

		if (got == NET_TIMEOUT && !cli->follow)
			return CLI_OK;
		if (got <= 0)
			return cli->follow ? CLI_NOT_REACHED : CLI_OK;
		if (!cli->follow)
			limit = QUIET_MS;
		for (int i = 0; i < got; i++) {
			if (bytes[i] == '\n') {
				events_take_line(cli, reader);
				reader->used = 0;
			} else if (reader->used + 1 < LINE_LIMIT) {
				reader->line[reader->used++] = bytes[i];
			} else {
				cli_die(CLI_FAILED, "an event is longer than %d bytes", LINE_LIMIT);
			}
		}
	}
}

static enum cli_exit events_once(struct cli *cli, struct reader *reader)
{
	struct http_answer answer;
	char headers[160];
	char path[600] = "/v1/events";

	if (cli->vm != NULL)
		snprintf(path, sizeof(path), "/v1/events?vm=%s", http_segment(cli->vm));
	snprintf(headers, sizeof(headers), "Accept: text/event-stream\r\n%s%s%s",
		 reader->last_id[0] ? "Last-Event-ID: " : "", reader->last_id,
		 reader->last_id[0] ? "\r\n" : "");
	if (!http_begin(&cli->http, "GET", path, headers, NULL, &answer))
		return CLI_NOT_REACHED;
	if (answer.status != 200) {
		char problem[4096];
		json_error_t error;
		int got = http_body(&cli->http, problem, sizeof(problem), 5000);

		answer.json = got > 0 ? json_loadb(problem, (size_t)got, 0, &error) : NULL;
		exit(cli_problem(&answer, NULL));
	}
	reader->used = 0;
	reader->data_size = 0;
	return events_read_stream(cli, reader);
}

enum cli_exit command_events(struct cli *cli, int count, char **words)
{
	struct reader reader = {.line = malloc(LINE_LIMIT), .data = malloc(LINE_LIMIT)};
	enum cli_exit code;

	if (count != 0)
		cli_die(CLI_USAGE, "events takes options and no words: remove \"%s\"", words[0]);
	if (cli->since != NULL && (strspn(cli->since, ID_BYTES) != strlen(cli->since) ||
				   strlen(cli->since) >= sizeof(reader.last_id)))
		cli_die(CLI_USAGE, "--since must be the sequence number of an event, not \"%s\"",
			cli->since);
	if (reader.line == NULL || reader.data == NULL)
		cli_die(CLI_FAILED, "no memory");
	string_copy(reader.last_id, sizeof(reader.last_id),
		    cli->since != NULL ? cli->since
		    : cli->follow      ? ""
				       : "0");
	cli_connect(cli);
	code = events_once(cli, &reader);
	for (int again = 0; cli->follow && code == CLI_NOT_REACHED && again < AGAIN_LIMIT;
	     again++) {
		struct timespec pause = {.tv_sec = again < 4 ? 1 : 5};

		net_close(&cli->http.net);
		nanosleep(&pause, NULL);
		if (cli_try_connect(cli) != CLI_OK)
			continue;
		code = events_once(cli, &reader);
		again = -1;
	}
	if (code != CLI_OK)
		cli_say("%s",
			cli->http.net.error[0] ? cli->http.net.error : "the stream has ended");
	free(reader.line);
	free(reader.data);
	return code;
}
