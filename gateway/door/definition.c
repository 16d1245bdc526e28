/* SPDX-License-Identifier: MIT */
/*
 * Converts a VM's description in libvirt's XML to keys of its configuration; definition_known.c
 * lists the allowed items. The procedures that define a VM call it; it looks at its arguments and
 * nothing else. Skerry decides whether the keys' values are valid.
 */
#include "gateway/door/definition.h"

#include <stdio.h>
#include <string.h>

#include "gateway/base/string.h"
#include "gateway/door/definition_known.h"
#include "gateway/door/size.h"

enum { DEFINITION_BYTES = 8192, DEFINITION_MIB = 1 << 20 };

/*
 * The items of one element of a description: from the element's own item up to `end`, which is not
 * included.
 */
struct definition_part {
	const struct xml_items *xml;
	size_t begin, end;
};

static const char *const definition_keys[DEFINITION_KEYS] = {
	[DEFINITION_KERNEL] = "kernel",
	[DEFINITION_INITRD] = "initrd",
	[DEFINITION_CMDLINE] = "cmdline",
	[DEFINITION_BOOT] = "boot",
	[DEFINITION_FIRMWARE] = "firmware",
	[DEFINITION_BOOT_ORDER] = "boot.order",
	[DEFINITION_BOOT_MENU] = "boot.menu",
	[DEFINITION_UUID] = "smbios.uuid",
	[DEFINITION_VENDOR] = "smbios.vendor",
	[DEFINITION_PRODUCT] = "smbios.product",
	[DEFINITION_SERIAL] = "smbios.serial",
	[DEFINITION_MEMORY] = "memory",
	[DEFINITION_VCPUS] = "vcpus",
	[DEFINITION_AFFINITY] = "affinity",
	[DEFINITION_ON_CRASH] = "on_crash",
	[DEFINITION_HPET] = "hpet",
	[DEFINITION_RNG] = "rng",
	[DEFINITION_BALLOON] = "balloon",
	[DEFINITION_VSOCK] = "vsock",
	[DEFINITION_CONSOLE] = "console",
	[DEFINITION_DISK] = "disk",
	[DEFINITION_NET] = "net",
};

/* Elements whose text is the value of a key. */
static const struct {
	const char *path;
	enum definition_key key;
	bool file; /* the text may be a path, whose last part is the file of the boot bundle */
} definition_texts[] = {
	{"domain/os/kernel", DEFINITION_KERNEL, true},
	{"domain/os/initrd", DEFINITION_INITRD, true},
	{"domain/os/cmdline", DEFINITION_CMDLINE, false},
	{"domain/os/loader", DEFINITION_FIRMWARE, true},
	{"domain/os/bootmenu@enable", DEFINITION_BOOT_MENU, false},
	{"domain/vcpu", DEFINITION_VCPUS, false},
	{"domain/vcpu@cpuset", DEFINITION_AFFINITY, false},
};

/* Attributes of which one value gives a key another value than its default. */
static const struct {
	const char *path, *text;
	enum definition_key key;
	const char *value;
} definition_words[] = {
	{"domain/devices/memballoon@model", "virtio", DEFINITION_BALLOON, "yes"},
	{"domain/devices/rng@model", "virtio", DEFINITION_RNG, "yes"},
	{"domain/devices/vsock@model", "virtio", DEFINITION_VSOCK, "yes"},
	{"domain/devices/console/target@type", "virtio", DEFINITION_CONSOLE, "virtio"},
	{"domain/os/boot@dev", "hd", DEFINITION_BOOT_ORDER, "disk"},
	{"domain/os/boot@dev", "cdrom", DEFINITION_BOOT_ORDER, "cdrom"},
	{"domain/os/boot@dev", "network", DEFINITION_BOOT_ORDER, "net"},
	{"domain/on_crash", "restart", DEFINITION_ON_CRASH, "restart"},
	{"domain/on_crash", "destroy", DEFINITION_ON_CRASH, "destroy"},
};

