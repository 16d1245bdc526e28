/* SPDX-License-Identifier: MIT */
/*
 * The serial port and the command line of the image of time thieves. Called by the boss and its
 * patterns.
 */
#include "lib/string.h"
#include "tests/thief/boss.h"
#include "vmm/hw/uart.h"
#include "vmm/manager/host/port_io.h"
#include "vmm/rt/format.h"

void console_init(void)
{
	(void)!sys_ports_grant(start_handle(START_ROOT), own_self, UART_COM1, 8);
	port_out8(UART_COM1 + UART_LCR, UART_LCR_8N1);
}

static void put(char c)
{
	while ((port_in8(UART_COM1 + UART_LSR) & UART_LSR_THR_EMPTY) == 0)
		;
	port_out8(UART_COM1 + UART_THR, (u8)c);
}

void say(const char *text, ...)
{
	char line[400];
	va_list arguments;

	va_start(arguments, text);
	format_va(line, sizeof(line), text, arguments);
	va_end(arguments);
	for (const char *c = line; *c != '\0'; c++) {
		if (*c == '\n')
			put('\r');
		put(*c);
	}
}

/* Returns what follows "name=" on the command line; NULL: the name is not there. */
static const char *option_find(const char *name)
{
	size_t length = strlen(name);
	const char *line = start_info->command_line;

	for (const char *at = line; *at != '\0'; at++) {
		if ((at == line || at[-1] == ' ') && strncmp(at, name, length) == 0 &&
		    at[length] == '=')
			return at + length + 1;
	}
	return NULL;
}

u64 option_number(const char *name, u64 otherwise)
{
	const char *at = option_find(name);
	u64 value = 0;

	if (at == NULL)
		return otherwise;
	for (; *at >= '0' && *at <= '9'; at++)
		value = value * 10 + (u64)(*at - '0');
	return value;
}

bool option_names(const char *name, const char *word)
{
	const char *at = option_find(name);
	size_t length = strlen(word);

	if (at == NULL)
		return true;
	for (;;) {
		size_t end = 0;

		while (at[end] != '\0' && at[end] != ' ' && at[end] != ',')
			end++;
		if (end == length && strncmp(at, word, length) == 0)
			return true;
		if (at[end] != ',')
			return false;
		at += end + 1;
	}
}
