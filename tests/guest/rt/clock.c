/* SPDX-License-Identifier: MIT */
/*
 * A clock that no interrupt disturbs: the ACPI PM timer. Called by guests that wait or measure;
 * reads the ACPI tables and the timer's port.
 */
#include "tests/guest/rt/devices.h"

/* Offsets into the FADT: ACPI 6.4, table 5.9 */
#define FADT_PM_TIMER_BLOCK 76u
#define FADT_FLAGS	    112u
#define FADT_TMR_VAL_EXT    BIT(8)
#define RSDP_RSDT	    16u
#define TABLE_LENGTH	    4u
#define TABLE_HEADER_BYTES  36u

static u16 port;
static bool wide;

static u32 word_at(word address)
{
	return *(const u32 *)address;
}

/*
 * Finds the RSDT by the RSDP, which lies between 0xE0000 and 0xFFFFF on a 16-byte boundary (ACPI
 * 6.4, 5.2.5.1).
 */
static word find_rsdt(void)
{
	for (word at = 0xe0000; at < 0x100000; at += 16) {
		if (word_at(at) == 0x20445352 && word_at(at + 4) == 0x20525450) /* "RSD PTR " */
			return word_at(at + RSDP_RSDT);
	}
	return 0;
}

word acpi_find(u32 signature)
{
	word rsdt = find_rsdt();

	if (rsdt == 0)
		return 0;
	for (u32 i = TABLE_HEADER_BYTES; i < word_at(rsdt + TABLE_LENGTH); i += 4) {
		word table = word_at(rsdt + i);

		if (word_at(table) == signature)
			return table;
	}
	return 0;
}

bool clock_init(void)
{
	word table = acpi_find(0x50434146); /* the signature "FACP" */

	if (table == 0)
		return false;
	port = (u16)word_at(table + FADT_PM_TIMER_BLOCK);
	wide = (word_at(table + FADT_FLAGS) & FADT_TMR_VAL_EXT) != 0;
	return port != 0;
}

u16 clock_port(void)
{
	return port;
}

bool clock_is_wide(void)
{
	return wide;
}

u32 clock_ticks(void)
{
	return in32(port);
}

u32 clock_us_since(u32 since)
{
	u32 ticks = (clock_ticks() - since) & (wide ? 0xffffffff : 0xffffff);

	/* 3.579545 ticks a microsecond, without a 64-bit division */
	return ticks / 3579545 * US_PER_S + ticks % 3579545 / 358 * 100 +
	       ticks % 3579545 % 358 * 10 / 36;
}

bool wait_count(const volatile u32 *counter, u32 count, u32 limit_us)
{
	u32 start = clock_ticks();

	while (*counter < count) {
		if (clock_us_since(start) > limit_us)
			return false;
	}
	return true;
}

void wait_us(u32 us)
{
	u32 start = clock_ticks();

	while (clock_us_since(start) < us)
		relax();
}
