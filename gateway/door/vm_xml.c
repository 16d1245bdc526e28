/* SPDX-License-Identifier: MIT */
/*
 * Describes a VM in libvirt's XML, from its configuration. The procedure that shows the description
 * calls this; settings that libvirt's XML cannot express are left out.
 */
#include "gateway/door/xml.h"
#include "gateway/door/vm.h"

#include <stdio.h>
#include <string.h>

#include "gateway/base/string.h"

enum { VM_XML_WORD = 128 };

/* Copies the next word of an item of a list, up to a blank or a comma; returns its end. */
static const char *vm_xml_word(const char *at, char word[VM_XML_WORD])
{
	size_t length = strcspn(at, " ,");

	snprintf(word, VM_XML_WORD, "%.*s", (int)length, at);
	at += length;
	return at + strspn(at, " ");
}

/* Returns the value of a key, or "" when the key is not set. */
static const char *vm_xml_key(json_t *vm, const char *key)
{
	const char *value = vm_key(vm, key);

	return strcmp(value, "none") ? value : "";
}

static bool vm_xml_yes(json_t *vm, const char *key)
{
	return !strcmp(vm_key(vm, key), "yes");
}

/* Writes an empty element that has one attribute. */
static void vm_xml_one(struct buffer *text, const char *name, const char *attribute,
		       const char *value)
{
	xml_begin(text, name);
	xml_attribute(text, attribute, value);
	xml_close(text);
}

static void vm_xml_word_element(struct buffer *text, const char *name, const char *value)
{
	if (!*value)
		return;
	xml_begin(text, name);
	xml_text(text, name, value);
}

static void vm_xml_disk_source(struct buffer *text, const char *name)
{
	const char *slash = strchr(name, '/');
	char pool[VM_XML_WORD];

	if (slash) {
		snprintf(pool, sizeof(pool), "%.*s", (int)(slash - name), name);
		xml_begin(text, "source");
		xml_attribute(text, "pool", pool);
		xml_attribute(text, "volume", slash + 1);
	} else {
		xml_begin(text, "source");
		xml_attribute(text, "dev", name);
	}
	xml_close(text);
}

/* A disk of a VM's configuration. */
struct vm_disk {
	char name[VM_XML_WORD], target[4];
	bool cdrom, read_only, scsi;
	bool flash; /* the disk has the variables of the VM's firmware */
};

/* Reads one disk of the configuration's list, and returns where the next one begins. */
static const char *vm_disk_read(const char *at, unsigned number, struct vm_disk *disk)
{
	char word[VM_XML_WORD];

	*disk = (struct vm_disk){.target = "vda"};
	at = vm_xml_word(at, disk->name);
	while (*at && *at != ',') {
		at = vm_xml_word(at, word);
		disk->cdrom |= !strcmp(word, "cdrom");
		disk->read_only |= !strcmp(word, "ro");
		disk->flash |= !strcmp(word, "flash");
		disk->scsi |= !strcmp(word, "scsi");
	}
	disk->target[0] = disk->cdrom || disk->scsi ? 's' : 'v';
	disk->target[2] = (char)('a' + number % 26);
	return at + strspn(at, ", ");
}

/* Returns the list of a VM's disks, or "" when it has none. */
static const char *vm_disks(json_t *vm)
{
	const char *disks = vm_key(vm, "disk");

	return strcmp(disks, "none") ? disks : "";
}

bool vm_has_disk(json_t *vm, const char *name)
{
	const char *at = vm_disks(vm);
	struct vm_disk disk;

	for (unsigned number = 0; *at; number++) {
		at = vm_disk_read(at, number, &disk);
		if (!strcmp(disk.name, name) || !strcmp(disk.target, name))
			return true;
	}
	return false;
}

static void vm_xml_disk(struct buffer *text, const struct vm_disk *disk)
{
	xml_begin(text, "disk");
	xml_attribute(text, "type", strchr(disk->name, '/') ? "volume" : "block");
	xml_attribute(text, "device", disk->cdrom ? "cdrom" : "disk");
	xml_open(text);
	vm_xml_disk_source(text, disk->name);
	xml_begin(text, "target");
	xml_attribute(text, "dev", disk->target);
	xml_attribute(text, "bus", disk->cdrom || disk->scsi ? "scsi" : "virtio");
	xml_close(text);
	if (disk->cdrom || disk->read_only) {
		xml_begin(text, "readonly");
		xml_close(text);
	}
	xml_end(text, "disk");
}

