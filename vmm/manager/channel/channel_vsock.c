/* SPDX-License-Identifier: MIT */
/*
 * Connections to guests' sockets as streams of a machine channel. Called by channel_stream.c and
 * `vsock`. Owns channel->vsock; vm/vm_vsock.c moves the bytes to and from the VM's monitor.
 */
#include "vmm/manager/channel/channel_state.h"

/*
 * least bytes of credit to give to the client, unless the connection's ring to the guest is empty
 */
#define SOCKET_GRANT_BYTES 1024u

/*
 * Returns a free entry of the channel's sockets, cleared, or NULL; the caller sets its number,
 * which marks it as taken.
 */
static struct channel_socket *channel_vsock_place(struct machine_channel *channel)
{
	for (u32 i = 0; i < CHANNEL_SOCKETS; i++) {
		struct channel_socket *socket = &channel->vsock.socket[i];

		if (socket->number != 0)
			continue;
		*socket = (struct channel_socket){.number = 0};
		channel->vsock.end = MAX(channel->vsock.end, i + 1);
		return socket;
	}
	return NULL;
}

struct channel_socket *channel_vsock_call(struct machine_channel *channel, struct vm *vm, u32 port)
{
	struct channel_socket *socket = channel_vsock_place(channel);

	if (socket == NULL || !vm_vsock_call(vm, VSOCK_CID_HOST, port, &socket->end))
		return NULL;
	socket->number = ++channel->last_stream;
	return socket;
}

struct channel_socket *channel_vsock_listen(struct machine_channel *channel, struct vm *vm,
					    u32 port)
{
	struct channel_socket *socket = channel_vsock_place(channel);

	if (socket == NULL || !vm_vsock_listen(vm, port))
		return NULL;
	socket->number = ++channel->last_stream;
	socket->listens = true;
	socket->told = true;
	socket->end = (struct vm_vsock_end){.vm = vm, .vm_id = vm->id, .port = port};
	return socket;
}

struct channel_socket *channel_vsock_find(struct machine_channel *channel, u64 number)
{
	for (u32 i = 0; i < CHANNEL_SOCKETS; i++) {
		struct channel_socket *socket = &channel->vsock.socket[i];

		if (socket->number != 0 && socket->number == number && socket->closed == NULL)
			return socket;
	}
	return NULL;
}

/*
 * Closes the manager's end of a connection; for a listener, lets its VM's guest connect to the port
 * no more.
 */
static void channel_vsock_leave(struct channel_socket *socket)
{
	struct vm *vm = vm_vsock_owner(&socket->end);

	if (socket->listens && vm != NULL)
		vm_vsock_unlisten(vm, socket->end.port);
	else if (!socket->listens && socket->end.vm_id != 0)
		vm_vsock_close(&socket->end);
}

void channel_vsock_end(struct channel_socket *socket)
{
	if (socket->number != 0 && socket->closed == NULL)
		channel_vsock_leave(socket);
	socket->number = 0;
}

void channel_vsock_drop(struct machine_channel *channel)
{
	for (u32 i = 0; i < CHANNEL_SOCKETS; i++)
		channel_vsock_end(&channel->vsock.socket[i]);
}

/* Ends the socket, and tells the client the reason when there is room for the line. */
static void channel_vsock_close(struct channel_socket *socket, const char *reason)
{
	channel_vsock_leave(socket);
	socket->closed = reason;
}

/* --- lines from the client --- */

static bool channel_vsock_take_bytes(struct channel_socket *socket, const struct request *request)
{
	if (socket->end.ended || request->bytes > socket->allowed || request->at != ~0ull)
		return false;
	vm_vsock_write(&socket->end, request->data, (u32)request->bytes);
	socket->allowed -= (u32)request->bytes;
	socket->taken += request->bytes;
	return true;
}

/* Handles a client's line about a connection. Returns false if the line breaks the rules. */
static bool channel_vsock_take_line(struct channel_socket *socket, const struct request *request)
{
	if (socket->listens)
		return false;
	switch (request->kind) {
	case REQUEST_DATA:
		return channel_vsock_take_bytes(socket, request);
	case REQUEST_CREDIT:
		if (request->bytes > CHANNEL_CREDIT_BYTES - socket->credit)
			return false;
		socket->credit += request->bytes;
		return true;
	case REQUEST_END:
		if (socket->end.ended || request->bytes != socket->taken)
			return false;
		vm_vsock_finish(&socket->end);
		return true;
	default:
		return false;
	}
}

bool channel_vsock_take(struct machine_channel *channel, const struct request *request)
{
	struct channel_socket *socket = channel_vsock_find(channel, request->number);

	if (socket == NULL || !socket->told)
		return false;
	if (!channel_vsock_take_line(socket, request))
		channel_vsock_close(socket, "bad-input");
	return true;
}

/* --- the guest's side --- */

/*
 * Returns whether a VM's guest may open no more connections now: either guests hold all of the
 * channel's sockets that they may have, or this guest holds at least as many as guests may still
 * open.
 */
