/* SPDX-License-Identifier: MIT */
/*
 * The command `pci`: shows the host's PCI functions with their drivers and the reach of their DMA.
 * Run by command.c; reads the list of functions and the IOMMUs.
 */
#include "vmm/manager/pci/pci.h"
#include "vmm/manager/command/command.h"
#include "vmm/manager/iommu/iommu.h"
#include "vmm/rt/format.h"

static const char *command_pci_driver_of(const struct pci_function *function)
{
	if (function->driver[0] != '\0')
		return function->driver;
	return pci_is_bridge(function) ? "as the firmware left it" : "none";
}

static bool command_pci_may_have_dma(const struct pci_function *function)
{
	return pci_answers(function) && pci_has_dma(function);
}

/* Returns a sentence about the function's problem, or NULL. */
static const char *command_pci_problem_of(const struct pci_function *function)
{
	return pci_answers(function) ? function->problem : "it does not answer any more";
}

static const char *const bar_names[] = {
	[PCI_BAR_PORTS] = "ports", [PCI_BAR_32BIT] = "memory", [PCI_BAR_64BIT] = "memory"};

/* Writes a size with its unit: 4096 as 4K. */
static void command_pci_size_text(u64 size, char *text, size_t room)
{
	static const char units[] = {'\0', 'K', 'M', 'G', 'T'};
	u32 unit = 0;

	for (; size >= 1024 && unit + 1 < sizeof(units); unit++)
		size /= 1024;
	format(text, room, unit == 0 ? "%llu" : "%llu%c", (unsigned long long)size, units[unit]);
}

static void command_pci_bar_line(struct reply *reply, u32 number, const struct pci_bar *bar)
{
	char size[16];

	command_pci_size_text(bar->size, size, sizeof(size));
	reply_line(reply, "        BAR %u: %s at %#llx, %s%s%s", number, bar_names[bar->kind],
		   (unsigned long long)bar->address, size,
		   bar->kind == PCI_BAR_64BIT ? ", 64-bit" : "",
		   bar->prefetchable ? ", prefetchable" : "");
}

static void command_pci_capability_words(const struct pci_function *function, u32 number,
					 char *text, size_t room)
{
	const struct pci_capability *capability = &function->capability[number];
	const char *name = pci_capability_name(capability);

	if (name == NULL)
		format(text, room, "%#x", capability->id);
	else if (capability->id == PCI_CAP_MSIX && capability->offset < PCI_EXTENDED)
		format(text, room, "%s (%u)", name, pci_msix_entries(function));
	else
		format(text, room, "%s", name);
}

static void command_pci_capabilities_line(struct reply *reply, const struct pci_function *function)
{
	char text[512] = "";
	char words[40];
	size_t length = 0;

	for (u32 i = 0; i < function->capability_count && length < sizeof(text); i++) {
		command_pci_capability_words(function, i, words, sizeof(words));
		length += format(text + length, sizeof(text) - length, "%s%s", i > 0 ? ", " : "",
				 words);
	}
	if (function->capability_count > 0)
		reply_line(reply, "        capabilities: %s", text);
}

static const char *command_pci_reach_of(const struct pci_function *function)
{
	static const char *const words[] = {
		[IOMMU_NOTHING] = "nothing",
		[IOMMU_RESERVED] = "what the firmware has reserved for it",
		[IOMMU_WINDOWS] = "its driver's memory",
	};

	if (function->iommu == 0)
		return command_pci_may_have_dma(function) ? "all memory" : words[IOMMU_NOTHING];
	return words[function->reaches];
}

static void command_pci_show_text(struct reply *reply, const struct pci_function *function)
{
	const char *problem = command_pci_problem_of(function);
	char address[PCI_ADDRESS_BYTES];

	pci_address_text(function->address, address);
	reply_line(reply, "%s %s [%02x%02x]: %04x:%04x, revision %02x", address,
		   pci_class_name(function), function->class, function->subclass, function->vendor,
		   function->device, function->revision);
	if (function->header == PCI_HEADER_BRIDGE)
		reply_line(reply, "        buses %02x to %02x", function->secondary_bus,
			   function->subordinate_bus);
	if (function->subsystem_vendor != 0)
		reply_line(reply, "        subsystem %04x:%04x", function->subsystem_vendor,
			   function->subsystem);
	for (u32 i = 0; i < PCI_BARS; i++) {
		if (function->bar[i].kind != PCI_BAR_NONE)
			command_pci_bar_line(reply, i, &function->bar[i]);
	}
	command_pci_capabilities_line(reply, function);
	if (problem != NULL)
		reply_line(reply, "        problem: %s", problem);
	reply_line(reply, "        driver: %s, DMA %s", command_pci_driver_of(function),
		   command_pci_may_have_dma(function) ? "on" : "off");
	if (function->iommu != 0 && !pci_is_bridge(function))
		reply_line(reply, "        reaches: %s, by IOMMU %u%s",
			   command_pci_reach_of(function), function->iommu - 1u,
			   function->cut_off ? "; cut off" : "");
	if (function->faults > 0)
		reply_line(reply, "        refused: %s%u accesses",
			   function->lost ? "at least " : "", function->faults);
}

