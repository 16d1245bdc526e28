/* SPDX-License-Identifier: MIT */
/*
 * A card of Intel's that does as it likes: any registers, anything written to the driver's memory
 * whenever it looks. The driver comes to an end, and the card is asked for DMA only to the driver's
 * own pages, within one page each. Frames leave as they were given.
 */
#include "tests/fuzz/fuzz.h"

#include "vmm/driver/net/e1000/e1000_ring.c"
#include "vmm/driver/net/e1000/e1000_start.c"
#include "vmm/rt/format.c"

#define ROUNDS_MAX 300u
#define OWN_PAGES  64u
#define RAM_AT	   0x140000000ull

static _Alignas(PAGE_SIZE) u8 ram[OWN_PAGES * PAGE_SIZE];
static _Alignas(8) u8 registers[E1000_REGISTER_BYTES];
static u64 addresses[OWN_PAGES];
static u8 frame[NET_MTU_MAX + 18];
static struct fuzz input;
static struct e1000 e1000;
static u64 now_tsc;
static u32 received, rounds;
static volatile u8 seen; /* written so that every received byte is read */

u64 clock_tsc(void)
{
	return now_tsc += NS_PER_US;
}

u64 clock_ns_to_tsc(u64 ns)
{
	return ns;
}

/* Takes a received frame, which lies in one piece, or in the buffer for joined pieces. */
void card_receive(const u8 *data, u32 bytes, u8 flags)
{

	if (data == e1000.frame)
		CHECK_THAT(bytes == e1000.frame_bytes && bytes <= sizeof(e1000.frame));
	else
		CHECK_THAT(data == ram + e1000_piece(&e1000, e1000.rx_next) &&
			   bytes <= e1000.piece_bytes);
	CHECK_THAT((flags & ~FRAME_CHECKED) == 0);
	for (u32 i = 0; i < bytes; i++)
		seen += data[i];
	received++;
}

void card_count_error(void)
{
}

void card_link(bool up, u32 megabits)
{
	CHECK_THAT(megabits == 0 || megabits == 10 || megabits == 100 || megabits == 1000);
	CHECK_THAT(up || megabits == 0);
}

static void put32(u32 offset, u32 value)
{
	memcpy(registers + offset, &value, 4);
}

static u32 get32(u32 offset)
{
	u32 value;

	memcpy(&value, registers + offset, 4);
	return value;
}

/* A descriptor that may well be believed. */
static void fill_descriptor(u8 what)
{
	u32 count = e1000.rx_count;

	if (e1000.rx == NULL || count == 0)
		return;
	if ((what & 1) != 0) {
		struct e1000_rx *rx = (struct e1000_rx *)(uintptr_t)e1000.rx +
				      (e1000.rx_next + (what >> 6)) % count;

		rx->bytes = (what & 2) != 0 ? fuzz_u16(&input) : fuzz_u8(&input);
		rx->errors = (what & 4) != 0 ? fuzz_u8(&input) : 0;
		rx->status = fuzz_u8(&input) | E1000_RX_DD;
	} else {
		((struct e1000_tx *)(uintptr_t)e1000.tx)[fuzz_u8(&input) % e1000.tx_count].status =
			fuzz_u8(&input);
	}
}

/* Fills the receive ring with equal descriptors: frames of many pieces. */
static void fill_ring(u8 what)
{
	u16 length = fuzz_u16(&input) % (2 * E1000_PIECE_LONG);

	for (u32 i = 0; i < e1000.rx_count; i++) {
		struct e1000_rx *rx = (struct e1000_rx *)(uintptr_t)e1000.rx + i;

		rx->bytes = length;
		rx->errors = 0;
		rx->status = E1000_RX_DD | (what & E1000_RX_EOP);
	}
}

static void device(void)
{
	u8 what = fuzz_u8(&input);

	switch (what >> 3 & 7) {
	case 0:
		put32(E1000_CTRL, get32(E1000_CTRL) & ~(u32)E1000_CTRL_RST);
		break;
	case 1:
		put32(fuzz_u16(&input) % (E1000_REGISTER_BYTES - 4) & ~3u, fuzz_u32(&input));
		break;
	case 2:
		fuzz_take(&input, ram + fuzz_u32(&input) % (sizeof(ram) - 16), 16);
		break;
	case 3:
		put32(E1000_STATUS, what == 0xdf ? ~0u : fuzz_u8(&input));
		break;
	case 4:
		fill_ring(what);
		break;
	default:
		fill_descriptor(what);
	}
}

