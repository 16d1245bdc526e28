/* SPDX-License-Identifier: MIT */
/* The manager's driver of a 16550: nothing is lost as long as the other side obeys RTS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define port_in8  real_port_in8
#define port_out8 real_port_out8
#include "tests/fake_clock.h"
#include "vmm/manager/host/port_io.h"
#undef port_in8
#undef port_out8

#include "lib/status.h"
#include "vmm/hw/uart.h"

static u8 port_in8(u16 port);
static void port_out8(u16 port, u8 value);
#include "vmm/manager/host/serial.c"

/* The UART and its wire. */
static struct {
	u8 fifo[UART_FIFO_BYTES];
	u32 count;
	u8 ier;
	u8 mcr;
	u8 lcr;
	u8 scr;
	u8 fcr;
	bool overrun;
	bool was_asserted;
	bool edge; /* the line has risen since the last check */
} uart;

static u32 next_sent; /* the next byte of the other side, which sends bytes that count up */
static u32 send_limit;
static bool obeys_rts;
static u32 lost_bytes;
static enum status irq_status;

static void update_line(void)
{
	bool asserted = uart.count > 0 && (uart.ier & UART_IER_RECEIVED) != 0;

	uart.edge |= asserted && !uart.was_asserted;
	uart.was_asserted = asserted;
}

static u8 port_in8(u16 port)
{
	u8 byte;

	switch (port - UART_COM2) {
	case UART_RBR:
		assert_true(uart.count > 0);
		byte = uart.fifo[0];
		memmove(uart.fifo, uart.fifo + 1, --uart.count);
		update_line();
		return byte;
	case UART_IER:
		return uart.ier;
	case UART_IIR:
		return UART_IIR_FIFO;
	case UART_LSR:
		byte = (u8)((uart.count > 0 ? UART_LSR_DATA_READY : 0) |
			    (uart.overrun ? UART_LSR_OVERRUN : 0) | UART_LSR_THR_EMPTY |
			    UART_LSR_IDLE);
		uart.overrun = false;
		return byte;
	case UART_SCR:
		return uart.scr;
	}
	return 0;
}

static void port_out8(u16 port, u8 value)
{
	switch (port - UART_COM2) {
	case UART_IER:
		if ((uart.lcr & UART_LCR_DLAB) == 0)
			uart.ier = value;
		update_line();
		break;
	case UART_LCR:
		uart.lcr = value;
		break;
	case UART_FCR:
		if (((value ^ uart.fcr) & UART_FCR_ENABLE) != 0)
			uart.count = 0;
		uart.fcr = value;
		update_line();
		break;
	case UART_MCR:
		uart.mcr = value;
		break;
	case UART_SCR:
		uart.scr = value;
		break;
	}
}

handle_t start_handle(enum start_kind kind)
{
	(void)kind;
	return 1;
}

enum status sys_ports_grant(handle_t root, handle_t process, u16 first, u32 count)
{
	(void)root;
	(void)process;
	(void)count;
	return first == UART_COM2 ? STATUS_OK : STATUS_NO_RIGHT;
}

enum status machine_isa_irq(u32 line, u32 flags, handle_t *irq)
{
	(void)line;
	(void)flags;
	*irq = 1;
	return irq_status;
}

enum status events_bind(handle_t handle, enum event_source source, u32 number)
{
	(void)handle;
	(void)source;
	(void)number;
	return STATUS_OK;
}

enum status sys_irq_unmask(handle_t irq)
{
	(void)irq;
	return STATUS_OK;
}

/* A byte comes in from the wire, if the other side sends one. */
static void wire(void)
{
	if (next_sent == send_limit || (obeys_rts && (uart.mcr & UART_MCR_RTS) == 0))
		return;
	if (uart.count == UART_FIFO_BYTES) {
		uart.overrun = true;
		lost_bytes++;
	} else {
		uart.fifo[uart.count++] = (u8)next_sent;
	}
	next_sent++;
	update_line();
}

static void deliver_interrupt(void)
{
	if (!uart.edge)
		return;
	uart.edge = false;
	serial_interrupt(SERIAL_COM2);
}

static int begin(void **state)
{
	(void)state;
	memset(&uart, 0, sizeof(uart));
	memset(ports[SERIAL_COM2].received, 0, sizeof(ports[SERIAL_COM2].received));
	ports[SERIAL_COM2] = (struct serial){.port = UART_COM2, .line = UART_COM2_IRQ};
	next_sent = lost_bytes = 0;
	irq_status = STATUS_OK;
	assert_true(serial_open(SERIAL_COM2));
	assert_false(serial_open(SERIAL_COM1));
	look_tsc = 0;
	return 0;
}

