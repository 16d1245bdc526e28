/* SPDX-License-Identifier: MIT */
/*
 * Writes the values of keys as in a configuration file. Called by `config show`, `vm get`, `vm set`
 * and vm_share.c. Holds no state; passwords and keys are never written.
 */
#include "kernel/abi/pages.h"
#include "lib/bits.h"
#include "vmm/manager/config/config_keys.h"
#include "vmm/manager/config/config_lists.h"
#include "vmm/manager/text/parse_address.h"
#include "vmm/rt/format.h"

static void config_show_disks(const struct vm_disk *disks, char *buffer, size_t size)
{
	char name[CONFIG_DISK_BYTES];
	size_t length = 0;

	for (u32 i = 0; i < CONFIG_VM_DISK_MAX && disks[i].number != 0 && length < size; i++)
		length += format(buffer + length, size - length, "%s%s%s%s%s%s", i > 0 ? ", " : "",
				 config_disk_name(&disks[i], name),
				 (disks[i].flags & VM_DISK_CDROM) != 0	     ? " cdrom"
				 : (disks[i].flags & VM_DISK_READ_ONLY) != 0 ? " ro"
									     : "",
				 (disks[i].flags & VM_DISK_FLASH) != 0 ? " flash" : "",
				 (disks[i].flags & VM_DISK_SCSI) != 0 ? " scsi" : "",
				 (disks[i].flags & VM_DISK_OPTIONAL) != 0 ? " optional" : "");
}

static size_t config_show_net(const struct vm_net *net, char *buffer, size_t size)
{
	char mac[MAC_TEXT_BYTES];
	char address[16];
	size_t length = format(buffer, size, "%s", config_net(net->number - 1u)->section.name);

	address_format_mac(net->mac, mac);
	address_format_ipv4(net->address, address, sizeof(address));
	if (net->mac != 0)
		length += format(buffer + length, size - length, " mac=%s", mac);
	if (net->vlan != 0)
		length += format(buffer + length, size - length, " vlan=%u", net->vlan);
	if (net->address != 0)
		length += format(buffer + length, size - length, " address=%s", address);
	return length + format(buffer + length, size - length, "%s%s%s%s",
			       (net->flags & VM_NET_TRUNK) != 0 ? " trunk" : "",
			       (net->flags & VM_NET_PRIVATE) != 0 ? " private" : "",
			       (net->flags & VM_NET_ANY_SOURCE) != 0 ? " any_source" : "",
			       (net->flags & VM_NET_OPTIONAL) != 0 ? " optional" : "");
}

static void config_show_nets(const struct vm_net *nets, char *buffer, size_t size)
{
	size_t length = 0;

	for (u32 i = 0; i < CONFIG_VM_NET_MAX && nets[i].number != 0 && length < size; i++) {
		length += format(buffer + length, size - length, "%s", i > 0 ? ", " : "");
		length += config_show_net(&nets[i], buffer + length, size - length);
	}
}

static void config_show_peers(const struct vm_peer *peers, char *buffer, size_t size)
{
	size_t length = 0;

	for (u32 i = 0; i < VSOCK_PEERS_MAX && peers[i].port != 0; i++)
		length += format(buffer + length, size - length, "%s%s:%u", i > 0 ? ", " : "",
				 peers[i].name, peers[i].port);
	if (length == 0)
		string_copy(buffer, size, "none");
}

void config_ports_text(const char (*ports)[CONFIG_NAME_BYTES], char *buffer, size_t size)
{
	size_t length = 0;

	buffer[0] = '\0';
	for (u32 i = 0; i < CONFIG_PORT_MAX && ports[i][0] != '\0' && length < size; i++)
		length +=
			format(buffer + length, size - length, "%s%s", i > 0 ? ", " : "", ports[i]);
}

static void config_show_cpus(const u64 *words, char *buffer, size_t size)
{
	size_t length = 0;

	for (u32 first = 0; first < CPU_MAX && length < size; first++) {
		u32 last = first;

		if ((words[first / 64] & BIT(first % 64)) == 0)
			continue;
		while (last + 1 < CPU_MAX && (words[(last + 1) / 64] & BIT((last + 1) % 64)) != 0)
			last++;
		length += format(buffer + length, size - length, last > first ? "%s%u-%u" : "%s%u",
				 length > 0 ? "," : "", first, last);
		first = last;
	}
	if (length == 0)
		format(buffer, size, "all");
}

