/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/*
 * Reads a file to its end, or until the room is full. Returns the number of bytes, or -1 with errno
 * set. `file` is the result of open(): if open() has failed, errno keeps its reason.
 */
ssize_t file_read(int file, void *bytes, size_t room);
