/* SPDX-License-Identifier: MIT */
/*
 * What is done with files in place of a program: read, write, list, stat, make, remove, move. The
 * process of a command calls it, which has its user's rights already: Linux decides what it may.
 * Its paths may lead anywhere, and what it finds may change under it; only that process waits.
 */
#include <linux/errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "iso/init/gate.h"

enum {
	ACT_PATH_BYTES = 4096,
	ACT_ENTRY_BYTES = 2048,
	ACT_DEPTH = 32, /* of folders that are removed, or listed */
	ACT_LIST_DEPTH = 8,
	ACT_COPY_BYTES = 1 << 16,
};

struct act_entry {
	uint64_t number, next;
	uint16_t bytes;
	uint8_t kind;
	char name[];
};

/* Does something with an entry of a folder, by its path. Returns below 0 for an error. */
typedef long act_each(char *path, size_t length, unsigned depth);

_Noreturn static void act_end(long status)
{
	static const struct {
		int error;
		enum act_end end;
		const char *why;
	} ends[] = {
		{ENOENT, ACT_MISSING, "there is nothing at that path\n"},
		{ENOTDIR, ACT_MISSING, "the path leads through what is no folder\n"},
		{EISDIR, ACT_OTHER_KIND, "there is a folder at that path\n"},
		{ENXIO, ACT_OTHER_KIND, "there is no regular file at that path\n"},
		{EINVAL, ACT_OTHER_KIND, "there is no regular file at that path\n"},
		{EACCES, ACT_FORBIDDEN, "the user may not do that\n"},
		{EPERM, ACT_FORBIDDEN, "the user may not do that\n"},
		{EROFS, ACT_FORBIDDEN, "the place is read-only\n"},
		{ENOSPC, ACT_FULL, "there is no room left\n"},
		{EEXIST, ACT_EXISTS, "there is something at that path already\n"},
		{ENOTEMPTY, ACT_EXISTS, "there is something at that path already\n"},
	};

	if (status >= 0)
		CALL(exit_group, ACT_DONE);
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		if (-status != ends[i].error)
			continue;
		print(ends[i].why);
		CALL(exit_group, ends[i].end);
	}
	print("it cannot be done\n");
	CALL(exit_group, ACT_FAILED);
	__builtin_unreachable();
}

static long act_open(const char *path, int flags)
{
	struct stat about;
	long file = CALL(open, path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0755);

	if (file >= 0 && (CALL(fstat, file, &about) != 0 || !S_ISREG(about.st_mode)))
		return S_ISDIR(about.st_mode) ? -EISDIR : -EINVAL;
	return file;
}

static long act_copy(long from, long to)
{
	static uint8_t bytes[ACT_COPY_BYTES];
	long count;

	while ((count = CALL(read, from, bytes, sizeof(bytes))) > 0) {
		for (long at = 0; at < count;) {
			long done = CALL(write, to, bytes + at, count - at);

			if (done <= 0)
				return done < 0 ? done : -EIO;
			at += done;
		}
	}
	return count;
}

/* Makes the folders above a path; what cannot be made is missed by whoever wants to use it. */
static void act_make_above(char *path)
{
	for (char *at = path + 1; path[0] != '\0' && *at != '\0'; at++) {
		if (*at != '/')
			continue;
		*at = '\0';
		CALL(mkdir, path, 0755);
		*at = '/';
	}
}

static void act_put_number(char **to, uint64_t value, unsigned base)
{
	char digits[24];
	unsigned count = 0;

	do
		digits[count++] = (char)('0' + value % base);
	while ((value /= base) != 0);
	while (count > 0)
		*(*to)++ = digits[--count];
	*(*to)++ = ' ';
}

/*
 * Says what is at a path: its kind (f, d, l or o), mode in octal, numbers of user and group, bytes,
 * seconds since 1970, each with a blank behind it; the path and a 0; where a link leads and a 0.
 */
static long act_say(char *path, size_t length, unsigned depth)
{
	static char line[256 + 2 * ACT_PATH_BYTES];
	struct stat about;
	char *at = line;
	long status = CALL(lstat, path, &about), target = 0;

	(void)depth;
	if (status < 0)
		return status;
	*at++ = S_ISREG(about.st_mode)	 ? 'f'
		: S_ISDIR(about.st_mode) ? 'd'
		: S_ISLNK(about.st_mode) ? 'l'
					 : 'o';
	*at++ = ' ';
	act_put_number(&at, about.st_mode & 07777, 8);
	act_put_number(&at, about.st_uid, 10);
	act_put_number(&at, about.st_gid, 10);
	act_put_number(&at, (uint64_t)about.st_size, 10);
	act_put_number(&at, (uint64_t)about.st_mtime, 10);
	memcpy(at, path, length + 1);
	at += length + 1;
	if (S_ISLNK(about.st_mode))
		target = CALL(readlink, path, at, ACT_PATH_BYTES - 1);
	at += target > 0 ? target : 0;
	*at++ = '\0';
	return gate_write(1, line, (uint32_t)(at - line)) ? 0 : -EIO;
}

