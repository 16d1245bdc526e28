/* SPDX-License-Identifier: MIT */
/*
 * The filter that allows the process door only the system calls that it needs. Its main function
 * calls this once, before the first byte of a client.
 */
#include "gateway/base/filter.h"
#include "gateway/base/string.h"
#include "gateway/door/door.h"

/*
 * The only system calls that door may make: with these it can open no file, make no socket, start
 * no program and make no page executable.
 */
static const int door_calls[] = {
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(close),
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
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(exit),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(exit_group),
};

bool door_seccomp(void)
{
	return filter_load(filter_allowing(door_calls, ARRAY_COUNT(door_calls)));
}
