/* SPDX-License-Identifier: MIT */
/*
 * The description of a VM in libvirt's XML, made of its configuration. Its procedure calls it; what
 * Skerry has and libvirt's XML has no word for is left out.
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

/* Writes one disk of the list, and returns where the next one begins. */
static const char *vm_xml_disk(struct buffer *text, const char *at, unsigned number)
{
	char name[VM_XML_WORD], word[VM_XML_WORD], target[] = "vda";
	bool cdrom = false, read_only = false;

	at = vm_xml_word(at, name);
	while (*at && *at != ',') {
		at = vm_xml_word(at, word);
		cdrom |= !strcmp(word, "cdrom");
		read_only |= !strcmp(word, "ro");
	}
	target[0] = cdrom ? 's' : 'v';
	target[2] = (char)('a' + number % 26);
	xml_begin(text, "disk");
	xml_attribute(text, "type", strchr(name, '/') ? "volume" : "block");
	xml_attribute(text, "device", cdrom ? "cdrom" : "disk");
	xml_open(text);
	vm_xml_disk_source(text, name);
	xml_begin(text, "target");
	xml_attribute(text, "dev", target);
	xml_attribute(text, "bus", cdrom ? "sata" : "virtio");
	xml_close(text);
	if (cdrom || read_only) {
		xml_begin(text, "readonly");
		xml_close(text);
	}
	xml_end(text, "disk");
	return at;
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
	const char *disks = vm_key(vm, "disk"), *nets = vm_key(vm, "net");
	unsigned number = 0;

	xml_begin(text, "devices");
	xml_open(text);
	while (*disks && strcmp(disks, "none")) {
		disks = vm_xml_disk(text, disks, number++);
		disks += strspn(disks, ", ");
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
