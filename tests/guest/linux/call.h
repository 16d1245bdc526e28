/* SPDX-License-Identifier: MIT */
#pragma once

/* System calls for programs of a Linux guest that have no C library. */
enum {
	SYSTEM_READ = 0,
	SYSTEM_WRITE = 1,
	SYSTEM_OPEN = 2,
	SYSTEM_IOCTL = 16,
	SYSTEM_EXIT = 60,
	SYSTEM_REBOOT = 169,
};

#define REBOOT_MAGIC	 0xfee1deadl
#define REBOOT_MAGIC2	 672274793l
#define REBOOT_POWER_OFF 0x4321fedcl

static inline long call(long number, long a, long b, long c)
{
	long result;

	asm volatile("syscall"
		     : "=a"(result)
		     : "a"(number), "D"(a), "S"(b), "d"(c)
		     : "rcx", "r11", "memory");
	return result;
}

_Noreturn static inline void power_off(void)
{
	for (;;)
		call(SYSTEM_REBOOT, REBOOT_MAGIC, REBOOT_MAGIC2, REBOOT_POWER_OFF);
}
