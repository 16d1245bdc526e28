/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

/*
 * Does fork(2) for a process that the kernel is to end (SIGKILL) together with this one, and that
 * takes signals except for SIGHUP. Returns what fork() does; in the new process it does not return
 * if this one has ended already.
 */
pid_t child_fork(void);
