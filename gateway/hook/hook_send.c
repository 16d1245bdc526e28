/* SPDX-License-Identifier: MIT */
/*
 * Sends one delivery: a POST with a signature. Only the status of the answer is read. The main
 * function of hook calls it, in a thread of its own.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "gateway/base/buffer.h"
#include "gateway/base/bytes.h"
#include "gateway/base/clock.h"
#include "gateway/hook/hook.h"

enum { SEND_HASH_BYTES = 32 };

/* A connection, by TLS if `session` is set. */
struct send_line {
	int fd;
	gnutls_session_t session;
	int64_t until_ms;
};

/*
 * Waits until a call that returned `result` can be repeated; without TLS, until the socket has one
 * of `events`. Returns false when the time is over, or the error is permanent.
 */
static bool send_again(const struct send_line *line, ssize_t result, short events)
{
	bool waits = line->session ? result == GNUTLS_E_AGAIN : errno == EAGAIN;

	if (line->session ? result == GNUTLS_E_INTERRUPTED : errno == EINTR)
		return true;
	if (line->session)
		events = gnutls_record_get_direction(line->session) ? POLLOUT : POLLIN;
	return waits && hook_wait(line->fd, events, line->until_ms);
}

static bool send_bytes(const struct send_line *line, const char *bytes, size_t count)
{
	while (count && clock_ms() < line->until_ms) {
		ssize_t sent = line->session ? gnutls_record_send(line->session, bytes, count)
					     : send(line->fd, bytes, count, MSG_NOSIGNAL);

		if (sent > 0) {
			bytes += sent;
			count -= (size_t)sent;
		} else if (!send_again(line, sent, POLLOUT)) {
			return false;
		}
	}
	return !count;
}

/* Returns the status of a first line, HTTP/1.1 200 OK, or 0 if it is no such line. */
static unsigned send_line_status(const char *text)
{
	const char *digits = text + strlen("HTTP/1.1 ");

	if (strncmp(text, "HTTP/1.1 ", 9) != 0 && strncmp(text, "HTTP/1.0 ", 9) != 0)
		return 0;
	if (strspn(digits, "0123456789") != 3 || *digits == '0' || *digits > '5')
		return 0;
	return (unsigned)atoi(digits);
}

/*
 * Finds the status of the answer, skipping answers of 1xx, which only announce it (RFC 9110, 15.2).
 * Returns false while more bytes are needed; *status is 0 if this is no answer.
 */
static bool send_find_status(const char *text, unsigned *status)
{
	while (strchr(text, '\n')) {
		*status = send_line_status(text);
		if (*status / 100 != 1 || *status == 101)
			return true;
		text = strstr(text, "\r\n\r\n");
		if (!text)
			return false;
		text += 4;
	}
	return false;
}

/* Reads until the answer's status is there or the buffer is full. */
static bool send_read_status(const struct send_line *line, unsigned *status)
{
	char text[HOOK_ANSWER_BYTES];
	size_t count = 0;

	while (count + 1 < sizeof(text) && clock_ms() < line->until_ms) {
		char *to = text + count;
		size_t left = sizeof(text) - count - 1;
		ssize_t got = line->session ? gnutls_record_recv(line->session, to, left)
					    : recv(line->fd, to, left, 0);

		if (got > 0) {
			count += (size_t)got;
			text[count] = 0;
			if (send_find_status(text, status))
				return *status;
		} else if (got == 0 || !send_again(line, got, POLLIN)) {
			return false;
		}
	}
	return false;
}

/* Takes the status of the answer. */
static void send_take_answer(const struct send_line *line, struct delivery_result *result)
{
	unsigned status = 0;

	if (!send_read_status(line, &status)) {
		snprintf(result->text, sizeof(result->text),
			 "it has not answered with HTTP/1.1 in time");
		return;
	}
	result->status = status;
	snprintf(result->text, sizeof(result->text), "it has answered %u", status);
}

/* Composes the request's bytes; each part of it was checked, or is made here. */
static void send_compose(const struct hook_delivery *delivery, const struct hook_url *url,
			 struct buffer *request)
{
	bool six = strchr(url->host, ':');
	uint8_t hash[SEND_HASH_BYTES] = {0};
	char hex[2 * SEND_HASH_BYTES + 1];
	struct buffer text = {0};

	buffer_format(&text, "%s.%s", delivery->time, delivery->body);
	if (text.failed ||
	    gnutls_hmac_fast(GNUTLS_MAC_SHA256, delivery->secret, strlen(delivery->secret),
			     text.bytes, text.count, hash) < 0)
		request->failed = true;
	hex_write(hex, hash, sizeof(hash));
	buffer_format(request,
		      "POST %s HTTP/1.1\r\nHost: %s%s%s:%s\r\nUser-Agent: skerryd\r\n"
		      "Content-Type: application/json\r\nContent-Length: %zu\r\n"
		      "Skerry-Delivery: %s\r\nSkerry-Time: %s\r\nSkerry-Signature: sha256=%s\r\n"
		      "Connection: close\r\n\r\n%s",
		      url->path, six ? "[" : "", url->host, six ? "]" : "", url->port,
		      strlen(delivery->body), delivery->number, delivery->time, hex,
		      delivery->body);
	buffer_free(&text);
}

/* Begins TLS, and verifies that the receiver has the URL's name. Returns false with a reason. */
static bool send_begin_tls(struct send_line *line, const struct hook_url *url,
			   struct delivery_result *result)
{
	int error = GNUTLS_E_INTERNAL_ERROR;

	if (gnutls_init(&line->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) < 0) {
		line->session = NULL;
	} else if (gnutls_set_default_priority(line->session) == 0 &&
		   gnutls_credentials_set(line->session, GNUTLS_CRD_CERTIFICATE,
					  hook_authorities()) == 0 &&
		   (url->literal || gnutls_server_name_set(line->session, GNUTLS_NAME_DNS,
							   url->host, strlen(url->host)) == 0)) {
		gnutls_session_set_verify_cert(line->session, url->host, 0);
		gnutls_transport_set_int(line->session, line->fd);
		do
			error = gnutls_handshake(line->session);
		while (error < 0 && !gnutls_error_is_fatal(error) && clock_ms() < line->until_ms &&
		       (error != GNUTLS_E_AGAIN || send_again(line, error, POLLIN)));
	}
	if (error)
		snprintf(result->text, sizeof(result->text), "TLS: %s",
			 error == GNUTLS_E_AGAIN ? "it has not answered in time"
						 : gnutls_strerror(error));
	return !error;
}

void hook_send(const struct hook_delivery *delivery, struct delivery_result *result)
{
	struct send_line line = {.fd = -1};
	struct buffer request = {0};
	struct hook_url url;

	*result = (struct delivery_result){.status = DELIVERY_REFUSED};
	if (!hook_url_read(delivery->url, &url)) {
		snprintf(result->text, sizeof(result->text), "its URL is not valid");
		return;
	}
	line.fd = hook_connect(delivery, &url, &line.until_ms, result);
	if (line.fd < 0)
		return;
	if (!url.https || send_begin_tls(&line, &url, result)) {
		send_compose(delivery, &url, &request);
		if (!request.failed && send_bytes(&line, request.bytes, request.count))
			send_take_answer(&line, result);
		else
			snprintf(result->text, sizeof(result->text),
				 "it has not taken the message in time");
	}
	buffer_free(&request);
	if (line.session)
		gnutls_deinit(line.session);
	close(line.fd);
}
