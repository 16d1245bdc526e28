/* SPDX-License-Identifier: MIT */
#include "arch/x86_64/cpu/uart.h"

#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/hw/uart.h"

/* Some 100 ms of port reads; a byte takes 87 us at 115200 baud. */
#define UART_POLLS 100000u
#define UART_COUNT 4u

static const u16 port_of[UART_COUNT] = {UART_COM1, UART_COM2, UART_COM3, UART_COM4};
static bool dead[UART_COUNT];

/* A missing UART floats: LSR reads as all ones. */
static bool sender_wait(unsigned int index)
{
	for (unsigned int i = 0; i < UART_POLLS; i++) {
		u8 lsr = in8(port_of[index] + UART_LSR);

		if (lsr == 0xff)
			break;
		if (lsr & UART_LSR_THR_EMPTY)
			return true;
	}
	dead[index] = true;
	return false;
}

void uart_init(unsigned int com)
{
	unsigned int index = (com - 1) % UART_COUNT;
	u16 port = port_of[index];

	dead[index] = false;
	out8(port + UART_IER, 0);
	out8(port + UART_LCR, UART_LCR_DLAB);
	out8(port + UART_DLL, UART_DIVISOR_115200);
	out8(port + UART_DLM, 0);
	out8(port + UART_LCR, UART_LCR_8N1);
	out8(port + UART_FCR, UART_FCR_ENABLE | UART_FCR_CLEAR_TRANSMIT);
	out8(port + UART_MCR, UART_MCR_DTR | UART_MCR_RTS | UART_MCR_OUT2);
}

static void put(unsigned int com, char c)
{
	unsigned int index = (com - 1) % UART_COUNT;

	if (!dead[index] && sender_wait(index))
		out8(port_of[index] + UART_THR, (u8)c);
}

void uart_puts(unsigned int com, const char *text)
{
	for (; *text; text++) {
		if (*text == '\n')
			put(com, '\r');
		put(com, *text);
	}
}
