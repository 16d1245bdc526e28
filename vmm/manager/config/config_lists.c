/* SPDX-License-Identifier: MIT */
/*
 * Reads values that are lists: disks, cards, ports and CPUs of a VM. Called by config_keys.c; help,
 * net_uplink.c and config_check.c use its splitting of words. Adds mentioned disks and networks to
 * the lists of config_sections.c.
 */
#include "vmm/manager/config/config_lists.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/manager/pci/pci_access.h"
#include "vmm/manager/text/parse_address.h"
#include "vmm/manager/text/parse_number.h"

#define VLAN_MAX 4094u

int config_find_word(const char *words, struct text word)
{
	struct text rest = text_of(words);
	struct text candidate;

	for (int i = 0; text_next_word(&rest, &candidate); i++) {
		if (candidate.length == word.length &&
		    memcmp(candidate.start, word.start, word.length) == 0)
			return i;
	}
	return -1;
}

bool config_split(struct text text, char separator, struct text *head, struct text *rest)
{
	size_t length = 0;

	while (length < text.length && text.start[length] != separator)
		length++;
	*head = (struct text){text.start, length};
	*rest = (struct text){text.start + length, 0};
	if (length == text.length)
		return false;
	*rest = (struct text){text.start + length + 1, text.length - length - 1};
	return true;
}

/* Returns whether the word is like the pattern, in which '#' stands for a number. */
static bool config_is_like(struct text word, struct text pattern)
{
	size_t at = 0;

	for (size_t i = 0; i < pattern.length; i++) {
		size_t first = at;

		if (pattern.start[i] != '#') {
			if (at == word.length || word.start[at++] != pattern.start[i])
				return false;
			continue;
		}
		while (at < word.length && word.start[at] >= '0' && word.start[at] <= '9')
			at++;
		if (at == first)
			return false;
	}
	return at == word.length;
}

static bool config_is_pci_address(struct text word)
{
	char text[16];
	struct pci_address address;

	return text_copy(text, sizeof(text), word) && pci_address_parse(text, &address);
}

bool config_names_devices(const char *patterns, struct text text)
{
	struct text rest = text;
	struct text part;
	bool more;

	do {
		more = config_split(rest, ',', &part, &rest);
		for (struct text word; text_next_word(&part, &word);) {
			struct text left = text_of(patterns);
			struct text pattern;
			bool known = config_is_pci_address(word);

			while (!known && text_next_word(&left, &pattern))
				known = config_is_like(word, pattern);
			if (!known)
				return false;
		}
	} while (more);
	return true;
}

/* Takes STORE/VOLUME. */
static bool config_parse_volume(struct text store, struct text volume, struct vm_disk *disk)
{
	int number;
	int name;

	if (!config_name_valid(store) || !config_name_valid(volume))
		return false;
	number = config_store_number(store);
	name = config_volume_number(volume);
	*disk = (struct vm_disk){
		.number = (u8)(number + 1), .flags = VM_DISK_VOLUME, .volume = (u16)name};
	return number >= 0 && name >= 0;
}

/* Reads the name of a disk or of a volume. */
static bool config_parse_disk_name(struct text word, struct vm_disk *disk)
{
	struct text head;
	struct text volume;
	int number;

	if (config_split(word, '/', &head, &volume))
		return config_parse_volume(head, volume, disk);
	if (!config_name_valid(word))
		return false;
	number = config_disk_number(word);
	*disk = (struct vm_disk){.number = (u8)(number + 1)};
	return number >= 0;
}

static bool config_parse_disk(struct text text, struct vm_disk *disk)
{
	struct text word;

	if (!text_next_word(&text, &word) || !config_parse_disk_name(word, disk))
		return false;
	while (text_next_word(&text, &word)) {
		if (text_equal(word, "ro"))
			disk->flags |= VM_DISK_READ_ONLY;
		else if (text_equal(word, "cdrom"))
			disk->flags |= VM_DISK_CDROM | VM_DISK_READ_ONLY;
		else if (text_equal(word, "flash"))
			disk->flags |= VM_DISK_FLASH;
		else if (text_equal(word, "scsi"))
			disk->flags |= VM_DISK_SCSI;
		else if (text_equal(word, "optional"))
			disk->flags |= VM_DISK_OPTIONAL;
		else
			return false;
	}
	return true;
}

