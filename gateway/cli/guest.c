/* SPDX-License-Identifier: MIT */
/*
 * skerryctl connect, ssh: connects to a program in a guest over a WebSocket of skerryd, which
 * reaches it by the guest's socket device. `connect` joins it with stdin and stdout; `ssh` runs the
 * system's ssh with `connect` as its ProxyCommand.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/string.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/guest.h"
#include "gateway/cli/table.h"

enum {
	GUEST_PIECE = 16384,
	GUEST_WORDS = 64, /* the most words of ssh's command line */
	GUEST_SSH_PORT = 22,
	GUEST_ANSWER_MS = 10000,
	/* the close codes that skerryd uses (RFC 6455, 7.4) */
	GUEST_DONE = 1000,
	GUEST_NO_ACCESS = 1008,
	GUEST_LINK_LOST = 1012,
	GUEST_RESET = 4000,
	GUEST_LOST = 4001,
};

/* Reads the problem document of an answer that refuses the WebSocket. */
static json_t *guest_problem(struct http *http)
{
	char text[4096];
	size_t used = 0;
	json_error_t error;

	while (!http->done && used < sizeof(text)) {
		int got = http_body(http, text + used, sizeof(text) - used, GUEST_ANSWER_MS);

		if (got <= 0)
			break;
		used += (size_t)got;
	}
	return json_loadb(text, used, 0, &error);
}

enum cli_exit guest_open(struct guest *guest, const char *what)
{
	struct cli *cli = guest->cli;
	struct http_answer answer;
	char path[700];
	int status;

	snprintf(path, sizeof(path), "/v1/vms/%s/%s", http_segment(guest->name), what);
	status = websocket_open(&guest->socket, &cli->http, path, "skerry.vsock.v1", &answer);
	if (status == 101)
		return CLI_OK;
	if (status == 0) {
		cli_say("%s", cli->http.net.error);
		return CLI_NOT_REACHED;
	}
	answer.json = guest_problem(&cli->http);
	return cli_problem(&answer, guest->name);
}

static bool guest_put(const unsigned char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t put_now = write(STDOUT_FILENO, bytes, size);

		if (put_now < 0 && errno != EINTR)
			return false;
		if (put_now > 0) {
			bytes += put_now;
			size -= (size_t)put_now;
		}
	}
	return true;
}

enum cli_exit guest_closed(const struct guest *guest)
{
	switch (guest->socket.close_code) {
	case GUEST_DONE:
		return CLI_OK;
	case GUEST_NO_ACCESS:
		cli_say("%s: the token is no longer good for it", guest->name);
		return CLI_NO_ACCESS;
	case GUEST_LINK_LOST:
		cli_say("%s: skerryd has lost its link to Skerry", guest->name);
		return CLI_NOT_REACHED;
	case GUEST_RESET:
		cli_say("%s: the guest has reset the connection", guest->name);
		return CLI_FAILED;
	case GUEST_LOST:
		cli_say("%s: the guest's agent has said more at a time than its port keeps",
			guest->name);
		return CLI_FAILED;
	default:
		cli_say("%s: skerryd has ended the connection", guest->name);
		return CLI_FAILED;
	}
}

bool guest_take_text(struct guest *guest)
{
	json_error_t error;
	json_t *said = json_loads((char *)guest->socket.data, 0, &error);
	bool end = json_is_true(json_object_get(said, "end"));

	if (table_number(said, "credit") > 0)
		guest->credit += table_number(said, "credit");
	json_decref(said);
	return end;
}

void guest_give_credit(struct guest *guest)
{
	char credit[48];

	snprintf(credit, sizeof(credit), "{\"ack\":%zu}", guest->socket.size);
	/*
	 * If the server has ended the connection, this fails; the server's close frame is read
	 * next.
	 */
	(void)websocket_send(&guest->socket, WEBSOCKET_TEXT, credit, strlen(credit));
}

/*
 * Handles one message. Returns false when the connection has ended; `*code` is then the exit code.
 */
static bool guest_take_message(struct guest *guest, enum cli_exit *code)
{
	int got = websocket_read(&guest->socket, 0);

	if (got == NET_TIMEOUT)
		return true;
	*code = CLI_NOT_REACHED;
	if (got <= 0) {
		cli_say("%s: the connection to skerryd is lost", guest->name);
		return false;
	}
	if (guest->socket.kind == WEBSOCKET_CLOSED) {
		*code = guest_closed(guest);
		return false;
	}
	if (guest->socket.kind == WEBSOCKET_TEXT) {
		if (guest_take_text(guest))
			close(STDOUT_FILENO);
		return true;
	}
	if (!guest_put(guest->socket.data, guest->socket.size)) {
		*code = CLI_FAILED;
		return false;
	}
	guest_give_credit(guest);
	return true;
}

/*
 * Sends bytes of stdin to skerryd, as far as it gives credit, and once the end of stdin. A failure
 * to send is not handled here: the server's close frame, which is read later, gives the reason.
 */
