/* SPDX-License-Identifier: MIT */
/* The 16550A by the PC16550D data sheet: interrupts and their order, FIFO, loopback. */
#include "tests/unit/device_fixture.h"

#include "vmm/monitor/dev/serial.c"

#define BASE		UART_COM1
#define CHARACTERS_4_NS 347222u /* 40 bits at 115200 */

static struct serial *serial;
static struct device *device;
static char sent[64];
static size_t sent_count;

static void put(void *context, u8 byte)
{
	(void)context;
	sent[sent_count++] = (char)byte;
}

static int setup(void **state)
{
	const struct platform_config config = {.serial_put = put};

	(void)state;
	fixture_reset();
	sent_count = 0;
	device = fixture_attach(serial_attach, &config);
	serial = CONTAINER_OF(device, struct serial, device);
	out8(device, BASE + UART_MCR, UART_MCR_OUT2 | UART_MCR_DTR | UART_MCR_RTS);
	out8(device, BASE + UART_LCR, UART_LCR_8N1);
	return 0;
}

static void reset_state(void **state)
{
	(void)state;
	assert_int_equal(in8(device, BASE + UART_LSR), 0x60);
	assert_int_equal(in8(device, BASE + UART_IIR), 0x01);
	assert_int_equal(in8(device, BASE + UART_MSR), 0xb0);
	assert_int_equal(in8(device, BASE + UART_IER), 0);
	assert_false(fixture_line[4]);
}

static void registers_hold_what_they_can(void **state)
{
	(void)state;
	out8(device, BASE + UART_SCR, 0xa5);
	assert_int_equal(in8(device, BASE + UART_SCR), 0xa5);
	out8(device, BASE + UART_IER, 0xff);
	assert_int_equal(in8(device, BASE + UART_IER), 0x0f);
	out8(device, BASE + UART_LCR, UART_LCR_DLAB | UART_LCR_8N1);
	out8(device, BASE + UART_DLL, 0x0c);
	out8(device, BASE + UART_DLM, 0x01);
	assert_int_equal(in8(device, BASE + UART_DLL), 0x0c);
	assert_int_equal(in8(device, BASE + UART_DLM), 0x01);
	out8(device, BASE + UART_LCR, UART_LCR_8N1);
	assert_int_equal(in8(device, BASE + UART_LCR), UART_LCR_8N1);
	assert_int_equal(in8(device, BASE + UART_IER), 0x0f);
	assert_int_equal(sent_count, 0);
	out8(device, BASE + UART_MCR, 0xff);
	assert_int_equal(in8(device, BASE + UART_MCR), 0x1f);
}

static void transmitter_empty_interrupt(void **state)
{
	(void)state;
	/* Enabling the interrupt while THR is empty raises it at once; reading IIR clears it. */
	out8(device, BASE + UART_IER, UART_IER_THR_EMPTY);
	assert_true(fixture_line[4]);
	assert_int_equal(in8(device, BASE + UART_IIR), UART_IIR_THR_EMPTY);
	assert_false(fixture_line[4]);
	assert_int_equal(in8(device, BASE + UART_IIR), UART_IIR_NONE);
	/* An interrupt that is enabled already does not come again. */
	out8(device, BASE + UART_IER, UART_IER_THR_EMPTY);
	assert_int_equal(in8(device, BASE + UART_IIR), UART_IIR_NONE);
	/* Off and on again interrupts again. */
	out8(device, BASE + UART_IER, 0);
	out8(device, BASE + UART_IER, UART_IER_THR_EMPTY);
	assert_int_equal(in8(device, BASE + UART_IIR), UART_IIR_THR_EMPTY);

	/* Every byte sent gives a new edge, even if the last interrupt was not handled. */
	fixture_edges[4] = 0;
	out8(device, BASE + UART_THR, 'a');
	out8(device, BASE + UART_THR, 'b');
	assert_int_equal(fixture_edges[4], 2);
	assert_memory_equal(sent, "ab", 2);
	assert_int_equal(in8(device, BASE + UART_LSR), 0x60);
}

