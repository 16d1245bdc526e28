/* SPDX-License-Identifier: MIT */
#pragma once

#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stddef.h>

/* One connection to skerryd: a Unix socket, or TCP with TLS. */
struct net {
	int fd;		      /* the descriptor; -1: there is no connection */
	gnutls_session_t tls; /* the session of TLS; NULL at a Unix socket */
	gnutls_certificate_credentials_t credentials;
	/* the first byte that the server sent on the TLS connection; -1: none yet */
	int first_byte;
	char fingerprint[65]; /* SHA-256 of the certificate, hex */
	char error[768];
};

enum net_result { NET_END = 0, NET_ERROR = -1, NET_TIMEOUT = -2 };

bool net_open_unix(struct net *net, const char *path);

/*
 * Connects over TCP and makes the TLS handshake; the caller judges the certificate before it sends
 * anything.
 */
bool net_open_tls(struct net *net, const char *host, const char *port);

/* Returns the number of bytes read, or a net_result. timeout_ms < 0 waits for ever. */
int net_read(struct net *net, void *bytes, size_t size, int timeout_ms);

/* Writes all bytes. Returns false if that fails. */
bool net_write(struct net *net, const void *bytes, size_t size);

/*
 * Returns whether a read would return bytes at once although poll() reports nothing: TLS has
 * decrypted them already.
 */
bool net_pending(const struct net *net);

void net_close(struct net *net);
