/* SPDX-License-Identifier: MIT */
/*
 * A switch with four ports. The first is honest, and so is whoever reads at the second; the
 * second's own frames, and both others, are any bytes in rings and lines at any time. The honest
 * frames arrive unchanged and in order, nobody else sends in their name, whatever arrives has a
 * header that is true, from a port with an address nothing comes that names another one, from a
 * port with a list of egress nothing comes but what the list names, and on a network whose
 * addresses the manager assigns nothing that plays a DHCP server or a router by IPv6.
 */
#include "tests/fuzz/fuzz.h"

#include "lib/string.c"
#include "tests/fake_clock.h"
#include "vmm/io/bucket.c"
#include "vmm/io/frames.c"
#include "vmm/io/link.c"
#include "vmm/io/share.c"
#include "vmm/switch/announce.c"
#include "vmm/io/checksum.c"
#include "vmm/switch/deliver.c"
#include "vmm/switch/egress.c"
#include "vmm/switch/forward.c"
#include "vmm/switch/limit.c"
#include "vmm/switch/loop.c"
#include "vmm/switch/mac_table.c"
#include "vmm/switch/offload.c"
#include "vmm/switch/port.c"
#include "vmm/switch/segment.c"
#include "vmm/switch/source.c"
#include "vmm/switch/turn.c"
#include "vmm/switch/vlan.c"

#include "tests/fuzz/switch_frames.h"

#define MTU	   1500u
#define ROUNDS_MAX 200u
/*
 * The offset of a number of 32 bits in honest frames; the bytes behind it follow from the number.
 */
#define NUMBER_AT   14u
#define HONEST_TYPE 0x88b5u /* the EtherType for experiments (802, 9.2.3) */

static struct driver_channel channel_memory;
static _Alignas(PAGE_SIZE) u8 memory[PORTS][FRAMES_LINK_BYTES];
static struct link_end honest, reader;
static u32 sent, arrived;
static u32 ruled; /* the flag of all ports of a network whose addresses the manager assigns, or 0 */

enum status sys_object_bind(handle_t handle, handle_t bound_to, u64 key)
{
	return STATUS_OK;
}

enum status sys_handle_close(handle_t handle)
{
	return STATUS_OK;
}

enum status sys_event_signal(handle_t event)
{
	return STATUS_OK;
}

void switch_tell_manager(void)
{
}

void switch_give_up(const char *pattern, ...)
{
	abort();
}

static u8 honest_byte(u32 number, u32 at)
{
	return (u8)(number * 31 + at * 7);
}

static u32 honest_bytes(u32 number)
{
	return NUMBER_AT + 4 + number * 37 % (MTU - 4);
}

static void send_honest(void)
{
	struct frame_header header = {.bytes = honest_bytes(sent)};
	u64 macs[2] = {MAC(READER), MAC(HONEST)};
	u8 *at = frames_reserve(&honest, header.bytes);

	if (at == NULL)
		return;
	memcpy(at, &macs[0], NET_MAC_BYTES);
	memcpy(at + NET_MAC_BYTES, &macs[1], NET_MAC_BYTES);
	bytes_put16(at + ETHER_TYPE_AT, HONEST_TYPE);
	bytes_put32(at + NUMBER_AT, sent);
	for (u32 i = NUMBER_AT + 4; i < header.bytes; i++)
		at[i] = honest_byte(sent, i);
	frames_add(&honest, &header);
	if (link_publish(&honest))
		port_sets.active |= BIT(HONEST);
	sent++;
}

static void check_honest(const u8 *frame, u32 bytes)
{
	u32 number = bytes_get32(frame + NUMBER_AT);

	CHECK_THAT(bytes_get16(frame + ETHER_TYPE_AT) == HONEST_TYPE);
	/* some are lost where the ring was full */
	CHECK_THAT(number < sent && number >= arrived);
	CHECK_THAT(bytes == honest_bytes(number));
	for (u32 i = NUMBER_AT + 4; i < bytes; i++)
		CHECK_THAT(frame[i] == honest_byte(number, i));
	arrived = number + 1;
}

/*
 * Checks a header's own field, which counts for a guest: it has to be inside the frame, and behind
 * the addresses.
 */