static bool channel_vsock_is_full(const struct machine_channel *channel, const struct vm *vm)
{
	u32 count = 0;
	u32 own = 0;

	for (u32 i = 0; i < CHANNEL_SOCKETS; i++) {
		const struct channel_socket *socket = &channel->vsock.socket[i];

		if (socket->number == 0 || socket->opener == 0)
			continue;
		count++;
		own += socket->opener == vm->id;
	}
	return count >= CHANNEL_SOCKETS_ACCEPTED || own >= CHANNEL_SOCKETS_ACCEPTED - count;
}

/*
 * Looks for a connection that the guest opens to the listener's port, if the monitor has written to
 * the shared area since the last look. Returns whether there was one.
 */
static bool channel_vsock_accept(struct machine_channel *channel, struct channel_socket *listener,
				 struct vm *vm)
{
	struct channel_socket *socket;
	u32 bell;

	if (vm->vsock.area == NULL)
		return false;
	bell = vsock_load(&vm->vsock.area->monitor_bell);
	if (bell == listener->bell && vm->vsock.generation == listener->generation)
		return false;
	socket = channel_vsock_is_full(channel, vm) ? NULL : channel_vsock_place(channel);
	if (socket == NULL)
		return false; /* the connection waits until the channel has a free socket for it */
	if (!vm_vsock_accept(vm, listener->end.port, &socket->end)) {
		listener->bell = bell;
		listener->generation = vm->vsock.generation;
		return false;
	}
	socket->number = ++channel->last_stream;
	channel_print(channel, "{\"accepted\":%u,\"listener\":%u,\"port\":%u}\n", socket->number,
		      listener->number, socket->end.guest_port);
	socket->told = true;
	socket->opener = vm->id;
	return true;
}

/* Returns how many more bytes the client may be allowed to send to the guest. */
static u32 channel_vsock_grant(const struct channel_socket *socket)
{
	u32 room = vm_vsock_room(&socket->end);
	u32 grant = room > socket->allowed ? room - socket->allowed : 0;

	if (socket->end.ended)
		return 0;
	return grant >= SOCKET_GRANT_BYTES || (room == VSOCK_RING_BYTES && grant != 0) ? grant : 0;
}

static bool channel_vsock_send_bytes(struct machine_channel *channel, struct channel_socket *socket)
{
	static u8 bytes[CHANNEL_PIECE_BYTES];
	u32 count =
		vm_vsock_read(&socket->end, bytes, (u32)MIN(socket->credit, CHANNEL_PIECE_BYTES));

	if (count == 0)
		return false;
	channel_stream_piece(channel, socket->number, socket->at, bytes, count);
	socket->credit -= count;
	socket->at += count;
	return true;
}

/* Sends the client a line about an open connection; returns whether there was one to send. */
static bool channel_vsock_send(struct machine_channel *channel, struct channel_socket *socket,
			       enum vm_vsock_state state)
{
	u32 grant = channel_vsock_grant(socket);

	if (grant != 0 && state != VM_VSOCK_DONE) {
		channel_print(channel, "{\"credit\":%u,\"bytes\":%u}\n", socket->number, grant);
		socket->allowed += grant;
		return true;
	}
	if (channel_vsock_send_bytes(channel, socket))
		return true;
	if (state < VM_VSOCK_ENDED || socket->end_told || vm_vsock_has_bytes(&socket->end))
		return false;
	channel_print(channel, "{\"stream\":%u,\"end\":%llu}\n", socket->number,
		      (unsigned long long)socket->at);
	socket->end_told = true;
	return true;
}

static bool channel_vsock_step_connection(struct machine_channel *channel,
					  struct channel_socket *socket)
{
	/*
	 * the state is read before the bytes: so the bytes that the guest wrote before it ended the
	 * connection are all seen
	 */
	enum vm_vsock_state state = vm_vsock_state(&socket->end);

	if (state == VM_VSOCK_RESET || (state == VM_VSOCK_DONE && socket->end_told)) {
		channel_vsock_close(socket, state == VM_VSOCK_DONE ? "done" : "reset");
		return true;
	}
	return channel_vsock_send(channel, socket, state);
}

static bool channel_vsock_step_listener(struct machine_channel *channel,
					struct channel_socket *socket)
{
	struct vm *vm = vm_vsock_owner(&socket->end);

	if (vm == NULL || (vm_is_ending(vm) && vm->after == AFTER_REMOVE)) {
		channel_vsock_close(socket, "destroyed");
		return true;
	}
	return channel_vsock_accept(channel, socket, vm);
}

u32 channel_vsock_places(struct machine_channel *channel)
{
	struct channel_vsock *vsock = &channel->vsock;

	while (vsock->end > 0 && vsock->socket[vsock->end - 1].number == 0)
		vsock->end--;
	return vsock->end;
}

bool channel_vsock_step(struct machine_channel *channel, u32 place)
{
	struct channel_socket *socket = &channel->vsock.socket[place];

	if (socket->number == 0 || !socket->told || !channel_takes_line(channel))
		return false;
	if (socket->closed != NULL) {
		channel_print(channel, "{\"closed\":%u,\"reason\":\"%s\"}\n", socket->number,
			      socket->closed);
		socket->number = 0;
		return true;
	}
	return socket->listens ? channel_vsock_step_listener(channel, socket)
			       : channel_vsock_step_connection(channel, socket);
}