void e1000_pause(void)
{
	now_tsc += NS_PER_MS;
	device();
}

static bool is_own(u64 address, u32 bytes)
{
	if (address % PAGE_SIZE + bytes > PAGE_SIZE)
		return false;
	for (u32 i = 0; i < OWN_PAGES; i++) {
		if (addresses[i] == (address & ~PAGE_MASK))
			return true;
	}
	return false;
}

static const u8 *at(u64 address)
{
	for (u32 i = 0; i < OWN_PAGES; i++) {
		if (addresses[i] == (address & ~PAGE_MASK))
			return ram + i * PAGE_SIZE + address % PAGE_SIZE;
	}
	return NULL;
}

/* The pieces that were added last, from `first` on. */
static void check_sent(u32 first, u32 bytes)
{
	u32 done = 0;

	for (u32 i = first; i != e1000.tx_next; i = (i + 1) % e1000.tx_count) {
		struct e1000_tx *tx = (struct e1000_tx *)(uintptr_t)&e1000.tx[i];
		u32 part = MIN(tx->bytes, bytes - done);

		CHECK_THAT(is_own(tx->address, tx->bytes));
		CHECK_THAT(memcmp(at(tx->address), frame + done, part) == 0);
		done += part;
	}
	CHECK_THAT(done == bytes);
}

static void transmit(void)
{
	u32 bytes = 14 + fuzz_u16(&input) % (e1000.frame_max - 13);
	u32 first = e1000.tx_next;

	frame[0]++;
	if (e1000_transmit(&e1000, frame, bytes))
		check_sent(first, bytes);
}

/* Every descriptor that the card has been given is to be filled within the driver's pages. */
static void check_given(void)
{
	CHECK_THAT(e1000.rx_next < e1000.rx_count && e1000.rx_given < e1000.rx_count);
	CHECK_THAT(e1000.tx_next < e1000.tx_count && e1000.tx_done < e1000.tx_count);
	CHECK_THAT(e1000.frame_bytes <= sizeof(e1000.frame));
	for (u32 i = 0; i < e1000.rx_count; i++)
		CHECK_THAT(
			is_own(e1000_address(&e1000, e1000_piece(&e1000, i)), e1000.piece_bytes));
}

static bool start(void)
{
	struct card card = {.mtu = fuzz_u8(&input) % 2 == 0 ? 1500 : 9000};
	char problem[128] = "";

	memset(&e1000, 0, sizeof(e1000));
	e1000.registers = registers;
	e1000.register_bytes = sizeof(registers);
	e1000.memory = (struct driver_dma){ram, addresses, OWN_PAGES};
	e1000.is_82574 = fuzz_u8(&input) % 2 == 0;
	e1000.interrupts = fuzz_u8(&input) % 4 != 0;
	if (e1000_start(&e1000, &card, problem, sizeof(problem))) {
		CHECK_THAT((card.mac & 1) == 0 && card.mac != 0 && card.mac >> 48 == 0);
		return true;
	}
	CHECK_THAT(problem[0] != '\0');
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	input = (struct fuzz){bytes, size};
	memset(registers, 0, sizeof(registers));
	memset(ram, 0, sizeof(ram));
	now_tsc = received = 0;
	for (u32 i = 0; i < OWN_PAGES; i++)
		addresses[i] = RAM_AT + (i * 29 % OWN_PAGES) * 3 * PAGE_SIZE;
	put32(E1000_RAL0, fuzz_u8(&input) & ~1u);
	put32(E1000_RAH0, fuzz_u8(&input) < 250 ? (u32)E1000_RAH_VALID | 0x1200 : 0);
	if (!start())
		return 0;
	check_given();
	for (rounds = 0; rounds < ROUNDS_MAX && input.left > 0; rounds++) {
		u32 before = received;
		u8 what = fuzz_u8(&input);

		device();
		if (what % 4 == 0)
			transmit();
		if (what % 8 == 1)
			e1000_flush(&e1000);
		if (what % 8 == 2)
			e1000_look(&e1000);
		e1000_receive(&e1000);
		CHECK_THAT(received - before <= e1000.rx_count);
		(void)e1000_failure(&e1000);
		check_given();
	}
	return 0;
}
