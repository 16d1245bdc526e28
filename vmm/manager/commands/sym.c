/* SPDX-License-Identifier: MIT */
#include "lib/symbols.h"
#include "lib/bits.h"
#include "lib/parse_number.h"
#include "vmm/manager/commands/commands.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

/* The kernel's table, mapped when it is first asked for; NULL: there is none. */
static const struct symbol_table *table(void)
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

static void show(struct reply *reply, const char *name, u64 distance, u64 address)
{
	if (!reply->json) {
		if (distance != 0)
			reply_line(reply, "0x%016llx %s+0x%llx", (unsigned long long)address, name,
				   (unsigned long long)distance);
		else
			reply_line(reply, "0x%016llx %s", (unsigned long long)address, name);
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "name", name);
	json_u64(&reply->object, "address", address);
	json_u64(&reply->object, "distance", distance);
	reply_object_end(reply);
}

/* Names may look like decimal numbers in no language of ours: what parses is an address. */
void command_sym(struct reply *reply, const struct arguments *arguments)
{
	const struct symbol_table *symbols = table();
	const char *word = arguments->word[0];
	const char *name;
	char shown[48];
	u64 address;
	u64 offset;
	u64 distance;

	if (symbols == NULL) {
		reply_error(reply, "this image carries no symbols");
		return;
	}
	text_show(shown, sizeof(shown), text_of(word));
	if (!parse_u64(text_of(word), &address)) {
		if (symbols_find(symbols, word, &offset))
			show(reply, word, 0, start_info->kernel_base + offset);
		else
			reply_error(reply,
				    "found \"%s\", allowed: a kernel symbol or an address such as "
				    "0x%llx",
				    shown, (unsigned long long)start_info->kernel_base);
		return;
	}
	name = address >= start_info->kernel_base
		       ? symbols_name(symbols, address - start_info->kernel_base, &distance)
		       : NULL;
	if (name != NULL)
		show(reply, name, distance, address);
	else
		reply_error(reply, "found %s, allowed: an address from 0x%llx on", shown,
			    (unsigned long long)start_info->kernel_base);
}

COMMAND(sym,
	.name = "sym",
	.arguments = "NAME|ADDRESS",
	.summary = "kernel symbol to address and back, in the running image",
	.example = "sym kernel_main",
	.keys = "name address distance",
	.run = command_sym,
	.minimum = 1,
	.maximum = 1);
