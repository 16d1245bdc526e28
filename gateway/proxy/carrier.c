/* SPDX-License-Identifier: MIT */
/*
 * The process of a client's connection: it reads the heads of requests, checks them against the
 * rules, and starts an exchange for each. It has the keys, and can open no file and make no socket.
 */
#include "gateway/proxy/carrier.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/string.h"
#include "gateway/proxy/dial.h"
#include "gateway/proxy/exchange.h"
#include "gateway/proxy/log.h"

enum {
	CARRIER_IDLE_MS = 60000, /* the time limit between two requests */
	CARRIER_HEAD_MS = 10000, /* the time limit for a head, from its first byte to its last */
	CARRIER_SEND_MS = 10000, /* the time limit for sending a refusal */
	CARRIER_LINGER_MS = 2000,
};

struct carrier {
	struct wire client;
	struct buffer in;
	uint32_t address;
	int dialer;
	const struct rules *rules;
	struct account_page *account;
};

static const char *carrier_reason(unsigned status)
{
	static const struct {
		unsigned status;
		const char *reason;
	} reasons[] = {
		{400, "Bad Request"},	 {403, "Forbidden"},	       {408, "Request Timeout"},
		{429, "Too Many Bytes"}, {503, "Service Unavailable"}, {504, "Gateway Timeout"},
	};

	for (size_t i = 0; i < ARRAY_COUNT(reasons); i++) {
		if (reasons[i].status == status)
			return reasons[i].reason;
	}
	return "Bad Gateway";
}

/* Adds an answer of the proxy's own. */
static void carrier_refusal(struct buffer *to, unsigned status, const char *why)
{
	static const char who[] = "skerry-proxy: ";

	buffer_format(to,
		      "HTTP/1.1 %u %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
		      "Connection: close\r\n\r\n%s%s\n",
		      status, carrier_reason(status), strlen(who) + strlen(why) + 1, who, why);
}

/* Sends the contents of the buffer, for a limited time, and frees it. */
static void carrier_send(struct wire *client, struct buffer *from)
{
	int64_t until_ms = clock_ms() + CARRIER_SEND_MS, left_ms;

	while (from->count && !client->broken && (left_ms = until_ms - clock_ms()) > 0) {
		struct pollfd wait = {client->fd, POLLOUT, 0};

		if (!wire_write(client, from))
			(void)poll(&wait, 1, (int)left_ms);
	}
	buffer_free(from);
}

/*
 * Ends the connection so that the client can read the last answer: for a while, further bytes from
 * the client are read and dropped. Otherwise the kernel would reset the connection, and the client
 * could lose the answer.
 */
static void carrier_linger(struct wire *client)
{
	int64_t until_ms = clock_ms() + CARRIER_LINGER_MS, left_ms;
	struct buffer dropped = {0};

	wire_finish(client);
	while (!client->ended && (left_ms = until_ms - clock_ms()) > 0) {
		struct pollfd wait = {client->fd, POLLIN, 0};

		if (poll(&wait, 1, (int)left_ms) > 0)
			(void)wire_read(client, &dropped, EXCHANGE_BYTES);
		buffer_take(&dropped, dropped.count);
	}
	buffer_free(&dropped);
	wire_close(client);
}

/*
 * Waits for the head of a request. Returns its length, or 0; *why then is a sentence about the
 * error, or NULL if the client sends no more requests.
 */
static size_t carrier_head(struct carrier *carrier, unsigned *status, const char **why)
{
	int64_t until_ms = clock_ms() + (carrier->in.count ? CARRIER_HEAD_MS : CARRIER_IDLE_MS);
	struct head head = {HEAD_START, false, 0};
	enum head_result result = HEAD_MORE;
	size_t looked = 0, used;

	*why = NULL;
	*status = 400;
	for (;;) {
		struct pollfd wait = {carrier->client.fd, POLLIN, 0};
		int64_t left_ms = until_ms - clock_ms();
		bool first = !carrier->in.count;

		if (carrier->in.count > looked)
			result = head_take(&head, carrier->in.bytes + looked,
					   carrier->in.count - looked, &used);
		else
			used = 0;
		looked += used;
		if (result == HEAD_ENDS)
			return looked;
		if (result == HEAD_BAD) {
			*why = "a head has lines that end with CR LF, no other control, no line "
			       "that begins with a blank, and up to 32 KiB";
			return 0;
		}
		if (left_ms <= 0 || carrier->client.ended) {
			*status = 408;
			if (carrier->in.count && !carrier->client.ended)
				*why = "the head of a request comes within 10 seconds";
			return 0;
		}
		(void)poll(&wait, 1, (int)left_ms);
		(void)wire_read(&carrier->client, &carrier->in, EXCHANGE_BYTES);
		if (first && carrier->in.count)
			until_ms = clock_ms() + CARRIER_HEAD_MS;
	}
}

