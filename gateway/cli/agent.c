/* SPDX-License-Identifier: MIT */
/*
 * skerryctl agent: talks to QEMU's guest agent, which stock images have, over a WebSocket of
 * skerryd. The agent's answers come from the guest: they are parsed here, in the user's own
 * program, with bounds on their size and on the wait for them, and escaped before they go to a
 * terminal.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "gateway/base/clock.h"
#include "gateway/base/string.h"
#include "gateway/cli/agent.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/escape.h"
#include "gateway/cli/guest.h"
#include "gateway/cli/table.h"

enum {
	AGENT_ANSWER_MS = 20000,
	AGENT_EXEC_MS = 3600000,
	AGENT_EXEC_LOOK_MS = 200,
	/* the most bytes of a program's input, and of a file in one write request */
	AGENT_INPUT_BYTES = 32768,
	AGENT_MESSAGE_BYTES = 16384, /* the most bytes of a message of the WebSocket */
	/* the most bytes of a file that one request to the agent reads */
	AGENT_PIECE_BYTES = 16384,
	AGENT_FILE_BYTES = 256 << 20,
};

struct agent {
	struct guest guest;
	struct agent_line line;
	size_t at; /* the offset in the message of the first byte that is not parsed yet */
};

/*
 * Waits for one message of the server's, until `until_ms`. Ends the program when the connection has
 * ended.
 */
static void agent_take_message(struct agent *agent, int64_t until_ms)
{
	struct websocket *socket = &agent->guest.socket;
	int64_t left_ms = until_ms - clock_ms();
	int got = websocket_read(socket, left_ms > 0 ? (int)left_ms : 0);

	agent->at = socket->size = got == 1 && socket->kind == WEBSOCKET_BINARY ? socket->size : 0;
	/* A guest that sends more and more bytes, but no whole answer, gets no more time. */
	if ((got == NET_TIMEOUT || got == 1) && clock_ms() >= until_ms)
		cli_die(CLI_FAILED,
			"%s: the guest's agent does not answer: is qemu-guest-agent running there?",
			agent->guest.name);
	if (got == NET_TIMEOUT)
		return;
	if (got <= 0)
		cli_die(CLI_NOT_REACHED, "%s: the connection to skerryd is lost",
			agent->guest.name);
	if (socket->kind == WEBSOCKET_CLOSED)
		exit((int)guest_closed(&agent->guest));
	if (socket->kind == WEBSOCKET_TEXT) {
		(void)guest_take_text(&agent->guest);
		return;
	}
	agent->at = 0;
	guest_give_credit(&agent->guest);
}

/*
 * Returns the next line of the guest's agent as JSON. Ends the program if the line is no JSON, or
 * does not come within `wait_ms`.
 */
static json_t *agent_read(struct agent *agent, int wait_ms)
{
	int64_t until_ms = clock_ms() + wait_ms;

	for (;;) {
		struct websocket *socket = &agent->guest.socket;

		while (agent->at < socket->size) {
			json_t *value;

			if (!agent_line_take(&agent->line, socket->data[agent->at++]))
				continue;
			value = agent_line_json(&agent->line);
			if (value != NULL)
				return value;
			cli_die(CLI_FAILED, "%s: the guest's agent has sent %s", agent->guest.name,
				agent->line.too_long ? "a line that is too long"
						     : "something that is no answer");
		}
		agent_take_message(agent, until_ms);
	}
}

static void agent_send(struct agent *agent, json_t *request)
{
	char *text = json_dumps(request, JSON_COMPACT | JSON_ENSURE_ASCII);
	size_t size = text != NULL ? strlen(text) + 1 : 0;
	int64_t until_ms = clock_ms() + AGENT_ANSWER_MS;

	json_decref(request);
	if (text == NULL)
		cli_die(CLI_USAGE, "a word of the command is not UTF-8");
	if (size > 60000)
		cli_die(CLI_USAGE, "the command is too long for the guest's agent");
	text[size - 1] = '\n';
	while (agent->guest.credit < (double)size)
		agent_take_message(agent, until_ms);
	agent->guest.credit -= (double)size;
	for (size_t at = 0; at < size; at += AGENT_MESSAGE_BYTES) {
		size_t piece = size - at < AGENT_MESSAGE_BYTES ? size - at : AGENT_MESSAGE_BYTES;

		if (!websocket_send(&agent->guest.socket, WEBSOCKET_BINARY, text + at, piece))
			cli_die(CLI_NOT_REACHED, "%s: the connection to skerryd is lost",
				agent->guest.name);
	}
	free(text);
}

