/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/socket.h>

#include <gnutls/gnutls.h>

#include "gateway/web/gate.h"
#include "gateway/web/tunnel.h"

/*
 * The list of all tunnels, with the number of tunnels of each client, which tunnel.c and
 * tunnel_list.c share.
 */
enum {
	TUNNEL_BYTES = 16384, /* the most bytes that one TLS record carries */
	/* a value of until_ms: the tunnel is ended when the loop comes to it next */
	TUNNEL_LEAVES = 1,
};

/* Bytes on their way in one direction; more are read only when all of these have been sent. */
struct tunnel_bytes {
	char bytes[TUNNEL_BYTES];
	size_t at, count;
	size_t passed; /* how many of the waiting bytes the gate has let pass */
};

enum tunnel_state {
	TUNNEL_HANDSHAKE,
	TUNNEL_OPEN,
	/*
	 * All answers are sent; bytes that the client still sends are read and dropped, as the
	 * kernel would otherwise reset the connection.
	 */
	TUNNEL_LINGERS,
};

struct tunnel {
	enum tunnel_state state;
	int client;
	/* the tunnel's end of the socket pair; -1 before the handshake has ended */
	int inner;
	int server;	 /* the server's end, by which web names the tunnel; -1: it is closed */
	uint64_t number; /* the tunnel's number; later tunnels have greater numbers */
	uint32_t who;	 /* the number of the credential that was shown; 0: none was shown */
	struct gate gate;
	gnutls_session_t session;
	struct sockaddr_storage address;
	/*
	 * the time in ms at which the handshake or lingering must end, or TUNNEL_LEAVES; 0: see
	 * `gate`
	 */
	int64_t until_ms;
	bool client_ended; /* no more bytes will come from the client */
	bool inner_told;   /* the server was told that the client sends no more */
	bool server_ended;
	/* there is work that poll does not see, such as decrypted bytes in the TLS session */
	bool again;
	struct tunnel_bytes up, down;
};

struct tunnels {
	int listener;
	unsigned per_address;
	gnutls_certificate_credentials_t credentials;
	gnutls_priority_t priority;
	struct tunnel *list[TUNNELS];
	size_t count, polled;
	uint64_t last; /* the number of the newest tunnel */
};
extern struct tunnels tunnels;

void tunnel_free(size_t place);
/* Returns the tunnel whose server's end is `server`, or NULL when there is none. */
struct tunnel *tunnel_of(int server);
/*
 * Returns whether a client at that address may have one more tunnel; may end another tunnel for it.
 */
bool tunnel_has_room(const struct sockaddr_storage *address);