/* Does something with each entry of a folder, whose path takes `length` of ACT_PATH_BYTES. */
static long act_folder(char *path, size_t length, unsigned depth, act_each *each)
{
	_Alignas(struct act_entry) char bytes[ACT_ENTRY_BYTES];
	long folder, count = 0, status = 0;

	if (depth == 0)
		return -ELOOP;
	folder = CALL(open, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder < 0)
		return folder;
	if (length > 0 && path[length - 1] != '/')
		path[length++] = '/';
	while (status >= 0 && (count = CALL(getdents64, folder, bytes, sizeof(bytes))) > 0) {
		for (long at = 0; at < count && status >= 0;) {
			const struct act_entry *entry = (const void *)(bytes + at);
			size_t end = length + text_length(entry->name);

			at += entry->bytes;
			if (text_begins("..",
					entry->name)) /* the folder itself, or the one above */
				continue;
			if (end + 2 > ACT_PATH_BYTES) {
				status = -ENAMETOOLONG;
				continue;
			}
			memcpy(path + length, entry->name, end - length + 1);
			status = each(path, end, depth - 1);
		}
	}
	CALL(close, folder);
	path[length] = '\0';
	return status < 0 ? status : count;
}

static long act_remove(char *path, size_t length, unsigned depth)
{
	long status = CALL(unlink, path);

	if (status != -EISDIR)
		return status;
	status = act_folder(path, length, depth, act_remove);
	path[length] = '\0';
	return status < 0 ? status : CALL(rmdir, path);
}

static long act_list(char *path, size_t length, unsigned depth)
{
	struct stat about;
	long status = act_say(path, length, depth);

	/* what has gone meanwhile is not there, and no folder below is entered through a link */
	if (status == -ENOENT)
		return 0;
	if (status < 0 || depth == 0 || CALL(lstat, path, &about) < 0 || !S_ISDIR(about.st_mode))
		return status;
	status = act_folder(path, length, depth, act_list);
	return status == -EACCES || status == -ENOENT ? 0 : status;
}

static long act_write(char *path)
{
	long file;

	act_make_above(path);
	file = act_open(path, O_WRONLY | O_CREAT | O_TRUNC);
	return file < 0 ? file : act_copy(0, file);
}

static long act_read(const char *path)
{
	long file = act_open(path, O_RDONLY);

	return file < 0 ? file : act_copy(file, 1);
}

static long act_make(char *path, size_t length)
{
	long status;

	act_make_above(path);
	status = CALL(mkdir, path, 0755);
	return status < 0 ? status : act_say(path, length, 0);
}

_Noreturn void act_run(const struct words *words)
{
	static char path[ACT_PATH_BYTES];
	const char *act = words->act, *first, *second;
	unsigned count = words->argument_count - words->entry_count, depth;
	size_t length;

	/* A program would not get these: with the init's end of its input that had no end. */
	CALL(close_range, 3, UINT32_MAX, 0);
	if (count == 0 || count > 2)
		act_end(-ENOENT);
	first = words->argument[words->entry_count];
	second = count == 2 ? words->argument[words->entry_count + 1] : "1";
	length = text_length(first);
	if (length == 0 || length + 2 > sizeof(path))
		act_end(-ENOENT);
	memcpy(path, first, length + 1);
	if (text_begins(act, "read"))
		act_end(act_read(path));
	if (text_begins(act, "write"))
		act_end(act_write(path));
	if (text_begins(act, "stat"))
		act_end(act_say(path, length, 0));
	if (text_begins(act, "make"))
		act_end(act_make(path, length));
	if (text_begins(act, "remove"))
		act_end(act_remove(path, length, ACT_DEPTH));
	if (text_begins(act, "move")) {
		long status = CALL(rename, first, second);

		act_end(status < 0 ? status : act_say((char *)second, text_length(second), 0));
	}
	depth = second[0] >= '1' && second[0] <= '0' + ACT_LIST_DEPTH ? (unsigned)(second[0] - '0')
								      : 1;
	if (path[length - 1] != '/') /* a link to a folder is one here */
		path[length++] = '/';
	act_end(act_folder(path, length, depth, act_list));
}
