/* SPDX-License-Identifier: MIT */
/*
 * The output of a run as it comes, which is server-sent events (WHATWG HTML, 9.2) of skerryd's, and
 * its input from stdin. `run` and `logs --follow` call it; it ends the run at Ctrl-C, which a run
 * with a terminal gets as a key.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gnutls/gnutls.h>

#include "gateway/base/string.h"
#include "gateway/cli/run_follow.h"
#include "gateway/cli/sse.h"
#include "gateway/cli/table.h"
#include "gateway/cli/terminal.h"

enum {
	FOLLOW_LOOK_MS = 250, /* time between two checks for Ctrl-C */
	/* how long a read of the stream of output waits before stdin and Ctrl-C are looked at */
	FOLLOW_INPUT_MS = 20,
	FOLLOW_INPUT = 8192, /* the most bytes of input in a request */
	/* a silent stream is dead after this: the server sends every 15 s */
	FOLLOW_ALIVE_MS = 45000
};

struct follow {
	struct sse events;
	char number[24];
	json_t *end;
	/* bytes of stdin are still sent to the command, over the connection `input` */
	bool input_open;
	bool terminal; /* the output goes to a terminal, unchanged */
	struct cli *input;
	unsigned char bytes[FOLLOW_INPUT];
	unsigned count; /* bytes of input that the server has not taken yet */
	int again_ms;	/* the milliseconds left until the waiting input may be sent again */
};

static volatile sig_atomic_t follow_stopped, follow_resized;

static void run_follow_stop(int signal)
{
	(void)signal;
	follow_stopped = 1;
}

static void run_follow_resize(int signal)
{
	(void)signal;
	follow_resized = 1;
}

static void run_follow_event(void *context, const struct sse *events)
{
	struct follow *follow = context;
	json_t *event = json_loadb(events->data, events->data_size, 0, NULL);

	if (strcmp(events->name, "run") == 0) {
		string_copy(follow->number, sizeof(follow->number), table_text(event, "id"));
	} else if (strcmp(events->name, "end") == 0) {
		json_decref(follow->end);
		follow->end = json_incref(event);
	} else {
		run_print(event, "stdout", stdout, follow->terminal);
		run_print(event, "stderr", stderr, follow->terminal);
		fflush(stdout);
	}
	json_decref(event);
}

/*
 * Sends skerryd a request with input for the run or with the size of its terminal; `what` is the
 * end of the request's path. Returns the status of the answer, or 0 if none came.
 */
static int run_follow_post(struct follow *follow, const char *what, const json_t *body)
{
	struct http_answer answer = {0};
	char path[64];

	snprintf(path, sizeof(path), "/v1/runs/%s/%s", http_segment(follow->number), what);
	for (int i = 0; i < 2; i++) {
		if (follow->input->http.net.fd < 0 && cli_try_connect(follow->input) != CLI_OK)
			return 0;
		if (http_exchange(&follow->input->http, "POST", path, NULL, body, &answer)) {
			json_decref(answer.json);
			return answer.status;
		}
		net_close(&follow->input->http.net);
	}
	return 0;
}

/*
 * Sends the bytes that were read from stdin, and the end of the input if `end`. If the server has
 * no room now (429), the bytes stay.
 */
static void run_follow_send(struct follow *follow, bool end)
{
	gnutls_datum_t from = {follow->bytes, follow->count}, to = {0};
	json_t *body = json_pack("{s:b}", "end", end);
	int status;

	if (follow->count && gnutls_base64_encode2(&from, &to) >= 0)
		json_object_set_new(body, "data_base64", json_stringn((char *)to.data, to.size));
	gnutls_free(to.data);
	status = run_follow_post(follow, "input", body);
	json_decref(body);
	if (status == 429) {
		follow->again_ms = FOLLOW_LOOK_MS;
		return;
	}
	follow->count = 0;
	follow->input_open = status == 200 && !end;
}

