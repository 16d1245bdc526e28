/* SPDX-License-Identifier: MIT */
/* The driver of Intel's cards against one that works, and against those that do not. */
#include "tests/unit/vmm/driver/net/e1000/e1000_fake.h"

static struct e1000 card_state;
static struct card card;
static char problem[128];
static u8 frame[9018];

static bool begin_with(u32 mtu, u64 pages)
{
	memset(&card_state, 0, sizeof(card_state));
	card = (struct card){.mtu = mtu};
	card_state.registers = fake.registers;
	card_state.register_bytes = sizeof(fake.registers);
	card_state.memory = (struct driver_dma){fake.ram, addresses, pages};
	card_state.interrupts = true;
	return e1000_start(&card_state, &card, problem, sizeof(problem));
}

static int set_up(void **state)
{
	(void)state;
	fake_init();
	for (u32 i = 0; i < sizeof(frame); i++)
		frame[i] = (u8)(i * 7 + i / 256);
	return 0;
}

static void test_start(void **state)
{
	(void)state;
	assert_true(begin_with(1500, 64));
	assert_int_equal(fake.resets, 1);
	assert_true(card.mac == MAC);
	assert_string_equal(card.model, "Intel 8254x (e1000)");
	assert_true(link_up);
	assert_int_equal(link_megabits, 1000);
	assert_int_equal(get32(E1000_RDLEN), 56 * 16);
	assert_int_equal(get32(E1000_RDT), 55);
	assert_int_equal(get32(E1000_TDLEN), 56 * 16);
	assert_int_equal(get32(E1000_RCTL), E1000_RCTL_EN | E1000_RCTL_UPE | E1000_RCTL_MPE |
						    E1000_RCTL_BAM | E1000_RCTL_SECRC);
	assert_int_equal(get32(E1000_IMS),
			 E1000_INT_LSC | E1000_INT_RXDMT0 | E1000_INT_RXO | E1000_INT_RXT0);
	assert_int_equal(get32(E1000_IVAR), 0);
}

static void test_82574(void **state)
{
	(void)state;
	card_state = (struct e1000){0};
	card_state.registers = fake.registers;
	card_state.register_bytes = sizeof(fake.registers);
	card_state.memory = (struct driver_dma){fake.ram, addresses, RAM_PAGES};
	card_state.is_82574 = card_state.interrupts = true;
	card = (struct card){.mtu = 1500};
	assert_true(e1000_start(&card_state, &card, problem, sizeof(problem)));
	assert_int_equal(get32(E1000_IVAR), 0x88888);
	assert_int_equal(get32(E1000_RDLEN), 248 * 16);
	assert_true((get32(E1000_IMS) & E1000_INT_RXQ0) != 0);
	assert_true((get32(E1000_IMS) & E1000_INT_OTHER) != 0);
}

static void test_no_interrupts(void **state)
{
	(void)state;
	memset(&card_state, 0, sizeof(card_state));
	card_state.registers = fake.registers;
	card_state.register_bytes = sizeof(fake.registers);
	card_state.memory = (struct driver_dma){fake.ram, addresses, RAM_PAGES};
	card = (struct card){.mtu = 1500};
	assert_true(e1000_start(&card_state, &card, problem, sizeof(problem)));
	assert_int_equal(get32(E1000_IMS), 0);
}

static void expect_problem(const char *text)
{
	assert_false(begin_with(1500, 64));
	assert_string_equal(problem, text);
}

static void test_refused(void **state)
{
	(void)state;
	assert_false(begin_with(1500, 20));
	assert_string_equal(problem, "no memory that the card could use");
	fake.no_mac = true;
	fake.no_eeprom = true;
	expect_problem("the card has no address of its own");
	fake.never_back = true;
	expect_problem("the card does not return from its reset");
	assert_true(now_tsc < 10 * NS_PER_S);
	put32(E1000_STATUS, ~0u);
	expect_problem("the card does not answer");
}

/* A reset of Bochs' card leaves it without one. */
static void test_address_of_eeprom(void **state)
{
	(void)state;
	fake.no_mac = true;
	assert_true(begin_with(1500, 64));
	assert_true(card.mac == MAC);
}

