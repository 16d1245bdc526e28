/* SPDX-License-Identifier: MIT */
/*
 * Starts the process hook and forwards its messages. The queue of deliveries calls it, core's main
 * loop watches its socket; it gives the process one end of a socket and nothing else.
 */
#include "gateway/core/live/hook_process.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/base/message.h"
#include "gateway/core/common/clock.h"
#include "gateway/core/common/settings.h"

enum { HOOK_PROCESS_MESSAGES = 64, HOOK_PROCESS_AGAIN_S = 1 };

static struct {
	struct message_socket socket;
	pid_t pid;	/* the process's id; 0: it does not run */
	double ended_s; /* when the process ended, by clock_now_s() */
	hook_process_result *result;
	hook_process_gone *gone;
} hook_process = {.socket = {.fd = -1}};

void hook_process_setup(hook_process_result *result, hook_process_gone *gone)
{
	hook_process.result = result;
	hook_process.gone = gone;
}

static void hook_process_run(int fd)
{
	char socket_text[12];
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	snprintf(socket_text, sizeof(socket_text), "%d", dup(fd));
	execl("/proc/self/exe", "skerryd", "hook", socket_text,
	      settings.hook_ca ? settings.hook_ca : "", (char *)NULL);
	_exit(127);
}

/* Starts the process if it does not run. Returns whether it runs. */
static bool hook_process_start(void)
{
	int ends[2];

	if (hook_process.socket.fd >= 0)
		return true;
	if (hook_process.pid || clock_now_s() - hook_process.ended_s < HOOK_PROCESS_AGAIN_S ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return false;
	hook_process.pid = fork();
	if (hook_process.pid == 0)
		hook_process_run(ends[1]);
	close(ends[1]);
	if (hook_process.pid < 0) {
		hook_process.pid = 0;
		close(ends[0]);
		return false;
	}
	hook_process.socket.fd = ends[0];
	return true;
}

void hook_process_drop(void)
{
	if (hook_process.pid)
		kill(hook_process.pid, SIGKILL);
	if (hook_process.socket.fd < 0)
		return;
	close(hook_process.socket.fd);
	hook_process.socket.fd = -1;
	message_drop(&hook_process.socket);
	hook_process.ended_s = clock_now_s();
	hook_process.gone();
}

bool hook_process_send(uint32_t id, const struct buffer *fields)
{
	return hook_process_start() &&
	       message_send(&hook_process.socket, (struct message_head){MESSAGE_REQUEST, id, 0, 0},
			    fields->bytes, fields->count, -1);
}

struct pollfd hook_process_wait(void)
{
	return (struct pollfd){hook_process.socket.fd,
			       (short)(POLLIN | (hook_process.socket.first ? POLLOUT : 0)), 0};
}

void hook_process_ready(void)
{
	static char bytes[MESSAGE_BYTES];

	if (hook_process.socket.fd >= 0 && !message_flush(&hook_process.socket))
		hook_process_drop();
	for (unsigned i = 0; i < HOOK_PROCESS_MESSAGES && hook_process.socket.fd >= 0; i++) {
		struct message_head head;
		int pass;
		long count = message_receive(&hook_process.socket, &head, bytes, &pass);

		if (count == -1)
			return;
		if (count >= 0 && pass >= 0)
			close(pass);
		if (count < 0 || head.kind != MESSAGE_END || (size_t)count >= sizeof(bytes)) {
			hook_process_drop();
			return;
		}
		bytes[count] = 0;
		if (!hook_process.result(head.id, head.value, bytes)) {
			fprintf(stderr, "skerryd: hook says what it must not, and is ended\n");
			hook_process_drop();
		}
	}
}

void hook_process_reap(void)
{
	int status;

	if (!hook_process.pid || waitpid(hook_process.pid, &status, WNOHANG) != hook_process.pid)
		return;
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		fprintf(stderr, "skerryd: hook has ended (%s %d)\n",
			WIFSIGNALED(status) ? "signal" : "exit",
			WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	hook_process.pid = 0;
	/* The process's last messages may still be unread. */
	hook_process_ready();
	hook_process_drop();
}

void hook_process_end(void)
{
	if (hook_process.pid)
		kill(hook_process.pid, SIGKILL);
}
