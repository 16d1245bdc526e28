/* SPDX-License-Identifier: MIT */
/*
 * Brings a card from any state to one with rings for frames: 8254x 14, 82574 4.6. Called by
 * e1000/main.c at the start of the driver; resets the card and sets all its registers.
 */
#include "lib/string.h"
#include "vmm/driver/net/e1000/e1000.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

#define RESET_NS (100 * NS_PER_MS) /* time limit for a reset of the card */
/* the time in which the card reads its EEPROM after a reset */
#define SETTLE_NS      (5 * NS_PER_MS)
#define EEPROM_NS      (10 * NS_PER_MS) /* the time limit for one word of the EEPROM */
#define MULTICAST      BIT(0)
#define ALL_INTERRUPTS 0xffffffffu

static bool e1000_refuse(char *problem, size_t size, const char *text)
{
	format(problem, size, "%s", text);
	return false;
}

static void e1000_wait_at_least(u64 ns)
{
	u64 until = clock_tsc() + clock_ns_to_tsc(ns);

	while (clock_tsc() < until)
		e1000_pause();
}

static bool e1000_check_resources(const struct e1000 *e1000, char *problem, size_t size)
{
	if (e1000->memory.pages < E1000_PAGES_MIN || e1000->memory.address == NULL)
		return e1000_refuse(problem, size, "no memory that the card could use");
	if (e1000->registers == NULL || e1000->register_bytes < E1000_REGISTER_BYTES)
		return e1000_refuse(problem, size, "the card's registers are missing");
	if (e1000_read(e1000, E1000_STATUS) == ~0u)
		return e1000_refuse(problem, size, "the card does not answer");
	return true;
}

/* Resets the card. Some cards ignore a reset, so all relevant registers are written afterwards. */
static bool e1000_reset(const struct e1000 *e1000, char *problem, size_t size)
{
	u64 until;

	e1000_write(e1000, E1000_IMC, ALL_INTERRUPTS);
	e1000_write(e1000, E1000_RCTL, 0);
	e1000_write(e1000, E1000_TCTL, 0);
	e1000_wait_at_least(SETTLE_NS);
	e1000_write(e1000, E1000_CTRL, e1000_read(e1000, E1000_CTRL) | E1000_CTRL_RST);
	e1000_wait_at_least(SETTLE_NS);
	until = clock_tsc() + clock_ns_to_tsc(RESET_NS);
	while ((e1000_read(e1000, E1000_CTRL) & E1000_CTRL_RST) != 0) {
		if (clock_tsc() >= until)
			return e1000_refuse(problem, size,
					    "the card does not return from its reset");
		e1000_pause();
	}
	e1000_write(e1000, E1000_IMC, ALL_INTERRUPTS);
	(void)e1000_read(e1000, E1000_ICR);
	return true;
}

/* Reads a word of the EEPROM. Returns false if the card does not deliver it. */
static bool e1000_read_eeprom(const struct e1000 *e1000, u32 word, u64 *value)
{
	u64 until = clock_tsc() + clock_ns_to_tsc(EEPROM_NS);
	u64 answer;

	e1000_write(e1000, E1000_EERD, E1000_EERD_WORD(word) | E1000_EERD_START);
	do {
		answer = e1000_read(e1000, E1000_EERD);
		if ((answer & E1000_EERD_DONE) != 0) {
			*value = answer >> E1000_EERD_DATA;
			return true;
		}
		e1000_pause();
	} while (clock_tsc() < until);
	return false;
}

/*
 * Returns the MAC in words 0 to 2 of the EEPROM, lower byte first (8254x 5.6.1); 0: there is none.
 */
static u64 e1000_mac_of_eeprom(const struct e1000 *e1000)
{
	u64 mac = 0;
	u64 value;

	for (u32 word = 0; word < 3; word++) {
		if (!e1000_read_eeprom(e1000, word, &value))
			return 0;
		mac |= value << 16 * word;
	}
	return mac;
}

/*
 * Reads the MAC from the register into which a reset loads it, or, as in Bochs, which does not,
 * from the EEPROM.
 */
static bool e1000_read_mac(const struct e1000 *e1000, struct card *card, char *problem, size_t size)
{
	u32 high = e1000_read(e1000, E1000_RAH0);

	card->mac = e1000_read(e1000, E1000_RAL0) | (u64)(high & 0xffff) << 32;
	if ((high & E1000_RAH_VALID) == 0)
		card->mac = e1000->is_82574 ? 0 : e1000_mac_of_eeprom(e1000);
	if (card->mac == 0 || (card->mac & MULTICAST) != 0)
		return e1000_refuse(problem, size, "the card has no address of its own");
	return true;
}

/*
 * Uses as many descriptors as the DMA memory has room for buffers, half of them for each direction.
 */
static void e1000_share_memory(struct e1000 *e1000)
{
	u64 pieces = (e1000->memory.pages - E1000_PAGE_PIECES) * PAGE_SIZE / e1000->piece_bytes;
	u32 half = (u32)align_down(MIN(pieces / 2, E1000_RX_MAX), E1000_RING_UNIT);

	e1000->rx_count = half;
	e1000->tx_count = half;
	e1000->rx = (volatile struct e1000_rx *)(uintptr_t)(e1000->memory.memory +
							    E1000_PAGE_RX * PAGE_SIZE);
	e1000->tx = (volatile struct e1000_tx *)(uintptr_t)(e1000->memory.memory +
							    E1000_PAGE_TX * PAGE_SIZE);
	memset(e1000->memory.memory, 0, E1000_PAGE_PIECES * PAGE_SIZE);
	for (u32 i = 0; i < half; i++) {
		e1000->rx[i].address = e1000_address(e1000, e1000_piece(e1000, i));
		e1000->tx[i].address = e1000_address(e1000, e1000_piece(e1000, half + i));
	}
}

