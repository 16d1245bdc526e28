/* SPDX-License-Identifier: MIT */
/*
 * Reads numbers with and without units. Called by the configuration and by commands. Holds no
 * state.
 */
#include "vmm/manager/text/parse_number.h"
#include "vmm/rt/checked.h"

struct unit {
	const char *name;
	u64 factor;
};

static bool parse_digits(struct text text, u32 base, u64 *value)
{
	*value = 0;
	for (size_t i = 0; i < text.length; i++) {
		u32 digit = char_hex_value(text.start[i]);

		if (digit >= base || !checked_mul(*value, base, value) ||
		    !checked_add(*value, digit, value))
			return false;
	}
	return text.length > 0;
}

bool parse_u64(struct text text, u64 *value)
{
	if (text.length > 2 && text.start[0] == '0' && (text.start[1] | 0x20) == 'x')
		return parse_digits((struct text){text.start + 2, text.length - 2}, 16, value);
	return parse_digits(text, 10, value);
}

/* Reads a decimal number with one of the units right after it; the last unit has the name NULL. */
static bool parse_with_unit(struct text text, const struct unit *units, u64 *value)
{
	struct text number = {text.start, 0};
	struct text name;

	while (number.length < text.length && char_is_digit(text.start[number.length]))
		number.length++;
	name = (struct text){text.start + number.length, text.length - number.length};
	for (; units->name != NULL; units++) {
		if (text_equal(name, units->name))
			return parse_digits(number, 10, value) &&
			       checked_mul(*value, units->factor, value);
	}
	return false;
}

bool parse_size(struct text text, u64 *bytes)
{
	static const struct unit units[] = {
		{"", 1},    {"K", KIB}, {"k", KIB},	     {"M", MIB},
		{"m", MIB}, {"G", GIB}, {"T", 1024ul * GIB}, {NULL, 0},
	};

	return parse_with_unit(text, units, bytes);
}

bool parse_duration(struct text text, u64 *ns)
{
	static const struct unit units[] = {
		{"ns", 1},
		{"us", NS_PER_US},
		{"ms", NS_PER_MS},
		{"s", NS_PER_S},
		{"m", 60 * NS_PER_S},
		{"h", 3600 * NS_PER_S},
		{"d", 86400 * NS_PER_S},
		{NULL, 0},
	};

	return parse_with_unit(text, units, ns);
}

bool parse_percent(struct text text, u64 *percent)
{
	static const struct unit units[] = {{"%", 1}, {NULL, 0}};

	return parse_with_unit(text, units, percent);
}
