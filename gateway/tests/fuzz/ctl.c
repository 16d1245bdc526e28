/* SPDX-License-Identifier: MIT */
/* skerryctl and a hostile server: an answer, WebSocket frames, text for the terminal. */
#include <stdint.h>

#include "gateway/cli/agent_line.c"
#include "gateway/cli/escape.c"
#include "gateway/cli/http.c"
#include "gateway/cli/websocket.c"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

/* The bytes that the server sends, in pieces of at most `piece` bytes. */
static struct {
	const uint8_t *bytes;
	size_t left, piece;
} server;

int net_read(struct net *net, void *bytes, size_t size, int timeout_ms)
{
	size_t count = server.left < size ? server.left : size;

	(void)net;
	(void)timeout_ms;
	if (count > server.piece)
		count = server.piece;
	memcpy(bytes, server.bytes, count);
	server.bytes += count;
	server.left -= count;
	return (int)count;
}

bool net_write(struct net *net, const void *bytes, size_t size)
{
	(void)net;
	return size == 0 || bytes;
}

/* Lines of a guest's agent: none is longer than it may be, and each is an answer or none. */
static void agent_lines(const uint8_t *bytes, size_t count)
{
	static struct agent_line line;

	line.count = 0;
	line.ended = line.too_long = false;
	line.skips = count % 2;
	for (size_t i = 0; i < count; i++) {
		if (agent_line_take(&line, bytes[i]))
			json_decref(agent_line_json(&line));
		if (line.count > AGENT_LINE_BYTES)
			__builtin_trap();
	}
}

static void serve(const uint8_t *bytes, size_t count, size_t piece)
{
	server.bytes = bytes;
	server.left = count;
	server.piece = piece;
}

/* The answer is the same whatever the pieces are. */
static void exchange(const uint8_t *bytes, size_t count)
{
	static struct http first, second;
	struct http_answer one, two;
	bool good, again;

	memset(&first, 0, sizeof(first));
	memset(&second, 0, sizeof(second));
	serve(bytes, count, 65536);
	good = http_exchange(&first, "GET", "/", NULL, NULL, &one);
	serve(bytes, count, 1);
	again = http_exchange(&second, "GET", "/", NULL, NULL, &two);
	if (good != again)
		__builtin_trap();
	if (good && (one.status != two.status || strcmp(one.etag, two.etag) != 0 ||
		     strcmp(one.location, two.location) != 0 || !one.json != !two.json ||
		     (one.json && !json_equal(one.json, two.json))))
		__builtin_trap();
	if (good) {
		json_decref(one.json);
		json_decref(two.json);
	}
}

static void frames(const uint8_t *bytes, size_t count)
{
	static struct websocket socket;
	static struct http http;

	memset(&http, 0, sizeof(http));
	socket.http = &http;
	serve(bytes, count, 7);
	for (;;) {
		int got = websocket_read(&socket, 0);

		if (got == NET_END || got == NET_ERROR)
			return;
		if (got == 1 && socket.kind == WEBSOCKET_CLOSED)
			return;
		if (got == 1 && (socket.size > WEBSOCKET_LIMIT || socket.data[socket.size]))
			__builtin_trap();
	}
}

/* The printed text holds nothing that a terminal obeys, and has as many columns as was said. */
static void text(const uint8_t *bytes, size_t count)
{
	char *given = strndup((const char *)bytes, count);
	char *shown = NULL;
	size_t size = 0, columns = 0;
	FILE *file = open_memstream(&shown, &size);

	escape_print(file, given);
	fclose(file);
	for (size_t i = 0; i < size; i++) {
		unsigned char byte = (unsigned char)shown[i];

		if (byte < 0x20 || byte == 0x7f ||
		    (byte == 0xc2 && (unsigned char)shown[i + 1] < 0xa0))
			__builtin_trap();
		columns += (byte & 0xc0) != 0x80;
	}
	if (columns != escape_columns(given) || size > 4 * strlen(given))
		__builtin_trap();
	free(shown);
	free(given);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	if (count == 0)
		return 0;
	if (bytes[0] % 3 == 0)
		exchange(bytes + 1, count - 1);
	else if (bytes[0] % 3 == 1)
		frames(bytes + 1, count - 1);
	else
		text(bytes + 1, count - 1);
	agent_lines(bytes + 1, count - 1);
	return 0;
}
