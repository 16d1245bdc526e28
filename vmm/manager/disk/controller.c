/* SPDX-License-Identifier: MIT */
/*
 * Finds the disk controllers among the host's PCI functions and gives their disks names such as
 * `nvme0`. Called by disk_start.c, disk_class.c, the AHCI and virtio controllers and `disk
 * partitions`. Reads the list of PCI functions and the configuration; holds no state.
 */
#include "vmm/manager/disk/controller.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/hw/ahci.h"
#include "vmm/hw/ide.h"
#include "vmm/manager/text/text.h"
#include "vmm/rt/format.h"

/* the most targets of a SCSI controller that have a name: sets of units have 32 bits */
#define SCSI_TARGETS 32u

struct kind {
	const struct driver_kind *driver;
	const char *name;
	u8 subclass;
	u8 interface; /* the class code's interface byte, as far as its bits are in `mask` */
	u8 mask;
	u32 units;  /* the most disks of a controller; 1: the disk's name has no ".0" */
	u16 vendor; /* 0: any vendor */
	u16 device;
	u16 other_device;
};

/*
 * A virtio disk claims to be a SCSI controller (subclass 0), as other functions do: its vendor and
 * device numbers tell them apart.
 */
static const struct kind kinds[] = {
	{&controller_nvme, "nvme", PCI_STORAGE_NVME, 0x02, 0xff, 1, 0, 0, 0},
	{&controller_ide, "ide", PCI_STORAGE_IDE, 0, 0, IDE_DISKS, 0, 0, 0},
	{&controller_ahci, "ahci", PCI_STORAGE_SATA, 0x01, 0xff, AHCI_PORTS, 0, 0, 0},
	{&controller_virtio, "virtio", 0, 0, 0, 1, 0x1af4, 0x1042, 0x1001},
	{&controller_virtio_scsi, "scsi", 0, 0, 0, SCSI_TARGETS, 0x1af4, 0x1048, 0x1004},
};

static bool controller_has_numbers(const struct kind *kind, const struct pci_function *function)
{
	return kind->vendor == 0 ||
	       (function->vendor == kind->vendor &&
		(function->device == kind->device || function->device == kind->other_device));
}

/* Returns the kind of a controller, or NULL if Skerry has no driver for the function. */
static const struct kind *controller_kind_of(const struct pci_function *function)
{
	for (u32 i = 0; i < ARRAY_COUNT(kinds); i++) {
		if (function->class == PCI_CLASS_STORAGE &&
		    function->subclass == kinds[i].subclass &&
		    (function->interface & kinds[i].mask) == kinds[i].interface &&
		    controller_has_numbers(&kinds[i], function) && !pci_is_bridge(function))
			return &kinds[i];
	}
	return NULL;
}

/* Returns the number of a controller among those of its kind. */
static u32 controller_number_of(const struct kind *kind, const struct pci_function *wanted)
{
	u32 number = 0;

	for (u32 i = 0; pci_get(i) != wanted; i++)
		number += controller_kind_of(pci_get(i)) == kind;
	return number;
}

/* Returns whether one driver serves all disks of a controller. */
static bool controller_has_one_driver(const struct kind *kind)
{
	return kind->driver->units > 1;
}

static void controller_make_name(const struct kind *kind, const struct pci_function *function,
				 u32 unit, char name[DRIVER_NAME_BYTES])
{
	u32 number = controller_number_of(kind, function);

	if (kind->units == 1)
		format(name, DRIVER_NAME_BYTES, "%s%u", kind->name, number);
	else
		format(name, DRIVER_NAME_BYTES, "%s%u.%u", kind->name, number, unit);
}

/*
 * Finds the disk (`*unit`) of the function that `wanted` names. Returns false if it names none of
 * them.
 */
static bool controller_names(const char *wanted, const struct pci_function *function, u32 *unit)
{
	const struct kind *kind = controller_kind_of(function);
	char name[DRIVER_NAME_BYTES];
	struct pci_address address;

	if (kind == NULL)
		return false;
	*unit = 0;
	if (pci_address_parse(wanted, &address))
		return pci_address_equal(address, function->address);
	for (; *unit < kind->units; ++*unit) {
		controller_make_name(kind, function, *unit, name);
		if (string_equal(name, wanted))
			return true;
	}
	return false;
}

