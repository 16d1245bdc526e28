/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/*
 * Filters of system calls for the processes that read what others say, in force until they end.
 * Each function returns false if the filter could not be set.
 *
 * seccomp_socketless(): the process that has the keys and reads the bytes of guests and hosts opens
 * no file and makes no socket; nor does the one that adds to the set of nftables. seccomp_dialer():
 * the process that connects makes IPv4 sockets, and opens no file. seccomp_names(): the process
 * that answers questions does the same, and accepts connections.
 */
bool seccomp_socketless(void);
bool seccomp_dialer(void);
bool seccomp_names(void);
