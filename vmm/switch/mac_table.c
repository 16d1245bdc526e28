/* SPDX-License-Identifier: MIT */
/*
 * The table of MAC addresses by VLAN (mac_table.h): a hash table of fixed size, in which each
 * port's entries are also linked by age. Called by the switch's forward.c, source.c, port.c, loop.c
 * and announce.c; owns its entries and touches nothing else.
 */
#include "vmm/switch/mac_table.h"

#include "lib/string.h"
#include "vmm/io/net_channel.h"

#define CHAIN_BITS 10u
#define NONE	   0xffffu

_Static_assert(NET_PORT_MAX *MAC_TABLE_SHARE <= MAC_TABLE_LEARNT, "a share for each");

struct mac_entry {
	u64 key;
	u16 next; /* the next entry in the chain of its hash */
	u16 port;
	/*
	 * the neighbours of a learnt entry in its port's list of entries, which is in the order of
	 * `seen`
	 */
	u16 older;
	u16 newer;
	u32 seen; /* the second (mac_table_tick) in which a frame last came from the address */
};

/* A list of a port's learnt entries, or of the free entries. */
struct mac_list {
	u16 oldest;
	u16 newest;
	u32 count;
};

/* The table's entries; the last NET_PORT_MAX are fixed, one for each port's own address. */
static struct mac_entry entries[MAC_TABLE_LEARNT + NET_PORT_MAX];
static u16 chains[1u << CHAIN_BITS];
static struct mac_list lists[NET_PORT_MAX];
static struct mac_list unused;
static u64 secret[2];
static u32 now_seconds;

static bool mac_table_is_fixed(u32 index)
{
	return index >= MAC_TABLE_LEARNT;
}

static u64 mac_table_rotate(u64 value, u32 count)
{
	return value << count | value >> (64 - count);
}

static void mac_table_round(u64 v[4])
{
	v[0] += v[1];
	v[1] = mac_table_rotate(v[1], 13) ^ v[0];
	v[0] = mac_table_rotate(v[0], 32);
	v[2] += v[3];
	v[3] = mac_table_rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = mac_table_rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = mac_table_rotate(v[1], 17) ^ v[2];
	v[2] = mac_table_rotate(v[2], 32);
}

/*
 * Returns SipHash-1-3 (Aumasson and Bernstein, 2012) of the key's eight bytes. Without the secret
 * nobody can predict a key's chain from other keys' chains, as a multiplicative hash would allow.
 */
