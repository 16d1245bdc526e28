/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/hw/uart.h"
#include "vmm/monitor/bus/device.h"

struct serial_state {
	u64 timeout_ns; /* guest time of the FIFO's character timeout, or DEADLINE_NONE */
	u16 divisor;
	u8 ier;
	u8 fcr; /* FIFO enable and trigger level */
	u8 lcr;
	u8 mcr;
	u8 lsr; /* error bits only */
	u8 msr;
	u8 scr;
	u8 thr_pending; /* not 0: THR has become empty, and the interrupt for that is pending */
	u8 timed_out;
	u8 rx_first;
	u8 rx_count;
	u8 rx[UART_FIFO_BYTES];
	u8 reserved[3];
};

/*
 * A 16550A. Sending takes no time. The interrupt line is the chip's own: a PC's card gates it with
 * MCR.OUT2, QEMU has no such gate, and programs written there never set the bit.
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
/* Returns how many bytes serial_input would take now. */
u32 serial_input_space(const struct serial *serial);
/*
 * Receives a byte. Returns false, without effect, if there is no room: offer the byte again later.
 */
bool serial_input(struct serial *serial, u8 byte);
