/* SPDX-License-Identifier: MIT */
/*
 * Connections to the server: a socket in the file system, or TCP with TLS and the server
 * certificate's fingerprint. The HTTP client calls it; it opens and closes one descriptor.
 */
#include "gateway/cli/net.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <netdb.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "gateway/base/string.h"

#define CONNECT_MS 10000
#define WRITE_MS   30000

/* The types of record that a TLS server's first record may have (RFC 8446, 5.1). */
#define RECORD_ALERT	 21
#define RECORD_HANDSHAKE 22

static bool net_fail(struct net *net, const char *what, const char *why)
{
	snprintf(net->error, sizeof(net->error), "%s: %s", what, why);
	net_close(net);
	return false;
}

bool net_open_unix(struct net *net, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	net->tls = NULL;
	net->fd = -1;
	if (strlen(path) >= sizeof(address.sun_path))
		return net_fail(net, path, "longer than a socket's path can be");
	string_copy(address.sun_path, sizeof(address.sun_path), path);
	net->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (net->fd < 0 || connect(net->fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		return net_fail(net, path, strerror(errno));
	return true;
}

/* Connects within CONNECT_MS; the socket stays non-blocking. */
static bool net_connect_in_time(int fd, const struct addrinfo *to)
{
	struct pollfd waits = {.fd = fd, .events = POLLOUT};
	int error = 0;
	socklen_t size = sizeof(error);

	if (connect(fd, to->ai_addr, to->ai_addrlen) == 0)
		return true;
	if (errno != EINPROGRESS)
		return false;
	if (poll(&waits, 1, CONNECT_MS) != 1) {
		errno = ETIMEDOUT;
		return false;
	}
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	errno = error;
	return error == 0;
}

static bool net_connect_tcp(struct net *net, const char *host, const char *port)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *found;
	int error = getaddrinfo(host, port, &hints, &found);
	int saved = 0;

	if (error != 0)
		return net_fail(net, host, gai_strerror(error));
	for (const struct addrinfo *each = found; each != NULL; each = each->ai_next) {
		net->fd = socket(each->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (net->fd >= 0 && net_connect_in_time(net->fd, each))
			break;
		saved = errno;
		if (net->fd >= 0)
			close(net->fd);
		net->fd = -1;
	}
	freeaddrinfo(found);
	return net->fd >= 0 || net_fail(net, host, strerror(saved));
}

/* Computes the fingerprint of the chain's first certificate, as skerryd prints it. */
static bool net_take_fingerprint(struct net *net)
{
	unsigned int count = 0;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(net->tls, &count);
	unsigned char hash[32];

	if (chain == NULL || count == 0 ||
	    gnutls_hash_fast(GNUTLS_DIG_SHA256, chain[0].data, chain[0].size, hash) < 0)
		return false;
	for (size_t i = 0; i < sizeof(hash); i++)
		snprintf(net->fingerprint + 2 * i, 3, "%02x", hash[i]);
	return true;
}

/*
 * Reads for GnuTLS, and keeps the first byte that the server sent, since GnuTLS does not report the
 * bytes of a server that does not speak TLS.
 */
static ssize_t net_tls_pull(gnutls_transport_ptr_t context, void *bytes, size_t size)
{
	struct net *net = context;
	ssize_t got = recv(net->fd, bytes, size, 0);

	if (net->first_byte < 0 && got > 0)
		net->first_byte = *(unsigned char *)bytes;
	return got;
}

static int net_tls_pull_wait(gnutls_transport_ptr_t context, unsigned int timeout_ms)
{
	struct pollfd waits = {.fd = ((struct net *)context)->fd, .events = POLLIN};

	return poll(&waits, 1, timeout_ms == GNUTLS_INDEFINITE_TIMEOUT ? -1 : (int)timeout_ms);
}

static void net_set_transport(struct net *net)
{
	gnutls_transport_set_ptr2(net->tls, net, (gnutls_transport_ptr_t)(intptr_t)net->fd);
	gnutls_transport_set_pull_function(net->tls, net_tls_pull);
	gnutls_transport_set_pull_timeout_function(net->tls, net_tls_pull_wait);
}

/*
 * Writes the error of a failed handshake and its last step, as the server shows neither. Returns
 * false.
 */
static bool net_fail_handshake(struct net *net, const char *host, int result)
{
	gnutls_handshake_description_t last = gnutls_handshake_get_last_in(net->tls);
	int first = net->first_byte;
	char why[160];

	if (first >= 0 && first != RECORD_HANDSHAKE && first != RECORD_ALERT) {
		snprintf(why, sizeof(why), "its answer begins with 0x%02x, which is no TLS", first);
		return net_fail(net, host, why);
	}
	snprintf(why, sizeof(why), "TLS handshake, after %s: %s",
		 last <= GNUTLS_HANDSHAKE_KEY_UPDATE ? gnutls_handshake_description_get_name(last)
						     : "nothing",
		 gnutls_strerror(result));
	return net_fail(net, host, why);
}

bool net_open_tls(struct net *net, const char *host, const char *port)
{
	int result;

	net->tls = NULL;
	net->fd = -1;
	net->first_byte = -1;
	if (!net_connect_tcp(net, host, port))
		return false;
	if (gnutls_certificate_allocate_credentials(&net->credentials) < 0 ||
	    gnutls_init(&net->tls, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL) < 0)
		return net_fail(net, host, "no memory");
	gnutls_set_default_priority(net->tls);
	gnutls_credentials_set(net->tls, GNUTLS_CRD_CERTIFICATE, net->credentials);
	if (strspn(host, "0123456789.:") != strlen(host))
		gnutls_server_name_set(net->tls, GNUTLS_NAME_DNS, host, strlen(host));
	net_set_transport(net);
	gnutls_handshake_set_timeout(net->tls, CONNECT_MS);
	do {
		struct pollfd waits = {.fd = net->fd, .events = POLLIN};

		result = gnutls_handshake(net->tls);
		if (result == GNUTLS_E_AGAIN) {
			waits.events = gnutls_record_get_direction(net->tls) ? POLLOUT : POLLIN;
			if (poll(&waits, 1, CONNECT_MS) == 0)
				return net_fail(net, host, "no answer to the TLS handshake");
		}
	} while (result < 0 && !gnutls_error_is_fatal(result));
	if (result < 0)
		return net_fail_handshake(net, host, result);
	return net_take_fingerprint(net) || net_fail(net, host, "it showed no certificate");
}

bool net_pending(const struct net *net)
{
	return net->tls != NULL && gnutls_record_check_pending(net->tls) > 0;
}

int net_read(struct net *net, void *bytes, size_t size, int timeout_ms)
{
	for (;;) {
		struct pollfd waits = {.fd = net->fd, .events = POLLIN};
		ssize_t got;

		if (!net_pending(net)) {
			int ready = poll(&waits, 1, timeout_ms);

			if (ready == 0 || (ready < 0 && errno == EINTR))
				return NET_TIMEOUT;
		}
		if (net->tls == NULL) {
			got = recv(net->fd, bytes, size, 0);
			if (got >= 0)
				return (int)got;
			string_copy(net->error, sizeof(net->error), strerror(errno));
			return NET_ERROR;
		}
		got = gnutls_record_recv(net->tls, bytes, size);
		if (got >= 0)
			return (int)got;
		if (got == GNUTLS_E_PREMATURE_TERMINATION)
			return NET_END;
		if (gnutls_error_is_fatal((int)got)) {
			snprintf(net->error, sizeof(net->error), "TLS, while reading: %s",
				 gnutls_strerror((int)got));
			return NET_ERROR;
		}
	}
}

bool net_write(struct net *net, const void *bytes, size_t size)
{
	const char *at = bytes;

	while (size > 0) {
		struct pollfd waits = {.fd = net->fd, .events = POLLOUT};
		ssize_t sent = net->tls != NULL ? gnutls_record_send(net->tls, at, size)
						: send(net->fd, at, size, MSG_NOSIGNAL);

		if (sent > 0) {
			at += sent;
			size -= (size_t)sent;
			continue;
		}
		if (net->tls == NULL ? errno != EINTR && errno != EAGAIN
				     : gnutls_error_is_fatal((int)sent)) {
			string_copy(net->error, sizeof(net->error),
				    net->tls != NULL ? gnutls_strerror((int)sent)
						     : strerror(errno));
			return false;
		}
		if (poll(&waits, 1, WRITE_MS) == 0) {
			snprintf(net->error, sizeof(net->error), "it takes no more bytes");
			return false;
		}
	}
	return true;
}

void net_close(struct net *net)
{
	if (net->tls != NULL) {
		gnutls_bye(net->tls, GNUTLS_SHUT_WR);
		gnutls_deinit(net->tls);
	}
	if (net->credentials != NULL)
		gnutls_certificate_free_credentials(net->credentials);
	if (net->fd >= 0)
		close(net->fd);
	net->tls = NULL;
	net->credentials = NULL;
	net->fd = -1;
}