/* Sends the terminal's new size, again if the server had no room for it. */
static void run_follow_size(struct follow *follow)
{
	unsigned rows, columns;
	json_t *body;

	follow_resized = 0;
	terminal_size(&rows, &columns);
	body = json_pack("{s:i, s:i}", "rows", (int)rows, "columns", (int)columns);
	if (run_follow_post(follow, "terminal", body) == 429)
		follow_resized = 1;
	json_decref(body);
}

/* Reads bytes of stdin and sends them, if there are any, unless the run has ended. */
static void run_follow_input(struct follow *follow)
{
	struct pollfd wait = {.fd = 0, .events = POLLIN};
	ssize_t count;

	if (!follow->input_open || !follow->number[0] || follow->end)
		return;
	if (follow->again_ms > 0) {
		follow->again_ms -= FOLLOW_INPUT_MS;
		return;
	}
	if (follow_resized)
		run_follow_size(follow);
	if (follow->count == 0) {
		if (poll(&wait, 1, 0) != 1)
			return;
		count = read(0, follow->bytes, sizeof(follow->bytes));
		follow->count = count > 0 ? (unsigned)count : 0;
	}
	run_follow_send(follow, follow->count == 0);
}

/*
 * Handles the next bytes of the stream. Returns false when the stream has ended, is silent, or
 * Ctrl-C was pressed.
 */
static bool run_follow_read(struct cli *cli, struct follow *follow)
{
	int look_ms = follow->input_open ? FOLLOW_INPUT_MS : FOLLOW_LOOK_MS;
	int silent_ms = 0;
	char bytes[4096];
	int got;

	run_follow_input(follow);
	while ((got = http_body(&cli->http, bytes, sizeof(bytes), look_ms)) == NET_TIMEOUT) {
		silent_ms += look_ms;
		run_follow_input(follow);
		if (follow_stopped || silent_ms >= FOLLOW_ALIVE_MS)
			return false;
	}
	if (got > 0)
		sse_take(&follow->events, bytes, (size_t)got);
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

/* Connects this terminal to the run: its keys, its size, and its end. */
static void run_follow_terminal(const struct sigaction *stop)
{
	struct sigaction resize = {.sa_handler = run_follow_resize, .sa_flags = SA_RESTART};

	sigaction(SIGTERM, stop, NULL);
	sigaction(SIGHUP, stop, NULL);
	sigaction(SIGWINCH, &resize, NULL);
	terminal_raw();
}

bool run_follow(struct cli *cli, const char *method, const char *path, const json_t *body,
		json_t **run, enum cli_exit *code)
{
	static struct follow follow;
	static struct cli input;
	struct sigaction stop = {.sa_handler = run_follow_stop};
	struct http_answer answer;

	if (!http_begin(&cli->http, method, path, "Accept: text/event-stream\r\n", body, &answer)) {
		cli_say("%s", cli->http.net.error);
		*code = CLI_NOT_REACHED;
		return false;
	}
	if (answer.status != 200) {
		answer.json = NULL;
		(void)http_take_body(&cli->http, &answer);
		*code = cli_problem(&answer, NULL);
		json_decref(answer.json);
		return false;
	}
	follow.events = (struct sse){.show = run_follow_event, .context = &follow};
	sse_open(&follow.events);
	input = *cli;
	input.http = (struct http){.net.fd = -1};
	follow.input = &input;
	follow.input_open = cli->interactive;
	follow.terminal = cli->terminal;
	sigaction(SIGINT, &stop, NULL);
	if (cli->terminal)
		run_follow_terminal(&stop);
	while (run_follow_read(cli, &follow))
		;
	terminal_restore();
	sse_close(&follow.events);
	if (follow_stopped && !follow.end)
		run_follow_end(cli, follow.number);
	*run = follow.end;
	if (follow.end || follow_stopped)
		return true;
	cli_say("the stream of run %s has ended before the run: use logs", follow.number);
	*code = CLI_NOT_REACHED;
	return false;
}
