/* SPDX-License-Identifier: MIT */
/*
 * Runs the system's sendmail for one message, within a limit of time. The main function of mail
 * calls it; the program gets the message on stdin and nothing else of this process.
 */
#include "gateway/mail/mail.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "gateway/base/clock.h"

enum { MAIL_NOT_STARTED = 127 };

/* Becomes sendmail, with the message on stdin, no other descriptor, and a small environment. */
static _Noreturn void mail_become(const char *program, const struct mail_message *message,
				  int input)
{
	/* "-i": a line with a point alone does not end the message; "--": no option follows. */
	char *const words[] = {"sendmail",	    "-i", "-f", (char *)message->from, "--",
			       (char *)message->to, NULL};
	static char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C", NULL};
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

	/* A group of its own, which ends with it when the time is over. */
	if (setpgid(0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || chdir("/") < 0 ||
	    nothing < 0 || dup2(input, STDIN_FILENO) < 0 || dup2(nothing, STDOUT_FILENO) < 0 ||
	    dup2(nothing, STDERR_FILENO) < 0 ||
	    close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
		_exit(MAIL_NOT_STARTED);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	execve(program, words, environment);
	_exit(MAIL_NOT_STARTED);
}

/* Waits for the program's end. Returns its status of waitpid(), or -1 after ending it. */
static int mail_wait(pid_t pid, int64_t until_ms)
{
	struct pollfd end = {pidfd_open(pid, 0), POLLIN, 0};
	int64_t left_ms;
	int status = -1, got = 0;

	while (end.fd >= 0 && (left_ms = until_ms - clock_ms()) > 0 && got <= 0) {
		got = poll(&end, 1, (int)left_ms);
		if (got < 0 && errno != EINTR)
			break;
	}
	if (end.fd >= 0)
		close(end.fd);
	if (got <= 0) {
		kill(-pid, SIGKILL);
		kill(pid, SIGKILL);
	}
	if (waitpid(pid, &status, 0) != pid || got <= 0)
		return -1;
	return status;
}

/* Says what became of the message, by the program's end (sysexits.h). */
static void mail_judge(int status, struct delivery_result *result)
{
	int code = status >= 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;

	if (code == EX_OK) {
		result->status = DELIVERY_TAKEN;
		snprintf(result->text, sizeof(result->text), "sendmail has taken it");
		return;
	}
	if (code == EX_USAGE || code == EX_DATAERR || code == EX_NOUSER || code == EX_NOHOST ||
	    code == EX_NOPERM)
		result->status = DELIVERY_REFUSED;
	if (status < 0)
		snprintf(result->text, sizeof(result->text),
			 "sendmail has not taken it in a minute");
	else if (code == MAIL_NOT_STARTED)
		snprintf(result->text, sizeof(result->text),
			 "the program of --sendmail cannot be started");
	else if (code < 0)
		snprintf(result->text, sizeof(result->text), "sendmail has ended by signal %d",
			 WTERMSIG(status));
	else
		snprintf(result->text, sizeof(result->text), "sendmail has ended with %d", code);
}

/*
 * Gives the message to the program. A pipe has room for all of it, so that a program that does not
 * read delays nobody here.
 */
static void mail_run(const char *program, const struct mail_message *message,
		     const struct buffer *text, struct delivery_result *result)
{
	int64_t until_ms = clock_ms() + MAIL_LIMIT_MS;
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return;
	if (write(ends[1], text->bytes, text->count) != (ssize_t)text->count ||
	    fcntl(ends[0], F_SETFL, 0) < 0) {
		close(ends[0]);
		close(ends[1]);
		return;
	}
	close(ends[1]);
	pid = fork();
	if (pid == 0)
		mail_become(program, message, ends[0]);
	close(ends[0]);
	if (pid > 0)
		mail_judge(mail_wait(pid, until_ms), result);
}

void mail_send(const char *program, const struct mail_message *message,
	       struct delivery_result *result)
{
	struct buffer text = {0};

	*result = (struct delivery_result){DELIVERY_FAILED,
					   "the system has no process for sendmail now"};
	if (mail_compose(message, &text))
		mail_run(program, message, &text, result);
	else
		*result = (struct delivery_result){DELIVERY_REFUSED,
						   "it has a part that no message may have"};
	buffer_free(&text);
}