/* Reads in bursts with long pauses; the bytes must count up. */
static void test_rts(void **state)
{
	u32 expected = 0;
	u32 idle = 0;
	u64 lost;
	u8 byte;

	(void)state;
	obeys_rts = true;
	send_limit = 100000;
	for (u32 turn = 0; expected < send_limit && idle < 100000; turn++, idle++) {
		wire();
		deliver_interrupt();
		if (turn % 20000 < 15000)
			continue;
		for (u32 i = 0; i < 30 && serial_receive(SERIAL_COM2, &byte, 1, &lost) == 1; i++) {
			assert_int_equal(byte, (u8)expected++);
			assert_int_equal(lost, 0);
			idle = 0;
		}
	}
	assert_int_equal(expected, send_limit);
	assert_int_equal(lost_bytes, 0);
	assert_true((uart.mcr & UART_MCR_RTS) != 0);
}

/* A sender that ignores RTS loses bytes; the loss count changes exactly where they are missing. */
static void test_overrun(void **state)
{
	u32 received = 0;
	u32 gaps = 0;
	u64 lost = 0;
	u64 before = 0;
	u8 last = 0xff;
	u8 byte;

	(void)state;
	obeys_rts = false;
	send_limit = 3 * SERIAL_RECEIVE_BYTES + 77;
	while (next_sent < send_limit) {
		wire();
		deliver_interrupt();
	}
	for (u32 i = 0; i < 100; i++) {
		send_limit++;
		wire();
		deliver_interrupt();
		while (serial_receive(SERIAL_COM2, &byte, 1, &lost) == 1) {
			received++;
			if (lost == before) {
				assert_int_equal(byte, (u8)(last + 1));
			} else {
				gaps++;
				before = lost;
			}
			last = byte;
		}
	}
	assert_true(lost > 0 && gaps == 1 && lost_bytes > 0);
	assert_int_equal(received + lost_bytes, next_sent);
	assert_true(received >= SERIAL_RECEIVE_BYTES);
}

/* Sending reads LSR too, which clears the overrun bit: the loss is reported all the same. */
static void test_overrun_while_sending(void **state)
{
	const u8 answer = 'x';
	u64 lost = 0;
	u8 byte;

	(void)state;
	obeys_rts = false;
	send_limit = UART_FIFO_BYTES + 3;
	while (next_sent < send_limit)
		wire();
	assert_int_equal(lost_bytes, 3);
	assert_int_equal(serial_send(SERIAL_COM2, &answer, 1), 1);
	deliver_interrupt();
	for (u32 i = 0; i < UART_FIFO_BYTES; i++) {
		assert_int_equal(serial_receive(SERIAL_COM2, &byte, 1, &lost), 1);
		assert_int_equal(byte, i);
		assert_int_equal(lost, 0);
		assert_false(serial_began_line(SERIAL_COM2)); /* a loss is told at once */
	}
	send_limit++;
	wire();
	serial_interrupt(SERIAL_COM2);
	assert_int_equal(serial_receive(SERIAL_COM2, &byte, 1, &lost), 1);
	assert_int_equal(byte, UART_FIFO_BYTES + 3);
	assert_int_equal(lost, 1);
}

/* A byte is found anywhere, across the buffer's end too, and the search takes nothing out. */
static void test_find(void **state)
{
	u64 lost;
	u8 byte;

	(void)state;
	obeys_rts = true;
	send_limit = SERIAL_RECEIVE_BYTES - 100;
	for (u32 i = 0; i < SERIAL_RECEIVE_BYTES; i++) {
		wire();
		deliver_interrupt();
	}
	assert_int_equal(serial_waiting(SERIAL_COM2), send_limit);
	while (serial_waiting(SERIAL_COM2) > 0)
		assert_int_equal(serial_receive(SERIAL_COM2, &byte, 1, &lost), 1);
	assert_int_equal(serial_find(SERIAL_COM2, byte), 0);
	send_limit += 200;
	for (u32 i = 0; i < 200; i++) {
		wire();
		deliver_interrupt();
	}
	assert_int_equal(serial_waiting(SERIAL_COM2), 200);
	assert_int_equal(serial_find(SERIAL_COM2, (u8)(byte + 1)), 1);
	assert_int_equal(serial_find(SERIAL_COM2, (u8)(byte + 200)), 200);
	assert_int_equal(serial_find(SERIAL_COM2, (u8)(byte + 201)), 0);
	assert_int_equal(serial_waiting(SERIAL_COM2), 200);
	assert_false(serial_began_line(SERIAL_COM2));
	while (serial_find(SERIAL_COM2, '\n') != 0)
		assert_int_equal(serial_receive(SERIAL_COM2, &byte, 1, &lost), 1);
	assert_true(serial_waiting(SERIAL_COM2) > 0 && serial_began_line(SERIAL_COM2));
}

