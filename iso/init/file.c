/* SPDX-License-Identifier: MIT */
/*
 * The guest's files: those that the host sends and wants, and small ones that the init reads and
 * writes. All of the init calls it. Once the command runs any path may lead anywhere: nothing there
 * may hold up the init.
 */
#include <linux/errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "iso/init/gate.h"

size_t file_read(const char *path, char *bytes, size_t room)
{
	long file = CALL(open, path, O_RDONLY | O_CLOEXEC), done = 0;
	size_t count = 0;

	while (count < room && (done = CALL(read, file, bytes + count, room - count)) > 0)
		count += (size_t)done;
	CALL(close, file);
	return count;
}

void file_write(const char *path, const void *bytes, uint32_t count)
{
	long file = CALL(open, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0444);

	gate_write(file, bytes, count);
	CALL(close, file);
}

void file_replace(const char *path, const void *bytes, uint32_t count)
{
	CALL(unlink, path);
	file_write(path, bytes, count);
}

/* Opens a file that goes over the line; a pipe with nobody behind it must not hold up the init. */
static long file_open(const char *path, int flags, enum gate_done *done)
{
	struct stat about;
	long file = CALL(open, path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0755);

	*done = GATE_WHOLE;
	if (file == -ENOENT || file == -ENOTDIR)
		*done = GATE_MISSING;
	else if (file == -EISDIR || file == -ENXIO)
		*done = GATE_NO_FILE;
	else if (file < 0 || CALL(fstat, file, &about) != 0)
		*done = GATE_UNREADABLE;
	else if (!S_ISREG(about.st_mode))
		*done = GATE_NO_FILE;
	else if (about.st_size > GATE_FILE_BYTES)
		*done = GATE_TOO_LONG;
	return file;
}

/* A file may have more bytes than it says, as those of /proc have: what is read is counted. */
static enum gate_done file_send(struct gate *gate, long file, uint8_t number)
{
	static uint8_t bytes[GATE_OUTPUT];
	uint32_t all = 0;
	long count;

	bytes[0] = number;
	while ((count = CALL(read, file, bytes + 1, sizeof(bytes) - 1)) > 0) {
		all += (uint32_t)count;
		if (all > GATE_FILE_BYTES)
			return GATE_TOO_LONG;
		gate_tell(gate, GATE_PIECE, bytes, (uint32_t)count + 1);
	}
	return count < 0 ? GATE_UNREADABLE : GATE_WHOLE;
}

void file_send_wanted(struct gate *gate, const struct words *words)
{
	for (unsigned i = 0; i < words->wanted_count; i++) {
		enum gate_done done;
		long file = file_open(words->wanted[i], O_RDONLY, &done);

		if (done == GATE_WHOLE)
			done = file_send(gate, file, (uint8_t)i);
		CALL(close, file);
		gate_tell(gate, GATE_DONE, (uint8_t[]){(uint8_t)i, (uint8_t)done}, 2);
	}
}

enum gate_done file_put(char *bytes, uint32_t count, uint32_t at)
{
	enum gate_done done;
	uint32_t end = 0;
	long file;

	while (end < count && bytes[end] != '\0')
		end++;
	if (end == count || bytes[0] != '/')
		return GATE_MISSING;
	count -= end + 1;
	if (at > GATE_FILE_BYTES || count > GATE_FILE_BYTES - at)
		return GATE_TOO_LONG;
	for (uint32_t i = 1; i < end; i++) {
		if (bytes[i] != '/')
			continue;
		bytes[i] = '\0';
		CALL(mkdir, bytes, 0755);
		bytes[i] = '/';
	}
	file = file_open(bytes, O_WRONLY | O_CREAT | (at == 0 ? O_TRUNC : 0), &done);
	if (done == GATE_WHOLE &&
	    (CALL(lseek, file, at, SEEK_SET) != at || !gate_write(file, bytes + end + 1, count)))
		done = GATE_UNREADABLE;
	CALL(close, file);
	return done;
}
