/* SPDX-License-Identifier: MIT */
/*
 * Writes, reads and compares PCI addresses. Called by all that take addresses from operators or
 * show them. Holds no state.
 */
#include "vmm/manager/pci/pci_access.h"
#include "vmm/manager/text/text.h"
#include "vmm/rt/format.h"

void pci_address_text(struct pci_address address, char text[PCI_ADDRESS_BYTES])
{
	size_t length = 0;

	if (address.segment != 0)
		length = format(text, PCI_ADDRESS_BYTES, "%04x:", address.segment);
	format(text + length, PCI_ADDRESS_BYTES - length, "%02x:%02x.%x", address.bus,
	       address.function >> 3, address.function & 7);
}

/*
 * Takes hexadecimal digits, at least one and at most `digits`, and the character `end` after them.
 */
static bool pci_address_take(const char **text, u32 digits, char end, u32 *value)
{
	u32 count = 0;

	*value = 0;
	while (count < digits && char_hex_value(**text) < 16) {
		*value = *value << 4 | char_hex_value(*(*text)++);
		count++;
	}
	if (count == 0 || **text != end)
		return false;
	*text += end != '\0';
	return true;
}

bool pci_address_parse(const char *text, struct pci_address *address)
{
	const char *colon = strchr(text, ':');
	u32 segment = 0;
	u32 bus, device, function;

	if (colon != NULL && strchr(colon + 1, ':') != NULL &&
	    !pci_address_take(&text, 4, ':', &segment))
		return false;
	if (!pci_address_take(&text, 2, ':', &bus) || !pci_address_take(&text, 2, '.', &device) ||
	    !pci_address_take(&text, 1, '\0', &function) || device > 31 || function > 7)
		return false;
	*address = (struct pci_address){(u16)segment, (u8)bus, (u8)(device << 3 | function)};
	return true;
}

bool pci_address_equal(struct pci_address a, struct pci_address b)
{
	return a.segment == b.segment && a.bus == b.bus && a.function == b.function;
}
