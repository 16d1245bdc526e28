/* SPDX-License-Identifier: MIT */
/*
 * The state directory and its files: after a failure each file has either its old or its new
 * contents. Tokens, users, the certificate and the audit call it. Of core only
 * histories write other files, in a folder of their own in this directory.
 */

#include "gateway/core/common/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/buffer.h"

enum { STATE_FILE_BYTES = 16 << 20 };

static int state_fd = -1;

bool state_open(const char *path)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST) {
		fprintf(stderr, "skerryd: %s: %s\n", path, strerror(errno));
		return false;
	}
	state_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (state_fd < 0)
		fprintf(stderr, "skerryd: %s: %s\n", path, strerror(errno));
	return state_fd >= 0;
}

int state_folder(void)
{
	return state_fd;
}

bool state_read(const char *name, char **text)
{
	struct buffer buffer = {.limit = STATE_FILE_BYTES};
	int fd = openat(state_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char bytes[16384];
	ssize_t count;

	*text = NULL;
	if (fd < 0 && errno == ENOENT)
		return true;
	if (fd < 0) {
		fprintf(stderr, "skerryd: %s: %s\n", name, strerror(errno));
		return false;
	}
	buffer_text(&buffer, "");
	while ((count = read(fd, bytes, sizeof(bytes))) > 0)
		buffer_add(&buffer, bytes, (size_t)count);
	close(fd);
	if (count < 0 || buffer.failed) {
		fprintf(stderr, "skerryd: %s cannot be read\n", name);
		buffer_free(&buffer);
		return false;
	}
	*text = buffer.bytes;
	return true;
}

static bool state_write_all(int fd, const char *text, size_t count)
{
	while (count) {
		ssize_t written = write(fd, text, count);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		text += written;
		count -= (size_t)written;
	}
	return fsync(fd) == 0;
}

bool state_write(const char *name, const char *text, size_t count)
{
	char temporary[64];
	int fd;
	bool done;

	snprintf(temporary, sizeof(temporary), ".%s.new", name);
	unlinkat(state_fd, temporary, 0);
	fd = openat(state_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		    0600);
	if (fd < 0)
		return false;
	done = state_write_all(fd, text, count);
	done = close(fd) == 0 && done;
	done = done && renameat(state_fd, temporary, state_fd, name) == 0 && fsync(state_fd) == 0;
	if (!done)
		fprintf(stderr, "skerryd: %s cannot be written: %s\n", name, strerror(errno));
	return done;
}

bool state_write_json(const char *name, json_t *root)
{
	char *text = json_dumps(root, JSON_INDENT(1));
	bool done = text && state_write(name, text, strlen(text));

	json_decref(root);
	free(text);
	return done;
}