static void e1000_open_receive(struct e1000 *e1000)
{
	u64 at = e1000_address(e1000, E1000_PAGE_RX * PAGE_SIZE);
	bool is_long = e1000->piece_bytes == E1000_PIECE_LONG;

	e1000_write(e1000, E1000_RDBAL, at);
	e1000_write(e1000, E1000_RDBAH, at >> 32);
	e1000_write(e1000, E1000_RDLEN, e1000->rx_count * sizeof(struct e1000_rx));
	e1000_write(e1000, E1000_RDH, 0);
	e1000->rx_given = e1000->rx_count - 1;
	e1000_write(e1000, E1000_RDT, e1000->rx_given);
	e1000_write(e1000, E1000_RDTR, 0);
	e1000_write(e1000, E1000_RADV, 0);
	e1000_write(e1000, E1000_RXCSUM, E1000_RXCSUM_IP | E1000_RXCSUM_TCP);
	/*
	 * the card accepts every address, as the switch behind it receives frames for any address
	 */
	e1000_write(e1000, E1000_RCTL,
		    E1000_RCTL_EN | E1000_RCTL_UPE | E1000_RCTL_MPE | E1000_RCTL_BAM |
			    E1000_RCTL_SECRC |
			    (is_long ? E1000_RCTL_4096 | E1000_RCTL_LPE : E1000_RCTL_2048));
}

static void e1000_open_transmit(const struct e1000 *e1000)
{
	u64 at = e1000_address(e1000, E1000_PAGE_TX * PAGE_SIZE);

	e1000_write(e1000, E1000_TDBAL, at);
	e1000_write(e1000, E1000_TDBAH, at >> 32);
	e1000_write(e1000, E1000_TDLEN, e1000->tx_count * sizeof(struct e1000_tx));
	e1000_write(e1000, E1000_TDH, 0);
	e1000_write(e1000, E1000_TDT, 0);
	e1000_write(e1000, E1000_TIDV, 0);
	e1000_write(e1000, E1000_TADV, 0);
	e1000_write(e1000, E1000_TIPG, E1000_TIPG_COPPER);
	if (e1000->is_82574)
		e1000_write(e1000, E1000_TXDCTL, E1000_TXDCTL_82574);
	e1000_write(e1000, E1000_TCTL,
		    E1000_TCTL_EN | E1000_TCTL_PSP | E1000_TCTL_CT | E1000_TCTL_COLD);
}

/* Brings up the link; the card negotiates speed and duplex itself. */
static void e1000_open_link(const struct e1000 *e1000)
{
	u64 control = e1000_read(e1000, E1000_CTRL);

	control &= ~(E1000_CTRL_LRST | E1000_CTRL_ILOS | E1000_CTRL_FRCSPD | E1000_CTRL_FRCDPX |
		     E1000_CTRL_VME | E1000_CTRL_PHY_RST);
	if (e1000->is_82574)
		control &= ~E1000_CTRL_MASTER_OFF;
	e1000_write(e1000, E1000_CTRL, control | E1000_CTRL_SLU | E1000_CTRL_ASDE | E1000_CTRL_FD);
}

/* Sets up the 82574: one MSI-X message for all causes, legacy descriptors. */
static void e1000_open_82574(const struct e1000 *e1000)
{
	e1000_write(e1000, E1000_IVAR, E1000_IVAR_ALL_0);
	e1000_write(e1000, E1000_EIAC, 0);
	e1000_write(e1000, E1000_IAM, 0);
	e1000_write(e1000, E1000_RFCTL, 0);
	e1000_write(e1000, E1000_MRQC, 0);
}

void e1000_allow(const struct e1000 *e1000, bool room)
{
	u64 causes = E1000_INT_LSC | E1000_INT_RXDMT0 | E1000_INT_RXO | E1000_INT_RXT0;
	u64 sent = E1000_INT_TXDW;

	if (!e1000->interrupts)
		return;
	if (e1000->is_82574) {
		causes |= E1000_INT_RXQ0 | E1000_INT_OTHER;
		sent |= E1000_INT_TXQ0;
	}
	if (!room)
		e1000_write(e1000, E1000_IMC, sent);
	e1000_write(e1000, E1000_IMS, room ? causes | sent : causes);
}

bool e1000_start(struct e1000 *e1000, struct card *card, char *problem, size_t size)
{
	e1000->frame_max = card_frame_bytes(card->mtu);
	e1000->piece_bytes =
		e1000->frame_max > E1000_PIECE_SHORT ? E1000_PIECE_LONG : E1000_PIECE_SHORT;
	if (!e1000_check_resources(e1000, problem, size) || !e1000_reset(e1000, problem, size) ||
	    !e1000_read_mac(e1000, card, problem, size))
		return false;
	format(card->model, sizeof(card->model), "%s",
	       e1000->is_82574 ? "Intel 82574 (e1000e)" : "Intel 8254x (e1000)");
	e1000_share_memory(e1000);
	e1000_open_link(e1000);
	if (e1000->is_82574)
		e1000_open_82574(e1000);
	e1000_write(e1000, E1000_ITR, 0);
	e1000_open_receive(e1000);
	e1000_open_transmit(e1000);
	e1000_allow(e1000, false);
	e1000_look(e1000);
	return true;
}
