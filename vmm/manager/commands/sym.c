/* SPDX-License-Identifier: MIT */
/*
 * The command `sym`: finds a kernel symbol's address, or the symbol at an address. Run by
 * command.c; reads the image's symbols.
 */
#include "vmm/manager/command/command.h"
#include "vmm/manager/inspect/symbols.h"
#include "vmm/manager/text/parse_number.h"
#include "vmm/rt/format.h"
#include "vmm/rt/start.h"

static void command_sym_show(struct reply *reply, const char *name, u64 distance, u64 address)
{
	u32 line = 0;
	const char *file =
		symbols_line(symbols_of(SYMBOLS_KERNEL), address - start_info->kernel_base, &line);
	char place[80] = "";
	char behind[24] = "";

	if (!reply->json) {
		if (distance != 0)
			format(behind, sizeof(behind), "+0x%llx", (unsigned long long)distance);
		if (file != NULL)
			format(place, sizeof(place), "  %s:%u", file, line);
		reply_line(reply, "0x%016llx %s%s%s", (unsigned long long)address, name, behind,
			   place);
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "name", name);
	json_u64(&reply->object, "address", address);
	json_u64(&reply->object, "distance", distance);
	if (file != NULL) {
		json_string(&reply->object, "file", file);
		json_u64(&reply->object, "line", line);
	}
	reply_object_end(reply);
}

/*
 * Runs the command. No name in C or assembly looks like a number, so a word that parses is an
 * address.
 */
static void command_sym(struct reply *reply, const struct arguments *arguments)
{
	const struct symbol_table *symbols = symbols_of(SYMBOLS_KERNEL);
	const char *word = arguments->word[0];
	const char *name;
	char shown[48];
	u64 first = start_info->kernel_base;
	u64 end;
	u64 address;
	u64 offset;
	u64 distance;

	if (symbols == NULL || symbols->count == 0) {
		reply_error(reply, "this image carries no symbols, one from `make` does");
		return;
	}
	end = first + symbols->symbol[symbols->count - 1].offset;
	text_show(shown, sizeof(shown), text_of(word));
	if (!parse_u64(text_of(word), &address)) {
		if (symbols_find(symbols, word, &offset))
			command_sym_show(reply, word, 0, first + offset);
		else
			reply_bad(reply,
				  "\"%s\" is not valid; use a kernel symbol or an address such as "
				  "0x%llx",
				  shown, (unsigned long long)first);
		return;
	}
	name = address >= first && address < end ? symbols_name(symbols, address - first, &distance)
						 : NULL;
	if (name != NULL)
		command_sym_show(reply, name, distance, address);
	else
		reply_bad(reply, "%s lies outside the kernel; use an address from 0x%llx to 0x%llx",
			  shown, (unsigned long long)first, (unsigned long long)end - 1);
}

COMMAND(sym,
	.name = "sym",
	.right = MAY_INSPECT,
	.arguments = "NAME|ADDRESS",
	.summary = "kernel symbol to address and back, in the running image",
	.example = "sym kernel_main",
	.detail = "With file and line in an image built with DEBUG=1.",
	.keys = "name address distance; file line in a DEBUG build",
	.run = command_sym,
	.minimum = 1,
	.maximum = 1,
	.completion = COMPLETE_SYMBOL);
