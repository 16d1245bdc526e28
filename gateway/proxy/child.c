/* SPDX-License-Identifier: MIT */
/*
 * Starts the processes that must not outlive the one that starts them, since each would keep its
 * sockets. Each process of skerry-proxy that starts another calls it.
 */
#include "gateway/proxy/child.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

pid_t child_fork(void)
{
	pid_t parent = getpid(), pid = fork();

	sigset_t none;

	if (pid != 0)
		return pid;
	/* The kernel tells of no parent that ended before it was asked to (PR_SET_PDEATHSIG). */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(1);
	/* SIGHUP may be sent to all processes of a service; this one has no rules to read again. */
	signal(SIGHUP, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	return 0;
}
