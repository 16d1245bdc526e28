/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/*
 * The filters of system calls for the two processes of a connection, for good. Each returns false
 * if it could not be set.
 *
 * seccomp_carrier(): the process that has the keys and reads what guests and hosts say opens no
 * file and makes no socket. seccomp_dialer(): the process that connects makes sockets of IPv4, and
 * opens no file.
 */
bool seccomp_carrier(void);
bool seccomp_dialer(void);
