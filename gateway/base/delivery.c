/* SPDX-License-Identifier: MIT */
/*
 * Takes deliveries of alerts from core, and reports how they went. The processes hook and mail call
 * it; it reads and writes core's socket.
 */
#include "gateway/base/delivery.h"

#include <poll.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "gateway/base/message.h"

void delivery_serve(int core, delivery_begin *begin, const atomic_uint *under_way)
{
	static char bytes[MESSAGE_BYTES];
	struct message_socket socket = {.fd = core};
	struct pollfd wait = {core, POLLIN, 0};
	struct message_head head;
	long count = -1;

	while (count >= -1) {
		int got = poll(&wait, 1, DELIVERY_IDLE_MS);

		if (got == 0 && !(under_way && *under_way))
			return;
		if (got <= 0)
			continue;
		count = message_receive(&socket, &head, bytes, NULL);
		if (count >= 0)
			begin(head.id, bytes, (size_t)count);
		explicit_bzero(bytes, sizeof(bytes));
	}
}

void delivery_tell(int core, uint32_t id, const struct delivery_result *result)
{
	struct message_head head = {MESSAGE_END, id, result->status, 0};
	const struct iovec parts[] = {
		{&head, sizeof(head)},
		{(void *)(uintptr_t)result->text, strlen(result->text)},
	};

	/* A message on this kind of socket is sent in one piece. */
	if (writev(core, parts, 2) < 0)
		_exit(1);
}