static bool controller_find_word(const char *wanted, u32 *device)
{
	u32 unit;

	for (u32 i = 0; i < pci_count(); i++) {
		if (controller_names(wanted, pci_get(i), &unit)) {
			*device = device_number(i, unit);
			return true;
		}
	}
	return false;
}

static bool controller_find_device(const char *wanted, u32 *device)
{
	struct text rest = text_of(wanted);
	struct text word;
	char name[CONFIG_WORD_BYTES];

	while (text_next_word(&rest, &word)) {
		if (text_copy(name, sizeof(name), word) && controller_find_word(name, device))
			return true;
	}
	return false;
}

/* Returns a driver that has another disk of the same controller, or NULL. */
static const struct driver *controller_other_of(u32 device)
{
	DRIVER_FOR_EACH(driver) {
		if (driver->kind->dma && driver->device != device &&
		    device_function(driver->device) == device_function(device))
			return driver;
	}
	return NULL;
}

u32 controller_units(u32 device)
{
	u32 units = 0;
	u32 found;

	for (u32 i = 0; config_disk(i) != NULL; i++) {
		const struct disk_config *disk = config_disk(i);

		if (disk->section.declared && !disk->section.broken &&
		    controller_find_device(disk->controller, &found) &&
		    device_function(found) == device_function(device))
			units |= (u32)BIT(device_unit(found));
	}
	return units;
}

void controller_disk_name(const struct driver *driver, u32 unit, char name[DRIVER_NAME_BYTES])
{
	u32 left = driver->kind->units > 1 ? controller_units(driver->device) : 0;

	string_copy(name, DRIVER_NAME_BYTES, driver->name);
	while (unit-- > 0)
		left &= left - 1;
	if (left != 0)
		format(name, DRIVER_NAME_BYTES, "%s.%u", driver->name, bit_lowest(left));
}

/*
 * Finds which of its driver's disks the device is, for *unit. Returns false if the driver has no
 * room for one more disk.
 */
static bool controller_find_unit(const struct kind *kind, u32 device, u32 *unit)
{
	*unit = 0;
	if (!controller_has_one_driver(kind))
		return true;
	for (u32 left = controller_units(device) & (u32)(BIT(device_unit(device)) - 1); left != 0;
	     left &= left - 1)
		++*unit;
	return *unit < kind->driver->units;
}

const struct driver_kind *controller_find(const char *wanted, u32 *device, u32 *unit,
					  char name[DRIVER_NAME_BYTES], char *problem, size_t size)
{
	const struct pci_function *function;
	const struct kind *kind = NULL;

	if (controller_find_device(wanted, device))
		kind = controller_kind_of(device_function(*device));
	if (kind == NULL) {
		format(problem, size,
		       "controller: \"%s\" is no disk controller of this host that "
		       "Skerry can drive; `pci` lists what there is",
		       wanted);
		return NULL;
	}
	function = device_function(*device);
	controller_make_name(kind, function, device_unit(*device), name);
	if (function->problem != NULL) {
		format(problem, size, "controller: %s: %s", name, function->problem);
		return NULL;
	}
	if (!controller_find_unit(kind, *device, unit)) {
		format(problem, size,
		       "controller: %s stands beside %u others; use at most %u disks", name, *unit,
		       kind->driver->units);
		return NULL;
	}
	if (controller_has_one_driver(kind)) {
		*device -= device_unit(*device);
		format(name, DRIVER_NAME_BYTES, "%s%u", kind->name,
		       controller_number_of(kind, function));
	}
	if (controller_other_of(*device) != NULL) {
		format(problem, size,
		       "controller: %s stands beside %s; use one disk of an IDE controller", name,
		       controller_other_of(*device)->name);
		return NULL;
	}
	return kind->driver;
}
