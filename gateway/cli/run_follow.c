/* SPDX-License-Identifier: MIT */
/*
 * The output of a run as it comes: server-sent events (WHATWG HTML, 9.2) of skerryd's, to stdout
 * and stderr. `run` and `logs --follow` call it; it ends the run at Ctrl-C.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/string.h"
#include "gateway/cli/run_follow.h"
#include "gateway/cli/table.h"

enum {
	FOLLOW_LINE = 65536,
	FOLLOW_LOOK_MS = 250,	/* for Ctrl-C */
	FOLLOW_ALIVE_MS = 45000 /* the server says something every 15 s */
};

struct follow {
	char name[16];
	char line[FOLLOW_LINE];
	size_t used;
	char number[24];
	json_t *end;
};

static volatile sig_atomic_t follow_stopped;

static void run_follow_stop(int signal)
{
	(void)signal;
	follow_stopped = 1;
}

static void run_follow_event(struct follow *follow, const char *text)
{
	json_t *event = json_loads(text, 0, NULL);

	if (strcmp(follow->name, "run") == 0) {
		string_copy(follow->number, sizeof(follow->number), table_text(event, "id"));
	} else if (strcmp(follow->name, "end") == 0) {
		json_decref(follow->end);
		follow->end = json_incref(event);
	} else {
		run_print(event, "stdout", stdout);
		run_print(event, "stderr", stderr);
		fflush(stdout);
	}
	json_decref(event);
}

static void run_follow_line(struct follow *follow)
{
	const char *line = follow->line;

	follow->line[follow->used] = 0;
	follow->used = 0;
	if (strncmp(line, "event: ", 7) == 0)
		snprintf(follow->name, sizeof(follow->name), "%.15s", line + 7);
	else if (strncmp(line, "data: ", 6) == 0)
		run_follow_event(follow, line + 6);
}

/* Returns false when the stream is over, for whatever reason. */
static bool run_follow_read(struct cli *cli, struct follow *follow)
{
	int silent_ms = 0;
	char bytes[4096];
	int got;

	while ((got = http_body(&cli->http, bytes, sizeof(bytes), FOLLOW_LOOK_MS)) == NET_TIMEOUT) {
		silent_ms += FOLLOW_LOOK_MS;
		if (follow_stopped || silent_ms >= FOLLOW_ALIVE_MS)
			return false;
	}
	for (int i = 0; i < got; i++) {
		if (bytes[i] == '\n')
			run_follow_line(follow);
		else if (follow->used + 1 < sizeof(follow->line))
			follow->line[follow->used++] = bytes[i];
	}
	return got > 0 && !follow_stopped;
}

static void run_follow_end(struct cli *cli, const char *number)
{
	struct http_answer answer = {0};
	char path[64];

	snprintf(path, sizeof(path), "/v1/runs/%s", http_segment(number));
	net_close(&cli->http.net);
	if (cli_try_connect(cli) == CLI_OK)
		(void)http_exchange(&cli->http, "DELETE", path, NULL, NULL, &answer);
	json_decref(answer.json);
}

static bool run_follow_refused(struct cli *cli, struct http_answer *answer, enum cli_exit *code)
{
	char problem[4096];
	int got = http_body(&cli->http, problem, sizeof(problem), 5000);

	answer->json = got > 0 ? json_loadb(problem, (size_t)got, 0, NULL) : NULL;
	*code = cli_problem(answer, NULL);
	json_decref(answer->json);
	return false;
}

bool run_follow(struct cli *cli, const char *method, const char *path, const json_t *body,
		json_t **run, enum cli_exit *code)
{
	static struct follow follow;
	struct sigaction stop = {.sa_handler = run_follow_stop};
	struct http_answer answer;

	if (!http_begin(&cli->http, method, path, "Accept: text/event-stream\r\n", body, &answer)) {
		cli_say("%s", cli->http.net.error);
		*code = CLI_NOT_REACHED;
		return false;
	}
	if (answer.status != 200)
		return run_follow_refused(cli, &answer, code);
	sigaction(SIGINT, &stop, NULL);
	while (run_follow_read(cli, &follow))
		;
	if (follow_stopped && !follow.end)
		run_follow_end(cli, follow.number);
	*run = follow.end;
	if (follow.end || follow_stopped)
		return true;
	cli_say("the stream of run %s has ended before the run: use logs", follow.number);
	*code = CLI_NOT_REACHED;
	return false;
}
