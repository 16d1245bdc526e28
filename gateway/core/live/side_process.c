/* SPDX-License-Identifier: MIT */
/*
 * Starts processes beside core, and passes on what they say. hook_way.c, mail_way.c and
 * run_publish.c call it, the queue of deliveries ends a process that is silent, core's main loop
 * watches the sockets; each process gets one end of a socket and nothing else.
 */
#include "gateway/core/live/side_process.h"

#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/core/common/clock.h"

enum { SIDE_PROCESS_MESSAGES = 64, SIDE_PROCESS_AGAIN_S = 1 };

char *side_process_child(int fd)
{
	static char word[12];
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	snprintf(word, sizeof(word), "%d", dup(fd));
	return word;
}

/* Returns whether the process runs, which is started if it does not. */
static bool side_process_start(struct side_process *process)
{
	int ends[2];

	if (process->socket.fd >= 0)
		return true;
	if (process->pid || clock_now_s() - process->ended_s < SIDE_PROCESS_AGAIN_S ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return false;
	process->pid = fork();
	if (process->pid == 0) {
		process->run(ends[1]);
		_exit(127);
	}
	close(ends[1]);
	if (process->pid < 0) {
		process->pid = 0;
		close(ends[0]);
		return false;
	}
	process->socket.fd = ends[0];
	return true;
}

void side_process_drop(struct side_process *process)
{
	if (process->pid)
		kill(process->pid, SIGKILL);
	if (process->socket.fd < 0)
		return;
	close(process->socket.fd);
	process->socket.fd = -1;
	message_drop(&process->socket);
	process->ended_s = clock_now_s();
	/* Until it is reaped it may have what it had: sockets that listen, above all. */
	if (!process->pid)
		process->gone();
}

bool side_process_send(struct side_process *process, struct message_head head, const void *bytes,
		       size_t count)
{
	return side_process_start(process) &&
	       message_send(&process->socket, head, bytes, count, -1);
}

struct pollfd side_process_wait(const struct side_process *process)
{
	return (struct pollfd){process->socket.fd,
			       (short)(POLLIN | (process->socket.first ? POLLOUT : 0)), 0};
}

void side_process_ready(struct side_process *process)
{
	static char bytes[MESSAGE_BYTES];

	if (process->socket.fd >= 0 && !message_flush(&process->socket))
		side_process_drop(process);
	for (unsigned i = 0; i < SIDE_PROCESS_MESSAGES && process->socket.fd >= 0; i++) {
		struct message_head head;
		long count = message_receive(&process->socket, &head, bytes, NULL);

		if (count == -1)
			return;
		if (count < 0 || (size_t)count >= sizeof(bytes)) {
			side_process_drop(process);
			return;
		}
		bytes[count] = 0;
		if (!process->take(&head, bytes, (size_t)count)) {
			fprintf(stderr, "skerryd: %s says what it must not, and is ended\n",
				process->name);
			side_process_drop(process);
		}
	}
}

void side_process_reap(struct side_process *process)
{
	int status;

	if (!process->pid || waitpid(process->pid, &status, WNOHANG) != process->pid)
		return;
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		fprintf(stderr, "skerryd: %s has ended (%s %d)\n", process->name,
			WIFSIGNALED(status) ? "signal" : "exit",
			WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	process->pid = 0;
	if (process->socket.fd < 0) {
		process->gone();
		return;
	}
	/* What it said last may not be read yet. */
	side_process_ready(process);
	side_process_drop(process);
}

void side_process_end(const struct side_process *process)
{
	if (process->pid)
		kill(process->pid, SIGKILL);
}
