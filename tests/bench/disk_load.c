/* SPDX-License-Identifier: MIT */
/*
 * Requests of 4 KiB at random places of /dev/vda, past the guest's cache, for a Linux guest: a
 * static program without a C library.
 *
 * disk_load go|wait [read|write|large|each DEPTH COUNT]...: COUNT requests, DEPTH at once, as often
 * as given. `large` reads 128 KiB into 32 pages that do not touch. `each` writes, one request each,
 * to the pieces of 64 KiB from the disk's first on, and goes on where the last such run ended.
 * Before and after each run it says MARK, and after `wait` waits for a line, so that somebody
 * outside can count what the run has cost.
 */
#include "tests/guest/linux/call.h"

#define BLOCK	  4096ul
#define BLOCKS	  4096ul /* 16 MiB of the disk are used */
#define DEPTH_MAX 32ul
#define SEGMENTS  32ul /* of a large request */
#define PIECE	  65536ul
#define PIECES	  512ul /* 32 MiB of the disk */

enum { SYSTEM_IO_SETUP = 206, SYSTEM_IO_GETEVENTS = 208, SYSTEM_IO_SUBMIT = 209 };
enum { O_RDONLY = 0, O_RDWR = 2, O_DIRECT = 040000 };
enum { IOCB_READ = 0, IOCB_WRITE = 1, IOCB_READ_MANY = 7 };

/* A request of Linux's asynchronous I/O (linux/aio_abi.h). */
struct iocb {
	unsigned long data;
	unsigned int key;
	unsigned int flags;
	unsigned short opcode;
	short priority;
	unsigned int file;
	unsigned long buffer;
	unsigned long bytes;
	unsigned long offset;
	unsigned long reserved[2];
};

struct segment {
	unsigned char *at;
	unsigned long bytes;
};

struct io_event {
	unsigned long data;
	struct iocb *request;
	long result;
	long result2;
};

void begin(char **stack);

asm(".globl _start\n"
    "_start:\n"
    "	mov %rsp, %rdi\n"
    "	and $-16, %rsp\n"
    "	call begin\n");

static unsigned char buffer[DEPTH_MAX][BLOCK] __attribute__((aligned(4096)));
static unsigned char spread[DEPTH_MAX][SEGMENTS][2][BLOCK] __attribute__((aligned(4096)));
static struct segment segments[DEPTH_MAX][SEGMENTS];
static unsigned long request_bytes;
static struct iocb control[DEPTH_MAX];
static struct iocb *list[DEPTH_MAX];
static struct io_event event[DEPTH_MAX];
static unsigned long context;
static long disk;
static unsigned char waits; /* a mark waits for a line */
static unsigned long state = 88172645463325252ul;
static unsigned char one_a_piece; /* each request goes to the next piece */
static unsigned long next_piece;

static long get_events(void)
{
	register long r10 asm("r10") = (long)event;
	register long r8 asm("r8") = 0;
	long result;

	asm volatile("syscall"
		     : "=a"(result)
		     : "a"(SYSTEM_IO_GETEVENTS), "D"(context), "S"(1l), "d"(DEPTH_MAX), "r"(r10),
		       "r"(r8)
		     : "rcx", "r11", "memory");
	return result;
}

static unsigned long now(void)
{
	unsigned int low;
	unsigned int high;

	asm volatile("lfence; rdtsc" : "=a"(low), "=d"(high));
	return (unsigned long)high << 32 | low;
}

static unsigned long put(char *line, unsigned long at, const char *text)
{
	while (*text != '\0')
		line[at++] = *text++;
	return at;
}

static unsigned long put_number(char *line, unsigned long at, unsigned long value)
{
	unsigned long unit = 1;

	while (value / unit >= 10)
		unit *= 10;
	for (; unit != 0; unit /= 10)
		line[at++] = (char)('0' + value / unit % 10);
	return at;
}

static void say(const char *word, const char *name, unsigned long depth, unsigned long number)
{
	char line[80];
	unsigned long at = put(line, 0, word);

	at = put(line, at, name);
	at = put(line, at, " ");
	at = put_number(line, at, depth);
	at = put(line, at, " ");
	at = put_number(line, at, number);
	at = put(line, at, "\n");
	call(SYSTEM_WRITE, 1, (long)line, (long)at);
}

