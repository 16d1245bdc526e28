/* SPDX-License-Identifier: MIT */
/*
 * The files that the host wants of a run. run.c calls it when the command has ended; it reads what
 * the command has left, which may be anything.
 */
#include <linux/errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "iso/init/gate.h"

static long wanted_open(const char *path, enum gate_done *done)
{
	struct stat about;
	/* A pipe that nobody writes to must not hold up the init. */
	long file = CALL(open, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	*done = GATE_WHOLE;
	if (file < 0) {
		*done = file == -ENOENT || file == -ENOTDIR ? GATE_MISSING : GATE_UNREADABLE;
	} else if (CALL(fstat, file, &about) != 0) {
		*done = GATE_UNREADABLE;
	} else if (!S_ISREG(about.st_mode)) {
		*done = GATE_NO_FILE;
	} else if (about.st_size > GATE_FILE_BYTES) {
		*done = GATE_TOO_LONG;
	}
	return file;
}

/* A file may have more bytes than it says, as those of /proc have: what is read is counted. */
static enum gate_done wanted_send(struct gate *gate, long file, uint8_t number)
{
	static uint8_t bytes[GATE_OUTPUT];
	uint32_t all = 0;
	long count;

	bytes[0] = number;
	while ((count = CALL(read, file, bytes + 1, sizeof(bytes) - 1)) > 0) {
		all += (uint32_t)count;
		if (all > GATE_FILE_BYTES)
			return GATE_TOO_LONG;
		if (!gate_send(gate, GATE_PIECE, bytes, (uint32_t)count + 1))
			gate_power_off();
	}
	return count < 0 ? GATE_UNREADABLE : GATE_WHOLE;
}

void wanted_files(struct gate *gate, const struct words *words)
{
	for (unsigned i = 0; i < words->wanted_count; i++) {
		enum gate_done done;
		long file = wanted_open(words->wanted[i], &done);
		uint8_t said[2];

		if (done == GATE_WHOLE)
			done = wanted_send(gate, file, (uint8_t)i);
		CALL(close, file);
		said[0] = (uint8_t)i;
		said[1] = (uint8_t)done;
		gate_send(gate, GATE_DONE, said, sizeof(said));
	}
}