static u64 mac_table_hash(u64 key)
{
	const u64 blocks[] = {key, (u64)sizeof(key) << 56};
	u64 v[4] = {secret[0] ^ 0x736f6d6570736575ull, secret[1] ^ 0x646f72616e646f6dull,
		    secret[0] ^ 0x6c7967656e657261ull, secret[1] ^ 0x7465646279746573ull};

	for (u32 i = 0; i < ARRAY_COUNT(blocks); i++) {
		v[3] ^= blocks[i];
		mac_table_round(v);
		v[0] ^= blocks[i];
	}
	v[2] ^= 0xff;
	for (u32 i = 0; i < 3; i++)
		mac_table_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static u16 *mac_table_chain_of(u64 key)
{
	return &chains[mac_table_hash(key) >> (64 - CHAIN_BITS)];
}

static void mac_table_list_add(struct mac_list *list, u16 index)
{
	entries[index].newer = NONE;
	entries[index].older = list->newest;
	if (list->newest != NONE)
		entries[list->newest].newer = index;
	else
		list->oldest = index;
	list->newest = index;
	list->count++;
}

static void mac_table_list_remove(struct mac_list *list, u16 index)
{
	const struct mac_entry *entry = &entries[index];

	if (entry->older != NONE)
		entries[entry->older].newer = entry->newer;
	else
		list->oldest = entry->newer;
	if (entry->newer != NONE)
		entries[entry->newer].older = entry->older;
	else
		list->newest = entry->older;
	list->count--;
}

void mac_table_init(u64 secret_low, u64 secret_high)
{
	static const struct mac_list empty = {.oldest = NONE, .newest = NONE};

	secret[0] = secret_low;
	secret[1] = secret_high;
	now_seconds = 0;
	memset(chains, 0xff, sizeof(chains));
	memset(entries, 0, sizeof(entries));
	unused = empty;
	for (u32 i = 0; i < NET_PORT_MAX; i++)
		lists[i] = empty;
	for (u16 i = 0; i < MAC_TABLE_LEARNT; i++)
		mac_table_list_add(&unused, i);
}

/* Appends the entry to its hash chain: of two entries with the same key the first is found. */
static void mac_table_chain_add(u16 index)
{
	u16 *place = mac_table_chain_of(entries[index].key);

	while (*place != NONE)
		place = &entries[*place].next;
	entries[index].next = NONE;
	*place = index;
}

static void mac_table_chain_remove(u16 index)
{
	u16 *place = mac_table_chain_of(entries[index].key);

	while (*place != index)
		place = &entries[*place].next;
	*place = entries[index].next;
}

static u16 mac_table_find_entry(u64 key)
{
	u16 index = *mac_table_chain_of(key);

	while (index != NONE && entries[index].key != key)
		index = entries[index].next;
	return index;
}

static void mac_table_drop(u16 index)
{
	mac_table_chain_remove(index);
	mac_table_list_remove(&lists[entries[index].port], index);
	mac_table_list_add(&unused, index);
}

void mac_table_add(u32 port, u64 key)
{
	u16 index = (u16)(MAC_TABLE_LEARNT + port);
	u16 learnt = mac_table_find_entry(key);

	if (learnt != NONE && !mac_table_is_fixed(learnt))
		mac_table_drop(learnt);
	entries[index] = (struct mac_entry){.key = key, .port = (u16)port};
	mac_table_chain_add(index);
}

static bool mac_table_is_current(u32 index)
{
	return mac_table_is_fixed(index) || now_seconds - entries[index].seen <= MAC_TABLE_SECONDS;
}

u32 mac_table_find(u64 key)
{
	u16 index = mac_table_find_entry(key);

	return index != NONE && mac_table_is_current(index) ? entries[index].port
							    : MAC_TABLE_NOBODY;
}

/* Returns the number of the port with the most learnt entries. */
static u32 mac_table_richest(void)
{
	u32 port = 0;

	for (u32 i = 1; i < NET_PORT_MAX; i++)
		port = lists[i].count > lists[port].count ? i : port;
	return port;
}

/*
 * Returns a free entry for an address behind this port; evicts the oldest entry of a port if need
 * be.
 */
static u16 mac_table_make_room(u32 port)
{
	if (unused.count == 0)
		mac_table_drop(
			lists[lists[port].count >= MAC_TABLE_SHARE ? port : mac_table_richest()]
				.oldest);
	return unused.oldest;
}

bool mac_table_learn(u32 port, u64 key)
{
	u16 index = mac_table_find_entry(key);

	if (index != NONE && mac_table_is_fixed(index))
		return entries[index].port == port;
	if (likely(index != NONE && entries[index].port == port &&
		   entries[index].seen == now_seconds))
		return true;
	if (index != NONE)
		mac_table_drop(index);
	index = mac_table_make_room(port);
	mac_table_list_remove(&unused, index);
	entries[index] = (struct mac_entry){.key = key, .port = (u16)port, .seen = now_seconds};
	mac_table_list_add(&lists[port], index);
	mac_table_chain_add(index);
	return true;
}

void mac_table_forget_learnt(u32 port)
{
	while (lists[port].count != 0)
		mac_table_drop(lists[port].oldest);
}

bool mac_table_next(u32 port, u32 *at, u64 *key)
{
	u16 index = *at == 0 ? lists[port].oldest : entries[*at - 1].newer;

	if (index == NONE)
		return false;
	*at = index + 1u;
	*key = entries[index].key;
	return true;
}

void mac_table_forget(u32 port)
{
	u16 own = (u16)(MAC_TABLE_LEARNT + port);

	mac_table_forget_learnt(port);
	/* a key of 0: the port has no MAC address of its own */
	if (entries[own].key != 0) {
		mac_table_chain_remove(own);
		entries[own].key = 0;
	}
}

void mac_table_tick(u32 seconds)
{
	now_seconds = seconds;
	for (u32 i = 0; i < NET_PORT_MAX; i++) {
		while (lists[i].count != 0 && !mac_table_is_current(lists[i].oldest))
			mac_table_drop(lists[i].oldest);
	}
}

u32 mac_table_count(void)
{
	return MAC_TABLE_LEARNT - unused.count;
}
