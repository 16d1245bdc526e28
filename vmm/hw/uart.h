/* SPDX-License-Identifier: MIT */
#pragma once

/* The parts of a UART that ring 0 does not need: other ports, interrupts, modem lines. */
#include "arch/x86_64/hw/uart.h"

#define UART_COM2	0x2f8u
#define UART_COM3	0x3e8u
#define UART_COM4	0x2e8u
#define UART_PORT_COUNT 8u
#define UART_COM1_IRQ	4u
#define UART_COM2_IRQ	3u
#define UART_CLOCK_HZ	1843200u /* baud = clock / 16 / divisor */
#define UART_FIFO_BYTES 16u

enum uart_ier {
	UART_IER_RECEIVED = 1 << 0,
	UART_IER_THR_EMPTY = 1 << 1,
	UART_IER_LINE_STATUS = 1 << 2,
	UART_IER_MODEM_STATUS = 1 << 3,
	UART_IER_MASK = 0xf,
};

enum uart_iir {
	UART_IIR_NONE = 0x01, /* the UART has no interrupt pending */
	UART_IIR_MODEM_STATUS = 0x00,
	UART_IIR_THR_EMPTY = 0x02,
	UART_IIR_RECEIVED = 0x04,
	UART_IIR_LINE_STATUS = 0x06,
	UART_IIR_TIMEOUT = 0x0c,
	UART_IIR_FIFO = 0xc0, /* the FIFOs are on */
};

enum uart_msr {
	UART_MSR_DCTS = 1 << 0,
	UART_MSR_TERI = 1 << 2,
	UART_MSR_DDCD = 1 << 3,
	UART_MSR_CTS = 1 << 4,
	UART_MSR_DSR = 1 << 5,
	UART_MSR_RI = 1 << 6,
	UART_MSR_DCD = 1 << 7,
};

#define UART_FCR UART_IIR /* the FIFO control register, at the offset of UART_IIR when written */

/*
 * Bits of the FIFO control. Ring 0 leaves the FIFOs as they are: turning them on would discard
 * bytes received before.
 */
enum uart_fcr {
	UART_FCR_ENABLE = 1 << 0,
	UART_FCR_CLEAR_TRANSMIT = 1 << 2,
};

/* Bits that ring 0 does not use, also of registers that it uses. */
enum {
	UART_FCR_CLEAR_RECEIVE = 1 << 1,
	UART_FCR_TRIGGER_4 = 0x40,
	UART_FCR_TRIGGER_8 = 0x80,
	UART_FCR_TRIGGER_14 = 0xc0,

	UART_LCR_STOP = 1 << 2,
	UART_LCR_PARITY = 1 << 3,

	UART_MCR_OUT1 = 1 << 2,
	UART_MCR_LOOP = 1 << 4,
	UART_MCR_MASK = 0x1f,

	UART_LSR_DATA_READY = 1 << 0,
	UART_LSR_OVERRUN = 1 << 1,
	UART_LSR_PARITY = 1 << 2,
	UART_LSR_FRAMING = 1 << 3,
	UART_LSR_BREAK = 1 << 4,
	/* the UART has sent all: its holding and shift register are empty */
	UART_LSR_IDLE = 1 << 6,
};