/* An interrupt for another reason also drains the UART: the sender may go on. */
static void test_rts_with_others(void **state)
{
	u64 lost;
	u8 byte;

	(void)state;
	obeys_rts = true;
	send_limit = SERIAL_RECEIVE_BYTES + UART_FIFO_BYTES;
	for (u32 i = 0; i < 2 * SERIAL_RECEIVE_BYTES; i++) {
		wire();
		deliver_interrupt();
	}
	assert_int_equal(uart.mcr & UART_MCR_RTS, 0);
	for (u32 i = 0; i < 2 * UART_FIFO_BYTES; i++)
		assert_int_equal(serial_receive(SERIAL_COM2, &byte, 1, &lost), 1);
	serial_interrupt(SERIAL_COM2);
	assert_int_equal(uart.mcr & UART_MCR_RTS, UART_MCR_RTS);
}

/*
 * Bytes are typed while the machine boots, before there is a FIFO: turning the FIFO on would drop
 * them.
 */
static void test_typed_early(void **state)
{
	u64 lost;
	u8 byte;

	(void)state;
	memset(&uart, 0, sizeof(uart));
	ports[SERIAL_COM2] = (struct serial){.port = UART_COM2, .line = UART_COM2_IRQ};
	obeys_rts = false;
	next_sent = 'v';
	send_limit = 'v' + 1;
	wire();
	assert_true(serial_open(SERIAL_COM2));
	assert_int_equal(serial_receive(SERIAL_COM2, &byte, 1, &lost), 1);
	assert_int_equal(byte, 'v');
	assert_int_equal(lost, 0);
}

/* A port whose interrupt cannot be routed is polled, and works all the same. */
static void test_no_interrupt(void **state)
{
	u64 lost;
	u8 byte;

	(void)state;
	ports[SERIAL_COM2] = (struct serial){.port = UART_COM2, .line = UART_COM2_IRQ};
	irq_status = STATUS_NOT_FOUND;
	assert_true(serial_open(SERIAL_COM2));
	assert_true(serial_present(SERIAL_COM2));
	assert_int_equal(uart.ier, 0);
	assert_true(serial_deadline() < ~0ull);
	obeys_rts = true;
	send_limit = 3 * SERIAL_RECEIVE_BYTES;
	for (u32 expected = 0; expected < send_limit; serial_poll()) {
		for (u32 i = 0; i < UART_FIFO_BYTES; i++)
			wire();
		if (serial_receive(SERIAL_COM2, &byte, 1, &lost) == 1)
			assert_int_equal(byte, (u8)expected++);
	}
	assert_int_equal(lost_bytes, 0);
	assert_int_equal(serial_send(SERIAL_COM2, (const u8 *)"text", 4), 4);
	assert_int_equal(uart.ier, 0);
}

static void pass_look(void)
{
	now = serial_deadline();
	serial_poll();
}

/* Bytes whose interrupt does not arrive are found two seconds later, and this is reported. */
static void test_lost_interrupt(void **state)
{
	u8 byte;

	(void)state;
	pass_look();
	send_limit = 20;
	wire();
	uart.edge = false;
	pass_look();
	assert_int_equal(serial_receive(SERIAL_COM2, &byte, 1, NULL), 0);
	assert_false(serial_lost_interrupt(SERIAL_COM2));
	pass_look();
	assert_int_equal(serial_receive(SERIAL_COM2, &byte, 1, NULL), 1);
	assert_true(serial_lost_interrupt(SERIAL_COM2));
	/* bytes that were only on their way are not lost */
	wire();
	pass_look();
	deliver_interrupt();
	wire();
	pass_look();
	deliver_interrupt();
	pass_look();
	assert_false(serial_lost_interrupt(SERIAL_COM2));
	assert_int_equal(serial_waiting(SERIAL_COM2), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_rts, begin),
		cmocka_unit_test_setup(test_overrun, begin),
		cmocka_unit_test_setup(test_overrun_while_sending, begin),
		cmocka_unit_test_setup(test_find, begin),
		cmocka_unit_test_setup(test_rts_with_others, begin),
		cmocka_unit_test_setup(test_typed_early, begin),
		cmocka_unit_test_setup(test_no_interrupt, begin),
		cmocka_unit_test_setup(test_lost_interrupt, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
