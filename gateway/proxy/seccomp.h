/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/*
 * Filters of system calls for the processes that read what others say, in force until they end.
 * Each function returns false if the filter could not be set.
 *
 * seccomp_carrier(): the process that has the keys and reads the bytes of guests and hosts opens no
 * file and makes no socket. seccomp_dialer(): the process that connects makes IPv4 sockets, and
 * opens no file. seccomp_names(): the process that answers questions does the same, and accepts
 * connections. seccomp_opened(): the process that adds to the set of nftables makes sockets of
 * netlink alone.
 */
bool seccomp_carrier(void);
bool seccomp_dialer(void);
bool seccomp_names(void);
bool seccomp_opened(void);
