/* SPDX-License-Identifier: MIT */
/* The first process of a Linux guest: says what the TSC shows on arrival, then powers off. */

enum { SYSTEM_WRITE = 1, SYSTEM_REBOOT = 169 };

#define REBOOT_MAGIC 0xfee1deadl
#define REBOOT_MAGIC2 672274793l
#define REBOOT_POWER_OFF 0x4321fedcl

void _start(void);

static long call(long number, long a, long b, long c)
{
	long result;

	asm volatile("syscall"
		     : "=a"(result)
		     : "a"(number), "D"(a), "S"(b), "d"(c)
		     : "rcx", "r11", "memory");
	return result;
}

void _start(void)
{
	char line[48] = "BENCH userspace ";
	unsigned int low;
	unsigned int high;
	unsigned long value;
	unsigned long unit = 1;
	unsigned long at = sizeof("BENCH userspace ") - 1;

	asm volatile("rdtsc" : "=a"(low), "=d"(high));
	value = (unsigned long)high << 32 | low;
	while (value / unit >= 10)
		unit *= 10;
	for (; unit != 0; unit /= 10)
		line[at++] = (char)('0' + value / unit % 10);
	line[at++] = '\n';
	call(SYSTEM_WRITE, 1, (long)line, (long)at);
	call(SYSTEM_REBOOT, REBOOT_MAGIC, REBOOT_MAGIC2, REBOOT_POWER_OFF);
	for (;;)
		;
}