static void check_header(const struct frame_header *header, const u8 *frame, u32 wishes)
{
	CHECK_THAT((header->flags & ~(FRAME_NEEDS_CHECKSUM | FRAME_CHECKED)) == 0);
	CHECK_THAT(header->reserved == 0 && header->segments < FRAME_SEGMENTS_COUNT);
	if ((header->flags & FRAME_NEEDS_CHECKSUM) != 0) {
		CHECK_THAT((wishes & NET_WISH_CHECKSUM) != 0);
		CHECK_THAT(header->checksum_start >= 34);
		CHECK_THAT(header->checksum_start + header->checksum_offset + 2u <= header->bytes);
	}
	if (header->segments == FRAME_WHOLE) {
		CHECK_THAT(header->bytes <= MTU + 14 && header->segment_bytes == 0);
		return;
	}
	CHECK_THAT((wishes & (header->segments == FRAME_TCP4 ? NET_WISH_TCP4 : NET_WISH_TCP6)) !=
		   0);
	CHECK_THAT((header->flags & FRAME_NEEDS_CHECKSUM) != 0 && header->checksum_offset == 16);
	CHECK_THAT(header->segment_bytes >= 64 && header->segment_bytes <= MTU - 40);
	CHECK_THAT(header->checksum_start + tcp_bytes(frame + header->checksum_start) +
			   header->segment_bytes <
		   header->bytes);
}

/*
 * Returns whether the reader may get a frame from this source: an honest port's own address, or any
 * address but others' where a port may send from any.
 */
static bool may_be_from(u64 source)
{
	if (source == MAC(HONEST) || source == MAC(2) || source == MAC(3))
		return true;
	return port_sets.holders != 0 && source != MAC(READER) && (source & 1) == 0;
}

/*
 * Checks that nothing from a port with an IPv4 address names another IPv4 address, or an IPv6
 * address.
 */
static void check_address(const u8 *frame, u32 bytes)
{
	static const u8 nobody[IPV6_ADDRESS_BYTES];
	u16 type = bytes_get16(frame + ETHER_TYPE_AT);
	const u8 *l3 = frame + L3_AT;
	u32 sender;

	if (type == ETHER_IPV6) {
		CHECK_THAT(bytes >= L3_AT + IPV6_BYTES + SOLICITATION_BYTES);
		CHECK_THAT(memcmp(l3 + IPV6_ADDRESSES_AT, nobody, sizeof(nobody)) == 0);
		CHECK_THAT(memcmp(l3 + 61, frame + 9, 3) == 0);
		return;
	}
	CHECK_THAT(type == ETHER_IPV4 || type == ETHER_ARP);
	memcpy(&sender, l3 + (type == ETHER_ARP ? ARP_SENDER_AT : IPV4_SOURCE_AT), sizeof(sender));
	CHECK_THAT(sender == ADDRESS || sender == 0);
}

/* Checks that what a port with a list of egress has sent is for the reader, and what it may get. */
static void check_listed(const u8 *frame, u32 bytes)
{
	bool is_arp = bytes_get16(frame + ETHER_TYPE_AT) == ETHER_ARP;
	const u8 *l3 = frame + L3_AT;

	CHECK_THAT(tcp_ipv4_address(l3 + (is_arp ? (u32)ARP_TARGET_AT : (u32)IPV4_TARGET_AT)) ==
		   LISTED_ADDRESS);
	if (is_arp) {
		CHECK_THAT(bytes <= 60);
		return;
	}
	CHECK_THAT(bytes_get16(frame + ETHER_TYPE_AT) == ETHER_IPV4 && l3[0] == 0x45);
	CHECK_THAT((bytes_get16(l3 + IPV4_FRAGMENT_AT) & 0xbfff) == 0);
	CHECK_THAT(bytes_get16(l3 + IPV4_LENGTH_AT) == bytes - L3_AT || bytes <= 60);
	CHECK_THAT(l3[IPV4_PROTOCOL_AT] == IP_TCP && bytes_get16(l3 + 22) == LISTED_PORT);
}

/*
 * Checks that a frame gives no receiver an address, a router or a name server: it is neither DHCP
 * nor of IPv6, but for the question of a port with an address, nor hides that behind LLC.
 */
static void check_no_server(const u8 *frame)
{
	u16 type = bytes_get16(frame + ETHER_TYPE_AT);
	const u8 *ip = frame + L3_AT;
	u16 to;

	CHECK_THAT(type >= ETHER_TYPE_LEAST);
	if (type == ETHER_IPV6) {
		CHECK_THAT(ports[ADDRESSED].address != 0);
		CHECK_THAT(bytes_get_mac(frame + NET_MAC_BYTES) == ports[ADDRESSED].only_mac);
		CHECK_THAT(bytes_get16(ip + IPV6_BYTES) == SOLICITATION);
	}
	if (type != ETHER_IPV4)
		return;
	CHECK_THAT(ip[0] >> 4 == 4 && (ip[0] & 15) >= 5);
	if (ip[IPV4_PROTOCOL_AT] != IP_UDP || (bytes_get16(ip + IPV4_FRAGMENT_AT) & 0x1fff) != 0)
		return;
	to = bytes_get16(ip + (ip[0] & 15u) * 4 + 2);
	CHECK_THAT(to != 67 && to != 68);
}

