/* SPDX-License-Identifier: MIT */
/* skerryctl console: a VM's console over a WebSocket, which is opened again where it broke off. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gateway/cli/cli.h"
#include "gateway/cli/output.h"
#include "gateway/cli/table.h"
#include "gateway/cli/terminal.h"
#include "gateway/cli/websocket.h"

#define LEAVE	    0x1d /* the byte of Ctrl-], which leaves the console */
#define AGAIN_LIMIT 30	 /* the seconds for which skerryctl tries to open a lost console again */

struct console {
	struct cli *cli;
	const char *name;
	struct websocket socket;
	unsigned long long at; /* offset of the next byte in the console's output */
	bool known;	       /* `at` is known */
	bool input_ended;
	bool left; /* the user has pressed Ctrl-] */
};

static bool console_put(const void *bytes, size_t size)
{
	const char *at = bytes;

	while (size > 0) {
		ssize_t put_now = write(1, at, size);

		if (put_now < 0 && errno != EINTR)
			return false;
		if (put_now > 0) {
			at += put_now;
			size -= (size_t)put_now;
		}
	}
	return true;
}

/*
 * Writes a notice of skerryctl's own: to the terminal, or, if stdout is no terminal, to stderr,
 * apart from the guest's output.
 */
static void console_note(const char *text)
{
	if (isatty(1))
		console_put(text, strlen(text));
	else
		fprintf(stderr, "%.*s\n", (int)strcspn(text + 2, "\r"), text + 2);
}

static enum cli_exit console_open_console(struct console *console)
{
	struct cli *cli = console->cli;
	struct http_answer answer;
	json_t *body = json_pack("{s:s}", "mode", cli->read_only ? "read" : "write");
	char protocols[512];
	char path[700];
	const char *ticket;
	enum cli_exit code;
	int status;

	snprintf(path, sizeof(path), "/v1/vms/%s/console/tickets", http_segment(console->name));
	code = cli_ask(cli, "POST", path, body, NULL, &answer);
	json_decref(body);
	if (code != CLI_OK)
		return code;
	ticket = json_string_value(json_object_get(answer.json, "ticket"));
	if (ticket == NULL || strpbrk(ticket, "\r\n, \t") != NULL || strlen(ticket) > 400)
		cli_die(CLI_FAILED, "the server has answered with something that is no ticket");
	snprintf(protocols, sizeof(protocols), "skerry.console.v1, ticket.%s", ticket);
	json_decref(answer.json);
	snprintf(path, sizeof(path), "/v1/vms/%s/console", http_segment(console->name));
	if (cli->take && !console->known)
		strcat(path, "?take=yes");
	if (console->known)
		snprintf(path + strlen(path), sizeof(path) - strlen(path), "?from=%llu",
			 console->at);
	status = websocket_open(&console->socket, &cli->http, path, protocols, &answer);
	if (status == 101)
		return CLI_OK;
	if (status == 0) {
		cli_say("%s", cli->http.net.error);
		return CLI_NOT_REACHED;
	}
	answer.json = NULL;
	return cli_problem(&answer, console->name);
}

/*
 * Handles {"from":"N","lost":n}: N is the offset of the next byte, and n bytes before it are lost.
 */
static void console_take_text(struct console *console)
{
	json_error_t error;
	json_t *said = json_loads((char *)console->socket.data, 0, &error);
	const char *from = json_string_value(json_object_get(said, "from"));
	char *end;
	char text[80];

	if (from != NULL) {
		unsigned long long at = strtoull(from, &end, 10);

		if (*from >= '0' && *from <= '9' && *end == 0) {
			console->at = at;
			console->known = true;
		}
	}
	if (table_number(said, "lost") > 0) {
		snprintf(text, sizeof(text), "\r\n[%.0f bytes are lost]\r\n",
			 table_number(said, "lost"));
		console_note(text);
	}
	json_decref(said);
}

/* Turns a close code (RFC 6455, 7.4.1), as skerryd uses them, into an exit code. */
static enum cli_exit console_closed_code(unsigned int code)
{
	switch (code) {
	case 1000:
	case 1001: /* the VM is gone, or another client writes now */
		return CLI_OK;
	case 1008: /* the token has been revoked or has expired */
		return CLI_NO_ACCESS;
	case 1012: /* skerryd has lost its link to Skerry, and will connect again */
		return CLI_NOT_REACHED;
	default:
		return CLI_FAILED;
	}
}

/*
 * Handles one message of skerryd's, and acknowledges its bytes so that more may come. Returns false
 * if the console or the connection has ended.
 */
