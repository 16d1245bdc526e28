/* SPDX-License-Identifier: MIT */
/*
 * TLS: accepts connections, decrypts the clients' bytes and encrypts the answers. Web's loop calls
 * it in each turn; it reads and writes the clients' sockets, and the socket pairs that lead to the
 * HTTP library.
 */
#include "gateway/web/tunnel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/web/tunnel_list.h"
#include "gateway/web/web.h"

enum {
	/* the most records of one connection that are moved before the next connection's turn */
	TUNNEL_ROUNDS = 8,
	TUNNEL_ACCEPTS = 16,
	HANDSHAKE_MS = 10000,
	LINGER_MS = 1000,
	TUNNEL_UNSENT = 131072, /* the most bytes that the kernel keeps unsent for a slow client */
};

bool tunnel_start(int listener, const char *certificate, const char *key, unsigned per_address)
{
	static const char wanted[] = "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";
	gnutls_datum_t cert = {(unsigned char *)(uintptr_t)certificate,
			       (unsigned)strlen(certificate)};
	gnutls_datum_t secret = {(unsigned char *)(uintptr_t)key, (unsigned)strlen(key)};

	if (gnutls_certificate_allocate_credentials(&tunnels.credentials) < 0 ||
	    gnutls_certificate_set_x509_key_mem(tunnels.credentials, &cert, &secret,
						GNUTLS_X509_FMT_PEM) < 0 ||
	    gnutls_priority_init(&tunnels.priority, wanted, NULL) < 0)
		return false;
	tunnels.listener = listener;
	tunnels.per_address = per_address;
	return true;
}

