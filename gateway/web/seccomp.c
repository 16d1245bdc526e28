/* SPDX-License-Identifier: MIT */
/*
 * The filter of system calls for the process web. Its main function sets the filter once, before it
 * reads the first byte of a client.
 */
#include <errno.h>

#include "gateway/base/filter.h"
#include "gateway/base/string.h"
#include "gateway/web/web.h"

/*
 * The system calls that libmicrohttpd, GnuTLS and this process make once they run. No file can be
 * opened, no connection begun, no program started, no page made executable.
 */
static const int web_calls[] = {
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(readv),
	SCMP_SYS(writev),
	SCMP_SYS(close),
	SCMP_SYS(shutdown),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendto),
	SCMP_SYS(sendmsg),
	SCMP_SYS(accept),
	SCMP_SYS(accept4),
	SCMP_SYS(socketpair),
	SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt),
	SCMP_SYS(getsockname),
	SCMP_SYS(getpeername),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(select),
	SCMP_SYS(pselect6),
	SCMP_SYS(fcntl),
	SCMP_SYS(sendfile),
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(futex),
	SCMP_SYS(getrandom),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(getrusage),
	SCMP_SYS(newfstatat),
	SCMP_SYS(fstat),
	SCMP_SYS(lseek),
};

bool web_seccomp(void)
{
	/* GnuTLS looks for its settings again at run time; it must find none, and not be killed. */
	static const int absent[] = {SCMP_SYS(openat), SCMP_SYS(access)};

	return filter_load(filter_add(filter_allowing(web_calls, ARRAY_COUNT(web_calls)),
				      SCMP_ACT_ERRNO(ENOENT), absent, ARRAY_COUNT(absent)));
}
