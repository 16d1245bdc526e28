/* SPDX-License-Identifier: MIT */
/*
 * Reads and writes a connection, over TLS to hosts. The process of a client's connection calls it;
 * the descriptors that it uses do not block.
 */
#include "gateway/proxy/wire.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/base/clock.h"

enum { WIRE_HANDSHAKE_MS = 10000, WIRE_BYTES = 16384 };

/* Makes the session. Returns whether that went well. */
static bool wire_session(struct wire *wire, const struct rule *rule)
{
	static const char priority[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";
	static const gnutls_datum_t protocol = {(unsigned char *)"http/1.1", 8};

	if (gnutls_init(&wire->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) < 0) {
		wire->session = NULL;
		return false;
	}
	gnutls_transport_set_int(wire->session, wire->fd);
	gnutls_session_set_verify_cert(wire->session, rule->name, 0);
	return gnutls_priority_set_direct(wire->session, priority, NULL) >= 0 &&
	       gnutls_server_name_set(wire->session, GNUTLS_NAME_DNS, rule->name,
				      strlen(rule->name)) >= 0 &&
	       gnutls_alpn_set_protocols(wire->session, &protocol, 1, 0) >= 0 &&
	       gnutls_credentials_set(wire->session, GNUTLS_CRD_CERTIFICATE, rule->trust) >= 0;
}

const char *wire_secure(struct wire *wire, int fd, const struct rule *rule)
{
	int64_t until_ms = clock_ms() + WIRE_HANDSHAKE_MS;
	int result;

	*wire = (struct wire){.fd = fd};
	if (!wire_session(wire, rule))
		return "TLS cannot be set up";
	while ((result = gnutls_handshake(wire->session)) < 0 && !gnutls_error_is_fatal(result)) {
		struct pollfd wait = {
			fd, gnutls_record_get_direction(wire->session) ? POLLOUT : POLLIN, 0};
		int64_t left_ms = until_ms - clock_ms();

		if (left_ms <= 0)
			return "the host did not agree on TLS in time";
		(void)poll(&wait, 1, (int)left_ms);
	}
	if (result == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR)
		return "the host's certificate is not one for its name that the rule trusts: "
		       "ca = FILE names others";
	return result < 0 ? "the host does not agree on TLS 1.2 or 1.3" : NULL;
}

/* Sets `ended` or `broken` after a result of GnuTLS below 1. */
static void wire_note(struct wire *wire, ssize_t result)
{
	if (result == 0)
		wire->ended = true;
	else if (gnutls_error_is_fatal((int)result) || result == GNUTLS_E_REHANDSHAKE)
		wire->broken = wire->ended = true;
}

size_t wire_read(struct wire *wire, struct buffer *to, size_t most)
{
	char bytes[WIRE_BYTES];
	ssize_t count;

	if (wire->ended)
		return 0;
	if (most > sizeof(bytes))
		most = sizeof(bytes);
	if (wire->session)
		count = gnutls_record_recv(wire->session, bytes, most);
	else
		count = recv(wire->fd, bytes, most, MSG_DONTWAIT);
	if (count > 0) {
		buffer_add(to, bytes, (size_t)count);
		return (size_t)count;
	}
	if (wire->session)
		wire_note(wire, count);
	else if (count == 0)
		wire->ended = true;
	else if (errno != EAGAIN && errno != EINTR)
		wire->broken = wire->ended = true;
	return 0;
}

size_t wire_write(struct wire *wire, struct buffer *from)
{
	size_t length = from->count > WIRE_BYTES ? WIRE_BYTES : from->count;
	ssize_t count;

	if (!length || wire->broken)
		return 0;
	if (wire->session)
		count = gnutls_record_send(wire->session, from->bytes, length);
	else
		count = send(wire->fd, from->bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (count > 0) {
		buffer_take(from, (size_t)count);
		return (size_t)count;
	}
	if (wire->session ? gnutls_error_is_fatal((int)count) : errno != EAGAIN && errno != EINTR)
		wire->broken = true;
	return 0;
}

bool wire_has_read(const struct wire *wire)
{
	return wire->session && !wire->ended && gnutls_record_check_pending(wire->session) > 0;
}

void wire_finish(struct wire *wire)
{
	if (wire->session)
		(void)gnutls_bye(wire->session, GNUTLS_SHUT_WR);
	if (wire->fd >= 0)
		shutdown(wire->fd, SHUT_WR);
}

void wire_close(struct wire *wire)
{
	if (wire->session)
		gnutls_deinit(wire->session);
	if (wire->fd >= 0)
		close(wire->fd);
	*wire = (struct wire){.fd = -1};
}
