/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/base/message.h"
#include "gateway/core/identity/identity.h"

/*
 * The Unix sockets: core accepts each connection and sees which user it is from; web or door gets
 * only the connection and its number. So a compromised web or door can act only for users who are
 * connected to it.
 */
enum {
	PEER_COUNT = 64,
	PEER_SHARE = 8, /* the most connections of one user other than root and the gateway's */
	PEER_KEPT = 16, /* places that all other users leave to root and the gateway's user */
};

/*
 * Returns the listening descriptor, or -1 with a sentence on stderr that names the option by which
 * the path was given.
 */
int peer_listen(const char *option, const char *path);
/* Accepts a connection and hands it to web, or to door, over the socket `to`. */
void peer_accept(int listener, bool door, struct message_socket *to);
/*
 * Finds the user id at the other end of a connection of web's or door's, by the number that core
 * gave it.
 */
bool peer_user(const char *number, bool door, unsigned *user);
/*
 * Finds the name that the user at the other end of such a connection has on this machine. Returns
 * false if there is none.
 */
bool peer_name(const char *number, bool door, char name[IDENTITY_NAME_BYTES]);
void peer_left(uint32_t number, bool door);
void peer_forget_all(bool door);
