/* SPDX-License-Identifier: MIT */
/*
 * Keeps the history files within their bounds. history.c calls it before it makes a file; it
 * removes files of things that are gone.
 */
#include "gateway/core/history/history_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "gateway/base/string.h"
#include "gateway/core/common/state.h"

/* The numbers and sizes of the files in the folder of histories. */
struct room {
	unsigned count;	   /* number of files of the form */
	unsigned gone;	   /* number of the form's files whose thing is gone */
	size_t bytes;	   /* size of all files together */
	size_t free_bytes; /* free bytes of the disk */
	/* the longest unwritten file of a thing that is gone; "": there is no such file */
	char oldest[NAME_MAX + 1];
	struct timespec oldest_time;
};

static bool room_is_before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

/*
 * Writes the name of the thing that a file belongs to into `what`. Returns false if the file is of
 * another form.
 */
static bool room_what(const struct history_form *form, const char *name,
		      char what[HISTORY_WHAT_BYTES])
{
	size_t length = strlen(form->kind);

	if (strncmp(name, form->kind, length) != 0 || strlen(name) >= HISTORY_WHAT_BYTES ||
	    (name[length] != '-' && name[length] != '\0') || strchr(name, '~'))
		return false;
	string_copy(what, HISTORY_WHAT_BYTES, name);
	if (what[length])
		what[length] = '/';
	for (char *at = strchr(what, '+'); at; at = strchr(at, '+'))
		*at = '/';
	return true;
}

static void room_take(const struct history_form *form, const char *name, const struct stat *status,
		      bool (*gone)(const char *what), struct room *room)
{
	char what[HISTORY_WHAT_BYTES];

	room->bytes += (size_t)status->st_size;
	if (!room_what(form, name, what))
		return;
	room->count++;
	if (!gone(what))
		return;
	room->gone++;
	if (*room->oldest && !room_is_before(&status->st_mtim, &room->oldest_time))
		return;
	string_copy(room->oldest, sizeof(room->oldest), name);
	room->oldest_time = status->st_mtim;
}

static bool room_look(const struct history_form *form, bool (*gone)(const char *what),
		      struct room *room)
{
	int fd = openat(state_folder(), "history", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	struct statvfs disk;
	struct dirent *entry;
	struct stat status;

	memset(room, 0, sizeof(*room));
	if (!folder) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	if (fstatvfs(fd, &disk) == 0)
		room->free_bytes = (size_t)disk.f_bavail * disk.f_frsize;
	while ((entry = readdir(folder))) {
		if (*entry->d_name != '.' &&
		    fstatat(fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0)
			room_take(form, entry->d_name, &status, gone, room);
	}
	closedir(folder);
	return true;
}

/*
 * Returns whether there is room for one more file of the form once `removed` files of it are gone.
 */
static bool room_is_enough(const struct history_form *form, const struct room *room,
			   unsigned removed, size_t most_bytes, size_t spare_bytes)
{
	size_t bytes = history_file_bytes(form), less = removed * bytes;

	return room->count - removed < form->most && room->bytes + bytes <= most_bytes + less &&
	       room->free_bytes + less >= bytes + spare_bytes;
}

static bool room_remove(const char *name)
{
	char path[sizeof("history/") + NAME_MAX];

	snprintf(path, sizeof(path), "history/%s", name);
	return unlinkat(state_folder(), path, 0) == 0;
}

bool history_file_find_room(const struct history_form *form, size_t most_bytes, size_t spare_bytes,
			    bool (*gone)(const char *what))
{
	struct room room;

	while (room_look(form, gone, &room)) {
		if (room_is_enough(form, &room, 0, most_bytes, spare_bytes))
			return true;
		/*
		 * No file is removed if removing the files of all gone things would not make enough
		 * room.
		 */
		if (!room_is_enough(form, &room, room.gone, most_bytes, spare_bytes) ||
		    !room_remove(room.oldest))
			return false;
	}
	return false;
}