/* Finds the rule for a request, connects to the rule's host, and carries the request there. */
static void carrier_exchange(struct carrier *carrier, struct exchange *exchange,
			     const struct parse_head *head)
{
	int host;

	if (account_is_old(carrier->account)) {
		exchange->status = 503;
		exchange->why = "the rules have changed since this connection began: connect again";
		return;
	}
	exchange->rule =
		rule_find(carrier->rules, carrier->address, exchange->request, &exchange->why);
	if (!exchange->rule) {
		exchange->status = 403;
		return;
	}
	if (!account_add(carrier->account, carrier->rules, exchange->rule, 0)) {
		exchange->status = 429;
		exchange->why = "this address has moved the bytes that the rule of the host "
				"allows in an hour";
		return;
	}
	host = dial_ask(carrier->dialer, carrier->rules, exchange->rule, &exchange->status,
			&exchange->why);
	if (host < 0)
		return;
	exchange->status = 0;
	exchange->why = NULL;
	if (exchange->request->tunnel)
		exchange_tunnel(exchange, host);
	else
		exchange_run(exchange, host, head);
}

/* Serves the request whose head is in `text`. Returns whether another may follow. */
static bool carrier_request(struct carrier *carrier, char *text, size_t count)
{
	struct parse_request request = {0};
	struct parse_head head;
	struct exchange exchange = {
		.rules = carrier->rules,
		.account = carrier->account,
		.request = &request,
		.client = &carrier->client,
		.client_in = &carrier->in,
		.host = {.fd = -1},
		.keep = true,
		.status = 400,
	};
	struct log_entry entry = {.client = carrier->address};

	exchange.why = parse_head(&head, text, count);
	if (!exchange.why)
		exchange.why = parse_request(&request, &head);
	if (!exchange.why) {
		entry.method = request.method;
		entry.host = request.host;
		entry.path = request.target;
		entry.path_length = (int)request.path;
		carrier_exchange(carrier, &exchange, &head);
	}
	if (exchange.why && !exchange.answered) {
		carrier_refusal(&exchange.to_client, exchange.status, exchange.why);
		carrier_send(&carrier->client, &exchange.to_client);
	}
	buffer_free(&exchange.to_client);
	entry.status = exchange.status;
	entry.up = exchange.sent;
	entry.down = exchange.received;
	entry.why = exchange.why;
	log_entry(&entry);
	return !exchange.why && exchange.keep && !request.tunnel;
}

void carrier_serve(int client, uint32_t address, int dialer, const struct rules *rules,
		   struct account_page *account)
{
	struct carrier carrier = {.client = {.fd = client},
				  .address = address,
				  .dialer = dialer,
				  .rules = rules,
				  .account = account};
	static char head[HEAD_BYTES + 1];
	bool again = true;

	while (again) {
		unsigned status;
		const char *why;
		size_t count = carrier_head(&carrier, &status, &why);

		again = count > 0;
		if (why) {
			struct log_entry entry = {.client = address, .status = status, .why = why};
			struct buffer to = {0};

			carrier_refusal(&to, status, why);
			carrier_send(&carrier.client, &to);
			log_entry(&entry);
		}
		if (!again)
			break;
		memcpy(head, carrier.in.bytes, count);
		buffer_take(&carrier.in, count);
		again = carrier_request(&carrier, head, count);
	}
	carrier_linger(&carrier.client);
}

void carrier_turn_away(int client)
{
	struct wire wire = {.fd = client};
	struct buffer to = {0};

	carrier_refusal(&to, 503,
			"too many connections are open, of this address or in all: "
			"close some, or raise connections.client or connections");
	(void)wire_write(&wire, &to);
	buffer_free(&to);
	wire_close(&wire);
}
