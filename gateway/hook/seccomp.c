/* SPDX-License-Identifier: MIT */
/*
 * The filter that allows the process hook only the system calls that it needs. Its main function
 * calls this once, before the first delivery; its threads inherit it.
 */
#include <errno.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "gateway/base/filter.h"
#include "gateway/base/string.h"
#include "gateway/hook/hook.h"

/*
 * The system calls that sending and resolving need. With these no file can be opened, no program or
 * process started, no page made executable, and no socket made but IP sockets.
 */
static const int hook_calls[] = {
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(readv),
	SCMP_SYS(writev),
	SCMP_SYS(close),
	SCMP_SYS(shutdown),
	SCMP_SYS(connect),
	SCMP_SYS(bind),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendto),
	SCMP_SYS(sendmsg),
	SCMP_SYS(sendmmsg),
	SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt),
	SCMP_SYS(getsockname),
	SCMP_SYS(getpeername),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(fcntl),
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(futex),
	SCMP_SYS(getrandom),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(uname),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq),
	SCMP_SYS(sched_yield),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(getrusage),
	SCMP_SYS(newfstatat),
	SCMP_SYS(fstat),
	SCMP_SYS(statx),
	SCMP_SYS(lseek),
};

/* Adds the rules that depend on an argument. Returns whether all of them could be added. */
static bool hook_seccomp_arguments(scmp_filter_ctx filter)
{
	const uint32_t none = SCMP_ACT_ERRNO(EAFNOSUPPORT);

	return filter &&
	       !seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				 SCMP_A0(SCMP_CMP_EQ, AF_INET)) &&
	       !seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				 SCMP_A0(SCMP_CMP_EQ, AF_INET6)) &&
	       !seccomp_rule_add(filter, none, SCMP_SYS(socket), 1,
				 SCMP_A0(SCMP_CMP_EQ, AF_UNIX)) &&
	       !seccomp_rule_add(filter, none, SCMP_SYS(socket), 1,
				 SCMP_A0(SCMP_CMP_EQ, AF_NETLINK)) &&
	       !seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				 SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD)) &&
	       !seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				 SCMP_A1(SCMP_CMP_EQ, FIONREAD));
}

bool hook_seccomp(void)
{
	/*
	 * Opening a file fails as if it did not exist. clone3 is unknown, so that threads are made
	 * by clone, whose flags a filter can check.
	 */
	static const int absent[] = {SCMP_SYS(openat), SCMP_SYS(open), SCMP_SYS(access),
				     SCMP_SYS(readlink)};
	static const int unknown[] = {SCMP_SYS(clone3)};
	scmp_filter_ctx filter = filter_allowing(hook_calls, ARRAY_COUNT(hook_calls));

	filter = filter_add(filter, SCMP_ACT_ERRNO(ENOENT), absent, ARRAY_COUNT(absent));
	filter = filter_add(filter, SCMP_ACT_ERRNO(ENOSYS), unknown, ARRAY_COUNT(unknown));
	if (hook_seccomp_arguments(filter))
		return filter_load(filter);
	if (filter)
		seccomp_release(filter);
	return false;
}