static bool console_take_message(struct console *console, enum cli_exit *code)
{
	int got = websocket_read(&console->socket, 0);
	char credit[48];

	if (got == NET_TIMEOUT)
		return true;
	*code = CLI_NOT_REACHED;
	if (got <= 0)
		return false;
	if (console->socket.kind == WEBSOCKET_CLOSED) {
		*code = console_closed_code(console->socket.close_code);
		return false;
	}
	if (console->socket.kind == WEBSOCKET_TEXT) {
		console_take_text(console);
		return true;
	}
	console->at += console->socket.size;
	if (!console_put(console->socket.data, console->socket.size))
		cli_die(CLI_FAILED, "stdout: %s", strerror(errno));
	snprintf(credit, sizeof(credit), "{\"ack\":%zu}", console->socket.size);
	return websocket_send(&console->socket, WEBSOCKET_TEXT, credit, strlen(credit));
}

/* Sends typed bytes, up to a Ctrl-]. Returns false if the connection has broken. */
static bool console_take_input(struct console *console)
{
	char bytes[1024];
	ssize_t got = read(0, bytes, sizeof(bytes));
	char *leave = terminal_is_raw() && got > 0 ? memchr(bytes, LEAVE, (size_t)got) : NULL;

	if (got <= 0) {
		console->input_ended = got == 0 || errno != EINTR;
		return true;
	}
	if (leave != NULL) {
		console->left = true;
		got = leave - bytes;
	}
	return got == 0 || console->cli->read_only ||
	       websocket_send(&console->socket, WEBSOCKET_BINARY, bytes, (size_t)got);
}

static enum cli_exit console_pump(struct console *console)
{
	struct http *http = &console->cli->http;
	enum cli_exit code = CLI_OK;

	for (;;) {
		struct pollfd waits[2] = {
			{.fd = http->net.fd, .events = POLLIN},
			{.fd = console->input_ended ? -1 : 0, .events = POLLIN},
		};
		bool more = http->in_at < http->in_count || net_pending(&http->net);

		if (poll(waits, 2, more ? 0 : -1) < 0 && errno != EINTR)
			return CLI_FAILED;
		if ((more || waits[0].revents) && !console_take_message(console, &code))
			return code;
		if (waits[1].revents && !console_take_input(console))
			return CLI_NOT_REACHED;
		if (console->left)
			return CLI_OK;
	}
}

/* Opens the console again after the connection broke, from the first byte that has not come. */
static enum cli_exit console_try_again(struct console *console)
{
	struct timespec second = {.tv_sec = 1};

	for (int i = 0; i < AGAIN_LIMIT; i++) {
		struct pollfd typed = {.fd = console->input_ended ? -1 : 0, .events = POLLIN};
		char bytes[256];
		enum cli_exit code;

		net_close(&console->cli->http.net);
		code = cli_try_connect(console->cli);
		if (code == CLI_OK)
			code = console_open_console(console);
		if (code == CLI_OK)
			return CLI_OK;
		if (code != CLI_NOT_REACHED && code != CLI_NOT_FOUND)
			return code;
		/* Keys typed during the wait are dropped, except Ctrl-]. */
		if (poll(&typed, 1, 0) == 1) {
			ssize_t got = read(0, bytes, sizeof(bytes));

			console->input_ended = got == 0;
			console->left =
				terminal_is_raw() && got > 0 && memchr(bytes, LEAVE, (size_t)got);
			if (console->left)
				return CLI_OK;
		}
		nanosleep(&second, NULL);
	}
	return CLI_NOT_REACHED;
}

static enum cli_exit console_again(struct console *console)
{
	enum cli_exit code;

	console_note("\r\n[connection lost]\r\n");
	cli_quiet(true);
	code = console_try_again(console);
	cli_quiet(false);
	if (code == CLI_OK && !console->left)
		console_note("\r\n[connected again]\r\n");
	return code;
}

enum cli_exit command_console(struct cli *cli, int count, char **words)
{
	static struct console console;
	enum cli_exit code;

	if (count != 1)
		cli_die(CLI_USAGE, "use: console NAME");
	console.cli = cli;
	console.name = words[0];
	cli_connect(cli);
	code = console_open_console(&console);
	if (code != CLI_OK)
		return code;
	if (terminal_raw())
		console_put("[Ctrl-] leaves]\r\n", 17);
	do {
		code = console_pump(&console);
		if (code == CLI_NOT_REACHED && !console.left)
			code = console_again(&console);
		else
			break;
	} while (code == CLI_OK && !console.left);
	terminal_restore();
	if (code == CLI_NOT_REACHED)
		cli_say("%s: the connection is lost", console.name);
	else if (code == CLI_NO_ACCESS)
		cli_say("%s: the token is no longer good for it", console.name);
	else if (isatty(1))
		puts(console.left ? "" : "\n[the console has ended]");
	return code;
}
