/* SPDX-License-Identifier: MIT */
/*
 * The main function of the process that speaks libvirt's RPC on a Unix socket. It has no authority:
 * core accepts each connection, sees which user it is from and hands it over; a client's calls
 * become requests to core, which decides about them. Core starts it.
 */
#include "gateway/door/door.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/beside.h"
#include "gateway/base/clock.h"
#include "gateway/door/rpc.h"
#include "gateway/door/terminal.h"
#include "gateway/door/client.h"

enum { DOOR_MESSAGES = 256, DOOR_WAIT_MS = 60000 };

static struct {
	struct message_socket core;
	uint32_t last; /* the number of door's last request to core */
	char hostname[256];
} door;

void door_tell(struct message_head head, const struct buffer *payload)
{
	message_send(&door.core, head, payload ? payload->bytes : NULL,
		     payload ? payload->count : 0, -1);
}

uint32_t door_number(void)
{
	door.last = door.last + 1 == MESSAGE_DOOR ? 1 : door.last + 1;
	return door.last | MESSAGE_DOOR;
}

const char *door_hostname(void)
{
	return door.hostname;
}

static void door_message(const struct message_head *head, const char *bytes, size_t count, int pass)
{
	if (head->kind == MESSAGE_CONNECTION && pass >= 0) {
		client_add(head->id, pass);
		return;
	}
	if (pass >= 0)
		close(pass);
	if (!rpc_message(head, bytes, count) && !terminal_message(head, bytes, count))
		client_message(head, bytes, count);
}

/* Handles core's messages. Returns false when core is gone. */
static bool door_read_core(void)
{
	static char bytes[MESSAGE_BYTES];

	for (unsigned i = 0; i < DOOR_MESSAGES; i++) {
		struct message_head head;
		int pass;
		long count = message_receive(&door.core, &head, bytes, &pass);

		if (count < 0)
			return count == -1;
		door_message(&head, bytes, (size_t)count, pass);
	}
	return true;
}

/*
 * Does one turn of the main loop: waits, then handles messages and packets. Returns false when core
 * is gone.
 */
static bool door_turn(void)
{
	static struct pollfd waits[1 + CLIENTS];
	int wait_ms = client_tick(clock_ms(), rpc_tick(DOOR_WAIT_MS));

	waits[0] =
		(struct pollfd){door.core.fd, (short)(POLLIN | (door.core.first ? POLLOUT : 0)), 0};
	client_wants(waits + 1);
	if (poll(waits, 1 + CLIENTS, wait_ms) < 0 && errno != EINTR)
		return false;
	if (!message_flush(&door.core) || !door_read_core())
		return false;
	client_turn(waits + 1);
	return true;
}

int door_main(int core)
{
	beside_begin("skerryd-door");
	door.core.fd = core;
	/*
	 * Done now, as jansson would otherwise read a seed from a file later, when door can open
	 * none.
	 */
	json_object_seed(0);
	if (gethostname(door.hostname, sizeof(door.hostname) - 1) < 0)
		door.hostname[0] = 0;
	if (!door_seccomp()) {
		fprintf(stderr, "skerryd: the system call filter of door could not be set\n");
		return 1;
	}
	while (door_turn())
		;
	return 0;
}