/*
 * Sends a command to the guest's agent, and returns the value in its answer, as a new reference.
 * Ends the program if the agent answers with an error.
 */
static json_t *agent_ask(struct agent *agent, const char *command, json_t *arguments)
{
	json_t *answer, *result, *error;
	const char *why;

	agent_send(agent, json_pack("{s:s, s:o*}", "execute", command, "arguments", arguments));
	answer = agent_read(agent, AGENT_ANSWER_MS);
	result = json_object_get(answer, "return");
	error = json_object_get(answer, "error");
	if (result != NULL) {
		json_incref(result);
		json_decref(answer);
		return result;
	}
	why = json_string_value(json_object_get(error, "desc"));
	cli_say("%s: the guest's agent refuses %s:", agent->guest.name, command);
	escape_print(stderr, why != NULL ? why : "it says no reason");
	fputc('\n', stderr);
	exit(CLI_FAILED);
}

/*
 * Skips answers to an earlier client, which may still come: sends a random number and reads until
 * the agent answers with it.
 */
static void agent_sync(struct agent *agent)
{
	unsigned int number;

	if (gnutls_rnd(GNUTLS_RND_NONCE, &number, sizeof(number)) < 0)
		cli_die(CLI_FAILED, "there are no random numbers");
	number &= 0x7fffffff;
	agent->line.skips = true;
	agent_send(agent, json_pack("{s:s, s:{s:I}}", "execute", "guest-sync-delimited",
				    "arguments", "id", (json_int_t)number));
	for (int i = 0; i < 16; i++) {
		json_t *answer = agent_read(agent, AGENT_ANSWER_MS);
		bool mine = json_integer_value(json_object_get(answer, "return")) == number;

		json_decref(answer);
		if (mine)
			return;
	}
	cli_die(CLI_FAILED, "%s: the guest's agent answers other questions", agent->guest.name);
}

/*
 * Prints a value: each member of an object in a line of its own, the objects of a list with an
 * empty line between them.
 */
static void agent_show(const char *key, json_t *value)
{
	const char *name;
	json_t *each;
	size_t index;
	char *text;

	if (json_is_object(value)) {
		json_object_foreach(value, name, each) agent_show(name, each);
		return;
	}
	if (json_is_array(value)) {
		json_array_foreach(value, index, each)
		{
			if (index > 0 && json_is_object(each))
				putchar('\n');
			agent_show(key, each);
		}
		return;
	}
	if (key != NULL) {
		escape_print(stdout, key);
		fputs(": ", stdout);
	}
	text = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY);
	escape_print(stdout, text != NULL ? text : json_string_value(value));
	free(text);
	putchar('\n');
}

static enum cli_exit agent_print(const struct agent *agent, json_t *value)
{
	if (agent->guest.cli->json) {
		json_dumpf(value, stdout, JSON_ENCODE_ANY | JSON_ENSURE_ASCII | JSON_INDENT(2));
		putchar('\n');
	} else if (json_is_object(value) && json_object_size(value) == 0) {
		printf("%s: done\n", agent->guest.name);
	} else {
		agent_show(NULL, value);
	}
	json_decref(value);
	return CLI_OK;
}

/*
 * Writes bytes that the guest has chosen: unchanged into a file or a pipe, without control bytes to
 * a terminal.
 */
static void agent_put_bytes(FILE *to, const unsigned char *bytes, size_t size)
{
	char piece[2] = "";

	if (!isatty(fileno(to))) {
		fwrite(bytes, 1, size, to);
		return;
	}
	for (size_t i = 0; i < size; i++) {
		piece[0] = (char)bytes[i];
		if (bytes[i] == '\n' || bytes[i] == '\t')
			putc(bytes[i], to);
		else if (bytes[i] != 0)
			escape_print(to, piece);
	}
}

/*
 * Writes the bytes of a member in base 64. Returns how many there were, or -1 if it is no base 64.
 */
