/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/hw/uart.h"
#include "vmm/monitor/bus/device.h"

struct serial_state {
	u64 timeout_ns; /* guest time of the FIFO's character timeout, or DEADLINE_NONE */
	u16 divisor;
	u8 ier;
	u8 fcr; /* the FIFO control register: enable bit and trigger level */
	u8 lcr;
	u8 mcr;
	u8 lsr; /* the line status register's error bits only */
	u8 msr;
	u8 scr;
	/*
	 * not 0: the transmit register (THR) has become empty, and the interrupt for that is
	 * pending
	 */
	u8 thr_pending;
	u8 timed_out;
	u8 rx_first;
	u8 rx_count;
	u8 rx[UART_FIFO_BYTES];
	u8 reserved[3];
};

/*
 * A 16550A. Sending takes no time. The interrupt line is the chip's own: a PC's card gates it with
 * MCR.OUT2, QEMU has no such gate, and programs written for QEMU never set OUT2.
 */
struct serial {
	struct device device;
	struct serial_state state;
	u32 irq;
	void (*put)(void *context, u8 byte);
	void *context;
};

enum status serial_attach(struct platform *platform,
			  const struct platform_config *config) MUST_CHECK;
/* Returns how many bytes of input the port has room for now. */
u32 serial_input_space(const struct serial *serial);
/*
 * Gives the guest a byte of input. Returns false, without effect, if there is no room: offer the
 * byte again later.
 */
bool serial_input(struct serial *serial, u8 byte);