/* Elements that a description may have only once, as a second one would be ignored. */
static const char *const definition_once[] = {
	"domain/name",		"domain/uuid",
	"domain/memory",	"domain/currentMemory",
	"domain/vcpu",		"domain/os",
	"domain/os/kernel",	"domain/os/initrd",
	"domain/os/cmdline",	"domain/os/loader",
	"domain/os/nvram",	"domain/os/bootmenu",
	"domain/on_crash",	"domain/sysinfo",
	"domain/devices/rng",	"domain/devices/memballoon",
	"domain/devices/vsock",
};

const char *definition_key(enum definition_key key)
{
	return definition_keys[key];
}

const char *definition_value(const struct definition *definition, enum definition_key key)
{
	const struct buffer *value = &definition->values[key];

	return value->count ? value->bytes : "";
}

void definition_free(struct definition *definition)
{
	for (size_t i = 0; i < DEFINITION_KEYS; i++)
		buffer_free(&definition->values[i]);
}

/* Stores a sentence about what is wrong with the element or attribute `path`. Returns false. */
static bool definition_wrong(struct definition *definition, const char *what, const char *path)
{
	snprintf(definition->problem, sizeof(definition->problem), "%s: %s", what, path);
	return false;
}

static void definition_set(struct definition *definition, enum definition_key key,
			   const char *value)
{
	definition->values[key].count = 0;
	buffer_text(&definition->values[key], value);
}

/* Begins the next item in the value of a key that is a list; returns where the item is to go. */
static struct buffer *definition_next(struct definition *definition, enum definition_key key)
{
	struct buffer *list = &definition->values[key];

	list->limit = DEFINITION_BYTES;
	if (list->count)
		buffer_text(list, ", ");
	return list;
}

/*
 * Returns the last part of a path that begins with "/"; another text, and the path of a folder, is
 * returned as it is.
 */
static const char *definition_file(const char *text)
{
	const char *last = *text == '/' ? strrchr(text, '/') + 1 : text;

	return *last ? last : text;
}

/* Returns whether a text is a single word of a list, and would not become several. */
static bool definition_word(const char *text)
{
	return *text && !strpbrk(text, " ,\t\r\n");
}

/* Returns the text of the part's only item with that path, or "" if it has none or several. */
static const char *definition_find(const struct definition_part *part, const char *path)
{
	const char *text = "";
	unsigned count = 0;

	for (size_t i = part->begin; i < part->end; i++) {
		if (strcmp(part->xml->list[i].path, path) != 0)
			continue;
		text = part->xml->list[i].text;
		count++;
	}
	return count == 1 ? text : "";
}

static bool definition_has(const struct definition_part *part, const char *path)
{
	for (size_t i = part->begin; i < part->end; i++) {
		if (!strcmp(part->xml->list[i].path, path))
			return true;
	}
	return false;
}

static bool definition_read_disk(struct definition *definition, const struct definition_part *part)
{
#define DISK "domain/devices/disk"
	const char *dev = definition_find(part, DISK "/source@dev");
	const char *file = definition_find(part, DISK "/source@file");
	const char *pool = definition_find(part, DISK "/source@pool");
	const char *volume = definition_find(part, DISK "/source@volume");
	bool cdrom = !strcmp(definition_find(part, DISK "@device"), "cdrom");
	bool read_only = definition_has(part, DISK "/readonly");
	bool scsi = !strcmp(definition_find(part, DISK "/target@bus"), "scsi");
	const char *name = definition_file(*file ? file : dev);

	if (*pool || *volume ? !definition_word(pool) || !definition_word(volume)
			     : !definition_word(name))
		return definition_wrong(definition, "a disk needs a volume, or the name of a disk",
					DISK "/source");
	buffer_format(definition_next(definition, DEFINITION_DISK), "%s%s%s%s%s",
		      *pool ? pool : name, *pool ? "/" : "", volume,
		      cdrom	  ? " cdrom"
		      : read_only ? " ro"
				  : "",
		      scsi && !cdrom ? " scsi" : "");
	return true;
#undef DISK
}

