/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * The table of MAC addresses: tells behind which port an address is, by VLAN. A VM's own address is
 * fixed; other addresses are learnt from the source of frames, and forgotten if no frame has come
 * from them for a while. The table has a fixed size. A port that sends from ever new addresses
 * evicts its own oldest entries first, and gives up entries to a port with fewer than
 * MAC_TABLE_SHARE.
 */
#define MAC_TABLE_LEARNT 1024u
/* learnt entries that each of the NET_PORT_MAX ports is sure to get */
#define MAC_TABLE_SHARE	  16u
#define MAC_TABLE_SECONDS 300u
#define MAC_TABLE_NOBODY  (~0u)
/* In a key, stands in place of a VLAN for an address that is valid in all VLANs. */
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

/*
 * Empties the table. The secret, a hash key, keeps senders from choosing addresses with long hash
 * chains.
 */
void mac_table_init(u64 secret_low, u64 secret_high);
/* Adds a port's own, fixed address. Of two ports with the same address the first counts. */
void mac_table_add(u32 port, u64 key);
/* Returns the number of the port behind which the key's address is, or MAC_TABLE_NOBODY. */
u32 mac_table_find(u64 key);
/*
 * Learns that the key, a frame's source address and VLAN, is behind the port. Returns false if the
 * address is another port's fixed one.
 */
bool mac_table_learn(u32 port, u64 key) MUST_CHECK;
/* Removes all entries of a port from the table, its own address included. */
void mac_table_forget(u32 port);
/* Removes the learnt entries of a port, but not its own address. */
void mac_table_forget_learnt(u32 port);
/*
 * Iterates over the keys learnt at a port, oldest first; *at is 0 at first. Returns false at the
 * end.
 */
bool mac_table_next(u32 port, u32 *at, u64 *key) MUST_CHECK;
/* Sets the table's time to `seconds` and removes learnt entries that are too old. */
void mac_table_tick(u32 seconds);
/* Returns the number of the table's learnt entries. */
u32 mac_table_count(void);
