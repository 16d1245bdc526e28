/* SPDX-License-Identifier: MIT */
/*
 * A fake card of Intel's: registers in memory, which it looks at whenever the driver waits or the
 * test says so. What is sent and received is kept. Included once, by a test of
 * vmm/driver/net/e1000.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/driver/net/e1000/e1000_ring.c"
#include "vmm/driver/net/e1000/e1000_start.c"
#include "vmm/rt/format.c"

#define RAM_PAGES 256u
#define RAM_AT	  0x140000000ull
#define MAC	  0x563412005452ull /* 52:54:00:12:34:56 */
#define KEPT	  600u

struct kept {
	u32 bytes;
	u8 flags;
	u8 data[3 * E1000_PIECE_LONG];
};

static struct {
	_Alignas(8) u8 registers[E1000_REGISTER_BYTES];
	_Alignas(PAGE_SIZE) u8 ram[RAM_PAGES * PAGE_SIZE];
	u32 resets;
	/* the ways in which the card misbehaves */
	bool never_back, no_mac, no_eeprom, silent;
} fake;

static u64 now_tsc;
static u64 addresses[RAM_PAGES];
static struct kept sent[KEPT], received[KEPT];
static u32 sent_count, received_count, errors;
static bool link_up;
static u32 link_megabits;

u64 clock_tsc(void)
{
	return now_tsc += 1000;
}

u64 clock_ns_to_tsc(u64 ns)
{
	return ns;
}

void card_receive(const u8 *frame, u32 bytes, u8 flags)
{
	struct kept *kept = &received[received_count++ % KEPT];

	assert_true(bytes <= sizeof(kept->data));
	memcpy(kept->data, frame, bytes);
	kept->bytes = bytes;
	kept->flags = flags;
}

void card_count_error(void)
{
	errors++;
}

void card_link(bool up, u32 megabits)
{
	link_up = up;
	link_megabits = megabits;
}

/* Pages are not in order in memory: what takes them for contiguous is found out. */
static u8 *at(u64 address)
{
	for (u32 i = 0; i < RAM_PAGES; i++) {
		if (addresses[i] == (address & ~PAGE_MASK))
			return fake.ram + i * PAGE_SIZE + address % PAGE_SIZE;
	}
	fail_msg("DMA to %#llx", (unsigned long long)address);
	return NULL;
}

static u32 get32(u32 offset)
{
	u32 value;

	memcpy(&value, fake.registers + offset, 4);
	return value;
}

static void put32(u32 offset, u64 value)
{
	u32 word = (u32)value;

	memcpy(fake.registers + offset, &word, 4);
}

static struct e1000_rx *rx_at(u32 index)
{
	return (struct e1000_rx *)at(get32(E1000_RDBAL) | (u64)get32(E1000_RDBAH) << 32) + index;
}

static struct e1000_tx *tx_at(u32 index)
{
	return (struct e1000_tx *)at(get32(E1000_TDBAL) | (u64)get32(E1000_TDBAH) << 32) + index;
}

static void send_all(void)
{
	u32 count = get32(E1000_TDLEN) / 16;
	struct kept *kept = &sent[sent_count % KEPT];

	while (get32(E1000_TDH) != get32(E1000_TDT)) {
		struct e1000_tx *tx = tx_at(get32(E1000_TDH));

		assert_true(get32(E1000_TDT) < count);
		assert_true(tx->address % PAGE_SIZE + tx->bytes <= PAGE_SIZE);
		assert_int_equal(tx->command & 0xfe, E1000_TX_RS | E1000_TX_IFCS);
		memcpy(kept->data + kept->bytes, at(tx->address), tx->bytes);
		kept->bytes += tx->bytes;
		if ((tx->command & E1000_TX_EOP) != 0) {
			kept = &sent[++sent_count % KEPT];
			kept->bytes = 0;
		}
		tx->status = E1000_TX_DD;
		put32(E1000_TDH, (get32(E1000_TDH) + 1) % count);
	}
}

/* A word of the EEPROM is asked for. */
static void read_word(void)
{
	u32 asked = get32(E1000_EERD);
	u32 word = asked >> 8 & 0xff;
	u32 value = (u32)(MAC >> 16 * word & 0xffff);

	if ((asked & E1000_EERD_START) == 0 || fake.no_eeprom)
		return;
	assert_true(word < 3);
	put32(E1000_EERD, value << 16 | (u32)E1000_EERD_DONE);
}

static void fake_step(void)
{
	u32 control = get32(E1000_CTRL);

	read_word();

	if ((control & E1000_CTRL_RST) != 0 && !fake.never_back) {
		fake.resets++;
		assert_int_equal(get32(E1000_RCTL) & E1000_RCTL_EN, 0);
		assert_int_equal(get32(E1000_TCTL) & E1000_TCTL_EN, 0);
		put32(E1000_CTRL, control & ~E1000_CTRL_RST);
		put32(E1000_RAL0, fake.no_mac ? 0 : MAC);
		put32(E1000_RAH0, fake.no_mac ? 0 : MAC >> 32 | E1000_RAH_VALID);
	}
	if ((get32(E1000_TCTL) & E1000_TCTL_EN) != 0 && !fake.silent)
		send_all();
}

void e1000_pause(void)
{
	now_tsc += NS_PER_MS;
	fake_step();
}

/* A piece of a frame arrives; false: the card has no descriptor for it. */
static bool fake_receive(const void *data, u32 bytes, u8 status, u8 card_errors)
{
	u32 count = get32(E1000_RDLEN) / 16;
	u32 head = get32(E1000_RDH);
	struct e1000_rx *rx = rx_at(head);

	if (head == get32(E1000_RDT))
		return false;
	if (bytes <= PAGE_SIZE)
		memcpy(at(rx->address), data, bytes);
	rx->bytes = (u16)bytes;
	rx->errors = card_errors;
	rx->status = (u8)(E1000_RX_DD | status);
	put32(E1000_RDH, (head + 1) % count);
	return true;
}

/* A card that was left running. */
static void fake_init(void)
{
	memset(&fake, 0, sizeof(fake));
	for (u32 i = 0; i < RAM_PAGES; i++)
		addresses[i] = RAM_AT + (u64)(i * 37 % RAM_PAGES) * 2 * PAGE_SIZE;
	put32(E1000_STATUS, 0x80080783);
	put32(E1000_RCTL, E1000_RCTL_EN);
	put32(E1000_TCTL, E1000_TCTL_EN);
	sent_count = received_count = errors = 0;
	sent[0].bytes = 0;
	link_up = false;
}
