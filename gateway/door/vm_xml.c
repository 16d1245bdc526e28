/* SPDX-License-Identifier: MIT */
/*
 * The description of a VM in libvirt's XML, made of its configuration. The procedure that shows it
 * calls this; what libvirt's XML cannot say is left out.
 */
#include "gateway/door/xml.h"
#include "gateway/door/vm.h"

#include <stdio.h>
#include <string.h>

enum { VM_XML_WORD = 128 };

/* Copies the next word of an item of a list, up to a blank or a comma; returns where it ends. */
static const char *vm_xml_word(const char *at, char word[VM_XML_WORD])
{
	size_t length = strcspn(at, " ,");

	snprintf(word, VM_XML_WORD, "%.*s", (int)length, at);
	at += length;
	return at + strspn(at, " ");
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
	bool cdrom, read_only;
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
	}
	disk->target[0] = disk->cdrom ? 's' : 'v';
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
	xml_attribute(text, "bus", disk->cdrom ? "scsi" : "virtio");
	xml_close(text);
	if (disk->cdrom || disk->read_only) {
		xml_begin(text, "readonly");
		xml_close(text);
	}
	xml_end(text, "disk");
}

static const char *vm_xml_net(struct buffer *text, const char *at)
{
	char name[VM_XML_WORD], word[VM_XML_WORD];

	at = vm_xml_word(at, name);
	xml_begin(text, "interface");
	xml_attribute(text, "type", "network");
	xml_open(text);
	xml_begin(text, "source");
	xml_attribute(text, "network", name);
	xml_close(text);
	while (*at && *at != ',') {
		at = vm_xml_word(at, word);
		if (!strncmp(word, "mac=", 4)) {
			xml_begin(text, "mac");
			xml_attribute(text, "address", word + 4);
			xml_close(text);
		}
	}
	xml_begin(text, "model");
	xml_attribute(text, "type", "virtio");
	xml_close(text);
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
	xml_end(text, "devices");
}

static void vm_xml_os(struct buffer *text, json_t *vm)
{
	static const char *const keys[] = {"kernel", "initrd", "cmdline"};

	xml_begin(text, "os");
	xml_open(text);
	xml_begin(text, "type");
	xml_attribute(text, "arch", "x86_64");
	xml_text(text, "type", "hvm");
	for (size_t i = 0; i < 3; i++) {
		if (*vm_key(vm, keys[i])) {
			xml_begin(text, keys[i]);
			xml_text(text, keys[i], vm_key(vm, keys[i]));
		}
	}
	xml_end(text, "os");
}

static void vm_xml_count(struct buffer *text, const char *name, const char *unit, int64_t count)
{
	char number[24];

	snprintf(number, sizeof(number), "%lld", (long long)count);
	xml_begin(text, name);
	if (unit)
		xml_attribute(text, "unit", unit);
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
	vm_xml_count(text, "memory", "KiB", vm_number(vm, "memory_bytes") / 1024);
	vm_xml_count(text, "currentMemory", "KiB", vm_number(vm, "memory_bytes") / 1024);
	vm_xml_count(text, "vcpu", NULL, vm_number(vm, "vcpus"));
	vm_xml_os(text, vm);
	xml_begin(text, "clock");
	xml_attribute(text, "offset", "utc");
	xml_close(text);
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