static long agent_put_base64(FILE *to, const json_t *value, const char *key)
{
	const json_t *text = json_object_get(value, key);
	gnutls_datum_t from = {.size = (unsigned int)json_string_length(text)};
	gnutls_datum_t bytes = {0};
	long count;

	if (!json_is_string(text) || from.size == 0)
		return 0;
	from.data = (unsigned char *)(uintptr_t)json_string_value(text);
	if (gnutls_base64_decode2(&from, &bytes) < 0)
		return -1;
	agent_put_bytes(to, bytes.data, bytes.size);
	count = (long)bytes.size;
	gnutls_free(bytes.data);
	return count;
}

/*
 * Reads up to `most` bytes of stdin and returns how many there were. *text becomes their base 64,
 * or NULL when there were none.
 */
static size_t agent_take_stdin(json_t **text, size_t most)
{
	static unsigned char bytes[AGENT_INPUT_BYTES + 1];
	gnutls_datum_t from = {.data = bytes}, to = {0};

	while (from.size < most) {
		ssize_t got = read(STDIN_FILENO, bytes + from.size, most - from.size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		from.size += (unsigned int)got;
	}
	*text = NULL;
	if (from.size > 0 && gnutls_base64_encode2(&from, &to) < 0)
		cli_die(CLI_FAILED, "there is no memory for the input");
	if (from.size > 0)
		*text = json_stringn((char *)to.data, to.size);
	gnutls_free(to.data);
	return from.size;
}

static enum cli_exit agent_exec(struct agent *agent, int count, char **words)
{
	json_t *arguments = json_array(), *status, *request;
	int64_t until_ms = clock_ms() + AGENT_EXEC_MS;
	struct timespec pause = {.tv_nsec = AGENT_EXEC_LOOK_MS * 1000000l};
	json_t *input = NULL;
	json_int_t pid;
	int code;

	for (int i = 1; i < count; i++)
		json_array_append_new(arguments, json_string(words[i]));
	request = json_pack("{s:s, s:o, s:b}", "path", words[0], "arg", arguments, "capture-output",
			    1);
	if (!isatty(STDIN_FILENO)) {
		if (agent_take_stdin(&input, AGENT_INPUT_BYTES + 1) > AGENT_INPUT_BYTES)
			cli_die(CLI_USAGE, "the guest's agent takes %d bytes of input",
				AGENT_INPUT_BYTES);
		if (input != NULL)
			json_object_set_new(request, "input-data", input);
	}
	status = agent_ask(agent, "guest-exec", request);
	pid = json_integer_value(json_object_get(status, "pid"));
	json_decref(status);
	for (;;) {
		status = agent_ask(agent, "guest-exec-status", json_pack("{s:I}", "pid", pid));
		if (json_is_true(json_object_get(status, "exited")))
			break;
		json_decref(status);
		if (clock_ms() > until_ms)
			cli_die(CLI_FAILED, "%s: the program has not ended within an hour",
				agent->guest.name);
		nanosleep(&pause, NULL);
	}
	if (agent_put_base64(stdout, status, "out-data") < 0 ||
	    agent_put_base64(stderr, status, "err-data") < 0)
		cli_die(CLI_FAILED, "%s: the guest's agent has sent something that is no base 64",
			agent->guest.name);
	if (json_is_true(json_object_get(status, "out-truncated")) ||
	    json_is_true(json_object_get(status, "err-truncated")))
		cli_say("%s: the guest's agent has cut the output off", agent->guest.name);
	code = (int)json_integer_value(json_object_get(status, "exitcode")) & 255;
	if (json_is_integer(json_object_get(status, "signal")))
		code = 128 + ((int)json_integer_value(json_object_get(status, "signal")) & 127);
	json_decref(status);
	return (enum cli_exit)code;
}

static json_int_t agent_open_file(struct agent *agent, const char *path, const char *mode)
{
	json_t *handle = agent_ask(agent, "guest-file-open",
				   json_pack("{s:s, s:s}", "path", path, "mode", mode));
	json_int_t number = json_integer_value(handle);

	json_decref(handle);
	return number;
}

static void agent_close_file(struct agent *agent, json_int_t handle)
{
	json_decref(agent_ask(agent, "guest-file-close", json_pack("{s:I}", "handle", handle)));
}

static enum cli_exit agent_file_read(struct agent *agent, int count, char **words)
{
	json_int_t handle = agent_open_file(agent, words[0], "r");
	bool ends = false;
	long all = 0;

	(void)count;
	while (!ends) {
		json_t *piece = agent_ask(
			agent, "guest-file-read",
			json_pack("{s:I, s:i}", "handle", handle, "count", AGENT_PIECE_BYTES));
		long got = agent_put_base64(stdout, piece, "buf-b64");

		ends = json_is_true(json_object_get(piece, "eof"));
		json_decref(piece);
		all += got > 0 ? got : 0;
		if (got < 0 || (got == 0 && !ends) || all > AGENT_FILE_BYTES)
			cli_die(CLI_FAILED, "%s: the guest's agent has sent no bytes, or too many",
				agent->guest.name);
	}
	agent_close_file(agent, handle);
	return CLI_OK;
}

static enum cli_exit agent_file_write(struct agent *agent, int count, char **words)
{
	json_int_t handle = agent_open_file(agent, words[0], "w");
	size_t got;

	(void)count;
	do {
		json_t *text, *put;

		got = agent_take_stdin(&text, AGENT_INPUT_BYTES);
		if (got > 0) {
			put = agent_ask(agent, "guest-file-write",
					json_pack("{s:I, s:o}", "handle", handle, "buf-b64", text));
			if (json_integer_value(json_object_get(put, "count")) != (json_int_t)got)
				cli_die(CLI_FAILED, "%s: the guest has no room for the file",
					agent->guest.name);
			json_decref(put);
		}
	} while (got > 0);
	agent_close_file(agent, handle);
	return CLI_OK;
}

static enum cli_exit agent_ping(struct agent *agent, int count, char **words)
{
	(void)count;
	(void)words;
	return agent_print(agent, agent_ask(agent, "guest-ping", NULL));
}

static enum cli_exit agent_set_time(struct agent *agent, int count, char **words)
{
	struct timespec now;

	(void)count;
	(void)words;
	clock_gettime(CLOCK_REALTIME, &now);
	return agent_print(agent,
			   agent_ask(agent, "guest-set-time",
				     json_pack("{s:I}", "time",
					       (json_int_t)now.tv_sec * 1000000000 + now.tv_nsec)));
}

/* The commands that only ask the agent: skerryctl's word, and the agent's name of it. */
static const char *const agent_questions[][2] = {
	{"info", "guest-info"},
	{"osinfo", "guest-get-osinfo"},
	{"users", "guest-get-users"},
	{"addresses", "guest-network-get-interfaces"},
	{"freeze", "guest-fsfreeze-freeze"},
	{"thaw", "guest-fsfreeze-thaw"},
	{"frozen", "guest-fsfreeze-status"},
};

static const struct {
	const char *word;
	int minimum, maximum; /* the fewest and the most words that may follow the command */
	enum cli_exit (*run)(struct agent *agent, int count, char **words);
} agent_actions[] = {
	{"ping", 0, 0, agent_ping},
	{"set-time", 0, 0, agent_set_time},
	{"exec", 1, 256, agent_exec},
	{"file-read", 1, 1, agent_file_read},
	{"file-write", 1, 1, agent_file_write},
};

static enum cli_exit agent_begin(struct cli *cli, struct agent *agent, const char *name)
{
	enum cli_exit code;

	agent->guest.cli = cli;
	agent->guest.name = name;
	cli_connect(cli);
	code = guest_open(&agent->guest, "agent");
	if (code == CLI_OK)
		agent_sync(agent);
	return code;
}

enum cli_exit command_agent(struct cli *cli, int count, char **words)
{
	static struct agent agent;
	const char *word = count > 1 ? words[1] : "";
	enum cli_exit code;

	for (size_t i = 0; i < ARRAY_COUNT(agent_questions) && count == 2; i++) {
		if (strcmp(word, agent_questions[i][0]) != 0)
			continue;
		code = agent_begin(cli, &agent, words[0]);
		return code != CLI_OK ? code
				      : agent_print(&agent,
						    agent_ask(&agent, agent_questions[i][1], NULL));
	}
	for (size_t i = 0; i < ARRAY_COUNT(agent_actions); i++) {
		if (strcmp(word, agent_actions[i].word) != 0 ||
		    count - 2 < agent_actions[i].minimum || count - 2 > agent_actions[i].maximum)
			continue;
		code = agent_begin(cli, &agent, words[0]);
		return code != CLI_OK ? code : agent_actions[i].run(&agent, count - 2, words + 2);
	}
	cli_die(CLI_USAGE, "use: agent NAME ping|info|osinfo|users|addresses|set-time|freeze|thaw|"
			   "frozen, exec PROGRAM [WORD...], file-read PATH, file-write PATH");
}
