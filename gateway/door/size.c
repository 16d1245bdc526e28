/* SPDX-License-Identifier: MIT */
/*
 * Sizes in libvirt's XML: numbers with a unit. Procedures that take a description call it; it looks
 * at its arguments and nothing else.
 */
#include "gateway/door/size.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/base/string.h"

enum { SIZE_STEP = 4096, SIZE_DIGITS = 18 };

/* Returns how many bytes a unit is; 0: it is unknown. */
static uint64_t size_unit(const char *unit)
{
	static const struct {
		const char *name, *other;
		unsigned shift;
	} units[] = {{"", "bytes", 0},	 {"B", "byte", 0}, {"b", "b", 0},    {"k", "K", 10},
		     {"KiB", "KiB", 10}, {"M", "MiB", 20}, {"G", "GiB", 30}, {"T", "TiB", 40}};

	for (size_t i = 0; i < ARRAY_COUNT(units); i++) {
		if (!strcmp(units[i].name, unit) || !strcmp(units[i].other, unit))
			return 1ull << units[i].shift;
	}
	return 0;
}

uint64_t size_read(const char *number, const char *unit, const char *standard)
{
	uint64_t scale = size_unit(unit ? unit : standard), count;

	if (!number || !*number || strlen(number) > SIZE_DIGITS ||
	    strspn(number, "0123456789") != strlen(number) || !scale)
		return 0;
	count = strtoull(number, NULL, 10);
	if (count > ((uint64_t)INT64_MAX - SIZE_STEP) / scale)
		return 0;
	return (count * scale + SIZE_STEP - 1) / SIZE_STEP * SIZE_STEP;
}