static void vm_xml_vlan(struct buffer *text, const char *number, bool trunk)
{
	if (!*number && !trunk)
		return;
	xml_begin(text, "vlan");
	if (trunk)
		xml_attribute(text, "trunk", "yes");
	xml_open(text);
	if (*number)
		vm_xml_one(text, "tag", "id", number);
	xml_end(text, "vlan");
}

static const char *vm_xml_net(struct buffer *text, const char *at)
{
	char name[VM_XML_WORD], word[VM_XML_WORD], vlan[VM_XML_WORD] = "";
	bool trunk = false, isolated = false;

	at = vm_xml_word(at, name);
	xml_begin(text, "interface");
	xml_attribute(text, "type", "network");
	xml_open(text);
	xml_begin(text, "source");
	xml_attribute(text, "network", name);
	xml_close(text);
	while (*at && *at != ',') {
		at = vm_xml_word(at, word);
		if (!strncmp(word, "mac=", 4))
			vm_xml_one(text, "mac", "address", word + 4);
		else if (!strncmp(word, "vlan=", 5))
			snprintf(vlan, sizeof(vlan), "%s", word + 5);
		trunk |= !strcmp(word, "trunk");
		isolated |= !strcmp(word, "private");
	}
	vm_xml_vlan(text, vlan, trunk);
	if (isolated)
		vm_xml_one(text, "port", "isolated", "yes");
	vm_xml_one(text, "model", "type", "virtio");
	xml_end(text, "interface");
	return at;
}

static void vm_xml_devices(struct buffer *text, json_t *vm)
{
	const char *disks = vm_disks(vm), *nets = vm_key(vm, "net");
	struct vm_disk disk;

	xml_begin(text, "devices");
	xml_open(text);
	for (unsigned number = 0; *disks; number++) {
		disks = vm_disk_read(disks, number, &disk);
		if (!disk.flash)
			vm_xml_disk(text, &disk);
	}
	while (*nets && strcmp(nets, "none")) {
		nets = vm_xml_net(text, nets);
		nets += strspn(nets, ", ");
	}
	xml_begin(text, "console");
	xml_attribute(text, "type", "pty");
	xml_open(text);
	xml_begin(text, "target");
	xml_attribute(text, "type", !strcmp(vm_key(vm, "console"), "virtio") ? "virtio" : "serial");
	xml_attribute(text, "port", "0");
	xml_close(text);
	xml_end(text, "console");
	if (vm_xml_yes(vm, "balloon"))
		vm_xml_one(text, "memballoon", "model", "virtio");
	if (vm_xml_yes(vm, "rng"))
		vm_xml_one(text, "rng", "model", "virtio");
	if (vm_xml_yes(vm, "vsock"))
		vm_xml_one(text, "vsock", "model", "virtio");
	xml_end(text, "devices");
}

/* Writes the firmware by which the VM boots, if it has one. */
static void vm_xml_firmware(struct buffer *text, json_t *vm)
{
	bool uefi = !strcmp(vm_key(vm, "boot"), "uefi");
	const char *disks = vm_disks(vm);
	struct vm_disk disk;

	if (!uefi && strcmp(vm_key(vm, "boot"), "bios") != 0)
		return;
	xml_begin(text, "loader");
	if (uefi)
		xml_attribute(text, "readonly", "yes");
	xml_attribute(text, "type", uefi ? "pflash" : "rom");
	xml_text(text, "loader", vm_xml_key(vm, "firmware"));
	for (unsigned number = 0; *disks; number++) {
		disks = vm_disk_read(disks, number, &disk);
		if (disk.flash)
			vm_xml_word_element(text, "nvram", disk.name);
	}
}

/* Writes the order in which the VM's firmware tries its boot devices. */
static void vm_xml_order(struct buffer *text, json_t *vm)
{
	static const char *const names[][2] = {
		{"disk", "hd"}, {"cdrom", "cdrom"}, {"net", "network"}};
	const char *order = vm_xml_key(vm, "boot.order");
	char word[VM_XML_WORD];

	while (*order) {
		order = vm_xml_word(order, word);
		order += strspn(order, ", ");
		for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
			if (!strcmp(word, names[i][0]))
				vm_xml_one(text, "boot", "dev", names[i][1]);
		}
	}
	if (vm_xml_yes(vm, "boot.menu"))
		vm_xml_one(text, "bootmenu", "enable", "yes");
}