static void receiver_without_fifo(void **state)
{
	(void)state;
	(void)in8(device, BASE + UART_RBR); /* a read of the empty register has no effect */
	out8(device, BASE + UART_IER, UART_IER_RECEIVED);
	assert_int_equal(serial_input_space(serial), 1);
	assert_true(serial_input(serial, 'x'));
	assert_false(serial_input(serial, 'y'));
	assert_true(fixture_line[4]);
	assert_int_equal(in8(device, BASE + UART_IIR), UART_IIR_RECEIVED);
	assert_int_equal(in8(device, BASE + UART_LSR), 0x61);
	assert_int_equal(in8(device, BASE + UART_RBR), 'x');
	assert_false(fixture_line[4]);
	assert_int_equal(in8(device, BASE + UART_LSR), 0x60);
}

static void receiver_fifo_trigger_and_timeout(void **state)
{
	(void)state;
	out8(device, BASE + UART_FCR, UART_FCR_ENABLE | UART_FCR_TRIGGER_4);
	out8(device, BASE + UART_IER, UART_IER_RECEIVED);
	for (u32 i = 0; i < 3; i++)
		assert_true(serial_input(serial, (u8)('a' + i)));
	assert_false(fixture_line[4]);
	assert_int_equal(in8(device, BASE + UART_IIR), UART_IIR_NONE | UART_IIR_FIFO);

	/* Below the trigger level: a timeout four character times after the last byte. */
	fixture_run_until(device, CHARACTERS_4_NS - 10);
	assert_false(fixture_line[4]);
	fixture_run_until(device, CHARACTERS_4_NS + 10);
	assert_true(fixture_line[4]);
	assert_int_equal(in8(device, BASE + UART_IIR), UART_IIR_TIMEOUT | UART_IIR_FIFO);
	fixture_platform.events.pending = 0;
	assert_int_equal(in8(device, BASE + UART_LSR), 0x61);
	assert_int_equal(fixture_platform.events.pending, 0);
	assert_int_equal(in8(device, BASE + UART_RBR), 'a');
	assert_int_equal(fixture_platform.events.pending, MACHINE_ROOM | MACHINE_DEADLINE);
	assert_false(fixture_line[4]);

	assert_true(serial_input(serial, 'd'));
	assert_true(serial_input(serial, 'e'));
	assert_int_equal(in8(device, BASE + UART_IIR), UART_IIR_RECEIVED | UART_IIR_FIFO);
	for (u32 i = 0; i < 40; i++) { /* the bytes come in order, across the FIFO's wrap */
		assert_int_equal(in8(device, BASE + UART_RBR), 'b' + i);
		assert_true(serial_input(serial, (u8)('f' + i)));
	}
	for (u32 i = 0; i < 12; i++)
		assert_true(serial_input(serial, 'z'));
	assert_int_equal(serial_input_space(serial), 0);
	assert_false(serial_input(serial, 'z'));
	out8(device, BASE + UART_FCR, UART_FCR_ENABLE | UART_FCR_CLEAR_RECEIVE);
	assert_int_equal(in8(device, BASE + UART_LSR), 0x60);
	assert_int_equal(device->deadline_ns, DEADLINE_NONE);
	/* Turning the FIFO off shows in IIR; FCR's other bits are then ignored. */
	out8(device, BASE + UART_FCR, UART_FCR_TRIGGER_14);
	assert_int_equal(serial->state.fcr, 0);
	assert_int_equal(in8(device, BASE + UART_IIR), UART_IIR_NONE);
}