static void fail(const char *what, long number)
{
	say("FAILED ", what, 0, (unsigned long)-number);
	power_off();
}

static void mark(const char *name, unsigned long depth, unsigned long number)
{
	char input = '\n';

	say("MARK ", name, depth, number);
	do {
		if (waits && call(SYSTEM_READ, 0, (long)&input, 1) != 1)
			fail("input", 0);
	} while (waits && input != '\n');
}

static void choose_place(struct iocb *request)
{
	if (one_a_piece) {
		request->offset = next_piece++ % PIECES * PIECE;
		return;
	}
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	request->offset = state % BLOCKS * BLOCK;
}

/* Submits the first `count` requests of `list`. */
static void submit(unsigned long count)
{
	long done = call(SYSTEM_IO_SUBMIT, (long)context, (long)count, (long)list);

	if (done != (long)count)
		fail("submit", done);
}

static void prepare(unsigned short opcode, unsigned long depth)
{
	request_bytes = opcode == IOCB_READ_MANY ? SEGMENTS * BLOCK : BLOCK;
	for (unsigned long i = 0; i < depth; i++) {
		for (unsigned long j = 0; j < SEGMENTS; j++)
			segments[i][j] = (struct segment){spread[i][j][0], BLOCK};
		control[i].opcode = opcode;
		control[i].file = (unsigned int)disk;
		control[i].bytes = opcode == IOCB_READ_MANY ? SEGMENTS : BLOCK;
		control[i].buffer = opcode == IOCB_READ_MANY ? (unsigned long)segments[i]
							     : (unsigned long)buffer[i];
		choose_place(&control[i]);
		list[i] = &control[i];
	}
}

/* Takes what has ended and submits as much again, at most `more`; returns how many ended. */
static unsigned long turn(unsigned long more)
{
	long count = get_events();
	unsigned long again = 0;

	if (count < 1)
		fail("getevents", count);
	for (long i = 0; i < count; i++) {
		if (event[i].result != (long)request_bytes)
			fail("request", event[i].result);
		if (again == more)
			continue;
		choose_place(event[i].request);
		list[again++] = event[i].request;
	}
	if (again > 0)
		submit(again);
	return (unsigned long)count;
}

static void run(const char *name, unsigned short opcode, unsigned long depth, unsigned long count)
{
	unsigned long ended = 0;
	unsigned long begin;

	prepare(opcode, depth);
	mark(name, depth, count);
	begin = now();
	submit(depth);
	while (ended < count) {
		unsigned long more = count > ended + depth ? count - ended - depth : 0;

		ended += turn(more);
	}
	say("TIME ", name, depth, now() - begin);
	mark("end", depth, count);
}

static unsigned long number(const char *text)
{
	unsigned long value = 0;

	while (*text >= '0' && *text <= '9')
		value = value * 10 + (unsigned long)(*text++ - '0');
	return value;
}

static unsigned short opcode_of(const char *name)
{
	return *name == 'l' ? IOCB_READ_MANY : *name == 'r' ? IOCB_READ : IOCB_WRITE;
}

static void open_disk(void)
{
	long status;

	disk = call(SYSTEM_OPEN, (long)"/dev/vda", O_RDWR | O_DIRECT, 0);
	if (disk < 0) /* a disk that others have too can be read only */
		disk = call(SYSTEM_OPEN, (long)"/dev/vda", O_RDONLY | O_DIRECT, 0);
	if (disk < 0)
		fail("open", disk);
	status = call(SYSTEM_IO_SETUP, DEPTH_MAX, (long)&context, 0);
	if (status != 0)
		fail("setup", status);
}

/* The stack as the kernel leaves it: number of words, then the words, then NULL. */
void begin(char **stack)
{
	char **word = stack + 2;

	open_disk();
	waits = *word != 0 && **word == 'w';
	while (*word != 0 && word[1] != 0 && word[2] != 0 && word[3] != 0) {
		unsigned long depth = number(word[2]);

		if (depth < 1 || depth > DEPTH_MAX)
			fail("depth", 0);
		one_a_piece = word[1][0] == 'e';
		run(word[1], opcode_of(word[1]), depth, number(word[3]));
		word += 3;
	}
	say("DONE ", "all", 0, 0);
	power_off();
}
