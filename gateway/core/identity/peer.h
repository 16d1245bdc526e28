/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/base/message.h"
#include "gateway/core/identity/identity.h"

/*
 * The Unix sockets: core accepts each connection and sees which user it is from; web or door only
 * gets the connection and its number, so that a broken one can be nobody but those who are
 * connected to it.
 */
enum {
	PEER_COUNT = 64,
	PEER_SHARE = 8, /* the most connections of a user other than root and the gateway's own */
	PEER_KEPT = 16, /* places that all other users together leave to these two */
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
