/* SPDX-License-Identifier: MIT */
/*
 * Reads the bytes typed at the console, and finds keys such as Ctrl-C behind other input. Called by
 * the other files of this folder. Owns the byte that was given back and the count of lost bytes.
 */
#include "vmm/manager/console/console_input.h"
#include "vmm/rt/clock.h"

#define FULL_NS (5 * NS_PER_S)

static u8 back;
static bool held;
static u64 full_tsc; /* the TSC since when the port's buffer is full; 0: it is not full */
static u64 lost;     /* bytes lost by the port */
static u64 dropped;  /* bytes dropped by the console itself */
static u64 told;

bool console_input_next(enum serial_name port, u8 *byte)
{
	if (held) {
		held = false;
		*byte = back;
		return true;
	}
	full_tsc = 0;
	return serial_receive(port, byte, 1, &lost) != 0;
}

void console_input_back(u8 byte)
{
	back = byte;
	held = true;
}

bool console_input_held(void)
{
	return held;
}

static bool console_input_full(enum serial_name port)
{
	return serial_waiting(port) == SERIAL_RECEIVE_BYTES;
}

static void console_input_drop(enum serial_name port, u32 count)
{
	u8 byte;

	for (; count > 0; count--)
		(void)serial_receive(port, &byte, 1, &lost);
	full_tsc = 0;
}

bool console_input_cut(enum serial_name port, u8 key)
{
	u32 count = serial_find(port, key);

	if (count > 0) {
		console_input_drop(port, count);
		held = false;
	} else if (clock_tsc() >= console_input_deadline(port)) {
		console_input_drop(port, SERIAL_RECEIVE_BYTES / 2);
		dropped += SERIAL_RECEIVE_BYTES / 2;
	}
	return count > 0;
}

u64 console_input_deadline(enum serial_name port)
{
	if (!console_input_full(port))
		return ~0ull;
	if (full_tsc == 0)
		full_tsc = clock_tsc();
	return full_tsc + clock_ns_to_tsc(FULL_NS);
}

u64 console_input_lost(void)
{
	u64 since = lost + dropped - told;

	told += since;
	return since;
}