static bool definition_read_interface(struct definition *definition,
				      const struct definition_part *part)
{
#define CARD "domain/devices/interface"
	const char *net = definition_find(part, CARD "/source@network");
	const char *mac = definition_find(part, CARD "/mac@address");
	const char *vlan = definition_find(part, CARD "/vlan/tag@id");
	bool trunk = !strcmp(definition_find(part, CARD "/vlan@trunk"), "yes");
	bool isolated = !strcmp(definition_find(part, CARD "/port@isolated"), "yes");

	if (!definition_word(net))
		return definition_wrong(definition, "a network card needs the name of a network",
					CARD "/source@network");
	if (definition_has(part, CARD "/mac") && !definition_word(mac))
		return definition_wrong(definition, "a MAC address is missing",
					CARD "/mac@address");
	if (definition_has(part, CARD "/vlan/tag") && !definition_word(vlan))
		return definition_wrong(definition, "a network card has the number of one VLAN",
					CARD "/vlan/tag@id");
	buffer_format(definition_next(definition, DEFINITION_NET), "%s%s%s%s%s%s%s", net,
		      *mac ? " mac=" : "", mac, *vlan ? " vlan=" : "", vlan, trunk ? " trunk" : "",
		      isolated ? " private" : "");
	return true;
#undef CARD
}

static bool definition_read_timer(struct definition *definition, const struct definition_part *part)
{
	if (!strcmp(definition_find(part, "domain/clock/timer@name"), "hpet") &&
	    strcmp(definition_find(part, "domain/clock/timer@present"), "no") != 0)
		definition_set(definition, DEFINITION_HPET, "yes");
	return true;
}

static bool definition_read_entry(struct definition *definition, const struct definition_part *part)
{
	static const struct {
		const char *name;
		enum definition_key key;
	} entries[] = {{"manufacturer", DEFINITION_VENDOR},
		       {"product", DEFINITION_PRODUCT},
		       {"serial", DEFINITION_SERIAL},
		       {"uuid", DEFINITION_UUID}};
	const char *name = definition_find(part, "domain/sysinfo/system/entry@name");

	for (size_t i = 0; i < ARRAY_COUNT(entries); i++) {
		if (!strcmp(name, entries[i].name))
			definition_set(definition, entries[i].key,
				       definition_find(part, "domain/sysinfo/system/entry"));
	}
	return true;
}

/* Elements that may come several times, and are read one by one. */
static const struct {
	const char *path;
	bool (*read)(struct definition *definition, const struct definition_part *part);
} definition_parts[] = {
	{"domain/devices/disk", definition_read_disk},
	{"domain/devices/interface", definition_read_interface},
	{"domain/clock/timer", definition_read_timer},
	{"domain/sysinfo/system/entry", definition_read_entry},
};

/* Returns whether a path is that of an item in the element with the path `element`. */
static bool definition_below(const char *path, const char *element)
{
	size_t length = strlen(element);

	return !strncmp(path, element, length) && (path[length] == '/' || path[length] == '@');
}

/* Reads the elements of definition_parts, in the order of the description. */
static bool definition_read_parts(const struct xml_items *xml, struct definition *definition)
{
	for (size_t i = 0; i < xml->count; i++) {
		struct definition_part part = {xml, i, i + 1};

		while (part.end < xml->count &&
		       definition_below(xml->list[part.end].path, xml->list[i].path))
			part.end++;
		for (size_t kind = 0; kind < ARRAY_COUNT(definition_parts); kind++) {
			if (!strcmp(xml->list[i].path, definition_parts[kind].path) &&
			    !definition_parts[kind].read(definition, &part))
				return false;
		}
	}
	return true;
}

static bool definition_read_memory(const struct xml_items *xml, struct definition *definition)
{
	uint64_t bytes = size_read(xml_find(xml, "domain/memory"),
				   xml_find(xml, "domain/memory@unit"), "KiB");
	const char *current = xml_find(xml, "domain/currentMemory");
	char text[24];

	if (!bytes)
		return definition_wrong(definition, "a VM needs a size", "domain/memory");
	if (current &&
	    size_read(current, xml_find(xml, "domain/currentMemory@unit"), "KiB") != bytes)
		return definition_wrong(
			definition, "a VM has all of its memory from the start, so this is as much",
			"domain/currentMemory");
	if (bytes % DEFINITION_MIB)
		snprintf(text, sizeof(text), "%lluK", (unsigned long long)(bytes / 1024));
	else
		snprintf(text, sizeof(text), "%lluM", (unsigned long long)(bytes / DEFINITION_MIB));
	definition_set(definition, DEFINITION_MEMORY, text);
	return true;
}

