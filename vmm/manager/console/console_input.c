/* SPDX-License-Identifier: MIT */
#include "vmm/manager/console/console_input.h"

#define AHEAD_BYTES 256u
#define CONTROL_C   0x03

static u8 ahead[AHEAD_BYTES];
static u32 ahead_count;
static u32 ahead_used;
static bool held;
static u64 lost;
static u64 lost_told;

bool console_input_next(enum serial_name port, u8 *byte)
{
	held = false;
	if (ahead_used == ahead_count) {
		ahead_used = 0;
		ahead_count = serial_receive(port, ahead, 1, &lost);
	}
	if (ahead_count == 0)
		return false;
	*byte = ahead[ahead_used++];
	return true;
}

void console_input_back(u8 byte)
{
	ahead[--ahead_used] = byte;
	held = true;
}

bool console_input_held(void)
{
	return held;
}

bool console_input_interrupted(enum serial_name port)
{
	ahead_count -= ahead_used;
	for (u32 i = 0; i < ahead_count; i++)
		ahead[i] = ahead[ahead_used + i];
	ahead_used = 0;
	ahead_count += serial_receive(port, ahead + ahead_count, AHEAD_BYTES - ahead_count, &lost);
	for (u32 i = ahead_count; i > 0; i--) {
		if (ahead[i - 1] != CONTROL_C)
			continue;
		ahead_used = i;
		return true;
	}
	return false;
}

u64 console_input_lost(void)
{
	u64 since = lost - lost_told;

	lost_told = lost;
	return since;
}
