/* SPDX-License-Identifier: MIT */
/*
 * Carries a request to its host and the answer to the client, with bounded memory even if either
 * side is slow. The process of the client's connection calls it; it reads and writes two sockets
 * and no file.
 */
#include "gateway/proxy/exchange.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/clock.h"

enum {
	EXCHANGE_IDLE_MS = 300000,  /* the longest time without a moved byte, as before an answer */
	EXCHANGE_MOST_MS = 3600000, /* the longest time of a whole exchange */
	EXCHANGE_INTERIM = 8,
};

static void exchange_fail(struct exchange *exchange, unsigned status, const char *why)
{
	if (exchange->why)
		return;
	exchange->status = status;
	exchange->why = why;
}

/* Counts moved bytes, and ends the exchange when they exceed the rule's limit. */
static void exchange_count(struct exchange *exchange, uint64_t *counter, size_t count)
{
	const struct rule *rule = exchange->rule;
	bool within;

	*counter += count;
	if (!count)
		return;
	/*
	 * Once the rules have been read again, the account belongs to the new rules, so that this
	 * exchange is limited by itself.
	 */
	if (account_is_old(exchange->account))
		within = !rule->bytes || exchange->sent + exchange->received <= rule->bytes;
	else
		within = account_add(exchange->account, exchange->rules, rule, count);
	if (!within)
		exchange_fail(exchange, 429,
			      "this address has moved the bytes that the rule of "
			      "the host allows in an hour");
}

/* Makes the request that the host gets. */
static void exchange_request(struct exchange *exchange, const struct parse_head *head)
{
	const struct parse_request *request = exchange->request;
	const struct rule *rule = exchange->rule;
	struct buffer *to = &exchange->to_host;

	buffer_format(to, "%s %s HTTP/1.1\r\nHost: %s", request->method, request->target,
		      rule->name);
	if (rule->port != 443)
		buffer_format(to, ":%u", rule->port);
	for (size_t i = 0; i < head->count; i++) {
		const struct parse_field *field = head->fields + i;

		if (!parse_is_hop(head, field->name) && !rule_drops(rule, field->name))
			buffer_format(to, "\r\n%s: %s", field->name, field->value);
	}
	for (size_t i = 0; i < rule->header_count; i++)
		buffer_format(to, "\r\n%s: %s", rule->headers[i].name, rule->headers[i].value);
	if (rule_has_key(rule))
		buffer_text(to, "\r\nAccept-Encoding: identity");
	if (request->kind == BODY_LENGTH)
		buffer_format(to, "\r\nContent-Length: %llu", (unsigned long long)request->length);
	else if (request->kind == BODY_CHUNKED)
		buffer_text(to, "\r\nTransfer-Encoding: chunked");
	buffer_text(to, "\r\nConnection: close\r\n\r\n");
}

/* Makes the head of the answer that the client gets. */
static void exchange_answer(struct exchange *exchange, const struct parse_head *head,
			    const struct parse_answer *answer)
{
	struct buffer *to = &exchange->to_client;

	buffer_format(to, "HTTP/1.1%s", head->line + strlen("HTTP/1.1"));
	for (size_t i = 0; i < head->count; i++) {
		const struct parse_field *field = head->fields + i;

		if (!parse_is_hop(head, field->name))
			buffer_format(to, "\r\n%s: %s", field->name, field->value);
	}
	if (answer->has_length)
		buffer_format(to, "\r\nContent-Length: %llu", (unsigned long long)answer->length);
	else if (answer->kind != BODY_NONE)
		buffer_text(to, "\r\nTransfer-Encoding: chunked");
	/* The rest of a request's body that has not come before the answer may never come. */
	if (exchange->request->close || exchange->up.state != BODY_ENDED)
		exchange->keep = false;
	buffer_text(to, exchange->keep ? "\r\n\r\n" : "\r\nConnection: close\r\n\r\n");
	exchange->answered = true;
	exchange->status = answer->status;
	body_start(&exchange->down, answer->kind, answer->length);
}

/* Reads the complete head of an answer, `count` bytes at the front of host_in. */
static void exchange_head(struct exchange *exchange, size_t count)
{
	struct parse_head head;
	struct parse_answer answer;
	const char *why;

	if (leak_found(exchange->rule, exchange->host_in.bytes, count)) {
		exchange_fail(exchange, 502,
			      "the host's answer has the key of the rule in its "
			      "headers, and was kept back");
		return;
	}
	why = parse_head(&head, exchange->host_in.bytes, count);
	if (!why)
		why = parse_answer(&answer, &head, exchange->request->method);
	if (!why && answer.status == 101)
		why = "the host changes the protocol, which nobody has asked for";
	if (!why && answer.status < 200 && ++exchange->interim > EXCHANGE_INTERIM)
		why = "the host sends too many answers before the final one";
	if (why)
		exchange_fail(exchange, 502, why);
	else if (answer.status >= 200)
		exchange_answer(exchange, &head, &answer);
	buffer_take(&exchange->host_in, count);
	exchange->looked = 0;
}

