/* SPDX-License-Identifier: MIT */
/*
 * The parser that fuzzers are tried on, part of both targets: built with trace-pc. It touches only
 * its input, unless that is one of those that its bugs are for: a record SKRYL whose link nobody
 * checks, and HANG.
 */
#include "tests/guest/afl/parser.h"

#define LINKS_MAX 4u

static u32 parser_record(const u8 *data, u32 bytes)
{
	u32 sum = 0;

	for (u32 i = 0; i < bytes; i++)
		sum += data[i];
	return sum;
}

/* Follows up to LINKS_MAX links: 8 bytes that say how far the next one is away. */
static u32 parser_follow(const u8 *data)
{
	u32 sum = 0;
	u64 link;

	for (u32 i = 0; i < LINKS_MAX; i++) {
		__builtin_memcpy(&link, data, sizeof(link));
		data += link;
		sum += *data;
	}
	return sum;
}

static u32 parser_hang(const u8 *data)
{
	volatile u32 turns = 0;

	while (data[0] == 'H')
		turns++;
	return turns;
}

u32 parser_sum(const u8 *data, u32 bytes)
{
	if (bytes >= 4 && data[0] == 'H' && data[1] == 'A' && data[2] == 'N' && data[3] == 'G')
		return parser_hang(data);
	if (bytes < 13 || data[0] != 'S')
		return 0;
	if (data[1] != 'K')
		return 1;
	if (data[2] != 'R')
		return 2;
	if (data[3] != 'Y')
		return 3;
	switch (data[4]) {
	case 'S':
		return parser_record(data + 5, bytes - 5);
	case 'L':
		return parser_follow(data + 5);
	default:
		return 4;
	}
}
