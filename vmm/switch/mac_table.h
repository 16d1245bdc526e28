/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * Behind which port an address is, by VLAN. A VM's own address is fixed; others are learnt from
 * the frames that come from them, and forgotten when there were none for a while.
 *
 * The table is of one size. Who fills it takes from himself first: a port that sends from ever new
 * addresses loses its own oldest ones, and gives some of them to a port that has fewer than
 * MAC_TABLE_SHARE.
 */
#define MAC_TABLE_LEARNT  1024u
#define MAC_TABLE_SHARE	  16u /* of each of the NET_PORT_MAX ports */
#define MAC_TABLE_SECONDS 300u
#define MAC_TABLE_NOBODY  (~0u)
/* In place of a VLAN: an address that is in all of them. */
#define MAC_TABLE_ANY_VLAN 0xfffu

static inline u64 mac_table_key(u64 mac, u16 vlan)
{
	return mac | (u64)vlan << 48;
}

static inline u64 mac_table_mac(u64 key)
{
	return key & 0xffffffffffffull;
}

static inline u16 mac_table_vlan(u64 key)
{
	return (u16)(key >> 48);
}

/* Empty. The secret keeps others from choosing addresses that are found slowly. */
void mac_table_init(u64 secret_low, u64 secret_high);
/* An address that only this port has. Of two ports with the same one the first counts. */
void mac_table_add(u32 port, u64 key);
/* A port, or MAC_TABLE_NOBODY. */
u32 mac_table_find(u64 key);
/* A frame came from there. False: it is another port's fixed address. */
bool mac_table_learn(u32 port, u64 key) MUST_CHECK;
/* All that is known of a port, its own address included. */
void mac_table_forget(u32 port);
/* What was learnt there. */
void mac_table_forget_learnt(u32 port);
/* The keys that were learnt there, from the oldest on: *at is 0 at first. False: no more. */
bool mac_table_next(u32 port, u32 *at, u64 *key) MUST_CHECK;
/* What time it is; forgets what is too old. */
void mac_table_tick(u32 seconds);
/* Learnt ones. */
u32 mac_table_count(void);
