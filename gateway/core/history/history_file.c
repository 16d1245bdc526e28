/* SPDX-License-Identifier: MIT */
/*
 * Reads and writes the ring files of histories. history.c calls it; it writes the folder `history`
 * of the state directory. Records are not synced to the disk: each one shows by itself whether it
 * is complete, and a loss of power loses the last minute or two.
 */
#include "gateway/core/history/history_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/core/common/state.h"

enum {
	FILE_VERSION = 1,
	FILE_HEAD_BYTES = 4096,
	FILE_READ_RECORDS = 1024, /* the number of records that are read at once */
	FILE_WRITE_RECORDS = 256,
};

struct file_head {
	char magic[8];
	uint32_t version, series;
	uint32_t records[HISTORY_TIERS];
	char what[HISTORY_WHAT_BYTES];
	uint32_t check; /* the CRC-32 of all fields before this one */
};

static const char file_magic[8] = "skhist\n";
static int file_folder = -1;

bool history_file_setup(void)
{
	static const char name[] = "history";

	if (mkdirat(state_folder(), name, 0700) < 0 && errno != EEXIST) {
		fprintf(stderr, "skerryd: the folder %s cannot be made: %s\n", name,
			strerror(errno));
		return false;
	}
	file_folder = openat(state_folder(), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (file_folder < 0)
		fprintf(stderr, "skerryd: the folder %s cannot be opened: %s\n", name,
			strerror(errno));
	return file_folder >= 0;
}

/* Writes the file's name: vm-web for vm/web; a further slash becomes a plus. */
static void file_name(const char *what, char name[HISTORY_WHAT_BYTES])
{
	snprintf(name, HISTORY_WHAT_BYTES, "%s", what);
	for (char *at = strchr(name, '/'); at; at = strchr(at, '/'))
		*at = at == strchr(what, '/') - what + name ? '-' : '+';
}

static off_t file_ring(const struct history_form *form, unsigned tier)
{
	off_t at = FILE_HEAD_BYTES;

	for (unsigned i = 0; i < tier; i++)
		at += (off_t)(history_tiers[i].records * history_record_bytes(form, i));
	return at;
}

static off_t file_place(const struct history_form *form, unsigned tier, uint32_t period)
{
	return file_ring(form, tier) +
	       (off_t)(period % history_tiers[tier].records * history_record_bytes(form, tier));
}

size_t history_file_bytes(const struct history_form *form)
{
	return (size_t)file_ring(form, HISTORY_TIERS);
}

static void file_head_fill(const struct history_form *form, const char *what,
			   struct file_head *head)
{
	memset(head, 0, sizeof(*head));
	memcpy(head->magic, file_magic, sizeof(head->magic));
	head->version = FILE_VERSION;
	head->series = form->count;
	for (unsigned i = 0; i < HISTORY_TIERS; i++)
		head->records[i] = history_tiers[i].records;
	snprintf(head->what, sizeof(head->what), "%s", what);
	head->check = history_record_crc(0, (const unsigned char *)head,
					 offsetof(struct file_head, check));
}

/* Returns a sentence that says why a file cannot be used, or NULL. */
static const char *file_fault(int fd, const struct history_form *form, const char *what)
{
	struct file_head head, good;
	struct stat status;

	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
		return "is no plain file";
	if (pread(fd, &head, sizeof(head), 0) != (ssize_t)sizeof(head))
		return "is cut";
	if (memcmp(head.magic, file_magic, sizeof(head.magic)) != 0)
		return "is no history";
	if (head.version > FILE_VERSION)
		return "is of a later version of skerryd";
	file_head_fill(form, what, &good);
	if (memcmp(&head, &good, sizeof(head)) != 0)
		return "is of another thing, or its head is damaged";
	return status.st_size == (off_t)history_file_bytes(form) ? NULL : "is cut";
}

/* Renames a file that cannot be used; an earlier file renamed in this way is overwritten. */
static void file_set_aside(const char *name, const char *fault)
{
	char aside[HISTORY_WHAT_BYTES + 1];

	/* No name of a thing contains this sign. */
	snprintf(aside, sizeof(aside), "%s~", name);
	if (renameat(file_folder, name, file_folder, aside) < 0)
		fprintf(stderr, "skerryd: history/%s %s and cannot be renamed: %s\n", name, fault,
			strerror(errno));
	else
		fprintf(stderr,
			"skerryd: history/%s %s: it is renamed to %s, and a new one begins\n", name,
			fault, aside);
}

int history_file_open(const struct history_form *form, const char *what)
{
	char name[HISTORY_WHAT_BYTES];
	const char *fault;
	int fd;

	file_name(what, name);
	/* O_NONBLOCK: a pipe of that name must not block core. */
	fd = openat(file_folder, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && errno != ELOOP && errno != EISDIR)
		return -1;
	fault = fd < 0 ? "is no plain file" : file_fault(fd, form, what);
	if (!fault)
		return fd;
	if (fd >= 0)
		close(fd);
	file_set_aside(name, fault);
	return -1;
}

int history_file_make(const struct history_form *form, const char *what)
{
	static const char fresh[] = ".new";
	unsigned char bytes[FILE_HEAD_BYTES] = {0};
	char name[HISTORY_WHAT_BYTES];
	struct file_head head;
	int fd, wrong = 0;

	file_name(what, name);
	file_head_fill(form, what, &head);
	memcpy(bytes, &head, sizeof(head));
	unlinkat(file_folder, fresh, 0);
	fd = openat(file_folder, fresh, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		wrong = errno;
	else
		wrong = posix_fallocate(fd, 0, (off_t)history_file_bytes(form));
	if (!wrong && (pwrite(fd, bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes) ||
		       fsync(fd) < 0 || renameat(file_folder, fresh, file_folder, name) < 0))
		wrong = errno;
	if (!wrong)
		return fd;
	fprintf(stderr, "skerryd: history/%s cannot be made: %s\n", name, strerror(wrong));
	if (fd >= 0)
		close(fd);
	unlinkat(file_folder, fresh, 0);
	return -1;
}

/* Encodes points of consecutive places, the first one at points[0]. Returns how many they are. */
static unsigned file_encode_run(const struct history_form *form, unsigned tier,
				const struct history_point *points, unsigned count,
				unsigned char *bytes)
{
	size_t size = history_record_bytes(form, tier);
	off_t place = file_place(form, tier, points[0].period);
	unsigned i;

	for (i = 0; i < count && i < FILE_WRITE_RECORDS; i++) {
		if (file_place(form, tier, points[i].period) != place + (off_t)(i * size))
			break;
		history_record_encode(form, tier, &points[i], bytes + i * size);
	}
	return i;
}

bool history_file_write(int fd, const struct history_form *form, unsigned tier,
			const struct history_point *points, unsigned count)
{
	static unsigned char bytes[FILE_WRITE_RECORDS * HISTORY_RECORD_BYTES];
	bool done = true;

	while (count) {
		unsigned run = file_encode_run(form, tier, points, count, bytes);
		size_t size = run * history_record_bytes(form, tier);

		done = pwrite(fd, bytes, size, file_place(form, tier, points[0].period)) ==
			       (ssize_t)size &&
		       done;
		points += run;
		count -= run;
	}
	return done;
}

/* Reads the records of `count` periods, which stand in one piece. */
static void file_read_run(int fd, const struct history_form *form, unsigned tier, uint32_t first,
			  uint32_t count,
			  void (*take)(const struct history_point *point, void *context),
			  void *context)
{
	static unsigned char bytes[FILE_READ_RECORDS * HISTORY_RECORD_BYTES];
	size_t size = history_record_bytes(form, tier);
	ssize_t got = pread(fd, bytes, count * size, file_place(form, tier, first));
	struct history_point point;

	for (uint32_t i = 0; i < count && (ssize_t)((i + 1) * size) <= got; i++) {
		if (history_record_decode(form, tier, first + i, bytes + i * size, &point))
			take(&point, context);
	}
}

void history_file_read(int fd, const struct history_form *form, unsigned tier, uint32_t first,
		       uint32_t count,
		       void (*take)(const struct history_point *point, void *context),
		       void *context)
{
	uint32_t records = history_tiers[tier].records;

	while (count) {
		uint32_t run = records - first % records;

		if (run > count)
			run = count;
		if (run > FILE_READ_RECORDS)
			run = FILE_READ_RECORDS;
		file_read_run(fd, form, tier, first, run, take, context);
		first += run;
		count -= run;
	}
}

static void file_take_one(const struct history_point *point, void *context)
{
	*(struct history_point *)context = *point;
}

struct history_point history_file_point(int fd, const struct history_form *form, unsigned tier,
					uint32_t period)
{
	struct history_point point = {.period = period};

	history_file_read(fd, form, tier, period, 1, file_take_one, &point);
	return point;
}
