/* SPDX-License-Identifier: MIT */
/*
 * Makes a disk's serial number from its name. Called by the monitor's disk_open.c and the manager's
 * list of disks, which must agree; touches only its arguments.
 */
#include "vmm/io/disk_serial.h"

#include "lib/string.h"

#define SUM_DIGITS  8u
#define BEGIN_BYTES (DISK_SERIAL_BYTES - SUM_DIGITS - 1)
/* FNV-1a with 32 bits: the start value. */
#define SUM_START  0x811c9dc5u
#define SUM_FACTOR 0x01000193u

static u32 disk_serial_sum(const char *name)
{
	u32 sum = SUM_START;

	for (; *name != '\0'; name++)
		sum = (u32)((sum ^ (u8)*name) * (u64)SUM_FACTOR);
	return sum;
}

void disk_serial(const char *name, char serial[DISK_SERIAL_BYTES])
{
	size_t length = strlen(name);
	u32 sum = disk_serial_sum(name);

	for (u32 i = 0; i < DISK_SERIAL_BYTES; i++)
		serial[i] = i < length ? name[i] : '\0';
	if (length <= DISK_SERIAL_BYTES)
		return;
	serial[BEGIN_BYTES] = '-';
	for (u32 i = 0; i < SUM_DIGITS; i++)
		serial[BEGIN_BYTES + 1 + i] = "0123456789abcdef"[sum >> (28 - 4 * i) & 15];
}