static void read_all(void)
{
	u32 wishes = memory[READER][LINK_LINE_BYTES + offsetof(struct link_line, wish)];
	struct frame_header header;
	const u8 *frame;

	while (frames_next(&reader, &header, &frame)) {
		u64 source = bytes_get_mac(frame + NET_MAC_BYTES);

		CHECK_THAT(may_be_from(source));
		CHECK_THAT(bytes_get16(frame + ETHER_TYPE_AT) != ETHER_TAG);
		check_header(&header, frame, wishes);
		if (ports[ADDRESSED].address != 0 && source == ports[ADDRESSED].only_mac)
			check_address(frame, header.bytes);
		if (ports[ADDRESSED].listed && source == MAC(ADDRESSED))
			check_listed(frame, header.bytes);
		if (ruled != 0)
			check_no_server(frame);
		if (source == MAC(HONEST))
			check_honest(frame, header.bytes);
		frames_drop(&reader, &header);
	}
	CHECK_THAT(!reader.broken);
	/* what the reader writes is not the honest end's */
	reader.memory->line[LINK_CLIENT].read = reader.read;
}

/* A frame as one that knows the rules but not the limits might send. */
static void put_frame(struct fuzz *fuzz, u32 index)
{
	struct link_memory *link = (struct link_memory *)(void *)memory[index];
	struct link_line *line = &link->line[LINK_CLIENT];
	u32 at = line->written % FRAMES_RING_BYTES;
	u8 *ring = memory[index] + PAGE_SIZE;
	struct frame_header header = {.bytes = fuzz_u16(fuzz) % 2048};
	u8 *frame = ring + at + sizeof(header);
	u64 macs[2] = {MAC(READER), MAC(index)};
	u8 shape = fuzz_u8(fuzz);
	u8 who = fuzz_u8(fuzz);

	if (at % FRAME_ALIGN != 0 || FRAMES_RING_BYTES - at < 16384)
		return;
	if ((shape & 1) != 0)
		make_frame(fuzz, frame, &header);
	if ((shape & 2) != 0)
		macs[0] = who % 8 == 0 ? ~0ull : MAC(who % 8);
	if (who >= 128)
		macs[1] = MAC(who / 8 % 8);
	memcpy(frame, &macs[0], NET_MAC_BYTES);
	memcpy(frame + NET_MAC_BYTES, &macs[1], NET_MAC_BYTES);
	for (u32 tags = shape & 32 ? 2 : shape >> 2 & 1; tags > 0; tags--) {
		memmove(frame + 16, frame + 12, 160);
		bytes_put32(frame + 12, (u32)ETHER_TAG << 16 | (fuzz_u16(fuzz) & 0x8001));
		header.bytes += 4;
		header.checksum_start += 4;
	}
	for (u32 i = shape >> 3 & 1 ? 1 + shape / 64 : 0; i > 0; i--)
		((u8 *)&header)[fuzz_u8(fuzz) % sizeof(header)] = fuzz_u8(fuzz);
	if ((shape & 0xc0) == 0xc0)
		make_probe(fuzz, frame, &header);
	if ((shape & 16) != 0)
		fuzz_take(fuzz, frame + fuzz_u8(fuzz) % 64, 2);
	memcpy(ring + at, &header, sizeof(header));
	line->written += frames_record_bytes(MIN(header.bytes, 10000));
	port_sets.active |= BIT(index);
}

static void scribble(struct fuzz *fuzz, u32 index)
{
	struct link_memory *link = (struct link_memory *)(void *)memory[index];
	struct link_line *line = &link->line[LINK_CLIENT];
	u8 what = fuzz_u8(fuzz);

	if (index != READER && (what & 0x70) == 0x70) {
		channel_memory.client[index].port.down = what >> 7;
		port_take_commands();
	}
	/* the reader's own line stays true, but for what it says of its own ring */
	if (index == READER) {
		read_all();
		line->written += (what & 1) != 0 ? fuzz_u16(fuzz) : 0;
		line->wish = what >> 1 & 7;
		return;
	}
	if ((what & 7) == 0)
		link->generation++;
	else if ((what & 7) == 1)
		fuzz_take(fuzz, line, sizeof(*line));
	else if ((what & 7) == 2)
		line->read += fuzz_u16(fuzz);
	else if ((what & 7) == 3)
		line->generation = link->generation;
	else
		memory[index][PAGE_SIZE + fuzz_u16(fuzz)] = fuzz_u8(fuzz);
	port_sets.active |= BIT(index);
}