static void guest_take_input(struct guest *guest)
{
	static const char end[] = "{\"end\":true}";
	char bytes[GUEST_PIECE];
	size_t room = guest->credit < GUEST_PIECE ? (size_t)guest->credit : GUEST_PIECE;
	ssize_t got = read(STDIN_FILENO, bytes, room);

	if (got < 0 && errno == EINTR)
		return;
	guest->input_ended = got <= 0;
	guest->credit -= got > 0 ? (double)got : 0;
	if (got > 0)
		(void)websocket_send(&guest->socket, WEBSOCKET_BINARY, bytes, (size_t)got);
	else
		(void)websocket_send(&guest->socket, WEBSOCKET_TEXT, end, strlen(end));
}

static enum cli_exit guest_pump(struct guest *guest)
{
	struct http *http = &guest->cli->http;
	enum cli_exit code = CLI_NOT_REACHED;

	for (;;) {
		bool listens = !guest->input_ended && guest->credit >= 1;
		struct pollfd waits[2] = {
			{.fd = http->net.fd, .events = POLLIN},
			{.fd = listens ? STDIN_FILENO : -1, .events = POLLIN},
		};
		bool more = http->in_at < http->in_count || net_pending(&http->net);

		if (poll(waits, 2, more ? 0 : -1) < 0 && errno != EINTR)
			return CLI_FAILED;
		if ((more || waits[0].revents) && !guest_take_message(guest, &code))
			return code;
		if (waits[1].revents)
			guest_take_input(guest);
	}
}

enum cli_exit command_connect(struct cli *cli, int count, char **words)
{
	static struct guest guest;
	enum cli_exit code;
	char path[32];

	if (count != 2 || strlen(words[1]) > 10 ||
	    strspn(words[1], "0123456789") != strlen(words[1]) || !words[1][0])
		cli_die(CLI_USAGE, "use: connect NAME PORT");
	guest.cli = cli;
	guest.name = words[0];
	snprintf(path, sizeof(path), "vsock/%s", words[1]);
	cli_connect(cli);
	code = guest_open(&guest, path);
	return code == CLI_OK ? guest_pump(&guest) : code;
}

/* Adds a word to a ProxyCommand, quoted for the shell and for ssh, in which a % begins a token. */
static void guest_quote(char *line, size_t room, const char *word)
{
	size_t at = strlen(line);

	if (at + 4 * strlen(word) + 4 > room)
		cli_die(CLI_USAGE, "an option is too long for ssh's command line");
	line[at++] = ' ';
	line[at++] = '\'';
	for (; *word; word++) {
		if (*word == '\'') {
			memcpy(line + at, "'\\'", 3);
			at += 3;
		}
		if (*word == '%')
			line[at++] = '%';
		line[at++] = *word;
	}
	line[at++] = '\'';
	line[at] = 0;
}

static void guest_quote_option(char *line, size_t room, const char *option, const char *value)
{
	if (value == NULL)
		return;
	guest_quote(line, room, option);
	guest_quote(line, room, value);
}

/*
 * Makes ssh's ProxyCommand: this program with `connect`, and the options that lead to the same
 * skerryd.
 */
static void guest_proxy(const struct cli *cli, const char *name, char *line, size_t room)
{
	char program[4096];
	ssize_t size = readlink("/proc/self/exe", program, sizeof(program) - 1);

	if (size < 0)
		cli_die(CLI_FAILED, "/proc/self/exe: %s", strerror(errno));
	program[size] = 0;
	string_copy(line, room, "ProxyCommand=");
	guest_quote(line, room, program);
	guest_quote_option(line, room, "--host", cli->host);
	guest_quote_option(line, room, "--socket", cli->socket);
	guest_quote_option(line, room, "--token-file", cli->token_file);
	guest_quote_option(line, room, "--fingerprint", cli->fingerprint);
	guest_quote(line, room, "connect");
	guest_quote(line, room, name);
	snprintf(line + strlen(line), room - strlen(line), " %d", GUEST_SSH_PORT);
}

/*
 * Makes ssh's option HostKeyAlias: the guest's key is kept under a name that no host of a network
 * has.
 */
static void guest_alias(const struct cli *cli, const char *name, char *text, size_t room)
{
	const char *host = cli->host != NULL ? cli->host : getenv("SKERRY_HOST");

	if (cli->socket != NULL || host == NULL || !host[0])
		host = "local";
	snprintf(text, room, "HostKeyAlias=skerry:%s:%s", host, name);
}

enum cli_exit command_ssh(struct cli *cli, int count, char **words)
{
	char proxy[16384], alias[600];
	char *line[GUEST_WORDS] = {(char *)"ssh", (char *)"-o", proxy, (char *)"-o", alias};
	const char *name = count > 0 ? strrchr(words[0], '@') : NULL;
	int at = 5;

	if (count < 1 || words[0][0] == '-' || count > GUEST_WORDS - at - 2 * 8 - 2)
		cli_die(CLI_USAGE, "use: ssh [USER@]NAME [-- COMMAND...]");
	name = name != NULL ? name + 1 : words[0];
	guest_proxy(cli, name, proxy, sizeof(proxy));
	guest_alias(cli, name, alias, sizeof(alias));
	for (int i = 0; i < cli->ssh_option_count; i++) {
		line[at++] = (char *)"-o";
		line[at++] = (char *)cli->ssh_options[i];
	}
	line[at++] = (char *)"--";
	for (int i = 0; i < count; i++)
		line[at++] = words[i];
	line[at] = NULL;
	execvp("ssh", line);
	cli_die(CLI_FAILED, "ssh: %s", strerror(errno));
}
