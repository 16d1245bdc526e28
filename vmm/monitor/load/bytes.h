/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/string.h"
#include "lib/types.h"

/* Read and write little-endian fields of files and tables, at any alignment. */
static inline u16 get_u16(const u8 *at)
{
	u16 value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static inline u32 get_u32(const u8 *at)
{
	u32 value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static inline u64 get_u64(const u8 *at)
{
	u64 value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static inline void put_u16(u8 *at, u16 value)
{
	memcpy(at, &value, sizeof(value));
}

static inline void put_u32(u8 *at, u32 value)
{
	memcpy(at, &value, sizeof(value));
}

static inline void put_u64(u8 *at, u64 value)
{
	memcpy(at, &value, sizeof(value));
}

/*
 * Returns the checksum byte that makes the sum of all `length` bytes 0; where it goes must be 0
 * beforehand.
 */
static inline u8 bytes_checksum(const void *bytes, u64 length)
{
	const u8 *at = bytes;
	u8 sum = 0;

	while (length-- > 0)
		sum = (u8)(sum + *at++);
	return (u8)(0 - sum);
}
