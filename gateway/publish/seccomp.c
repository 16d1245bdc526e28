/* SPDX-License-Identifier: MIT */
/*
 * The filter that allows the process publish only the system calls that it needs. Its main function
 * calls this once, before it reads core's first message.
 */
#include <sys/socket.h>

#include "gateway/base/filter.h"
#include "gateway/base/string.h"
#include "gateway/publish/publish.h"

/*
 * What listening and relaying take. No file can be opened, no program, process or thread started,
 * no page made executable, no name looked up, no socket made but of TCP over IPv4.
 */
static const int publish_calls[] = {
	SCMP_SYS(read),		 SCMP_SYS(write),
	SCMP_SYS(close),	 SCMP_SYS(shutdown),
	SCMP_SYS(connect),	 SCMP_SYS(listen),
	SCMP_SYS(accept4),	 SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),	 SCMP_SYS(sendto),
	SCMP_SYS(sendmsg),	 SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt),	 SCMP_SYS(getsockname),
	SCMP_SYS(poll),		 SCMP_SYS(brk),
	SCMP_SYS(munmap),	 SCMP_SYS(mremap),
	SCMP_SYS(madvise),	 SCMP_SYS(futex),
	SCMP_SYS(clock_gettime), SCMP_SYS(restart_syscall),
	SCMP_SYS(rt_sigreturn),	 SCMP_SYS(getrandom),
	SCMP_SYS(exit),		 SCMP_SYS(exit_group),
};

/*
 * Core's socket, and what stderr may be, are of the family Unix: bound to a name they would make a
 * file. No socket that the process makes has their numbers.
 */
bool publish_seccomp(void)
{
	scmp_filter_ctx filter = filter_allowing(publish_calls, ARRAY_COUNT(publish_calls));

	if (filter && (seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 3,
					SCMP_A0(SCMP_CMP_EQ, AF_INET),
					SCMP_A1(SCMP_CMP_MASKED_EQ, 15, SOCK_STREAM),
					SCMP_A2(SCMP_CMP_EQ, 0)) != 0 ||
		       seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(bind), 1,
					SCMP_A0(SCMP_CMP_GT, PUBLISH_CORE)) != 0)) {
		seccomp_release(filter);
		return false;
	}
	return filter_load(filter);
}