static bool tunnel_session(struct tunnel *tunnel)
{
	static const gnutls_datum_t protocol = {(unsigned char *)"http/1.1", 8};

	if (gnutls_init(&tunnel->session, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) < 0) {
		tunnel->session = NULL;
		return false;
	}
	gnutls_transport_set_int(tunnel->session, tunnel->client);
	/* TCP_NODELAY sends each record at once, as the next one may come late. */
	setsockopt(tunnel->client, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	/* A client that does not read takes little of the kernel's memory. */
	setsockopt(tunnel->client, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &(int){TUNNEL_UNSENT},
		   sizeof(int));
	gnutls_alpn_set_protocols(tunnel->session, &protocol, 1, 0);
	return gnutls_priority_set(tunnel->session, tunnels.priority) == 0 &&
	       gnutls_credentials_set(tunnel->session, GNUTLS_CRD_CERTIFICATE,
				      tunnels.credentials) == 0;
}

/* Accepts a connection. Returns false when no client waits for that. */
static bool tunnel_accept(int64_t now_ms)
{
	struct sockaddr_storage address = {0};
	socklen_t size = sizeof(address);
	struct tunnel *tunnel;
	int fd = accept4(tunnels.listener, (struct sockaddr *)&address, &size,
			 SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return false;
	tunnel = tunnel_has_room(&address) ? calloc(1, sizeof(*tunnel)) : NULL;
	if (!tunnel) {
		close(fd);
		return true;
	}
	tunnel->client = fd;
	tunnel->inner = tunnel->server = -1;
	tunnel->number = ++tunnels.last;
	tunnel->address = address;
	tunnel->until_ms = now_ms + HANDSHAKE_MS;
	tunnels.list[tunnels.count++] = tunnel;
	if (!tunnel_session(tunnel))
		tunnel_free(tunnels.count - 1);
	return true;
}

/*
 * Ends a tunnel whose answers are sent: for LINGER_MS, further bytes from the client are dropped.
 */
static void tunnel_end(struct tunnel *tunnel, int64_t now_ms)
{
	shutdown(tunnel->client, SHUT_WR);
	tunnel->state = TUNNEL_LINGERS;
	tunnel->until_ms = now_ms + LINGER_MS;
}

/* Goes on with the TLS handshake. Returns false when the tunnel has to be freed. */
static bool tunnel_handshake(struct tunnel *tunnel, int64_t now_ms)
{
	int result = gnutls_handshake(tunnel->session);
	int pair[2];

	if (result < 0 && gnutls_error_is_fatal(result)) {
		gnutls_alert_send_appropriate(tunnel->session, result);
		tunnel_end(tunnel, now_ms);
		return true;
	}
	if (result < 0)
		return true;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
		return false;
	/*
	 * The new socket may have the descriptor number that an older tunnel still has for its
	 * server's end, which is closed already.
	 */
	if (tunnel_of(pair[1]))
		tunnel_of(pair[1])->server = -1;
	tunnel->inner = pair[0];
	tunnel->server = pair[1];
	tunnel->state = TUNNEL_OPEN;
	tunnel->until_ms = 0;
	gate_start(&tunnel->gate, now_ms);
	return web_tls_connection(pair[1], (const struct sockaddr *)&tunnel->address,
				  sizeof(tunnel->address));
}

/*
 * Decrypts one record. Returns whether anything has moved, as the three functions below do; each of
 * them sets *broken when the tunnel has to be freed.
 */
static bool tunnel_decrypt(struct tunnel *tunnel, bool *broken)
{
	ssize_t count;

	if (tunnel->up.count || tunnel->client_ended || tunnel->gate.bad)
		return false;
	count = gnutls_record_recv(tunnel->session, tunnel->up.bytes, TUNNEL_BYTES);
	if (count > 0) {
		tunnel->up.at = 0;
		tunnel->up.count = (size_t)count;
		return true;
	}
	if (count == 0 || count == GNUTLS_E_PREMATURE_TERMINATION) {
		tunnel->client_ended = true;
		return true;
	}
	*broken = gnutls_error_is_fatal((int)count) || count == GNUTLS_E_REHANDSHAKE;
	return false;
}

static bool tunnel_give(struct tunnel *tunnel, int64_t now_ms, bool *broken)
{
	struct tunnel_bytes *up = &tunnel->up;
	ssize_t sent;

	up->passed += gate_pass(&tunnel->gate, up->bytes + up->at + up->passed,
				up->count - up->passed, now_ms);
	if (!up->passed) {
		if (!up->count && tunnel->client_ended && !tunnel->inner_told) {
			shutdown(tunnel->inner, SHUT_WR);
			tunnel->inner_told = true;
		}
		return false;
	}
	sent = send(tunnel->inner, up->bytes + up->at, up->passed, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent <= 0) {
		/*
		 * The server has closed its end of the socket pair: its answers before that are
		 * still sent to the client.
		 */
		if (errno == EPIPE || errno == ECONNRESET) {
			tunnel->client_ended = tunnel->inner_told = true;
			up->count = up->passed = 0;
		} else {
			*broken = errno != EAGAIN && errno != EINTR;
		}
		return false;
	}
	up->at += (size_t)sent;
	up->count -= (size_t)sent;
	up->passed -= (size_t)sent;
	return true;
}

static bool tunnel_take(struct tunnel *tunnel, bool *broken)
{
	ssize_t count;

	if (tunnel->down.count || tunnel->server_ended)
		return false;
	count = recv(tunnel->inner, tunnel->down.bytes, TUNNEL_BYTES, MSG_DONTWAIT);
	if (count > 0) {
		tunnel->down.at = 0;
		tunnel->down.count = (size_t)count;
		return true;
	}
	if (count == 0 || errno == ECONNRESET) {
		tunnel->server_ended = true;
		tunnel->server = -1;
		return true;
	}
	*broken = errno != EAGAIN && errno != EINTR;
	return false;
}

static bool tunnel_encrypt(struct tunnel *tunnel, bool *broken)
{
	ssize_t sent;

	if (!tunnel->down.count)
		return false;
	sent = gnutls_record_send(tunnel->session, tunnel->down.bytes + tunnel->down.at,
				  tunnel->down.count);
	if (sent <= 0) {
		*broken = gnutls_error_is_fatal((int)sent);
		return false;
	}
	tunnel->down.at += (size_t)sent;
	tunnel->down.count -= (size_t)sent;
	return true;
}

/*
 * Answers 400 to a head that must not pass, once the answers to all earlier requests have been
 * sent: no byte of this head passed before they were complete.
 */
static void tunnel_refuse(struct tunnel *tunnel)
{
	static const char text[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"
				   "Content-Length: 0\r\n\r\n";
	bool broken;

	if (!tunnel->gate.bad || tunnel->server_ended || tunnel->down.count)
		return;
	tunnel->down.at = 0;
	tunnel->down.count = sizeof(text) - 1;
	memcpy(tunnel->down.bytes, text, sizeof(text) - 1);
	tunnel->server_ended = true;
	tunnel->server = -1;
	tunnel_encrypt(tunnel, &broken);
}

/* Moves bytes in both directions. Returns false when the tunnel has to be freed. */
static bool tunnel_move(struct tunnel *tunnel, int64_t now_ms)
{
	bool broken = false;
	bool moved = true;

	for (unsigned round = 0; moved && !broken && round < TUNNEL_ROUNDS; round++) {
		moved = tunnel_decrypt(tunnel, &broken);
		moved |= !broken && tunnel_give(tunnel, now_ms, &broken);
		moved |= !broken && tunnel_take(tunnel, &broken);
		moved |= !broken && tunnel_encrypt(tunnel, &broken);
	}
	if (!moved && !broken)
		tunnel_refuse(tunnel);
	tunnel->again = tunnel->gate.bad ? !tunnel->server_ended && !tunnel->down.count
					 : !tunnel->up.count && !tunnel->client_ended &&
						   gnutls_record_check_pending(tunnel->session) > 0;
	if (tunnel->server_ended && !tunnel->down.count && !broken) {
		gnutls_bye(tunnel->session, GNUTLS_SHUT_WR);
		tunnel_end(tunnel, now_ms);
	}
	return !broken;
}

static bool tunnel_linger(struct tunnel *tunnel)
{
	ssize_t count = recv(tunnel->client, tunnel->up.bytes, TUNNEL_BYTES, MSG_DONTWAIT);

	return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR));
}

static bool tunnel_step(struct tunnel *tunnel, int64_t now_ms)
{
	switch (tunnel->state) {
	case TUNNEL_HANDSHAKE:
		if (!tunnel_handshake(tunnel, now_ms))
			return false;
		return tunnel->state != TUNNEL_OPEN || tunnel_move(tunnel, now_ms);
	case TUNNEL_OPEN:
		return tunnel_move(tunnel, now_ms);
	case TUNNEL_LINGERS:
		return tunnel_linger(tunnel);
	}
	return false;
}

static short tunnel_client_wants(const struct tunnel *tunnel)
{
	short events = 0;

	if (tunnel->state == TUNNEL_HANDSHAKE)
		return gnutls_record_get_direction(tunnel->session) ? POLLOUT : POLLIN;
	if (tunnel->state == TUNNEL_LINGERS ||
	    (!tunnel->up.count && !tunnel->client_ended && !tunnel->gate.bad))
		events |= POLLIN;
	if (tunnel->down.count)
		events |= POLLOUT;
	return events;
}

static short tunnel_inner_wants(const struct tunnel *tunnel)
{
	short events = 0;

	if (tunnel->up.passed)
		events |= POLLOUT;
	if (!tunnel->down.count && !tunnel->server_ended)
		events |= POLLIN;
	return events;
}

/* Returns the time in ms at which a tunnel has to end; 0: it has no time limit now. */
static int64_t tunnel_until_ms(const struct tunnel *tunnel)
{
	return tunnel->until_ms ? tunnel->until_ms : tunnel->gate.until_ms;
}

size_t tunnel_wants(struct pollfd *waits, int *wait_ms)
{
	int64_t now_ms = clock_ms();

	if (tunnels.listener < 0)
		return 0;
	waits[0] = (struct pollfd){tunnels.listener, POLLIN, 0};
	for (size_t i = 0; i < tunnels.count; i++) {
		const struct tunnel *tunnel = tunnels.list[i];
		short client = tunnel_client_wants(tunnel), inner = tunnel_inner_wants(tunnel);
		int64_t until_ms = tunnel_until_ms(tunnel);
		int64_t left_ms = tunnel->again ? 0 : until_ms ? until_ms - now_ms : *wait_ms;

		/*
		 * A socket from which nothing is wanted now is left out: if its other end is
		 * closed, poll() would return at once, again and again.
		 */
		waits[1 + 2 * i] = (struct pollfd){client ? tunnel->client : -1, client, 0};
		waits[2 + 2 * i] = (struct pollfd){
			tunnel->state == TUNNEL_OPEN && inner ? tunnel->inner : -1, inner, 0};
		if (left_ms < *wait_ms)
			*wait_ms = left_ms > 0 ? (int)left_ms : 0;
	}
	tunnels.polled = tunnels.count;
	return 1 + 2 * tunnels.polled;
}

void tunnel_turn(const struct pollfd *waits)
{
	int64_t now_ms = clock_ms();

	if (tunnels.listener < 0)
		return;
	/*
	 * The list is walked from its end: the last tunnel, which has had its turn, takes the place
	 * of a freed one.
	 */
	for (size_t i = tunnels.polled; i-- > 0;) {
		struct tunnel *tunnel = tunnels.list[i];
		int64_t until_ms = tunnel_until_ms(tunnel);
		bool late = until_ms && now_ms >= until_ms;
		bool ready = waits[1 + 2 * i].revents || waits[2 + 2 * i].revents || tunnel->again;

		if (late || (ready && !tunnel_step(tunnel, now_ms)))
			tunnel_free(i);
	}
	for (unsigned i = 0; waits[0].revents && i < TUNNEL_ACCEPTS && tunnel_accept(now_ms); i++)
		;
}
