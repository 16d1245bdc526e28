/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/*
 * Reads a file to its end, or until the room is full. Returns how many bytes these are, or -1 with
 * errno set. `file` is what open() has returned: if that has failed, errno still says why.
 */
ssize_t file_read(int file, void *bytes, size_t room);
