/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/bits.h"
#include "lib/types.h"

/* 8250/16550A UART: National Semiconductor PC16550D data sheet. */
#define UART_COM1	    0x3f8u
#define UART_DIVISOR_115200 1u

enum uart_reg {		      /* offset from the base port */
		UART_RBR = 0, /* received byte, when read */
		UART_THR = 0, /* byte to send, when written */
		UART_DLL = 0, /* the divisor's low byte, while LCR.DLAB is set */
		UART_IER = 1,
		UART_DLM = 1, /* the divisor's high byte, while LCR.DLAB is set */
		UART_IIR = 2, /* interrupt identification, when read */
		UART_LCR = 3,
		UART_MCR = 4,
		UART_LSR = 5,
		UART_MSR = 6,
		UART_SCR = 7,
};

enum uart_lcr {
	UART_LCR_8N1 = 0x03,
	UART_LCR_DLAB = 1 << 7,
};

enum uart_mcr {
	UART_MCR_DTR = 1 << 0,
	UART_MCR_RTS = 1 << 1,
	UART_MCR_OUT2 = 1 << 3, /* connects the interrupt line on a PC */
};

enum uart_lsr {
	UART_LSR_THR_EMPTY = 1 << 5,
};
