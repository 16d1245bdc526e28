/* SPDX-License-Identifier: MIT */
/*
 * What the command of a run begins with: its terminal, streams, user, limits, directory, program.
 * run.c calls it, child_run() in the process that it has made; what fails there is said on the
 * error output, with a shell's exit codes.
 */
#include <asm/termios.h>
#include <linux/errno.h>
#include <fcntl.h>
#include <linux/resource.h>
#include <linux/signal.h>

#include "iso/init/gate.h"

enum { CHILD_PATH_BYTES = 4096 };

void child_resize_terminal(int terminal, uint32_t rows, uint32_t columns)
{
	struct winsize size = {.ws_row = (uint16_t)rows, .ws_col = (uint16_t)columns};

	CALL(ioctl, terminal, TIOCSWINSZ, &size);
}

bool child_open_terminal(const struct words *words, int ours[3], int theirs[3])
{
	int master = (int)CALL(open, "/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	int locked = 0;

	CALL(ioctl, master, TIOCSPTLCK, &locked);
	theirs[0] = (int)CALL(ioctl, master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	theirs[1] = theirs[2] = theirs[0];
	ours[0] = (int)CALL(fcntl, master, F_DUPFD_CLOEXEC, 0);
	ours[1] = master;
	ours[2] = -1;
	CALL(fchown, theirs[0], words->user, -1);
	child_resize_terminal(master, words->rows, words->columns);
	return theirs[0] >= 0 && ours[0] >= 0;
}

_Noreturn static void child_fail(const char *word, const char *why, int code)
{
	print(word);
	print(why);
	CALL(exit_group, code);
	__builtin_unreachable();
}

/* Each folder of PATH in turn; returns when nothing of that name can be executed. */
static long child_search(const struct words *words)
{
	static char path[CHILD_PATH_BYTES];
	const char *folders = words_environment(words, "PATH=");
	const char *name = words->argument[0];
	size_t length = text_length(name);
	long found = -ENOENT, status;

	for (const char *at = name; *at != '\0'; at++)
		if (*at == '/')
			return CALL(execve, name, words->argument, words->environment);
	while (folders != NULL && *folders != '\0') {
		size_t count = 0;

		while (folders[count] != '\0' && folders[count] != ':')
			count++;
		if (count + length + 2 <= sizeof(path)) {
			memcpy(path, folders, count);
			path[count] = '/';
			memcpy(path + count + 1, name, length + 1);
			status = CALL(execve, path, words->argument, words->environment);
			found = status != -ENOENT && status != -ENOTDIR ? status : found;
		}
		folders += count + (folders[count] == ':');
	}
	return found;
}

/*
 * Reads the number in decimal at `at` and skips a colon behind it; returns false if there is none.
 */
static bool child_number(const char **at, unsigned *number)
{
	const char *start = *at;

	for (*number = 0; **at >= '0' && **at <= '9' && *at - start < 10; ++*at)
		*number = *number * 10 + (unsigned)(**at - '0');
	return *at != start && *(*at)++ == ':';
}

/* Takes numbers and home of the user with words->name from the image's list of users. */
static bool child_find_user(struct words *words)
{
	static char list[CHILD_PATH_BYTES * 4], home[CHILD_PATH_BYTES] = "HOME=";
	size_t length = text_length(words->name), end = 5;

	list[file_read("/etc/passwd", list, sizeof(list) - 1)] = '\0';
	for (const char *at = list; *at != '\0'; at += *at == '\n') {
		const char *field = at + length;

		if (text_begins(at, words->name) && *field++ == ':') {
			while (*field != ':' && *field != '\n' && *field != '\0')
				field++;
			field += *field == ':';
			if (!child_number(&field, &words->user) ||
			    !child_number(&field, &words->group))
				return false;
			while (*field != ':' && *field != '\n' && *field != '\0')
				field++;
			field += *field == ':';
			while (*field != ':' && *field != '\n' && *field != '\0' &&
			       end + 1 < sizeof(home))
				home[end++] = *field++;
			words_add_environment(words, home);
			if (!words->placed && end > 5)
				words->directory = home + 5;
			return true;
		}
		while (*at != '\n' && *at != '\0')
			at++;
	}
	return false;
}

_Noreturn void child_run(struct words *words, const int streams[3])
{
	struct rlimit64 none = {0, 0};
	uint64_t signals = 0;

	for (int i = 0; i < 3; i++)
		CALL(dup2, streams[i], i);
	CALL(rt_sigprocmask, SIG_SETMASK, &signals, NULL, sizeof(signals));
	CALL(setsid, 0);
	if (words->rows > 0)
		CALL(ioctl, 0, TIOCSCTTY, 0);
	CALL(prlimit64, 0, RLIMIT_CORE, &none, NULL);
	if (words->name != NULL && !child_find_user(words))
		child_fail(words->name, ": the image has no such user\n", 126);
	words->environment[words->environment_count] = NULL;
	if (CALL(setgroups, 0, NULL) != 0 ||
	    CALL(setresgid, words->group, words->group, words->group) != 0 ||
	    CALL(setresuid, words->user, words->user, words->user) != 0)
		child_fail("", "init: that user and group cannot be set\n", 126);
	if (CALL(chdir, words->directory) != 0)
		child_fail(words->directory, ": there is no such directory\n", 126);
	if (words->act != NULL)
		act_run(words);
	if (child_search(words) == -ENOENT)
		child_fail(words->argument[0], ": there is no such program\n", 127);
	child_fail(words->argument[0], ": it cannot be executed\n", 126);
}
