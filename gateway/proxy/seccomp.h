/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/*
 * Filters of system calls for the two processes of a connection, in force until they end. Each
 * function returns false if the filter could not be set.
 *
 * seccomp_carrier(): the process that has the keys and reads the bytes of guests and hosts opens no
 * file and makes no socket. seccomp_dialer(): the process that connects makes IPv4 sockets, and
 * opens no file.
 */
bool seccomp_carrier(void);
bool seccomp_dialer(void);