static void config_show_words(const char *words, u64 mask, char *buffer, size_t size)
{
	struct text rest = text_of(words);
	struct text word;
	size_t length = 0;

	for (u32 i = 0; text_next_word(&rest, &word); i++) {
		if ((mask & BIT(i)) != 0 && length < size)
			length += format(buffer + length, size - length, "%s%.*s",
					 length > 0 ? " " : "", (int)word.length, word.start);
	}
	if (length == 0)
		format(buffer, size, "none");
}

/* Writes a time with the largest unit that divides it. */
static size_t config_show_duration(u64 ns, char *buffer, size_t size)
{
	const struct {
		const char *name;
		u64 factor;
	} units[] = {{"s", NS_PER_S}, {"ms", NS_PER_MS}, {"us", NS_PER_US}, {"ns", 1}};
	u32 i = 0;

	while (ns % units[i].factor != 0)
		i++;
	return format(buffer, size, "%llu%s", (unsigned long long)(ns / units[i].factor),
		      units[i].name);
}

static void config_show_size(u64 bytes, char *buffer, size_t size)
{
	static const char names[] = "\0KMGT";
	u32 i = 0;

	while (i < 4 && bytes % 1024 == 0) {
		bytes /= 1024;
		i++;
	}
	format(buffer, size, i > 0 ? "%llu%c" : "%llu", (unsigned long long)bytes, names[i]);
}

void config_value_text(const struct config_key *key, const void *target, char *buffer, size_t size)
{
	const char *field = (const char *)target + key->offset;
	const u64 *number = (const u64 *)(const void *)field;
	size_t length;

	buffer[0] = '\0';
	switch (key->value) {
	case VALUE_TEXT:
		string_copy(buffer, size, field);
		break;
	case VALUE_SIZE:
		if (*number == 0)
			break;
		config_show_size(*number, buffer, size);
		break;
	case VALUE_NUMBER:
		format(buffer, size, "%llu", (unsigned long long)*number);
		break;
	case VALUE_PERCENT:
		if (*number != 0)
			format(buffer, size, "%llu%%", (unsigned long long)*number);
		break;
	case VALUE_DURATION:
		config_show_duration(*number, buffer, size);
		break;
	case VALUE_CPUS:
		config_show_cpus(number, buffer, size);
		break;
	case VALUE_RESERVE:
		if (number[0] == 0)
			break;
		length = config_show_duration(number[0], buffer, size);
		length += format(buffer + length, size - length, "/");
		config_show_duration(number[1], buffer + length, size - length);
		break;
	case VALUE_CHOICE:
		config_show_words(key->words, BIT(*number), buffer, size);
		break;
	case VALUE_FLAGS:
		config_show_words(key->words, *number, buffer, size);
		break;
	case VALUE_DISKS:
		config_show_disks((const struct vm_disk *)(const void *)field, buffer, size);
		break;
	case VALUE_NETS:
		config_show_nets((const struct vm_net *)(const void *)field, buffer, size);
		break;
	case VALUE_PORTS:
		config_ports_text((const void *)field, buffer, size);
		break;
	case VALUE_BACKUP:
		config_backup_text((const void *)field, buffer, size);
		break;
	case VALUE_PEERS:
		config_show_peers((const void *)field, buffer, size);
		break;
	case VALUE_EGRESS:
		config_egress_text((const void *)field, buffer, size);
		break;
	case VALUE_PASSWORD:
	case VALUE_KEY:
		break;
	}
}

/* Writes a line; quotes keep a '#' or an outer space part of a text. */
const char *config_line_text(const struct config_key *key, const char *value, char *buffer,
			     size_t size)
{
	bool quoted = key->value == VALUE_TEXT;
	size_t length = format(buffer, size, quoted ? "%s = \"" : "%s = ", key->name);

	for (; *value != '\0' && length + 3 < size; value++) {
		if (quoted && (*value == '"' || *value == '\\'))
			buffer[length++] = '\\';
		buffer[length++] = *value;
	}
	string_copy(buffer + length, size - length, quoted ? "\"" : "");
	return buffer;
}
