/* SPDX-License-Identifier: MIT */
/*
 * Reads the image's files before the gate. What the kernel keeps of them is the template's memory,
 * which all clones share: a clone that runs a program finds it there, and neither asks the disk nor
 * has pages of its own for it. The init calls it once.
 */
#include <linux/sysinfo.h>
#include <fcntl.h>

#include "iso/init/gate.h"

enum {
	WARM_PATH_BYTES = 1024,
	WARM_DEPTH = 16, /* of folders */
	WARM_ENTRIES = 2048,
	WARM_SHARE = 2,	 /* at most half of the memory that is free */
	WARM_FOLDER = 4, /* kinds of entries, as the kernel numbers them */
	WARM_FILE = 8,
};

struct warm_entry {
	uint64_t number, next;
	uint16_t bytes;
	uint8_t kind;
	char name[];
};

/* Returns how many of `left` bytes it has not needed. */
static uint64_t warm_file(const char *path, uint64_t left)
{
	static uint8_t bytes[1 << 16];
	long file = CALL(open, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC), count;

	while (left > 0 && (count = CALL(read, file, bytes, sizeof(bytes))) > 0)
		left = left > (uint64_t)count ? left - (uint64_t)count : 0;
	CALL(close, file);
	return left;
}

/* The same for all files below a folder, whose path and a slash take `length` bytes. */
static uint64_t warm_folder(char *path, size_t length, unsigned depth, uint64_t left)
{
	_Alignas(struct warm_entry) char bytes[WARM_ENTRIES];
	long file = CALL(open, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), count;

	while (left > 0 && (count = CALL(getdents64, file, bytes, sizeof(bytes))) > 0) {
		for (long at = 0; at < count && left > 0;) {
			const struct warm_entry *entry = (const void *)(bytes + at);
			size_t end = length + text_length(entry->name);

			at += entry->bytes;
			/* not the folder itself, "." and "..", nor what is too deep */
			if (text_begins("..", entry->name) || end + 2 > WARM_PATH_BYTES)
				continue;
			memcpy(path + length, entry->name, end - length + 1);
			if (entry->kind == WARM_FILE) {
				left = warm_file(path, left);
			} else if (entry->kind == WARM_FOLDER && depth < WARM_DEPTH) {
				path[end] = '/';
				path[end + 1] = '\0';
				left = warm_folder(path, end + 1, depth + 1, left);
			}
		}
	}
	CALL(close, file);
	return left;
}

void warm_files(void)
{
	static char path[WARM_PATH_BYTES] = "/";
	struct sysinfo memory = {0};

	if (CALL(sysinfo, &memory) == 0)
		warm_folder(path, 1, 0, (uint64_t)memory.freeram * memory.mem_unit / WARM_SHARE);
}
