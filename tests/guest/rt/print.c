/* SPDX-License-Identifier: MIT */
/*
 * Prints text and the lines PASS and FAIL that a test reads. Called by all guests of this folder;
 * writes to COM1 and ends the guest.
 */
#include "tests/guest/rt/cpu.h"
#include "vmm/hw/pit.h"
#include "vmm/hw/uart.h"

#define COM1		  0x3f8u
#define LINE_STATUS	  (COM1 + 5)
#define TRANSMITTER_EMPTY 0x20u

u32 multiboot_info;

static u32 failures;
static u32 answers;

static void put(char c)
{
	while ((in8(LINE_STATUS) & TRANSMITTER_EMPTY) == 0)
		relax();
	out8(COM1, (u8)c);
}

void print(const char *text)
{
	for (; *text != '\0'; text++)
		put(*text);
}

void print_hex(u64 value)
{
	u32 digits = 1;

	while (digits < 16 && value >> (4 * digits) != 0)
		digits++;
	print("0x");
	while (digits-- > 0)
		put("0123456789abcdef"[value >> (4 * digits) & 0xf]);
}

static void answer(const char *word_said, const char *name)
{
	answers++;
	print(word_said);
	print(name);
}

void pass(const char *name)
{
	answer("PASS ", name);
	print("\n");
}

static void begin_failure(const char *name)
{
	failures++;
	answer("FAIL ", name);
	print(": ");
}

void fail(const char *name, const char *why)
{
	begin_failure(name);
	print(why);
	print("\n");
}

void absent(const char *name)
{
	answer("ABSENT ", name);
	print("\n");
}

void check(const char *name, bool good, const char *why)
{
	if (good)
		pass(name);
	else
		fail(name, why);
}

void check_equal(const char *name, u64 got, u64 wanted)
{
	if (got == wanted) {
		pass(name);
		return;
	}
	begin_failure(name);
	print("got ");
	print_hex(got);
	print(", wanted ");
	print_hex(wanted);
	print("\n");
}

void check_between(const char *name, u64 got, u64 low, u64 high)
{
	if (got >= low && got <= high) {
		pass(name);
		return;
	}
	begin_failure(name);
	print("got ");
	print_hex(got);
	print(", wanted ");
	print_hex(low);
	print(" to ");
	print_hex(high);
	print("\n");
}

void check_trap(const char *name, u32 vector, u32 error)
{
	if (trap.vector == vector && trap.error == error) {
		pass(name);
		return;
	}
	begin_failure(name);
	print("vector ");
	print_hex(trap.vector);
	print(" error ");
	print_hex(trap.error);
	print(" at ");
	print_hex(trap.rip);
	print(", wanted ");
	print_hex(vector);
	print(" error ");
	print_hex(error);
	print("\n");
}

void finish(void)
{
	print("DONE ");
	print_hex(answers);
	print("\n");
	for (;;) {
		out8(EXIT_PORT, failures == 0 && answers > 0 ? EXIT_GOOD : EXIT_BAD);
		interrupts_off();
		halt();
	}
}

static char command_line[256];

/*
 * Takes the command line from the loader: bit 2 of the flags says that it is there (Multiboot 1,
 * 3.3).
 */
static void take_command_line(void)
{
	const u32 *info = (const u32 *)(word)multiboot_info;
	const char *text = (info[0] & 4) != 0 ? (const char *)(word)info[4] : "";

	for (u32 i = 0; i + 1 < sizeof(command_line) && text[i] != '\0'; i++)
		command_line[i] = text[i];
}

/*
 * Returns what follows `name` at the start of a word of the command line; NULL: no word starts with
 * it.
 */
static const char *find_option(const char *name)
{
	for (const char *at = command_line; *at != '\0'; at++) {
		u32 i = 0;

		if (at != command_line && at[-1] != ' ')
			continue;
		while (name[i] != '\0' && at[i] == name[i])
			i++;
		if (name[i] == '\0')
			return at + i;
	}
	return NULL;
}

bool option(const char *word_wanted)
{
	const char *end = find_option(word_wanted);

	return end != NULL && (*end == '\0' || *end == ' ');
}

bool lacks(const char *check)
{
	char wanted[32] = "no-";
	u32 count = 3;

	while (*check != '\0' && count < sizeof(wanted) - 1)
		wanted[count++] = *check++;
	return option(wanted);
}

u64 option_number(const char *name, u64 otherwise)
{
	const char *digit = find_option(name);
	u64 value = 0;

	if (digit == NULL || *digit != '=')
		return otherwise;
	for (digit++; *digit >= '0' && *digit <= '9'; digit++)
		value = value * 10 + (u64)(*digit - '0');
	return value;
}

void rt_main(void);
void rt_main(void)
{
	take_command_line();
	traps_init();
	if (&firmware_ticks == NULL) /* channel 0 waits for a count from now on */
		out8(PIT_CONTROL_PORT, PIT_CONTROL_LOW_HIGH);
	guest_main();
	finish();
}
