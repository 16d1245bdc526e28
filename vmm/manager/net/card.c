/* SPDX-License-Identifier: MIT */
/*
 * Finds the host's network cards by name, and gives their drivers registers and interrupts. Called
 * by net_uplink.c and, through the driver kinds, by vmm/manager/driver. Tells the switch when a
 * card's link changes.
 */
#include "vmm/manager/net/card.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/manager/driver/device_irq.h"
#include "vmm/manager/driver/device_virtio.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/net/net.h"
#include "vmm/manager/text/parse_address.h"
#include "vmm/manager/text/text.h"
#include "vmm/rt/format.h"

/* pages of a driver's memory for DMA: descriptors, and a buffer for each descriptor */
#define CARD_DMA_PAGES 512u
static void card_say_link(struct driver *driver)
{
	bool up = driver->channel->card.link_up != 0;

	if (up == driver->link_up)
		return;
	driver->link_up = up;
	net_card_changed(driver);
	if (!driver_may_say(driver))
		return;
	log_message(LOG_INFO, LOG_DEVICE, "", "driver %s: the link is %s", driver->name,
		    up ? "up" : "down");
}

static void card_ready(struct driver *driver)
{
	char model[4 * sizeof(driver->channel->model)];
	char mac[MAC_TEXT_BYTES];

	driver_model(driver, model, sizeof(model));
	address_format_mac(driver->channel->card.mac, mac);
	driver->link_up = driver->channel->card.link_up != 0;
	net_card_changed(driver);
	log_message(LOG_INFO, LOG_DEVICE, "", "driver %s: ready, %s, %s, the link is %s",
		    driver->name, mac, model, driver->link_up ? "up" : "down");
}

/* Notes that the card's driver has ended: whatever the cable does, no frame goes over it. */
static void card_ended(struct driver *driver)
{
	driver->link_up = false;
	net_card_changed(driver);
}

static const struct driver_class card_class = {
	.ready = card_ready, .signalled = card_say_link, .ended = card_ended};

/*
 * Gives the driver's process what it needs. The registers are BAR 0; DMA is enabled last, when all
 * the rest is there.
 */
static void card_equip_e1000(struct process_build *build, u32 device)
{
	struct pci_function *function = device_function(device);

	device_claim(build, function, "e1000");
	device_registers(build, function, 0);
	net_give_uplink(build, device);
	if (process_build_failed(build))
		return;
	build->info->parameter[DRIVER_PCI_DEVICE] = function->device;
	device_irq_any(build, function, device);
	pci_enable(function);
}

static void card_equip_virtio(struct process_build *build, u32 device)
{
	struct pci_function *function = device_function(device);

	device_claim(build, function, "virtio_net");
	device_virtio_give(build, function);
	net_give_uplink(build, device);
	if (process_build_failed(build))
		return;
	device_irq_any(build, function, device);
	pci_enable(function);
}

static const struct driver_kind e1000_kind = {
	.image = "e1000",
	.class = &card_class,
	.dma = true,
	.dma_pages = CARD_DMA_PAGES,
	.equip = card_equip_e1000,
	.quiet = device_quiet,
	.quiet_deadline = device_quiet_deadline,
};

static const struct driver_kind virtio_kind = {
	.image = "virtio_net",
	.class = &card_class,
	.dma = true,
	.dma_pages = CARD_DMA_PAGES,
	.equip = card_equip_virtio,
	.quiet = device_quiet,
	.quiet_deadline = device_quiet_deadline,
};

static const struct {
	u16 vendor;
	u16 device;
	const struct driver_kind *kind;
} cards[] = {
	{0x8086, 0x100e, &e1000_kind},	/* 82540EM: e1000 of QEMU and Bochs */
	{0x8086, 0x10d3, &e1000_kind},	/* 82574L: e1000e of QEMU */
	{0x1af4, 0x1000, &virtio_kind}, /* virtio-net, transitional */
	{0x1af4, 0x1041, &virtio_kind},
};

/* Returns the card's driver kind, or NULL if Skerry has none for the function. */
static const struct driver_kind *card_kind_of(const struct pci_function *function)
{
	for (u32 i = 0; i < ARRAY_COUNT(cards); i++) {
		if (function->vendor == cards[i].vendor && function->device == cards[i].device)
			return cards[i].kind;
	}
	return NULL;
}

/* Writes the name of the card that is PCI function `number`: its number among the cards. */
static void card_name_of(u32 number, char name[DRIVER_NAME_BYTES])
{
	u32 place = 0;

	for (u32 i = 0; i < number; i++)
		place += card_kind_of(pci_get(i)) != NULL;
	format(name, DRIVER_NAME_BYTES, "net%u", place);
}

static bool card_is_named(u32 number, const char *word)
{
	char name[DRIVER_NAME_BYTES];
	struct pci_address address;

	if (pci_address_parse(word, &address))
		return pci_address_equal(address, pci_get(number)->address);
	card_name_of(number, name);
	return string_equal(name, word);
}

static bool card_find_word(const char *word, u32 *number)
{
	for (*number = 0; *number < pci_count(); ++*number) {
		if (card_kind_of(pci_get(*number)) != NULL && card_is_named(*number, word))
			return true;
	}
	return false;
}

static bool card_find_number(const char *wanted, u32 *number)
{
	struct text rest = text_of(wanted);
	char word[CONFIG_WORD_BYTES];
	struct text next;

	while (text_next_word(&rest, &next)) {
		if (text_copy(word, sizeof(word), next) && card_find_word(word, number))
			return true;
	}
	return false;
}

const struct driver_kind *card_find(const char *wanted, u32 *device, char name[DRIVER_NAME_BYTES],
				    char *problem, size_t size)
{
	u32 number;

	if (!card_find_number(wanted, &number)) {
		format(problem, size,
		       "uplink: \"%s\" is no network card of this host that Skerry "
		       "can drive; `pci` lists what there is",
		       wanted);
		return NULL;
	}
	card_name_of(number, name);
	*device = device_number(number, 0);
	if (pci_get(number)->problem != NULL) {
		format(problem, size, "uplink: %s: %s", name, pci_get(number)->problem);
		return NULL;
	}
	return card_kind_of(pci_get(number));
}
