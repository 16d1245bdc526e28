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
#include "gateway/cli/sse.h"
#include "gateway/cli/table.h"

#define FIRST_MS 10000 /* without --follow: the time to wait for the first bytes */
/* without --follow: a pause of this length says that no more events are kept */
#define QUIET_MS 1000
/* without a byte for this long the stream is dead: the server sends something every 15 s */
#define ALIVE_MS    45000
#define AGAIN_LIMIT 10

static void events_show(void *context, const struct sse *reader)
{
	const struct cli *cli = context;
	json_error_t error;
	json_t *event = json_loadb(reader->data, reader->data_size, 0, &error);
	bool all = cli->since == NULL && !cli->follow;

	if (event == NULL) {
		cli_say("an event is not JSON; it is left out");
		return;
	}
	/*
	 * Without --since and --follow, all kept events are wanted: do not say that older ones are
	 * lost.
	 */
	if (strcmp(reader->name, "snapshot") == 0) {
		/* The server sends a snapshot when events after the given id are lost. */
		if (reader->last_id[0] && !all)
			cli_say("not all of what happened since then is kept");
	} else if (strcmp(reader->name, "lost") == 0 && all) {
		/* the event `lost` is not shown, as all kept events are wanted, not those since a
		 * given one */
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

/*
 * Reads until the stream ends or, without --follow, pauses. Returns CLI_OK without --follow, else
 * CLI_NOT_REACHED.
 */
static enum cli_exit events_read_stream(struct cli *cli, struct sse *reader)
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
		sse_take(reader, bytes, (size_t)got);
	}
}

static enum cli_exit events_once(struct cli *cli, struct sse *reader)
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
		answer.json = NULL;
		(void)http_take_body(&cli->http, &answer);
		exit(cli_problem(&answer, NULL));
	}
	sse_restart(reader);
	return events_read_stream(cli, reader);
}

enum cli_exit command_events(struct cli *cli, int count, char **words)
{
	struct sse reader = {.show = events_show, .context = cli};
	enum cli_exit code;

	if (count != 0)
		cli_die(CLI_USAGE, "events takes options and no words: remove \"%s\"", words[0]);
	if (cli->since != NULL && (strspn(cli->since, SSE_ID_BYTES) != strlen(cli->since) ||
				   strlen(cli->since) >= sizeof(reader.last_id)))
		cli_die(CLI_USAGE, "--since must be the sequence number of an event, not \"%s\"",
			cli->since);
	sse_open(&reader);
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
	sse_close(&reader);
	return code;
}
