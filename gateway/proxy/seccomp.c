/* SPDX-License-Identifier: MIT */
/*
 * The filters of system calls for the processes that read what others say. Each sets its own before
 * it reads the first byte of a guest, a host or a name server.
 */
#include "gateway/proxy/seccomp.h"

#include <errno.h>
#include <sys/socket.h>

#include "gateway/base/filter.h"
#include "gateway/base/string.h"

/* The system calls that both processes, the C library and GnuTLS make once they run. */
static const int seccomp_calls[] = {
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
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
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
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(fstat),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(getrusage),
};

/* GnuTLS and the C library look for settings at run time; they find none, and are not killed. */
static const int seccomp_absent[] = {SCMP_SYS(openat), SCMP_SYS(access), SCMP_SYS(newfstatat)};

static scmp_filter_ctx seccomp_common(void)
{
	return filter_add(filter_allowing(seccomp_calls, ARRAY_COUNT(seccomp_calls)),
			  SCMP_ACT_ERRNO(ENOENT), seccomp_absent, ARRAY_COUNT(seccomp_absent));
}

bool seccomp_socketless(void)
{
	return filter_load(seccomp_common());
}

/* Puts a filter in force that allows these calls besides, and sockets of this family. */
static bool seccomp_sockets(const int *calls, size_t count, int family)
{
	scmp_filter_ctx filter = filter_add(seccomp_common(), SCMP_ACT_ALLOW, calls, count);

	if (filter && seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				       SCMP_A0(SCMP_CMP_EQ, (unsigned)family)) != 0) {
		seccomp_release(filter);
		return false;
	}
	return filter_load(filter);
}

bool seccomp_dialer(void)
{
	static const int calls[] = {SCMP_SYS(connect), SCMP_SYS(setsockopt), SCMP_SYS(getsockopt)};

	return seccomp_sockets(calls, ARRAY_COUNT(calls), AF_INET);
}

bool seccomp_names(void)
{
	static const int calls[] = {SCMP_SYS(connect), SCMP_SYS(accept4)};

	return seccomp_sockets(calls, ARRAY_COUNT(calls), AF_INET);
}
