/* SPDX-License-Identifier: MIT */
/*
 * Messages on the socket between two processes, and the queue of those that the socket has not
 * taken yet. The main loops of skerryd's processes, and skerry-proxy, call it; it sends and
 * receives messages, and closes the descriptors of messages that it drops.
 */
#include "gateway/base/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct message {
	struct message *next;
	size_t count;
	int pass;
	char bytes[];
};

enum message_outcome { MESSAGE_SENT, MESSAGE_WAITS, MESSAGE_GONE };

static enum message_outcome message_try(int fd, struct iovec *parts, size_t part_count, int pass)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = part_count};

	if (pass >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control.room);
		control.head.cmsg_len = CMSG_LEN(sizeof(int));
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(&control.head), &pass, sizeof(pass));
	}
	if (sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
		return MESSAGE_SENT;
	return errno == EAGAIN || errno == ENOBUFS || errno == EINTR ? MESSAGE_WAITS : MESSAGE_GONE;
}

bool message_send(struct message_socket *socket, struct message_head head, const void *payload,
		  size_t count, int pass)
{
	struct iovec parts[2] = {
		{.iov_base = &head, .iov_len = sizeof(head)},
		{.iov_base = (void *)(uintptr_t)payload, .iov_len = count},
	};
	struct message *message;

	if (count > MESSAGE_PAYLOAD)
		return false;
	/* If nothing is queued, the message is sent from the caller's memory, without a copy. */
	if (!socket->first && message_try(socket->fd, parts, count ? 2 : 1, pass) == MESSAGE_SENT) {
		if (pass >= 0)
			close(pass);
		return true;
	}
	message = malloc(sizeof(*message) + sizeof(head) + count);
	if (!message) {
		if (pass >= 0)
			close(pass);
		return false;
	}
	message->next = NULL;
	message->count = sizeof(head) + count;
	message->pass = pass;
	memcpy(message->bytes, &head, sizeof(head));
	if (count)
		memcpy(message->bytes + sizeof(head), payload, count);
	if (socket->last)
		socket->last->next = message;
	else
		socket->first = message;
	socket->last = message;
	socket->queued += message->count;
	/* An error of the socket is found when the socket is read. */
	(void)message_flush(socket);
	return true;
}

static void message_pop(struct message_socket *socket)
{
	struct message *message = socket->first;

	socket->first = message->next;
	if (!socket->first)
		socket->last = NULL;
	socket->queued -= message->count;
	if (message->pass >= 0)
		close(message->pass);
	free(message);
}

bool message_flush(struct message_socket *socket)
{
	while (socket->first) {
		struct message *message = socket->first;

		struct iovec part = {.iov_base = message->bytes, .iov_len = message->count};

		switch (message_try(socket->fd, &part, 1, message->pass)) {
		case MESSAGE_WAITS:
			return true;
		case MESSAGE_GONE:
			return false;
		case MESSAGE_SENT:
			message_pop(socket);
		}
	}
	return true;
}

void message_drop(struct message_socket *socket)
{
	while (socket->first)
		message_pop(socket);
}

/*
 * Returns the descriptor that came with a message, or -1. The space for one has room for two: if
 * more than one came, all are closed and *broken is set.
 */
static int message_descriptor(struct msghdr *message, bool *broken)
{
	struct cmsghdr *attached = CMSG_FIRSTHDR(message);
	size_t count = 0;
	int list[2];

	if (attached && attached->cmsg_level == SOL_SOCKET && attached->cmsg_type == SCM_RIGHTS)
		count = (attached->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	if (count > 2)
		count = 2;
	if (count)
		memcpy(list, CMSG_DATA(attached), count * sizeof(int));
	*broken = count > 1;
	if (count == 1)
		return list[0];
	for (size_t i = 0; i < count; i++)
		close(list[i]);
	return -1;
}

long message_receive(struct message_socket *socket, struct message_head *head, char *bytes,
		     int *pass)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec parts[2] = {
		{.iov_base = head, .iov_len = sizeof(*head)},
		{.iov_base = bytes, .iov_len = MESSAGE_PAYLOAD},
	};
	struct msghdr message = {
		.msg_iov = parts,
		.msg_iovlen = 2,
		.msg_control = &control,
		.msg_controllen = sizeof(control.room),
	};
	ssize_t count = recvmsg(socket->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	int came;
	bool broken;

	if (pass)
		*pass = -1;
	if (count < 0)
		return errno == EAGAIN || errno == EINTR ? -1 : -2;
	came = message_descriptor(&message, &broken);
	broken = broken || (size_t)count < sizeof(*head) ||
		 message.msg_flags & (MSG_TRUNC | MSG_CTRUNC);
	if (pass && !broken)
		*pass = came;
	else if (came >= 0)
		close(came);
	return broken ? -2 : count - (long)sizeof(*head);
}
