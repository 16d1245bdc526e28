/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/socket.h>

#include <gnutls/gnutls.h>

#include "gateway/web/gate.h"
#include "gateway/web/tunnel.h"

/* All tunnels, and who has how many of them: what tunnel.c and tunnel_list.c share. */
enum {
	TUNNEL_BYTES = 16384, /* the length of one record of TLS */
	TUNNEL_LEAVES = 1,    /* as until_ms: the tunnel ends at its next turn */
};

/* Bytes on their way; they stay where they are until all of them have gone. */
struct tunnel_bytes {
	char bytes[TUNNEL_BYTES];
	size_t at, count;
	size_t passed; /* the bytes among those waiting that may go */
};

enum tunnel_state {
	TUNNEL_HANDSHAKE,
	TUNNEL_OPEN,
	/*
	 * All is sent: what the client still sends is read and dropped, else the connection would
	 * be reset.
	 */
	TUNNEL_LINGERS,
};

struct tunnel {
	enum tunnel_state state;
	int client;
	int inner;	 /* our end of the pair; -1 before the handshake has ended */
	int server;	 /* the other end, by which web names the tunnel; -1: it is closed */
	uint64_t number; /* the tunnel's number; later tunnels have greater numbers */
	uint32_t who;	 /* the number of the credential that was shown; 0: none was shown */
	struct gate gate;
	gnutls_session_t session;
	struct sockaddr_storage address;
	int64_t until_ms;  /* the end of the handshake or of lingering, or TUNNEL_LEAVES */
	bool client_ended; /* no more bytes will come from the client */
	bool inner_told;   /* the server knows that the client has ended */
	bool server_ended;
	bool again; /* bytes wait in the session, where poll does not see them */
	struct tunnel_bytes up, down;
};

struct tunnels {
	int listener;
	unsigned per_address;
	gnutls_certificate_credentials_t credentials;
	gnutls_priority_t priority;
	struct tunnel *list[TUNNELS];
	size_t count, polled;
	uint64_t last; /* the number of the last tunnel */
};
extern struct tunnels tunnels;

int64_t tunnel_now_ms(void);
void tunnel_free(size_t place);
/* Returns the tunnel of the socket, or NULL when it has none. */
struct tunnel *tunnel_of(int server);
/*
 * Returns whether a client at that address may have one more tunnel; may end another tunnel for it.
 */
bool tunnel_has_room(const struct sockaddr_storage *address);
