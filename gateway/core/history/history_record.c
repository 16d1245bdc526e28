/* SPDX-License-Identifier: MIT */
/*
 * Encodes and decodes the records of history files, each with a check that shows whether it is
 * complete. The files and the readers of histories call it; it looks at its arguments and nothing
 * else.
 */
#include "gateway/core/history/history_record.h"

#include <math.h>
#include <string.h>

const struct history_tier history_tiers[HISTORY_TIERS] = {
	[HISTORY_SECOND] = {1, 3600},
	[HISTORY_MINUTE] = {60, 31 * 24 * 60},
	[HISTORY_HOUR] = {3600, 731 * 24},
};

/*
 * A record: check (4 bytes), period (4), count of samples (2), then 2 bytes a value. A value is a
 * floating-point number without a sign: 6 bits of exponent and 10 of mantissa, so that it is at
 * most 0.05 % off; below 2048 it is exact.
 */
enum {
	RECORD_CHECK = 0,
	RECORD_PERIOD = 4,
	RECORD_COUNT = 8,
	RECORD_VALUES = 10,
	RECORD_MANTISSA_BITS = 10,
	RECORD_UNKNOWN = 0xffff,
	RECORD_COUNT_MOST = 0xffff,
};

static unsigned record_kinds_of_value(unsigned tier)
{
	return tier == HISTORY_SECOND ? 1 : 3;
}

size_t history_record_bytes(const struct history_form *form, unsigned tier)
{
	size_t bytes = RECORD_VALUES + (size_t)2 * record_kinds_of_value(tier) * form->count;

	return (bytes + 3) & ~(size_t)3;
}

uint32_t history_record_crc(uint32_t before, const unsigned char *bytes, size_t count)
{
	/* The CRC of four bits; its polynomial is 0xedb88320, that of Ethernet. */
	static const uint32_t table[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
		0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	uint32_t crc = ~before;

	for (size_t i = 0; i < count; i++) {
		crc ^= bytes[i];
		crc = table[crc & 15] ^ crc >> 4;
		crc = table[crc & 15] ^ crc >> 4;
	}
	return ~crc;
}

/* Returns the check of a record, which depends on the ring's tier and form as well. */
static uint32_t record_check(const struct history_form *form, unsigned tier,
			     const unsigned char *record)
{
	const unsigned char seed[2] = {(unsigned char)tier, (unsigned char)form->count};

	return history_record_crc(history_record_crc(0, seed, sizeof(seed)), record + RECORD_PERIOD,
				  history_record_bytes(form, tier) - RECORD_PERIOD);
}

static uint16_t record_pack(double value, double scale)
{
	uint64_t number, half;
	unsigned shift;

	if (isnan(value))
		return RECORD_UNKNOWN;
	value *= scale;
	number = value <= 0 ? 0 : value >= 0x1p62 ? (uint64_t)1 << 62 : (uint64_t)(value + 0.5);
	if (number < 1 << RECORD_MANTISSA_BITS)
		return (uint16_t)number;
	shift = 63 - RECORD_MANTISSA_BITS - (unsigned)__builtin_clzll(number);
	half = shift ? (uint64_t)1 << (shift - 1) : 0;
	number = (number + half) >> shift;
	/* If rounding up has made the mantissa one bit longer, it is the next power of two. */
	if (number >> (RECORD_MANTISSA_BITS + 1)) {
		number >>= 1;
		shift++;
	}
	return (uint16_t)((shift + 1) << RECORD_MANTISSA_BITS |
			  (number & ((1 << RECORD_MANTISSA_BITS) - 1)));
}

static double record_unpack(uint16_t word, double scale)
{
	unsigned exponent = word >> RECORD_MANTISSA_BITS;
	uint64_t mantissa = word & ((1 << RECORD_MANTISSA_BITS) - 1);

	if (word == RECORD_UNKNOWN)
		return NAN;
	if (exponent)
		mantissa = (mantissa | 1 << RECORD_MANTISSA_BITS) << ((exponent - 1) & 63);
	return (double)mantissa / scale;
}

static void record_put(const struct history_form *form, const double *values, unsigned char *to)
{
	for (unsigned i = 0; i < form->count; i++) {
		uint16_t word = record_pack(values[i], form->series[i].scale);

		memcpy(to + (size_t)2 * i, &word, sizeof(word));
	}
}

static void record_get(const struct history_form *form, const unsigned char *from, double *values)
{
	for (unsigned i = 0; i < form->count; i++) {
		uint16_t word;

		memcpy(&word, from + (size_t)2 * i, sizeof(word));
		values[i] = record_unpack(word, form->series[i].scale);
	}
}

void history_record_encode(const struct history_form *form, unsigned tier,
			   const struct history_point *point, unsigned char *record)
{
	uint16_t count =
		(uint16_t)(point->count < RECORD_COUNT_MOST ? point->count : RECORD_COUNT_MOST);
	size_t bytes = (size_t)2 * form->count;
	uint32_t check;

	memset(record, 0, history_record_bytes(form, tier));
	memcpy(record + RECORD_PERIOD, &point->period, sizeof(point->period));
	memcpy(record + RECORD_COUNT, &count, sizeof(count));
	record_put(form, point->mean, record + RECORD_VALUES);
	if (record_kinds_of_value(tier) > 1) {
		record_put(form, point->least, record + RECORD_VALUES + bytes);
		record_put(form, point->most, record + RECORD_VALUES + 2 * bytes);
	}
	check = record_check(form, tier, record);
	memcpy(record + RECORD_CHECK, &check, sizeof(check));
}

bool history_record_decode(const struct history_form *form, unsigned tier, uint32_t period,
			   const unsigned char *record, struct history_point *point)
{
	size_t bytes = (size_t)2 * form->count;
	uint32_t check, of;
	uint16_t count;

	memcpy(&of, record + RECORD_PERIOD, sizeof(of));
	memcpy(&count, record + RECORD_COUNT, sizeof(count));
	memcpy(&check, record + RECORD_CHECK, sizeof(check));
	if (of != period || !count || check != record_check(form, tier, record))
		return false;
	point->period = period;
	point->count = count;
	record_get(form, record + RECORD_VALUES, point->mean);
	if (record_kinds_of_value(tier) > 1) {
		record_get(form, record + RECORD_VALUES + bytes, point->least);
		record_get(form, record + RECORD_VALUES + 2 * bytes, point->most);
	} else {
		memcpy(point->least, point->mean, sizeof(point->least));
		memcpy(point->most, point->mean, sizeof(point->most));
	}
	return true;
}

void history_record_merge(const struct history_form *form, struct history_point *point,
			  const struct history_point *other)
{
	uint32_t period = point->period;

	if (!other->count)
		return;
	if (!point->count) {
		*point = *other;
		point->period = period;
		return;
	}
	for (unsigned i = 0; i < form->count; i++) {
		double share = (double)other->count / ((double)point->count + other->count);

		/* Comparisons with NAN are false, so an unknown value is handled first. */
		if (isnan(point->mean[i])) {
			point->least[i] = other->least[i];
			point->mean[i] = other->mean[i];
			point->most[i] = other->most[i];
		} else if (!isnan(other->mean[i])) {
			point->mean[i] += (other->mean[i] - point->mean[i]) * share;
		}
		if (other->least[i] < point->least[i])
			point->least[i] = other->least[i];
		if (other->most[i] > point->most[i])
			point->most[i] = other->most[i];
	}
	point->count += other->count;
}
