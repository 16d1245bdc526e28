/* SPDX-License-Identifier: MIT */
/*
 * Starts the processes web and door, restarts each after its death, and forwards their messages.
 * Core's main loop calls it; it makes the socket to each and accepts on their Unix sockets.
 */
#include "gateway/core/front.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/fields.h"
#include "gateway/core/common/settings.h"
#include "gateway/core/http/request.h"
#include "gateway/core/identity/peer.h"
#include "gateway/core/live/side_process.h"

enum {
	/*
	 * the most bytes waiting to be sent to web or door; beyond that no request of that process
	 * is read
	 */
	FRONT_QUEUE_BYTES = 16 << 20,
	/* the most messages of web or door handled in a turn of the main loop */
	FRONT_MESSAGES = 64,
	FRONT_AGAIN_MS = 500,
};

struct front {
	const char *name;
	bool wanted; /* the process (web or door) is to run */
	struct message_socket socket;
	pid_t pid;	  /* the process's id; 0: it does not run */
	int64_t again_ms; /* when the process may be started, on the clock of front_tick() */
	/* the Unix socket on which core accepts connections for the process; -1: none */
	int local;
};

enum { FRONT_WEB, FRONT_DOOR, FRONT_COUNT };

static struct front fronts[FRONT_COUNT] = {{"web", .socket.fd = -1, .local = -1},
					   {"door", .socket.fd = -1, .local = -1}};
static int front_listener;
static const char *front_certificate, *front_key;
static front_message *front_take;

struct message_socket *front_socket(bool door)
{
	return &fronts[door ? FRONT_DOOR : FRONT_WEB].socket;
}

static void front_run_web(int fd)
{
	char listener_text[12], limit_text[12];

	snprintf(listener_text, sizeof(listener_text), "%d",
		 front_listener < 0 ? -1 : dup(front_listener));
	snprintf(limit_text, sizeof(limit_text), "%u", settings.per_address);
	execl("/proc/self/exe", "skerryd", "web", side_process_child(fd), listener_text,
	      settings.ui ? settings.ui : "", limit_text, (char *)NULL);
	_exit(127);
}

static void front_run_door(int fd)
{
	execl("/proc/self/exe", "skerryd", "door", side_process_child(fd), (char *)NULL);
	_exit(127);
}

static void front_setup_web(struct front *front)
{
	struct buffer setup = {0};

	fields_text(&setup, "certificate", front_certificate ? front_certificate : "");
	fields_text(&setup, "key", front_key ? front_key : "");
	if (settings.issued)
		fields_text(&setup, "issued", "yes");
	message_send(&front->socket, (struct message_head){MESSAGE_SETUP, 0, 0, 0}, setup.bytes,
		     setup.count, -1);
	explicit_bzero(setup.bytes, setup.count);
	buffer_free(&setup);
}

static void front_start(struct front *front)
{
	bool door = front == &fronts[FRONT_DOOR];
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return;
	front->pid = fork();
	if (front->pid == 0 && door)
		front_run_door(ends[1]);
	if (front->pid == 0)
		front_run_web(ends[1]);
	close(ends[1]);
	front->socket.fd = ends[0];
	if (!door)
		front_setup_web(front);
}

/*
 * Ends the requests of the clients of web or door, who are not connected any more; the guests
 * notice nothing. Kills the process: one that has closed its socket to core but still runs would
 * never be started again.
 */
static void front_ended(struct front *front)
{
	bool door = front == &fronts[FRONT_DOOR];

	if (front->pid)
		kill(front->pid, SIGKILL);
	if (front->socket.fd >= 0)
		close(front->socket.fd);
	front->socket.fd = -1;
	message_drop(&front->socket);
	request_drop_all(door);
	peer_forget_all(door);
	front->again_ms = clock_ms() + FRONT_AGAIN_MS;
}

/*
 * Returns whether a message is one that the process (web or door) may send: each may name its own
 * requests only.
 */