static void vm_xml_os(struct buffer *text, json_t *vm)
{
	static const char *const keys[] = {"kernel", "initrd", "cmdline"};

	xml_begin(text, "os");
	xml_open(text);
	xml_begin(text, "type");
	xml_attribute(text, "arch", "x86_64");
	xml_text(text, "type", "hvm");
	for (size_t i = 0; i < 3; i++)
		vm_xml_word_element(text, keys[i], vm_xml_key(vm, keys[i]));
	vm_xml_firmware(text, vm);
	vm_xml_order(text, vm);
	xml_end(text, "os");
}

/* Writes the SMBIOS texts for the guest, if the configuration has any. */
static void vm_xml_sysinfo(struct buffer *text, json_t *vm)
{
	static const char *const names[][2] = {{"smbios.vendor", "manufacturer"},
					       {"smbios.product", "product"},
					       {"smbios.serial", "serial"},
					       {"smbios.uuid", "uuid"}};
	bool any = false;

	for (size_t i = 0; i < ARRAY_COUNT(names); i++)
		any |= *vm_xml_key(vm, names[i][0]);
	if (!any)
		return;
	xml_begin(text, "sysinfo");
	xml_attribute(text, "type", "smbios");
	xml_open(text);
	xml_begin(text, "system");
	xml_open(text);
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		if (!*vm_xml_key(vm, names[i][0]))
			continue;
		xml_begin(text, "entry");
		xml_attribute(text, "name", names[i][1]);
		xml_text(text, "entry", vm_xml_key(vm, names[i][0]));
	}
	xml_end(text, "system");
	xml_end(text, "sysinfo");
}

static void vm_xml_clock(struct buffer *text, json_t *vm)
{
	xml_begin(text, "clock");
	xml_attribute(text, "offset", "utc");
	if (!vm_xml_yes(vm, "hpet")) {
		xml_close(text);
		return;
	}
	xml_open(text);
	xml_begin(text, "timer");
	xml_attribute(text, "name", "hpet");
	xml_attribute(text, "present", "yes");
	xml_close(text);
	xml_end(text, "clock");
}

/* Writes the number of vCPUs, and the host's CPUs on which they may run. */
static void vm_xml_vcpu(struct buffer *text, json_t *vm)
{
	const char *cpus = vm_xml_key(vm, "affinity");
	char number[24];

	snprintf(number, sizeof(number), "%lld", (long long)vm_number(vm, "vcpus"));
	xml_begin(text, "vcpu");
	if (*cpus && strcmp(cpus, "all") != 0)
		xml_attribute(text, "cpuset", cpus);
	xml_text(text, "vcpu", number);
}

static void vm_xml_memory(struct buffer *text, const char *name, json_t *vm)
{
	char number[24];

	snprintf(number, sizeof(number), "%lld", (long long)vm_number(vm, "memory_bytes") / 1024);
	xml_begin(text, name);
	xml_attribute(text, "unit", "KiB");
	xml_text(text, name, number);
}

void vm_xml(struct buffer *text, json_t *vm)
{
	const char *crash = vm_key(vm, "on_crash");
	char id[16], uuid_of_vm[UUID_TEXT_BYTES];
	uint8_t uuid[UUID_BYTES];

	vm_uuid(vm, uuid);
	uuid_text(uuid, uuid_of_vm);
	xml_begin(text, "domain");
	xml_attribute(text, "type", "skerry");
	if (vm_active(vm)) {
		snprintf(id, sizeof(id), "%d", vm_id(vm));
		xml_attribute(text, "id", id);
	}
	xml_open(text);
	xml_begin(text, "name");
	xml_text(text, "name", vm_name(vm));
	xml_begin(text, "uuid");
	xml_text(text, "uuid", uuid_of_vm);
	vm_xml_memory(text, "memory", vm);
	vm_xml_memory(text, "currentMemory", vm);
	vm_xml_vcpu(text, vm);
	vm_xml_os(text, vm);
	vm_xml_sysinfo(text, vm);
	vm_xml_clock(text, vm);
	xml_begin(text, "on_poweroff");
	xml_text(text, "on_poweroff", "destroy");
	xml_begin(text, "on_reboot");
	xml_text(text, "on_reboot", "restart");
	xml_begin(text, "on_crash");
	xml_text(text, "on_crash",
		 !strcmp(crash, "restart")   ? "restart"
		 : !strcmp(crash, "destroy") ? "destroy"
					     : "preserve");
	vm_xml_devices(text, vm);
	xml_end(text, "domain");
}