static void attach(u32 index, u32 flags, u32 address, bool listed)
{
	struct link_memory *link = (struct link_memory *)(void *)memory[index];

	link->generation = 1;
	link->line[LINK_CLIENT].generation = 1;
	channel_memory.client[index] = (struct driver_client){
		.link = (u64)(uintptr_t)link,
		.port = {.mac = (flags & NET_PORT_UPLINK) != 0 ? 0 : MAC(index),
			 .flags = flags | ruled,
			 .address = address,
			 .egress = {.listed = listed,
				    .count = 1,
				    .entry = {{LISTED_ADDRESS,
					       ~0u,
					       LISTED_PORT,
					       LISTED_PORT,
					       IP_TCP,
					       {0}}}},
			 .secret = SECRET + index},
		.number = 1};
}

static void start(struct fuzz *fuzz)
{
	static const u32 others[] = {0, NET_PORT_TRUNK, NET_PORT_UPLINK, NET_PORT_ANY_SOURCE};
	bool listed;
	u8 other;
	u8 what;

	memset(&channel_memory, 0, sizeof(channel_memory));
	memset(memory, 0, sizeof(memory));
	memset(ports, 0, sizeof(ports));
	port_sets = (struct port_sets){0};
	next_ready = ~0ull;
	next_tick = ~0ull;
	now = NS_PER_S;
	sent = arrived = 0;
	mac_table_init(fuzz_u8(fuzz), 0);
	forward_init(MTU);
	port_init(&channel_memory, 1, 1);
	other = fuzz_u8(fuzz);
	what = fuzz_u8(fuzz);
	ruled = (what & 32) != 0 ? NET_PORT_DHCP : 0;
	attach(HONEST, 0, 0, false);
	attach(2, others[other % ARRAY_COUNT(others)], 0, false);
	listed = what >= 192;
	attach(READER, 0, listed ? LISTED_ADDRESS : 0, false);
	attach(ADDRESSED, listed ? 0 : others[what % ARRAY_COUNT(others)],
	       what >= 128 ? ADDRESS : 0, listed);
	port_take_commands();
	frames_open(&honest, (struct link_memory *)(void *)memory[HONEST], LINK_CLIENT);
	frames_open(&reader, (struct link_memory *)(void *)memory[READER], LINK_CLIENT);
	CHECK_THAT(link_renewed(&honest) && link_renewed(&reader));
	link_set_wish(&reader, fuzz_u8(fuzz) & 7);
	turn_round(now);
}

/* Every frame of the honest one is taken in the end, and is either read or counted. */
static void finish(void)
{
	const struct net_counts *counts = channel_memory.net.counts;

	for (u32 i = 0; i < ROUNDS_MAX && counts[HONEST].received_frames != sent; i++) {
		port_sets.active |= BIT(HONEST);
		turn_round(now);
		read_all();
	}
	read_all();
	CHECK_THAT(counts[HONEST].received_frames == sent);
	for (u32 reason = 0; reason < NET_DROP_COUNT; reason++)
		CHECK_THAT(counts[HONEST].dropped[reason] == 0 || reason == NET_DROP_FULL);
	CHECK_THAT(arrived == sent || ports[READER].end.broken ||
		   counts[READER].dropped[NET_DROP_FULL] != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz fuzz = {bytes, size};

	start(&fuzz);
	for (u32 i = 0; i < ROUNDS_MAX && fuzz.left > 0; i++) {
		u8 what = fuzz_u8(&fuzz);
		u32 index = 1 + what / 8 % (PORTS - 1);

		switch (what & 7) {
		case 0:
		case 1:
			send_honest();
			break;
		case 2:
			scribble(&fuzz, index);
			break;
		case 3:
			read_all();
			break;
		case 4:
			now += fuzz_u16(&fuzz) * 10000ull << what / 64 * 4;
			mac_table_tick((u32)(now / NS_PER_S));
			loop_tick(now);
			announce_all();
			turn_wake(now);
			turn_round(now);
			break;
		case 5:
			turn_round(now);
			break;
		default:
			put_frame(&fuzz, index);
		}
	}
	finish();
	return 0;
}
