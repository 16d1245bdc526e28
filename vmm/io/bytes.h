/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* Read and write big-endian fields of frames, at any alignment. */
static inline u16 bytes_get16(const u8 *at)
{
	return (u16)(at[0] << 8 | at[1]);
}

static inline u32 bytes_get32(const u8 *at)
{
	return (u32)bytes_get16(at) << 16 | bytes_get16(at + 2);
}

static inline void bytes_put16(u8 *at, u16 value)
{
	at[0] = (u8)(value >> 8);
	at[1] = (u8)value;
}

static inline void bytes_put32(u8 *at, u32 value)
{
	bytes_put16(at, (u16)(value >> 16));
	bytes_put16(at + 2, (u16)value);
}

/* The MAC address of all cards, as a number: bytes_get_mac(). */
#define BROADCAST_MAC 0xffffffffffffull

/* Writes a MAC address, a number whose first byte is lowest, as six bytes. */
static inline void bytes_put_mac(u8 *at, u64 mac)
{
	__builtin_memcpy(at, &mac, 6);
}

/*
 * Reads a MAC address as a number, its first byte lowest. The function reads the two bytes behind
 * the address too.
 */
static inline u64 bytes_get_mac(const u8 *at)
{
	u64 word;

	__builtin_memcpy(&word, at, sizeof(word));
	return word & 0xffffffffffffull;
}