static void test_transmit(void **state)
{
	(void)state;
	assert_true(begin_with(1500, 64));
	/* three times round the ring */
	for (u32 i = 0; i < 168; i++) {
		u32 bytes = i % 2 == 0 ? 14 + i % 40 : 1518;

		frame[0] = (u8)i;
		assert_true(e1000_transmit(&card_state, frame, bytes));
		e1000_flush(&card_state);
		fake_step();
		assert_int_equal(sent_count, i + 1);
		assert_int_equal(sent[i].bytes, MAX(bytes, 60));
		assert_memory_equal(sent[i].data, frame, bytes);
		for (u32 j = bytes; j < 60; j++)
			assert_int_equal(sent[i].data[j], 0);
	}
}

static void test_transmit_full(void **state)
{
	u32 count = 0;

	(void)state;
	assert_true(begin_with(1500, 64));
	assert_int_equal(get32(E1000_IMS) & E1000_INT_TXDW, 0);
	while (e1000_transmit(&card_state, frame, 100))
		count++;
	assert_int_equal(count, 55);
	/* added frames are on their way, and the card says when they are done */
	assert_int_equal(get32(E1000_TDT), 55);
	assert_true((get32(E1000_IMS) & E1000_INT_TXDW) != 0);
	assert_false(e1000_transmit(&card_state, frame, 100));
	fake_step();
	assert_int_equal(sent_count, 55);
	assert_true(e1000_transmit(&card_state, frame, 100));
}

/* Only while a frame waits for room is the driver told of each frame that was sent. */
static void test_room_interrupt(void **state)
{
	(void)state;
	assert_true(begin_with(1500, 64));
	put32(E1000_IMC, 0);
	while (e1000_transmit(&card_state, frame, 100))
		;
	assert_int_equal(get32(E1000_IMC), 0);
	e1000_look(&card_state);
	assert_int_equal(get32(E1000_IMC), E1000_INT_TXDW);
	put32(E1000_IMC, 0);
	e1000_look(&card_state);
	assert_int_equal(get32(E1000_IMC), 0);
}

/* A card that calls everything done, at once: nothing outruns what it was told. */
static void test_early_done(void **state)
{
	(void)state;
	assert_true(begin_with(1500, 64));
	for (u32 i = 0; i < 300; i++) {
		for (u32 j = 0; j < 56; j++)
			tx_at(j)->status = E1000_TX_DD;
		(void)e1000_transmit(&card_state, frame, 60);
		if (i % 3 == 0)
			e1000_flush(&card_state);
		assert_true(card_state.tx_next < 56 && card_state.tx_done < 56);
	}
}

static void test_receive(void **state)
{
	(void)state;
	assert_true(begin_with(1500, 64));
	assert_true(e1000_is_idle(&card_state));
	for (u32 i = 0; i < 200; i++) {
		frame[0] = (u8)i;
		assert_true(fake_receive(frame, 60 + i, E1000_RX_EOP | E1000_RX_IXSM, 0));
		assert_false(e1000_is_idle(&card_state));
		e1000_receive(&card_state);
		assert_int_equal(received_count, i + 1);
		assert_int_equal(received[i].bytes, 60 + i);
		assert_int_equal(received[i].flags, 0);
		assert_memory_equal(received[i].data, frame, 60 + i);
	}
	assert_int_equal(errors, 0);
}

static void test_receive_many(void **state)
{
	u32 count = 0;

	(void)state;
	assert_true(begin_with(1500, 64));
	while (fake_receive(frame, 100, E1000_RX_EOP, 0))
		count++;
	assert_int_equal(count, 55);
	e1000_receive(&card_state);
	assert_int_equal(received_count, 55);
	assert_int_equal(get32(E1000_RDT), 54);
}

/* All descriptors stay done for ever: each call ends. */
static void test_receive_endless(void **state)
{
	(void)state;
	assert_true(begin_with(1500, 64));
	for (u32 i = 0; i < 56; i++) {
		rx_at(i)->bytes = 64;
		rx_at(i)->status = E1000_RX_DD | E1000_RX_EOP;
	}
	e1000_receive(&card_state);
	assert_int_equal(received_count, 56);
}

