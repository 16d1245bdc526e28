/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The tiers of a history: one record a second for an hour, one a minute for 31 days, and one an
 * hour for two years.
 */
enum { HISTORY_SECOND, HISTORY_MINUTE, HISTORY_HOUR, HISTORY_TIERS };
enum { HISTORY_SERIES = 9, HISTORY_RECORD_BYTES = 64 };

struct history_tier {
	uint32_t step_s;  /* the seconds of a record's period */
	uint32_t records; /* the number of records in the ring */
};
extern const struct history_tier history_tiers[HISTORY_TIERS];

struct history_series {
	const char *name;
	double scale; /* a value is stored as a whole number after multiplication by this */
};

/* The series that are kept of one kind of thing, such as of a VM. */
struct history_form {
	const char *kind;
	unsigned most; /* the most things of this kind that have a file */
	unsigned count;
	struct history_series series[HISTORY_SERIES];
};

/*
 * The values of one period: NAN is unknown. In the tier of seconds mean, least and most are the
 * same.
 */
struct history_point {
	uint32_t period; /* the time since 1970, in units of the tier's step */
	uint32_t count;	 /* the samples in it; 0: none, and the values are not valid */
	double least[HISTORY_SERIES], mean[HISTORY_SERIES], most[HISTORY_SERIES];
};

/* Returns the bytes of a record, HISTORY_RECORD_BYTES at most. */
size_t history_record_bytes(const struct history_form *form, unsigned tier);
/*
 * Returns the CRC-32 of `bytes`, continued from `before`, the CRC-32 of the bytes in front of them.
 */
uint32_t history_record_crc(uint32_t before, const unsigned char *bytes, size_t count);
void history_record_encode(const struct history_form *form, unsigned tier,
			   const struct history_point *point, unsigned char *record);
/*
 * Reads a record. Returns false, and leaves `point` alone, if the record is not complete or belongs
 * to another period: a ring still holds records of its last round.
 */
bool history_record_decode(const struct history_form *form, unsigned tier, uint32_t period,
			   const unsigned char *record, struct history_point *point);
/* Adds the samples of `other` to those of `point`, whose period does not change. */
void history_record_merge(const struct history_form *form, struct history_point *point,
			  const struct history_point *other);
