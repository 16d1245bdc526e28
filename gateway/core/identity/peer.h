/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/base/message.h"

/*
 * The Unix socket: core accepts connections and sees which user is at the other end; web gets only
 * the connection and a number for it. So a web that was taken over can pose as nobody but a user
 * who is connected.
 */
enum {
	PEER_COUNT = 64,
	PEER_SHARE = 8 /* the most connections of a user other than root and the gateway's own */
};

/* Returns the listening descriptor, or -1 with a sentence on stderr. */
int peer_listen(const char *path);
void peer_accept(int listener, struct message_socket *web);
/* Gives the user of a connection of the Unix socket, by the number that core gave it. */
bool peer_user(const char *number, unsigned *user);
void peer_left(uint32_t number);
void peer_forget_all(void);