static bool front_message_valid(const struct front *front, const struct message_head *head)
{
	bool door = front == &fronts[FRONT_DOOR];

	return head->kind < MESSAGE_SETUP &&
	       (head->kind == MESSAGE_LEFT || !(head->id & MESSAGE_DOOR) == !door);
}

static void front_read(struct front *front)
{
	static char bytes[MESSAGE_BYTES];

	for (unsigned i = 0; i < FRONT_MESSAGES && front->socket.fd >= 0; i++) {
		struct message_head head;
		long count = message_receive(&front->socket, &head, bytes, NULL);

		if (count == -1)
			return;
		if (count < 0 || !front_message_valid(front, &head)) {
			front_ended(front);
			return;
		}
		front_take(&head, front == &fronts[FRONT_DOOR], bytes, (size_t)count);
		explicit_bzero(bytes, (size_t)count);
	}
}

/* Notes if the process, web or door, has ended. */
static void front_reap_one(struct front *front)
{
	int status;

	if (!front->pid || waitpid(front->pid, &status, WNOHANG) != front->pid)
		return;
	fprintf(stderr, "skerryd: %s has ended (%s %d) and is started again\n", front->name,
		WIFSIGNALED(status) ? "signal" : "exit",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	front->pid = 0;
	front_ended(front);
}

static struct pollfd front_wait_one(const struct front *front)
{
	const struct message_socket *socket = &front->socket;

	return (struct pollfd){socket->fd,
			       (short)((socket->first ? POLLOUT : 0) |
				       (socket->queued < FRONT_QUEUE_BYTES ? POLLIN : 0)),
			       0};
}

/*
 * Handles messages and connections of web or door; `waits` has the poll entries of core's socket to
 * it and of its Unix socket.
 */
static void front_ready_one(struct front *front, const struct pollfd waits[2])
{
	if (front->socket.fd >= 0 && !message_flush(&front->socket))
		front_ended(front);
	if (waits[0].revents & (POLLIN | POLLHUP | POLLERR) && front->socket.fd >= 0)
		front_read(front);
	if (waits[1].revents && front->socket.fd >= 0)
		peer_accept(front->local, front == &fronts[FRONT_DOOR], &front->socket);
}

/* Opens the Unix socket of web or door, if the command line names one. */
static bool front_listen(struct front *front, const char *option, const char *path)
{
	if (path)
		front->local = peer_listen(option, path);
	return !path || front->local >= 0;
}

bool front_setup(int listener, const char *certificate, const char *key, front_message *message)
{
	front_listener = listener;
	front_certificate = certificate;
	front_key = key;
	front_take = message;
	fronts[FRONT_WEB].wanted = true;
	fronts[FRONT_DOOR].wanted = settings.libvirt != NULL;
	return front_listen(&fronts[FRONT_WEB], "--socket", settings.socket) &&
	       front_listen(&fronts[FRONT_DOOR], "--libvirt", settings.libvirt);
}

void front_tick(void)
{
	int64_t now_ms = clock_ms();

	for (unsigned i = 0; i < FRONT_COUNT; i++) {
		struct front *front = &fronts[i];

		if (front->wanted && !front->pid && front->socket.fd < 0 &&
		    now_ms >= front->again_ms)
			front_start(front);
	}
}

void front_reap(void)
{
	for (unsigned i = 0; i < FRONT_COUNT; i++)
		front_reap_one(&fronts[i]);
}

void front_wait(struct pollfd *waits)
{
	for (unsigned i = 0; i < FRONT_COUNT; i++) {
		*waits++ = front_wait_one(&fronts[i]);
		*waits++ = (struct pollfd){fronts[i].local, POLLIN, 0};
	}
}

void front_ready(const struct pollfd *waits)
{
	for (unsigned i = 0; i < FRONT_COUNT; i++)
		front_ready_one(&fronts[i], waits + (size_t)2 * i);
}

void front_end(void)
{
	for (unsigned i = 0; i < FRONT_COUNT; i++) {
		if (fronts[i].pid)
			kill(fronts[i].pid, SIGKILL);
	}
	if (settings.socket)
		unlink(settings.socket);
	if (settings.libvirt)
		unlink(settings.libvirt);
}