/* Searches the received bytes for the end of the answer's head. */
static void exchange_await(struct exchange *exchange)
{
	while (!exchange->answered && !exchange->why) {
		size_t used;
		enum head_result result =
			head_take(&exchange->head, exchange->host_in.bytes + exchange->looked,
				  exchange->host_in.count - exchange->looked, &used);

		exchange->looked += used;
		if (result == HEAD_ENDS)
			exchange_head(exchange, exchange->looked);
		else if (result == HEAD_BAD)
			exchange_fail(exchange, 502,
				      "the head of the host's answer is none of "
				      "HTTP/1.1, or has more than 32 KiB");
		if (result == HEAD_MORE)
			return;
	}
}

/* Takes received bytes of the answer's body, once the client has got all earlier ones. */
static void exchange_down_body(struct exchange *exchange)
{
	static char content[EXCHANGE_BYTES];
	struct buffer passed = {0};
	bool framed = exchange->down.kind == BODY_CHUNKED ||
		      (exchange->down.kind == BODY_CLOSE && !exchange->request->tunnel);
	size_t count, used;

	used = body_take(&exchange->down, exchange->host_in.bytes, exchange->host_in.count, content,
			 sizeof(content), &count);
	buffer_take(&exchange->host_in, used);
	if (exchange->host.ended && !exchange->host.broken && !exchange->host_in.count)
		(void)body_eof(&exchange->down);
	if (!leak_take(&exchange->leak, &passed, content, count))
		exchange_fail(exchange, 502,
			      "the host's answer has the key of the rule in its "
			      "body, and was cut off before it");
	else if (exchange->down.state == BODY_ENDED)
		leak_end(&exchange->leak, &passed);
	if (exchange->down.state == BODY_BAD)
		exchange_fail(exchange, 502, "the chunks of the host's answer are none");
	if (!exchange->why && passed.count && framed)
		body_chunk(&exchange->to_client, passed.bytes, passed.count);
	else if (!exchange->why && passed.count)
		buffer_add(&exchange->to_client, passed.bytes, passed.count);
	if (!exchange->why && exchange->down.state == BODY_ENDED) {
		exchange->down_done = true;
		if (framed)
			body_chunk(&exchange->to_client, NULL, 0);
	}
	buffer_free(&passed);
}

/* Moves bytes from the host to the client. Returns whether any has moved. */
static bool exchange_down(struct exchange *exchange)
{
	size_t moved = 0, sent;

	if (!exchange->to_client.count && !exchange->down_done) {
		if (!exchange->answered || exchange->host_in.count < EXCHANGE_BYTES)
			moved = wire_read(&exchange->host, &exchange->host_in, EXCHANGE_BYTES);
		exchange_count(exchange, &exchange->received, moved);
		exchange_await(exchange);
		if (exchange->answered && !exchange->to_client.count)
			exchange_down_body(exchange);
		/* An answer whose head is incomplete when the host ends stays incomplete. */
		if (exchange->host.ended && !exchange->down_done &&
		    (!exchange->host_in.count || !exchange->answered))
			exchange_fail(exchange, 502,
				      "the host has closed the connection before "
				      "its answer was complete");
	}
	sent = wire_write(exchange->client, &exchange->to_client);
	if (exchange->request->tunnel && exchange->down_done && !exchange->to_client.count)
		wire_finish(exchange->client);
	return moved + sent > 0;
}

/* Takes received bytes of the request's body. */
static void exchange_up_body(struct exchange *exchange)
{
	static char content[EXCHANGE_BYTES];
	bool framed = exchange->up.kind == BODY_CHUNKED;
	size_t count, used;

	used = body_take(&exchange->up, exchange->client_in->bytes, exchange->client_in->count,
			 content, sizeof(content), &count);
	buffer_take(exchange->client_in, used);
	if (exchange->client->ended && !exchange->client->broken && !exchange->client_in->count)
		(void)body_eof(&exchange->up);
	if (exchange->up.state == BODY_BAD)
		exchange_fail(exchange, 400, "the chunks of the request's body are none");
	if (count && framed)
		body_chunk(&exchange->to_host, content, count);
	else if (count)
		buffer_add(&exchange->to_host, content, count);
	if (exchange->up.state == BODY_ENDED) {
		exchange->up_done = true;
		if (framed)
			body_chunk(&exchange->to_host, NULL, 0);
	}
}

