/* SPDX-License-Identifier: MIT */
/* The healthy neighbour of hostile guests, as the first process of a Linux guest: see checker.h. */
#include "tests/guest/checker.h"
#include "tests/guest/linux/call.h"

/* <asm-generic/termbits.h> */
#define TCGETS 0x5401
#define TCSETS 0x5402
#define ICANON 2u
#define ECHO   8u
#define VTIME  5
#define VMIN   6
struct terminal {
	u32 iflag, oflag, cflag, lflag;
	u8 line;
	u8 cc[19];
};

void _start(void);

static u64 area[CHECKER_WORDS] ALIGNED(4096);

void print(const char *text)
{
	long length = 0;

	while (text[length] != '\0')
		length++;
	call(SYSTEM_WRITE, 1, (long)text, length);
}

void print_hex(u64 value)
{
	char digits[] = "0x0000000000000000";

	for (u32 i = sizeof(digits) - 2; i > 1; i--, value >>= 4)
		digits[i] = "0123456789abcdef"[value & 0xf];
	print(digits);
}

static bool checker_typed(u8 *byte)
{
	return call(SYSTEM_READ, 0, (long)byte, 1) == 1;
}

NORETURN static void checker_end(bool good)
{
	print(good ? "PASS pattern\n" : "FAIL pattern: somebody else wrote here\n");
	power_off();
}

static bool checker_more(u64 key, u64 pass)
{
	(void)key, (void)pass;
	return true;
}

/*
 * Sets the console up: bytes come as they are typed, without an echo; a read that finds none
 * returns at once.
 */
static void set_up_console(void)
{
	struct terminal terminal;

	call(SYSTEM_IOCTL, 0, TCGETS, (long)&terminal);
	terminal.lflag &= ~(ICANON | ECHO);
	terminal.cc[VTIME] = 0;
	terminal.cc[VMIN] = 0;
	call(SYSTEM_IOCTL, 0, TCSETS, (long)&terminal);
}

void _start(void)
{
	u32 low;
	u32 high;

	set_up_console();
	asm volatile("rdtsc" : "=a"(low), "=d"(high));
	checker_run(area, (u64)high << 32 | low);
}
