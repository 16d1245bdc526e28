/* SPDX-License-Identifier: MIT */
#include "vmm/manager/kernel_symbols.h"
#include "lib/bits.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

const struct symbol_table *kernel_symbols(void)
{
	static const struct symbol_table *mapped;
	const struct start_entry *entry = start_find(START_SYMBOLS);
	u64 address;

	if (mapped != NULL || entry == NULL ||
	    sys_space_map(start_handle(START_SPACE), 0, entry->handle, 0,
			  align_up(entry->offset + entry->value, PAGE_SIZE), RIGHT_READ,
			  &address) != STATUS_OK)
		return mapped;
	address += entry->offset;
	if (symbols_valid((const struct symbol_table *)address, entry->value))
		mapped = (const struct symbol_table *)address;
	return mapped;
}
