/* SPDX-License-Identifier: MIT */
/*
 * Commands that the init of a run looks after, on this host in place of a guest: their terminals,
 * signals, files that come meanwhile. Only root may become the user of a command.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Headers of the C library stand in for the kernel's, the end of the process for a power-off. */
#define _LINUX_SIGNAL_H
#define _LINUX_RESOURCE_H
#include "iso/init/linux.h"
#undef __NR_reboot
#define __NR_reboot __NR_exit_group

#include "iso/init/act.c"
#include "iso/init/child.c"
#include "iso/init/file.c"
#include "iso/init/gate.c"
#include "iso/init/run.c"
#include "iso/init/words.c"

#define WORDS(command, more) "ash\0a-c\0a" command "\0ePATH=/usr/bin:/bin\0" more
#define START(command, more) start(WORDS(command, more), sizeof(WORDS(command, more)))

static struct {
	int line; /* the host's end of the connection */
	pid_t init;
	char out[20000];
	size_t count;
	uint32_t taken;
	int put; /* the init's last answer about a file, or -1 */
	struct gate_end end;
} host;

bool seed_take(const uint8_t seed[GATE_SEED_BYTES])
{
	return true;
}

bool net_begin(void)
{
	return true;
}

/* There is no volume here. */
bool volume_mount(const struct words *words)
{
	return false;
}

void volume_end(const struct words *words)
{
}

static void start(const char *words, size_t count)
{
	static struct gate gate;
	static struct words taken;
	static char kept[WORDS_BYTES];
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	memset(&host, 0, sizeof(host));
	host.line = ends[0];
	host.put = -1;
	alarm(60);
	host.init = fork();
	if (host.init == 0) {
		/* whoever started this test may ignore it, as a shell does for what runs behind it
		 */
		signal(SIGINT, SIG_DFL);
		close(ends[0]);
		memcpy(kept, words, count);
		taken = (struct words){.directory = "/"};
		if (!words_take(&taken, kept, count, true))
			_exit(99);
		gate.connection = ends[1];
		run_command(&gate, &taken);
		_exit(0);
	}
	close(ends[1]);
}

static void tell(char kind, const void *bytes, uint32_t count)
{
	uint8_t head[4] = {(uint8_t)kind, (uint8_t)count, (uint8_t)(count >> 8),
			   (uint8_t)(count >> 16)};

	assert_int_equal(write(host.line, head, 4), 4);
	assert_int_equal(write(host.line, bytes, count), count);
}

static void get(void *to, size_t count)
{
	for (size_t at = 0; at < count;) {
		ssize_t done = read(host.line, (char *)to + at, count - at);

		assert_true(done > 0);
		at += (size_t)done;
	}
}

/* Takes one frame. Returns false when it was the last. */
static bool take(void)
{
	uint8_t head[4], bytes[GATE_OUTPUT];
	uint32_t count;

	get(head, 4);
	count = gate_number(head + 1, 3);
	assert_true(count <= GATE_OUTPUT);
	get(bytes, count);
	if (head[0] == GATE_OUT) {
		assert_true(host.count + count < sizeof(host.out));
		memcpy(host.out + host.count, bytes, count);
		host.count += count;
	} else if (head[0] == GATE_TAKEN) {
		host.taken += gate_number(bytes, 4);
	} else if (head[0] == GATE_PUT_DONE) {
		assert_int_equal(count, 1);
		host.put = bytes[0];
	} else {
		assert_int_equal(head[0], GATE_END);
		memcpy(&host.end, bytes, sizeof(host.end));
		return false;
	}
	return true;
}

static void await(const char *text)
{
	while (strstr(host.out, text) == NULL)
		assert_true(take());
}

/* Waits for the command's end, and returns its exit code, or 128 and its signal. */
static int finish(void)
{
	while (take())
		;
	close(host.line);
	waitpid(host.init, NULL, 0);
	alarm(0);
	return host.end.by_signal ? 128 + host.end.code : host.end.code;
}

static int put(const char *path, uint32_t at, const char *text)
{
	char piece[300] = {(char)at, (char)(at >> 8), (char)(at >> 16), (char)(at >> 24)};
	int length = snprintf(piece + 4, 250, "%s%c%s", path, 0, text);

	host.put = -1;
	tell(GATE_PUT, piece, 4 + (uint32_t)length);
	while (host.put < 0)
		assert_true(take());
	return host.put;
}

/* The command leads a session whose terminal has the size that the host has said. */
static void test_terminal(void **state)
{
	START("tty; stty size; test -t 1 && ps -o tpgid= -p $$ | tr -d ' '; echo $$; exit 3",
	      "t24x80");
	assert_int_equal(finish(), 3);
	assert_non_null(strstr(host.out, "/dev/pts/"));
	assert_non_null(strstr(host.out, "\r\n24 80\r\n"));
	START("tty; exit 4", "d/");
	assert_int_equal(finish(), 4);
	assert_non_null(strstr(host.out, "not a tty\n"));
}

static void test_resize(void **state)
{
	static const uint8_t size[] = {44, 1, 200, 0};

	START("trap 'stty size; exit 5' WINCH; echo up; while :; do sleep 0.05; done", "t24x80");
	await("up");
	tell(GATE_RESIZE, size, sizeof(size));
	assert_int_equal(finish(), 5);
	assert_non_null(strstr(host.out, "300 200"));
}