static void command_pci_bars_json(struct json *json, const struct pci_function *function)
{
	json_array_begin(json, "bars");
	for (u32 i = 0; i < PCI_BARS; i++) {
		const struct pci_bar *bar = &function->bar[i];

		if (bar->kind == PCI_BAR_NONE)
			continue;
		json_object_begin(json, NULL);
		json_u64(json, "bar", i);
		json_string(json, "kind", bar_names[bar->kind]);
		json_u64(json, "address", bar->address);
		json_u64(json, "bytes", bar->size);
		json_bool(json, "wide", bar->kind == PCI_BAR_64BIT);
		json_bool(json, "prefetchable", bar->prefetchable);
		json_object_end(json);
	}
	json_array_end(json);
}

static void command_pci_capabilities_json(struct json *json, const struct pci_function *function)
{
	char words[40];

	json_array_begin(json, "capabilities");
	for (u32 i = 0; i < function->capability_count; i++) {
		command_pci_capability_words(function, i, words, sizeof(words));
		json_string(json, NULL, words);
	}
	json_array_end(json);
}

static void command_pci_show_json(struct reply *reply, const struct pci_function *function)
{
	const char *problem = command_pci_problem_of(function);
	struct json *json = &reply->object;
	char text[PCI_ADDRESS_BYTES];

	reply_object_begin(reply);
	pci_address_text(function->address, text);
	json_string(json, "address", text);
	json_string(json, "class_name", pci_class_name(function));
	format(text, sizeof(text), "%02x%02x%02x", function->class, function->subclass,
	       function->interface);
	json_string(json, "class", text);
	json_u64(json, "vendor", function->vendor);
	json_u64(json, "device", function->device);
	json_u64(json, "subsystem_vendor", function->subsystem_vendor);
	json_u64(json, "subsystem", function->subsystem);
	json_u64(json, "revision", function->revision);
	json_u64(json, "first_bus", function->secondary_bus);
	json_u64(json, "last_bus", function->subordinate_bus);
	command_pci_bars_json(json, function);
	command_pci_capabilities_json(json, function);
	json_u64(json, "msix_entries", pci_msix_entries(function));
	json_bool(json, "resets", pci_can_reset(function));
	json_string(json, "driver", function->driver);
	json_bool(json, "dma", command_pci_may_have_dma(function));
	json_string(json, "reaches", command_pci_reach_of(function));
	json_bool(json, "remapped", iommu_interrupts(function) != IOMMU_NOBODY);
	json_u64(json, "refused", function->faults);
	json_bool(json, "refused_more", function->lost);
	json_bool(json, "cut_off", function->cut_off);
	json_string(json, "problem", problem != NULL ? problem : "");
	reply_object_end(reply);
}

static void command_pci_show(struct reply *reply, const struct pci_function *function)
{
	if (reply->json)
		command_pci_show_json(reply, function);
	else
		command_pci_show_text(reply, function);
}

static const char *command_pci_use_of(u32 iommu)
{
	if (!iommu_is_used(iommu))
		return "not used";
	return iommu_remaps(iommu) ? "remaps interrupts" : "does not remap interrupts";
}

static void command_pci_show_trust(struct reply *reply)
{
	for (u32 i = 0; i < iommu_count(); i++)
		reply_line(reply, "IOMMU %u: %s, registers at %#llx, %s", i, iommu_kind_name(i),
			   (unsigned long long)iommu_registers(i), command_pci_use_of(i));
	if (!iommu_any_used())
		reply_line(reply, "No IOMMU is in use: a driver, and the device it drives, can "
				  "reach all memory by DMA.");
}

/* Shows one PCI function; after the last, the text form says which drivers are trusted with DMA. */
static bool command_pci_show_next(struct reply *reply, u64 place)
{
	if (place < pci_count()) {
		command_pci_show(reply, pci_get((u32)place));
		return true;
	}
	if (!reply->json)
		command_pci_show_trust(reply);
	return false;
}

static bool command_pci_resume(struct reply *reply)
{
	return reply_list(reply, command_pci_show_next);
}

static void command_pci_show_one(struct reply *reply, const char *word)
{
	const struct pci_function *function = NULL;
	struct pci_address address;
	char shown[40];

	if (!pci_address_parse(word, &address))
		reply_bad(reply, "\"%s\" is not valid; use a PCI address such as 00:1f.2",
			  text_show(shown, sizeof(shown), text_of(word)));
	else if ((function = pci_find(address)) == NULL)
		reply_bad(reply, "there is nothing at %s; use an address that `pci` lists", word);
	else
		command_pci_show(reply, function);
}

static void command_pci(struct reply *reply, const struct arguments *arguments)
{
	if (arguments->count > 0)
		command_pci_show_one(reply, arguments->word[0]);
	else if (!command_pci_resume(reply))
		reply->resume = command_pci_resume;
}

COMMAND(pci, .name = "pci",
	.right = MAY_VIEW,
	.arguments = "[ADDRESS]",
	.summary = "the host's PCI functions: class, BARs, capabilities, driver",
	.detail = "A function that no driver has can use no DMA. Behind an IOMMU the device of a\n"
		  "driver reaches that driver's memory, and where the IOMMU remaps interrupts it\n"
		  "raises that driver's alone; without one it reaches all memory.",
	.example = "pci 00:1f.2",
	.keys = "address class_name class vendor device subsystem_vendor subsystem revision "
		"first_bus last_bus bars capabilities msix_entries resets driver dma reaches "
		"remapped refused refused_more cut_off problem",
	.run = command_pci, .maximum = 1);
