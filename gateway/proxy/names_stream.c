/* SPDX-License-Identifier: MIT */
/*
 * Moves questions and answers over TCP. Runs in the process that answers questions; no call waits
 * for a client.
 */
#include "gateway/proxy/names_stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/base/clock.h"

enum { NAMES_STREAM_QUESTION = 512 };

static struct names_stream {
	bool used, asked; /* a question waits for its answer */
	int fd;
	int64_t until_ms;
	struct names_asker asker;
	size_t count;
	uint8_t bytes[2 + NAMES_STREAM_QUESTION];
} names_streams[NAMES_STREAMS];

static void names_stream_close(struct names_stream *stream)
{
	close(stream->fd);
	stream->used = false;
	names_forget((int)(stream - names_streams));
}

void names_stream_accept(int tcp)
{
	struct sockaddr_in peer;
	socklen_t length = sizeof(peer);
	int fd = accept4(tcp, (struct sockaddr *)&peer, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct names_stream *place = NULL;
	int own = 0;

	if (fd < 0)
		return;
	for (int i = 0; i < NAMES_STREAMS; i++) {
		struct names_stream *stream = names_streams + i;

		if (!stream->used)
			place = place ? place : stream;
		else
			own += stream->asker.address == ntohl(peer.sin_addr.s_addr);
	}
	if (!place || own >= NAMES_STREAMS_CLIENT) {
		close(fd);
		return;
	}
	*place = (struct names_stream){
		.used = true,
		.fd = fd,
		.until_ms = clock_ms() + NAMES_STREAM_MS,
		.asker = {ntohl(peer.sin_addr.s_addr), ntohs(peer.sin_port),
			  (int)(place - names_streams)},
	};
}

/* Returns whether a question has come whole, or a length that none has. */
static bool names_stream_has(const struct names_stream *stream)
{
	size_t length = (size_t)stream->bytes[0] << 8 | stream->bytes[1];

	return stream->count >= 2 &&
	       (length > NAMES_STREAM_QUESTION || stream->count >= 2 + length);
}

int64_t names_stream_wait(struct pollfd *waits, int64_t now_ms)
{
	int64_t first_ms = INT64_MAX;

	for (int i = 0; i < NAMES_STREAMS; i++) {
		struct names_stream *stream = names_streams + i;

		waits[i] = (struct pollfd){.fd = -1};
		/* While it waits for an answer, the question's own time bounds the connection's. */
		if (!stream->used || stream->asked)
			continue;
		if (stream->until_ms <= now_ms) {
			names_stream_close(stream);
			continue;
		}
		if (names_stream_has(stream))
			first_ms = now_ms;
		else
			waits[i] = (struct pollfd){stream->fd, POLLIN, 0};
		if (stream->until_ms < first_ms)
			first_ms = stream->until_ms;
	}
	return first_ms;
}

/* Takes the question that has come whole. */
static void names_stream_take(struct names_stream *stream)
{
	size_t length = (size_t)stream->bytes[0] << 8 | stream->bytes[1];
	uint8_t question[NAMES_STREAM_QUESTION];

	if (length > NAMES_STREAM_QUESTION) {
		names_stream_close(stream);
		return;
	}
	memcpy(question, stream->bytes + 2, length);
	stream->count -= 2 + length;
	memmove(stream->bytes, stream->bytes + 2 + length, stream->count);
	stream->asked = true;
	if (!names_take(&stream->asker, question, length))
		names_stream_close(stream);
}

void names_stream_read(const struct pollfd *waits)
{
	for (int i = 0; i < NAMES_STREAMS; i++) {
		struct names_stream *stream = names_streams + i;

		if (!stream->used || stream->asked)
			continue;
		if (waits[i].revents && stream->fd == waits[i].fd) {
			ssize_t count = recv(stream->fd, stream->bytes + stream->count,
					     sizeof(stream->bytes) - stream->count, MSG_DONTWAIT);

			if (count < 0 && (errno == EAGAIN || errno == EINTR))
				continue;
			if (count <= 0) {
				names_stream_close(stream);
				continue;
			}
			stream->count += (size_t)count;
		}
		if (names_stream_has(stream))
			names_stream_take(stream);
	}
}

void names_stream_send(int number, const uint8_t *packet, size_t count)
{
	struct names_stream *stream = names_streams + number;
	uint8_t bytes[2 + DNS_ANSWER_BYTES];

	bytes[0] = (uint8_t)(count >> 8);
	bytes[1] = (uint8_t)count;
	memcpy(bytes + 2, packet, count);
	stream->asked = false;
	stream->until_ms = clock_ms() + NAMES_STREAM_MS;
	/* A client that reads none of its answers has filled the socket's buffer. */
	if (send(stream->fd, bytes, 2 + count, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)(2 + count))
		stream->until_ms = 0;
}