/* A key that interrupts reaches the program, and one that does not when it has said so. */
static void test_keys(void **state)
{
	START("echo up; exec sleep 1000", "t24x80");
	await("up");
	tell(GATE_INPUT, "\3", 1);
	assert_int_equal(finish(), 128 + SIGINT);
	START("stty raw -echo; echo up; head -c 5 | od -An -tx1", "t24x80");
	await("up");
	tell(GATE_INPUT, "\3\4\033\377\n", 5);
	assert_int_equal(finish(), 0);
	assert_non_null(strstr(host.out, "03 04 1b ff 0a"));
	assert_int_equal(host.taken, 5);
}

/* The end of the input is one to a terminal's program, whatever stands in its line. */
static void test_end_of_input(void **state)
{
	START("cat; echo ended; exit 6", "t24x80");
	tell(GATE_INPUT, "half", 4);
	tell(GATE_INPUT, "", 0);
	assert_int_equal(finish(), 6);
	assert_non_null(strstr(host.out, "ended"));
}

/* A command that leaves its terminal may come back, and more input than fits is not lost. */
static void test_leaves(void **state)
{
	static char much[GATE_WINDOW];

	START("exec <&- >&- 2>&-; sleep 0.2; echo back >/dev/tty; exit 7", "t24x80");
	assert_int_equal(finish(), 7);
	assert_non_null(strstr(host.out, "back"));
	memset(much, 'x', sizeof(much));
	START("stty raw -echo; echo up; sleep 0.2; head -c 16384 | wc -c", "t24x80");
	await("up");
	tell(GATE_INPUT, much, sizeof(much));
	assert_int_equal(finish(), 0);
	assert_non_null(strstr(host.out, "16384"));
	assert_int_equal(host.taken, sizeof(much));
}

/* Files come while the command runs, and each is answered for. */
static void test_files(void **state)
{
	char folder[] = "/tmp/init_run_XXXXXX", path[64];

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/new/file", folder);
	START("read path; cat $path; rm $path; rmdir ${path%/file}", "d/");
	assert_int_equal(put(path, 0, "one "), GATE_WHOLE);
	assert_int_equal(put(path, 4, "two"), GATE_WHOLE);
	assert_int_equal(put(folder, 0, "x"), GATE_NO_FILE);
	assert_int_equal(put("relative", 0, "x"), GATE_MISSING);
	assert_int_equal(put(path, GATE_FILE_BYTES, "x"), GATE_TOO_LONG);
	tell(GATE_INPUT, path, (uint32_t)strlen(path));
	tell(GATE_INPUT, "\n", 1);
	assert_int_equal(finish(), 0);
	assert_string_equal(host.out, "one two");
	assert_int_equal(rmdir(folder), 0);
}

/* What breaks the rules ends the guest, as does a host that goes. */
static void test_rules(void **state)
{
	static char much[GATE_WINDOW + 1];
	int status;

	START("exec sleep 1000", "t24x80");
	tell(GATE_RESIZE, "x", 1);
	tell(GATE_PUT, "x", 1);
	tell(GATE_INPUT, much, sizeof(much));
	waitpid(host.init, &status, 0);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == (LINUX_REBOOT_MAGIC1 & 0xff));
	close(host.line);
	START("exec cat", "d/");
	close(host.line);
	waitpid(host.init, &status, 0);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == (LINUX_REBOOT_MAGIC1 & 0xff));
	alarm(0);
}

/* A guest that refuses what it is to run reads on until its host ends the connection. */
static void test_refusal(void **state)
{
	static const char no_file[] = "/proc/none/x\0x";
	static const uint8_t seed[GATE_SEED_BYTES];
	static char more[4 << 20]; /* what no socket holds */
	char said[16];
	int ends[2], status;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	signal(SIGPIPE, SIG_IGN);
	alarm(60);
	host.line = ends[0];
	host.init = fork();
	if (host.init == 0) {
		static struct gate gate;
		static struct words words;

		close(ends[0]);
		gate.connection = ends[1];
		gate_serve(&gate, &words);
		_exit(99);
	}
	close(ends[1]);
	get(said, 5); /* its hello */
	tell(GATE_SEED, seed, sizeof(seed));
	get(said, 4);
	tell(GATE_FILE, no_file, sizeof(no_file) - 1);
	get(said, 4 + sizeof("no file") - 1);
	assert_int_equal(said[0], GATE_REFUSED);
	for (size_t sent = 0; sent < sizeof(more);) {
		ssize_t done = write(host.line, more + sent, sizeof(more) - sent);

		assert_true(done > 0);
		sent += (size_t)done;
	}
	close(host.line);
	waitpid(host.init, &status, 0);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == (LINUX_REBOOT_MAGIC1 & 0xff));
	alarm(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_terminal), cmocka_unit_test(test_resize),
		cmocka_unit_test(test_keys),	 cmocka_unit_test(test_end_of_input),
		cmocka_unit_test(test_leaves),	 cmocka_unit_test(test_files),
		cmocka_unit_test(test_rules),	 cmocka_unit_test(test_refusal),
	};

	if (geteuid() != 0) {
		puts("init_run_test: not root, so nothing was tested");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