/*
 * Finds out whether the VM boots a kernel, or by firmware. A firmware without a name in the
 * description gets the name of Debian's file.
 */
static bool definition_read_boot(const struct xml_items *xml, struct definition *definition)
{
	const char *type = xml_find(xml, "domain/os/loader@type");
	const char *wanted = xml_find(xml, "domain/os@firmware");
	const char *nvram = xml_find(xml, "domain/os/nvram");
	bool uefi = (type && !strcmp(type, "pflash")) || (wanted && !strcmp(wanted, "efi"));

	if (nvram && !definition_word(definition_file(nvram)))
		return definition_wrong(definition,
					"a firmware's variables need the name of a disk or volume",
					"domain/os/nvram");
	if (nvram)
		buffer_format(definition_next(definition, DEFINITION_DISK), "%s flash",
			      definition_file(nvram));
	if (definition->values[DEFINITION_KERNEL].count) {
		definition_set(definition, DEFINITION_BOOT_ORDER, "");
		return true;
	}
	definition_set(definition, DEFINITION_BOOT, uefi || nvram ? "uefi" : "bios");
	if (!definition->values[DEFINITION_FIRMWARE].count)
		definition_set(definition, DEFINITION_FIRMWARE,
			       uefi || nvram ? "OVMF.fd" : "bios-256k.bin");
	return true;
}

/* Reads the elements and attributes that can be read one by one. */
static void definition_read_items(const struct xml_items *xml, struct definition *definition)
{
	for (size_t i = 0; i < xml->count; i++) {
		const char *path = xml->list[i].path, *text = xml->list[i].text;

		for (size_t place = 0; place < ARRAY_COUNT(definition_texts); place++) {
			if (!strcmp(path, definition_texts[place].path))
				definition_set(definition, definition_texts[place].key,
					       definition_texts[place].file ? definition_file(text)
									    : text);
		}
		for (size_t place = 0; place < ARRAY_COUNT(definition_words); place++) {
			if (strcmp(path, definition_words[place].path) != 0 ||
			    strcmp(text, definition_words[place].text) != 0)
				continue;
			if (definition_words[place].key == DEFINITION_BOOT_ORDER)
				buffer_text(definition_next(definition, DEFINITION_BOOT_ORDER),
					    definition_words[place].value);
			else
				definition_set(definition, definition_words[place].key,
					       definition_words[place].value);
		}
	}
}

/* Checks that a description has no unknown items, and none twice that it may have once. */
static bool definition_check(const struct xml_items *xml, struct definition *definition)
{
	for (size_t i = 0; i < xml->count; i++) {
		if (!definition_known(xml->list[i].path, xml->list[i].text, definition->problem,
				      sizeof(definition->problem)))
			return false;
	}
	for (size_t i = 0; i < ARRAY_COUNT(definition_once); i++) {
		const struct definition_part all = {xml, 0, xml->count};

		if (definition_has(&all, definition_once[i]) && !xml_find(xml, definition_once[i]))
			return definition_wrong(definition, "the XML has this more than once",
						definition_once[i]);
	}
	return true;
}

static bool definition_read_all(const struct xml_items *xml, struct definition *definition)
{
	const char *uuid = xml_find(xml, "domain/uuid");

	if (!definition_check(xml, definition))
		return false;
	definition->name = xml_find(xml, "domain/name");
	if (!definition->name || !*definition->name)
		return definition_wrong(definition, "a VM needs a name", "domain/name");
	definition->has_uuid = uuid;
	if (uuid && !uuid_read(uuid, definition->uuid))
		return definition_wrong(definition, "this is no UUID", "domain/uuid");
	definition_read_items(xml, definition);
	return definition_read_memory(xml, definition) && definition_read_parts(xml, definition) &&
	       definition_read_boot(xml, definition);
}

bool definition_read(const struct xml_items *xml, struct definition *definition)
{
	bool done;

	*definition = (struct definition){0};
	done = definition_read_all(xml, definition);
	for (size_t i = 0; i < DEFINITION_KEYS && done; i++) {
		if (definition->values[i].failed)
			done = definition_wrong(definition,
						"what the XML has for this key is too long",
						definition_keys[i]);
	}
	return done;
}
