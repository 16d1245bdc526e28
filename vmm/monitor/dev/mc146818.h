/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * Registers of the MC146818 clock (Motorola, MC146818A data sheet), and the CMOS bytes that PC
 * firmware keeps behind them.
 */
#define RTC_INDEX_PORT 0x70u /* bit 7 masks NMI */
#define RTC_DATA_PORT  0x71u
#define RTC_IRQ	       8u
#define RTC_BYTES      128u

enum rtc_reg {
	RTC_SECONDS = 0x00,
	RTC_SECONDS_ALARM = 0x01,
	RTC_MINUTES = 0x02,
	RTC_MINUTES_ALARM = 0x03,
	RTC_HOURS = 0x04,
	RTC_HOURS_ALARM = 0x05,
	RTC_WEEKDAY = 0x06, /* the day of the week; 1 is Sunday */
	RTC_DAY = 0x07,
	RTC_MONTH = 0x08,
	RTC_YEAR = 0x09,
	RTC_A = 0x0a,
	RTC_B = 0x0b,
	RTC_C = 0x0c,
	RTC_D = 0x0d,
	RTC_SHUTDOWN = 0x0f,
	RTC_EQUIPMENT = 0x14,
	/* the KiB of base memory, below 1 MiB, in two bytes, as the next sizes are */
	RTC_BASE_KIB = 0x15,
	RTC_EXTENDED_KIB = 0x17, /* the KiB above 1 MiB, at most 63 MiB */
	RTC_CHECKSUM = 0x2e,	 /* checksum of bytes 0x10 to 0x2d, high byte first */
	/* the KiB of extended memory again, as the self-test found them */
	RTC_EXTENDED_KIB_2 = 0x30,
	RTC_CENTURY = 0x32,
	/* size of memory between 16 MiB and 4 GiB in units of 64 KiB, two bytes */
	RTC_ABOVE_16M = 0x34,
	/* size of memory above 4 GiB in units of 64 KiB, three bytes */
	RTC_ABOVE_4G = 0x5b,
};

enum rtc_a {
	RTC_A_RATE = 0x0f,
	RTC_A_DIVIDER_32KHZ = 0x20,
	RTC_A_DIVIDER_RESET = 0x60, /* holds the divider in reset, as each value 11xb does */
	RTC_A_UIP = 0x80,	    /* an update of the date is in progress; read-only */
};

enum rtc_b {
	RTC_B_24H = 1 << 1,
	RTC_B_BINARY = 1 << 2,
	RTC_B_UIE = 1 << 4,
	RTC_B_AIE = 1 << 5,
	RTC_B_PIE = 1 << 6,
	RTC_B_SET = 1 << 7,
};

enum rtc_c { /* register C has the flags at the bits where register B has their enables */
	     RTC_C_UF = 1 << 4,
	     RTC_C_AF = 1 << 5,
	     RTC_C_PF = 1 << 6,
	     RTC_C_IRQF = 1 << 7,
};

#define RTC_D_VALID   0x80u
#define RTC_HOURS_PM  0x80u
#define RTC_ALARM_ANY 0xc0u /* an alarm byte with both bits set always matches */