static void loopback(void **state)
{
	(void)state;
	out8(device, BASE + UART_MCR, UART_MCR_LOOP | UART_MCR_RTS | UART_MCR_OUT2);
	assert_int_equal(in8(device, BASE + UART_MSR) & 0xf0, UART_MSR_CTS | UART_MSR_DCD);
	/* Ring Indicator reports its trailing edge only. */
	out8(device, BASE + UART_MCR, UART_MCR_LOOP | UART_MCR_OUT1);
	assert_int_equal(in8(device, BASE + UART_MSR), UART_MSR_RI | UART_MSR_DCTS | UART_MSR_DDCD);
	out8(device, BASE + UART_MCR, UART_MCR_LOOP);
	assert_int_equal(in8(device, BASE + UART_MSR), UART_MSR_TERI);
	assert_int_equal(in8(device, BASE + UART_MSR), 0);

	out8(device, BASE + UART_THR, 'q');
	assert_int_equal(sent_count, 0);
	assert_int_equal(serial_input_space(serial), 0);
	assert_int_equal(in8(device, BASE + UART_RBR), 'q');
	assert_false(serial_input(serial, 'x')); /* the line is cut off */
	out8(device, BASE + UART_THR, 's');
	out8(device, BASE + UART_THR, 'r'); /* the second byte overwrites the receive buffer */
	assert_int_equal(in8(device, BASE + UART_LSR), 0x61 | UART_LSR_OVERRUN);
	assert_int_equal(in8(device, BASE + UART_LSR), 0x61);
	assert_int_equal(in8(device, BASE + UART_RBR), 'r');
}

static void interrupt_priority(void **state)
{
	(void)state;
	out8(device, BASE + UART_MCR, UART_MCR_LOOP | UART_MCR_DTR);
	(void)in8(device, BASE + UART_MSR);
	out8(device, BASE + UART_IER, 0x0f);
	out8(device, BASE + UART_THR, 1);
	out8(device, BASE + UART_THR, 2);
	out8(device, BASE + UART_MCR, UART_MCR_LOOP);
	assert_int_equal(in8(device, BASE + UART_IIR), UART_IIR_LINE_STATUS);
	(void)in8(device, BASE + UART_LSR);
	assert_int_equal(in8(device, BASE + UART_IIR), UART_IIR_RECEIVED);
	(void)in8(device, BASE + UART_RBR);
	assert_int_equal(in8(device, BASE + UART_IIR), UART_IIR_THR_EMPTY);
	assert_int_equal(in8(device, BASE + UART_IIR), UART_IIR_MODEM_STATUS);
	(void)in8(device, BASE + UART_MSR);
	assert_int_equal(in8(device, BASE + UART_IIR), UART_IIR_NONE);
}

static void line_needs_no_out2(void **state)
{
	(void)state;
	out8(device, BASE + UART_MCR, 0);
	out8(device, BASE + UART_IER, UART_IER_RECEIVED);
	assert_false(fixture_line[4]);
	assert_true(serial_input(serial, 'a'));
	assert_true(fixture_line[4]);
	/* by the data sheet interrupts are operational in loopback */
	out8(device, BASE + UART_MCR, UART_MCR_LOOP);
	assert_true(fixture_line[4]);
	assert_int_equal(in8(device, BASE + UART_RBR), 'a');
	assert_false(fixture_line[4]);
}

static void save_and_load(void **state)
{
	(void)state;
	out8(device, BASE + UART_FCR, UART_FCR_ENABLE | UART_FCR_TRIGGER_8);
	out8(device, BASE + UART_IER, UART_IER_RECEIVED | UART_IER_THR_EMPTY);
	for (u32 i = 0; i < UART_FIFO_BYTES; i++)
		assert_true(serial_input(serial, (u8)('k' + i)));
	assert_round_trip(device);
	assert_int_not_equal(device->deadline_ns, DEADLINE_NONE);
	assert_int_equal(in8(device, BASE + UART_RBR), 'k');
	assert_load_refused(device, offsetof(struct serial_state, rx_first), 16);
	assert_load_refused(device, offsetof(struct serial_state, rx_count), 17);
	assert_load_refused(device, offsetof(struct serial_state, thr_pending), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(reset_state, setup),
		cmocka_unit_test_setup(registers_hold_what_they_can, setup),
		cmocka_unit_test_setup(transmitter_empty_interrupt, setup),
		cmocka_unit_test_setup(receiver_without_fifo, setup),
		cmocka_unit_test_setup(receiver_fifo_trigger_and_timeout, setup),
		cmocka_unit_test_setup(loopback, setup),
		cmocka_unit_test_setup(interrupt_priority, setup),
		cmocka_unit_test_setup(line_needs_no_out2, setup),
		cmocka_unit_test_setup(save_and_load, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
