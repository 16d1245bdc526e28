/* SPDX-License-Identifier: MIT */
/*
 * The schema of `config`, the keys of a VM, for the OpenAPI description. It is made once, from
 * constants alone.
 */
#include "gateway/core/api/schema.h"

#include <jansson.h>
#include <string.h>

#include "gateway/base/string.h"

/*
 * The keys of a VM; a test compares them with Skerry's own. Skerry takes each value as text: JSON
 * may have a number as text too, and true and false for yes and no. In a change, null sets a key
 * back to its default.
 */
enum config_type {
	CONFIG_TEXT,  /* of a form in which the word "none" is nothing */
	CONFIG_PLAIN, /* whatever the text is, it is meant; the empty one is none */
	CONFIG_NUMBER,
	CONFIG_WORDS,
};

static const struct {
	const char *name;
	enum config_type type;
	/* the words that the value of a key of type CONFIG_WORDS may be, or NULL */
	const char *allowed;
} config_keys[] = {
	{"kernel", CONFIG_PLAIN, "a file name of 1 to 63 characters"},
	{"initrd", CONFIG_PLAIN, "a file name of at most 63 characters"},
	{"cmdline", CONFIG_PLAIN, "at most 1023 printable ASCII characters"},
	{"boot", CONFIG_WORDS, "kernel bios uefi"},
	{"firmware", CONFIG_PLAIN, "a file name of at most 63 characters"},
	{"boot.order", CONFIG_PLAIN, "any of disk, cdrom and net, each once"},
	{"boot.once", CONFIG_PLAIN, "as boot.order, for the next start alone, which takes it away"},
	{"boot.menu", CONFIG_WORDS, "no yes"},
	{"seed", CONFIG_PLAIN, "a file name of at most 63 characters"},
	{"smbios.uuid", CONFIG_PLAIN, "a UUID"},
	{"smbios.vendor", CONFIG_PLAIN, "at most 63 characters"},
	{"smbios.product", CONFIG_PLAIN, "at most 63 characters"},
	{"smbios.serial", CONFIG_PLAIN, "at most 63 characters"},
	{"memory", CONFIG_TEXT, "a size such as 128M, from 2M to 1T in steps of 4K"},
	{"vcpus", CONFIG_NUMBER, "a number from 1 to 64"},
	{"affinity", CONFIG_TEXT, "host CPUs such as 0-3,5 up to 255, or all"},
	{"weight", CONFIG_NUMBER, "a number from 1 to 65535"},
	{"cap", CONFIG_TEXT, "a percentage of one CPU such as 50%, or none"},
	{"reserve", CONFIG_TEXT, "budget/period such as 2ms/10ms, or none"},
	{"autostart", CONFIG_WORDS, "no yes restore"},
	{"on_crash", CONFIG_WORDS, "hold restart destroy restore"},
	{"clock", CONFIG_WORDS, "stop jump"},
	{"stop_timeout", CONFIG_TEXT, "a time such as 30s, at most 3600s"},
	{"pages", CONFIG_WORDS, "auto 4k 2m 1g"},
	{"trap", CONFIG_TEXT, "none, or any of cr dr exceptions msr io"},
	{"preemption_timer", CONFIG_WORDS, "auto off"},
	{"unrestricted", CONFIG_WORDS, "auto off"},
	{"apic_virtualization", CONFIG_WORDS, "auto off"},
	{"tlb_flush", CONFIG_WORDS, "tagged full"},
	{"hpet", CONFIG_WORDS, "no yes"},
	{"pci", CONFIG_WORDS, "on off"},
	{"rng", CONFIG_WORDS, "no yes"},
	{"balloon", CONFIG_WORDS, "no yes"},
	{"vsock", CONFIG_WORDS, "no yes"},
	{"vsock.peers", CONFIG_TEXT,
	 "up to 8 of VM:PORT, such as `beta:5000, gamma:6000`; or none"},
	{"quiesce", CONFIG_WORDS, "no yes"},
	{"window", CONFIG_TEXT, "a name and a size such as fuzz 64K"},
	{"overcommit", CONFIG_WORDS, "no yes"},
	{"console", CONFIG_WORDS, "serial virtio"},
	{"port", CONFIG_TEXT, "up to 3 different names such as agent, log; or none"},
	{"channel", CONFIG_PLAIN, "the name of one of its ports"},
	{"disk", CONFIG_TEXT,
	 "a disk's name, then any of ro, cdrom, flash, scsi and optional; at most 16; or none"},
	{"disk.ops", CONFIG_NUMBER, "operations a second, or 0 for no limit"},
	{"disk.bytes", CONFIG_NUMBER, "bytes a second, or 0 for no limit"},
	{"disk.burst", CONFIG_NUMBER, "bytes, or 0 for as many as the driver thinks right"},
	{"disk.weight", CONFIG_NUMBER, "a number from 1 to 65535"},
	{"disk.undo", CONFIG_TEXT, "a size such as 64M, 64K to 16G, in steps of 4K"},
	{"backup", CONFIG_TEXT,
	 "a store, then every and a time, chain and keep with numbers, such as "
	 "`spare every 24h chain 7 keep 4`; or none"},
	{"net", CONFIG_TEXT, "a network's name, then what its card has; at most 8; or none"},
	{"net.packets", CONFIG_NUMBER, "packets a second, or 0 for no limit"},
	{"net.bytes", CONFIG_NUMBER, "bytes a second, or 0 for no limit"},
	{"net.burst", CONFIG_NUMBER, "bytes, or 0 for as many as the switch thinks right"},
	{"net.weight", CONFIG_NUMBER, "a number from 1 to 65535"},
	{"net.egress", CONFIG_TEXT,
	 "any, none, or up to 16 of ADDRESS[/BITS][:PORT[-PORT]][/PROTOCOL], such as "
	 "`10.0.2.5:443/tcp, 10.1.0.0/16`"},
	{"test_device", CONFIG_WORDS, "no yes"},
};

static json_t *config_words(const char *words)
{
	json_t *list = json_array();

	for (const char *at = words; *at;) {
		size_t length = strcspn(at, " ");

		json_array_append_new(list, json_stringn(at, length));
		at += length;
		at += strspn(at, " ");
	}
	if (!strncmp(words, "no yes", 6)) {
		json_array_append_new(list, json_false());
		json_array_append_new(list, json_true());
	}
	json_array_append_new(list, json_null());
	return json_pack("{s:o}", "enum", list);
}

const char *schema_config_none(const char *key)
{
	for (size_t i = 0; i < ARRAY_COUNT(config_keys); i++) {
		if (config_keys[i].type == CONFIG_PLAIN && !strcmp(config_keys[i].name, key))
			return "";
	}
	return "none";
}

json_t *schema_config(void)
{
	json_t *keys = json_object();

	for (size_t i = 0; i < ARRAY_COUNT(config_keys); i++) {
		json_t *key;

		if (config_keys[i].type == CONFIG_WORDS)
			key = config_words(config_keys[i].allowed);
		else if (config_keys[i].type == CONFIG_NUMBER)
			key = json_pack("{s:[s, s, s], s:s}", "type", "integer", "string", "null",
					"description", config_keys[i].allowed);
		else
			key = json_pack("{s:[s, s], s:s}", "type", "string", "null", "description",
					config_keys[i].allowed);
		json_object_set_new(keys, config_keys[i].name, key);
	}
	return json_pack("{s:s, s:o}", "type", "object", "properties", keys);
}