/* Moves bytes from the client to the host. Returns whether any has moved. */
static bool exchange_up(struct exchange *exchange)
{
	size_t moved = 0, sent;

	if (!exchange->to_host.count && !exchange->up_done) {
		if (!exchange->client_in->count)
			moved = wire_read(exchange->client, exchange->client_in, EXCHANGE_BYTES);
		exchange_up_body(exchange);
		if (exchange->client->ended && !exchange->up_done)
			exchange_fail(exchange, 400,
				      "the client has closed the connection "
				      "before its request was complete");
	}
	sent = wire_write(&exchange->host, &exchange->to_host);
	exchange_count(exchange, &exchange->sent, sent);
	if (exchange->request->tunnel && exchange->up_done && !exchange->to_host.count)
		wire_finish(&exchange->host);
	if (exchange->host.broken) {
		/* The host may have answered already and need no more of the request. */
		buffer_free(&exchange->to_host);
		exchange->up_done = true;
		exchange->keep = false;
	}
	return moved + sent > 0;
}

/* Waits until a socket is ready for the next move, or until `until_ms`. */
static void exchange_wait(struct exchange *exchange, int64_t until_ms)
{
	struct pollfd waits[2] = {{exchange->client->fd, 0, 0}, {exchange->host.fd, 0, 0}};
	int64_t left_ms = until_ms - clock_ms();

	if (exchange->to_client.count)
		waits[0].events |= POLLOUT;
	else if (!exchange->down_done && !exchange->host.ended)
		waits[1].events |= POLLIN;
	if (exchange->to_host.count)
		waits[1].events |= POLLOUT;
	else if (!exchange->up_done && !exchange->client->ended)
		waits[0].events |= POLLIN;
	/*
	 * A host that has hung up would wake poll(2) at once each time, so it is left out when
	 * nothing is wanted from it.
	 */
	if (!waits[1].events)
		waits[1].fd = -1;
	if (waits[1].events & POLLIN && wire_has_read(&exchange->host))
		return;
	if (left_ms > 0 && poll(waits, 2, (int)left_ms) > 0 && !waits[0].events &&
	    waits[0].revents & (POLLHUP | POLLERR))
		exchange->client->broken = true;
}

static bool exchange_over(const struct exchange *exchange)
{
	if (exchange->why || exchange->client->broken)
		return true;
	if (exchange->request->tunnel && (!exchange->up_done || exchange->to_host.count))
		return false;
	return exchange->down_done && !exchange->to_client.count;
}

/* Carries bytes until both directions have ended, or nothing has moved for EXCHANGE_IDLE_MS. */
static void exchange_loop(struct exchange *exchange)
{
	int64_t end_ms = clock_ms() + EXCHANGE_MOST_MS, idle_ms = clock_ms() + EXCHANGE_IDLE_MS;

	while (!exchange_over(exchange)) {
		bool up = exchange_up(exchange), down = exchange_down(exchange);

		if (up || down) {
			idle_ms = clock_ms() + EXCHANGE_IDLE_MS;
			continue;
		}
		if (exchange_over(exchange))
			break;
		exchange_wait(exchange, idle_ms < end_ms ? idle_ms : end_ms);
		if (clock_ms() >= idle_ms)
			exchange_fail(exchange, 504, "nothing has moved for five minutes");
		else if (clock_ms() >= end_ms)
			exchange_fail(exchange, 504, "the exchange has taken an hour");
	}
	if (exchange->client->broken)
		exchange_fail(exchange, exchange->status ? exchange->status : 400,
			      "the client has closed the connection");
	leak_free(&exchange->leak);
	buffer_free(&exchange->host_in);
	buffer_free(&exchange->to_host);
	wire_close(&exchange->host);
}

void exchange_run(struct exchange *exchange, int host, const struct parse_head *head)
{
	const char *why = wire_secure(&exchange->host, host, exchange->rule);

	body_start(&exchange->up, exchange->request->kind, exchange->request->length);
	exchange->up_done = exchange->up.state == BODY_ENDED;
	if (!leak_start(&exchange->leak, exchange->rule))
		why = "there is no memory";
	if (why)
		exchange_fail(exchange, 502, why);
	else
		exchange_request(exchange, head);
	if (exchange->request->expects && !exchange->up_done)
		buffer_text(&exchange->to_client, "HTTP/1.1 100 Continue\r\n\r\n");
	exchange_loop(exchange);
}

void exchange_tunnel(struct exchange *exchange, int host)
{
	exchange->host = (struct wire){.fd = host};
	body_start(&exchange->up, BODY_CLOSE, 0);
	body_start(&exchange->down, BODY_CLOSE, 0);
	exchange->answered = true;
	exchange->status = 200;
	buffer_text(&exchange->to_client, "HTTP/1.1 200 Connection established\r\n\r\n");
	exchange_loop(exchange);
}
