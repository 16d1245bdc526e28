/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Connections of a machine channel's client with programs in guests, each a stream of the channel
 * (the commands `vsock`).
 */
#include "vmm/manager/vm/vm_vsock.h"

struct machine_channel;
struct request;
struct vm;

#define CHANNEL_SOCKETS 144u /* the most connections and listeners of one channel */
/* the most connections of one channel that guests may have opened */
#define CHANNEL_SOCKETS_ACCEPTED 64u

/* A connection to a guest's socket, or a port at which the client waits for connections. */
struct channel_socket {
	u32 number; /* the number of the socket's stream; 0: this entry is free */
	/* id of the VM whose guest has opened the connection; 0: the client has opened it */
	u32 opener;
	bool listens;
	bool told; /* the client knows the socket's number, so that lines about it may be sent */
	/* why the socket was closed, until the client has been told; NULL: it is open */
	const char *closed;
	/* the monitor's end of the connection; for a listener: the VM and port */
	struct vm_vsock_end end;

	/*
	 * The monitor's doorbell count and the generation of the vsock area at the moment when a
	 * listener last looked for connections.
	 */
	u32 bell;
	u32 generation;

	/* The fields of a connection: */
	u64 at;	    /* number of the next byte of the guest's to send to the client */
	u64 taken;  /* number of bytes that the client has sent */
	u64 credit; /* bytes of the guest's that the client still accepts */
	/* bytes that the client may send, for which the ring to the guest has room */
	u32 allowed;
	bool end_told; /* the client knows that the guest writes no more */
};

struct channel_vsock {
	u32 end; /* all entries of the array from this index on are free */
	struct channel_socket socket[CHANNEL_SOCKETS];
};

/*
 * Opens a connection to a port of a guest. Returns NULL if there is no room; the caller sets `told`
 * later.
 */
struct channel_socket *channel_vsock_call(struct machine_channel *channel, struct vm *vm, u32 port);
/*
 * Listens for a guest's connections to a port. Returns NULL if the port has a listener already, or
 * there are too many listeners.
 */
struct channel_socket *channel_vsock_listen(struct machine_channel *channel, struct vm *vm,
					    u32 port);
struct channel_socket *channel_vsock_find(struct machine_channel *channel, u64 number);
/* Closes a socket without telling the client. */
void channel_vsock_end(struct channel_socket *socket);

/* Handles a client's line of credit, data or an end. Returns false if the line is for no socket. */
bool channel_vsock_take(struct machine_channel *channel, const struct request *request);
/*
 * Does the next thing that the socket with this index has to do, if there is one; returns whether
 * anything was done.
 */
bool channel_vsock_step(struct machine_channel *channel, u32 place);
/*
 * Returns one more than the highest index of a socket in use: the loop looks at no others in a
 * turn.
 */
u32 channel_vsock_places(struct machine_channel *channel);
/* Closes all sockets, so that the next client has none of them. */
void channel_vsock_drop(struct machine_channel *channel);