static void test_checked(void **state)
{
	(void)state;
	assert_true(begin_with(1500, 64));
	fake_receive(frame, 100, E1000_RX_EOP | E1000_RX_TCPCS, 0);
	fake_receive(frame, 100, E1000_RX_EOP | E1000_RX_TCPCS, E1000_RX_TCPE);
	fake_receive(frame, 100, E1000_RX_EOP | E1000_RX_TCPCS, E1000_RX_IPE);
	fake_receive(frame, 100, E1000_RX_EOP | E1000_RX_TCPCS | E1000_RX_IXSM, 0);
	fake_receive(frame, 100, E1000_RX_EOP | E1000_RX_TCPCS, 0x01);
	e1000_receive(&card_state);
	assert_int_equal(received_count, 4);
	assert_int_equal(received[0].flags, FRAME_CHECKED);
	for (u32 i = 1; i < 4; i++)
		assert_int_equal(received[i].flags, 0);
	assert_int_equal(errors, 1);
}

static void test_jumbo(void **state)
{
	(void)state;
	assert_true(begin_with(9000, RAM_PAGES));
	assert_int_equal(get32(E1000_RCTL) & E1000_RCTL_4096, E1000_RCTL_4096);
	assert_true(e1000_transmit(&card_state, frame, 9018));
	e1000_flush(&card_state);
	fake_step();
	assert_int_equal(sent_count, 1);
	assert_int_equal(sent[0].bytes, 9018);
	assert_memory_equal(sent[0].data, frame, 9018);
	fake_receive(frame, 4096, 0, 0);
	fake_receive(frame + 4096, 4096, 0, 0);
	e1000_receive(&card_state);
	assert_int_equal(received_count, 0);
	fake_receive(frame + 8192, 826, E1000_RX_EOP, 0);
	fake_receive(frame, 70, E1000_RX_EOP, 0);
	e1000_receive(&card_state);
	assert_int_equal(received_count, 2);
	assert_int_equal(received[0].bytes, 9018);
	assert_memory_equal(received[0].data, frame, 9018);
	assert_int_equal(received[1].bytes, 70);
}

/* A frame that never ends, and one whose end is broken, count once; the next is well. */
static void test_spoilt(void **state)
{
	(void)state;
	assert_true(begin_with(1500, 64));
	for (u32 i = 0; i < 20; i++)
		fake_receive(frame, 2048, 0, 0);
	fake_receive(frame, 100, E1000_RX_EOP, 0);
	fake_receive(frame, 100, E1000_RX_EOP, 0);
	fake_receive(frame, 2000, 0, 0);
	fake_receive(frame, 10, E1000_RX_EOP, 0x80);
	fake_receive(frame, 101, E1000_RX_EOP, 0);
	e1000_receive(&card_state);
	assert_int_equal(errors, 2);
	assert_int_equal(received_count, 2);
	assert_int_equal(received[0].bytes, 100);
	assert_int_equal(received[1].bytes, 101);
}

static void test_too_much(void **state)
{
	(void)state;
	assert_true(begin_with(1500, 64));
	for (u32 i = 0; i < E1000_BAD_MAX; i++) {
		assert_null(e1000_failure(&card_state));
		fake_receive(frame, i % 2 == 0 ? 65535 : 2049, E1000_RX_EOP, 0);
		e1000_receive(&card_state);
	}
	assert_int_equal(received_count, 0);
	assert_int_equal(errors, E1000_BAD_MAX);
	assert_non_null(e1000_failure(&card_state));
}

static void test_link(void **state)
{
	(void)state;
	assert_true(begin_with(1500, 64));
	put32(E1000_STATUS, 0x80080740);
	put32(E1000_ICR, E1000_INT_LSC);
	e1000_look(&card_state);
	assert_false(link_up);
	assert_int_equal(link_megabits, 0);
	put32(E1000_STATUS, 0x80080743);
	e1000_look(&card_state);
	assert_true(link_up);
	assert_int_equal(link_megabits, 100);
	assert_null(e1000_failure(&card_state));
	put32(E1000_STATUS, ~0u);
	e1000_look(&card_state);
	assert_string_equal(e1000_failure(&card_state), "the card does not answer any more");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	/* clang-format off */
	const struct CMUnitTest tests[] = {
		TEST(test_start),	   TEST(test_82574),	       TEST(test_no_interrupts),
		TEST(test_refused),	   TEST(test_transmit),	       TEST(test_transmit_full),
		TEST(test_room_interrupt), TEST(test_early_done),      TEST(test_receive),
		TEST(test_receive_many),   TEST(test_receive_endless), TEST(test_checked),
		TEST(test_jumbo),	   TEST(test_spoilt),	       TEST(test_too_much),
		TEST(test_link),	   TEST(test_address_of_eeprom),
	};
	/* clang-format on */

	return cmocka_run_group_tests(tests, NULL, NULL);
}
