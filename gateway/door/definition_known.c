/* SPDX-License-Identifier: MIT */
/*
 * Lists the elements and attributes that a description of a VM in libvirt's XML may have: those
 * that become keys, and those that mean nothing to Skerry but that virt-install writes.
 * definition.c looks each one up; it looks at its arguments and nothing else.
 */
#include "gateway/door/definition_known.h"

#include <stdio.h>
#include <string.h>

#include "gateway/base/string.h"

#define DEVICE "domain/devices/"

/*
 * `allowed`: the only values that are allowed, or NULL for any. A path that ends with "/" covers an
 * element and all that is in it.
 */
static const struct {
	const char *path, *allowed;
} known_items[] = {
	{"domain", NULL},
	{"domain@type", NULL},
	{"domain@id", NULL},
	{"domain/name", NULL},
	{"domain/uuid", NULL},
	{"domain/metadata/", NULL},
	{"domain/memory", NULL},
	{"domain/memory@unit", NULL},
	{"domain/currentMemory", NULL},
	{"domain/currentMemory@unit", NULL},
	{"domain/vcpu", NULL},
	{"domain/vcpu@placement", "static"},
	{"domain/vcpu@cpuset", NULL},
	{"domain/os", NULL},
	{"domain/os@firmware", "efi bios"},
	{"domain/os/type", "hvm"},
	{"domain/os/type@arch", "x86_64 i686"},
	{"domain/os/type@machine", NULL},
	{"domain/os/kernel", NULL},
	{"domain/os/initrd", NULL},
	{"domain/os/cmdline", NULL},
	{"domain/os/loader", NULL},
	{"domain/os/loader@readonly", "yes"},
	{"domain/os/loader@type", "rom pflash"},
	{"domain/os/loader@secure", "no"},
	{"domain/os/nvram", NULL},
	{"domain/os/boot", NULL},
	{"domain/os/boot@dev", "hd cdrom network"},
	{"domain/os/bootmenu", NULL},
	{"domain/os/bootmenu@enable", "yes no"},
	{"domain/os/smbios", NULL},
	{"domain/os/smbios@mode", "sysinfo"},
	{"domain/sysinfo", NULL},
	{"domain/sysinfo@type", "smbios"},
	{"domain/sysinfo/system", NULL},
	{"domain/sysinfo/system/entry", NULL},
	{"domain/sysinfo/system/entry@name", "manufacturer product serial uuid"},
	{"domain/features", NULL},
	{"domain/features/acpi", NULL},
	{"domain/features/apic", NULL},
	{"domain/features/pae", NULL},
	{"domain/features/vmport", NULL},
	{"domain/features/vmport@state", "off"},
	{"domain/cpu", NULL},
	{"domain/cpu@mode", "host-passthrough host-model maximum"},
	{"domain/cpu@check", NULL},
	{"domain/cpu@migratable", NULL},
	{"domain/clock", NULL},
	{"domain/clock@offset", "utc"},
	{"domain/clock/timer", NULL},
	{"domain/clock/timer@name", "rtc pit hpet kvmclock"},
	{"domain/clock/timer@tickpolicy", NULL},
	{"domain/clock/timer@present", "yes no"},
	{"domain/on_poweroff", "destroy"},
	{"domain/on_reboot", "restart"},
	{"domain/on_crash", "destroy restart preserve"},
	{"domain/pm/", NULL},
	{"domain/devices", NULL},
	{DEVICE "emulator", NULL},
	{DEVICE "controller/", NULL},
	{DEVICE "input/", NULL},
	{DEVICE "disk", NULL},
	{DEVICE "disk@type", "volume block file"},
	{DEVICE "disk@device", "disk cdrom"},
	{DEVICE "disk/driver", NULL},
	{DEVICE "disk/driver@name", NULL},
	{DEVICE "disk/driver@type", "raw"},
	{DEVICE "disk/driver@cache", NULL},
	{DEVICE "disk/driver@io", NULL},
	{DEVICE "disk/driver@discard", NULL},
	{DEVICE "disk/source", NULL},
	{DEVICE "disk/source@pool", NULL},
	{DEVICE "disk/source@volume", NULL},
	{DEVICE "disk/source@dev", NULL},
	{DEVICE "disk/source@file", NULL},
	{DEVICE "disk/target", NULL},
	{DEVICE "disk/target@dev", NULL},
	{DEVICE "disk/target@bus", NULL},
	{DEVICE "disk/readonly", NULL},
	{DEVICE "interface", NULL},
	{DEVICE "interface@type", "network"},
	{DEVICE "interface/source", NULL},
	{DEVICE "interface/source@network", NULL},
	{DEVICE "interface/mac", NULL},
	{DEVICE "interface/mac@address", NULL},
	{DEVICE "interface/model", NULL},
	{DEVICE "interface/model@type", NULL},
	{DEVICE "interface/vlan", NULL},
	{DEVICE "interface/vlan@trunk", "yes no"},
	{DEVICE "interface/vlan/tag", NULL},
	{DEVICE "interface/vlan/tag@id", NULL},
	{DEVICE "interface/port", NULL},
	{DEVICE "interface/port@isolated", "yes no"},
	{DEVICE "serial", NULL},
	{DEVICE "serial@type", "pty"},
	{DEVICE "serial/target", NULL},
	{DEVICE "serial/target@type", "isa-serial"},
	{DEVICE "serial/target@port", "0"},
	{DEVICE "console", NULL},
	{DEVICE "console@type", "pty"},
	{DEVICE "console/target", NULL},
	{DEVICE "console/target@type", "serial virtio"},
	{DEVICE "console/target@port", "0"},
	{DEVICE "channel", NULL},
	{DEVICE "channel@type", "unix"},
	{DEVICE "channel/source", NULL},
	{DEVICE "channel/source@mode", "bind"},
	{DEVICE "channel/target", NULL},
	{DEVICE "channel/target@type", "virtio"},
	{DEVICE "channel/target@name", "org.qemu.guest_agent.0"},
	{DEVICE "memballoon", NULL},
	{DEVICE "memballoon@model", "virtio none"},
	{DEVICE "rng", NULL},
	{DEVICE "rng@model", "virtio"},
	{DEVICE "rng/backend", NULL},
	{DEVICE "rng/backend@model", "random builtin"},
	{DEVICE "vsock", NULL},
	{DEVICE "vsock@model", "virtio"},
	{DEVICE "vsock/cid", NULL},
	{DEVICE "vsock/cid@auto", "yes"},
};

/* Returns whether an entry of the table covers the path. */
static bool known_is(const char *entry, const char *path)
{
	size_t length = strlen(entry);

	if (entry[length - 1] != '/')
		return !strcmp(entry, path);
	length--;
	return !strncmp(entry, path, length) && strchr("/@", path[length]);
}

static bool known_word(const char *words, const char *text)
{
	size_t length = strlen(text);

	for (const char *at = words; length && (at = strstr(at, text)); at++) {
		if ((at == words || at[-1] == ' ') && (!at[length] || at[length] == ' '))
			return true;
	}
	return false;
}

bool definition_known(const char *path, const char *text, char *problem, size_t size)
{
	for (size_t i = 0; i < ARRAY_COUNT(known_items); i++) {
		const char *allowed = known_items[i].allowed;

		if (!known_is(known_items[i].path, path))
			continue;
		if (!allowed || (!strchr(text, ' ') && known_word(allowed, text)))
			return true;
		snprintf(problem, size, "Skerry has nothing for this in the XML: %s %s, but for %s",
			 path, text, allowed);
		return false;
	}
	snprintf(problem, size, "Skerry has nothing for this in the XML: %s", path);
	return false;
}
