/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/vm_vsock.h"

struct machine_channel;
struct request;
struct vm;

#define CHANNEL_SOCKETS 144u /* the most connections and listeners of one channel */
/* the most connections among these that guests may have opened */
#define CHANNEL_SOCKETS_ACCEPTED 64u

/* A connection to a guest's socket, or a port at which the client waits for connections. */
struct channel_socket {
	u32 number; /* the number of the stream; 0: this place is free */
	/* id of the VM whose guest has opened the connection; 0: the client has opened it */
	u32 opener;
	bool listens;
	bool told; /* the client knows the number, so that lines may be sent */
	/* why the socket was closed, while the client is still to be told */
	const char *closed;
	struct vm_vsock_end end; /* the VM and port of a listener */

	/*
	 * The monitor's bell and the area's generation when a listener last looked for connections.
	 */
	u32 bell;
	u32 generation;

	/* The fields of a connection: */
	u64 at;	       /* number of the next byte to send */
	u64 taken;     /* bytes that the client has sent */
	u64 credit;    /* bytes that the client accepts */
	u32 allowed;   /* bytes that the client may send, for which the ring has room */
	bool end_told; /* the client knows that the guest writes no more */
};

struct channel_vsock {
	u32 end; /* all places from this index on are free */
	struct channel_socket socket[CHANNEL_SOCKETS];
};

/* Calls a port of a guest. Returns NULL if there is no room; the caller sets `told` later. */
struct channel_socket *channel_vsock_call(struct machine_channel *channel, struct vm *vm, u32 port);
/*
 * Listens for a guest's connections to a port. Returns NULL if somebody listens there already, or
 * there are too many listeners.
 */
struct channel_socket *channel_vsock_listen(struct machine_channel *channel, struct vm *vm,
					    u32 port);
struct channel_socket *channel_vsock_find(struct machine_channel *channel, u64 number);
/* Closes a socket without telling the client. */
void channel_vsock_end(struct channel_socket *socket);

/* Takes a line of credit, data or an end. Returns false if it is for no socket. */
bool channel_vsock_take(struct machine_channel *channel, const struct request *request);
/* Does one step of the socket at a place, if one is there; returns whether anything was done. */
bool channel_vsock_step(struct machine_channel *channel, u32 place);
/* Returns the number of places in which sockets may be: the loop looks at no others in a turn. */
u32 channel_vsock_places(struct machine_channel *channel);
/* Closes all sockets, so that the next client has none of them. */
void channel_vsock_drop(struct machine_channel *channel);
