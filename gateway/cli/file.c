/* SPDX-License-Identifier: MIT */
/*
 * Reads small files of this host as a whole, for commands that send a file in one request or a few.
 */
#include "gateway/cli/file.h"

#include <unistd.h>

ssize_t file_read(int file, void *bytes, size_t room)
{
	size_t count = 0;
	ssize_t got = 0;

	if (file < 0)
		return -1;
	while (count < room && (got = read(file, (char *)bytes + count, room - count)) > 0)
		count += (size_t)got;
	return got < 0 ? -1 : (ssize_t)count;
}