bool config_parse_disks(struct text text, struct vm_disk *disks)
{
	struct text rest = text;
	struct text part;
	u32 count = 0;
	bool more;

	if (text_equal(text, "none")) {
		memset(disks, 0, CONFIG_VM_DISK_MAX * sizeof(*disks));
		return true;
	}
	while (count < CONFIG_VM_DISK_MAX && disks[count].number != 0)
		count++;
	do {
		struct vm_disk disk;

		more = config_split(rest, ',', &part, &rest);
		if (count == CONFIG_VM_DISK_MAX || !config_parse_disk(text_trim(part), &disk))
			return false;
		disks[count++] = disk;
	} while (more);
	return true;
}

/* Copies to *value what follows "KEY=" in the word; returns false if the word has another key. */
static bool config_value_of(struct text word, const char *key, struct text *value)
{
	struct text head;

	return config_split(word, '=', &head, value) && text_equal(head, key);
}

static bool config_parse_net_word(struct text word, struct vm_net *net)
{
	static const char flags[] = "optional private trunk any_source";
	int flag = config_find_word(flags, word);
	struct text value;
	u64 vlan;

	if (flag >= 0) {
		net->flags |= (u8)(1u << flag);
		return true;
	}
	if (config_value_of(word, "mac", &value))
		return parse_mac(value, &net->mac);
	if (config_value_of(word, "address", &value))
		return parse_ipv4(value, &net->address);
	if (!config_value_of(word, "vlan", &value) || !parse_u64(value, &vlan) || vlan == 0 ||
	    vlan > VLAN_MAX)
		return false;
	net->vlan = (u16)vlan;
	return true;
}

static bool config_parse_net(struct text text, struct vm_net *net)
{
	struct text word;
	int number;

	if (!text_next_word(&text, &word) || !config_name_valid(word))
		return false;
	number = config_net_number(word);
	*net = (struct vm_net){.number = (u8)(number + 1)};
	while (text_next_word(&text, &word)) {
		if (!config_parse_net_word(word, net))
			return false;
	}
	return number >= 0;
}

bool config_parse_nets(struct text text, struct vm_net *nets)
{
	struct text rest = text;
	struct text part;
	u32 count = 0;
	bool more;

	if (text_equal(text, "none")) {
		memset(nets, 0, CONFIG_VM_NET_MAX * sizeof(*nets));
		return true;
	}
	while (count < CONFIG_VM_NET_MAX && nets[count].number != 0)
		count++;
	do {
		struct vm_net net;

		more = config_split(rest, ',', &part, &rest);
		if (count == CONFIG_VM_NET_MAX || !config_parse_net(text_trim(part), &net))
			return false;
		nets[count++] = net;
	} while (more);
	return true;
}

bool config_parse_ports(struct text text, char (*ports)[CONFIG_NAME_BYTES])
{
	struct text rest = text;
	struct text part;
	bool more = !text_equal(text, "none");

	for (u32 count = 0; more; count++) {
		more = config_split(rest, ',', &part, &rest);
		part = text_trim(part);
		if (count == CONFIG_PORT_MAX || !config_name_valid(part))
			return false;
		for (u32 i = 0; i < count; i++) {
			if (text_equal(part, ports[i]))
				return false;
		}
		text_copy(ports[count], CONFIG_NAME_BYTES, part);
	}
	return true;
}

bool config_parse_cpus(struct text text, u64 maximum, u64 *words)
{
	struct text rest = text;
	struct text part;
	struct text low;
	struct text high;
	bool more;
	u64 first;
	u64 last;

	memset(words, 0, CONFIG_CPU_WORDS * sizeof(*words));
	if (text_equal(text, "all"))
		return true;
	do {
		more = config_split(rest, ',', &part, &rest);
		if (!config_split(text_trim(part), '-', &low, &high))
			high = low;
		if (!parse_u64(low, &first) || !parse_u64(high, &last) || first > last ||
		    last > maximum)
			return false;
		for (u64 cpu = first; cpu <= last; cpu++)
			words[cpu / 64] |= BIT(cpu % 64);
	} while (more);
	return true;
}
