/* SPDX-License-Identifier: MIT */
/*
 * The tables of all keys of the configuration, and the reading of their values. Called by config.c,
 * config_check.c, `vm set` and `vm create`. Writes only the field of the given target.
 */
#include "vmm/manager/config/config_keys.h"
#include "vmm/manager/config/config_lists.h"
#include "kernel/abi/pages.h"
#include "lib/bits.h"
#include "vmm/manager/login/rights.h"
#include "vmm/manager/log/log_names.h"
#include "vmm/manager/log/log_store.h"
#include "vmm/io/net.h"
#include "vmm/manager/text/parse_number.h"
#include "vmm/rt/format.h"

#define SHOWN_BYTES	      40u
#define RESERVE_PERIOD_MIN_NS (100 * NS_PER_US)
#define TRAP_WORDS	      "cr dr exceptions msr io"
#define YES_OR_NO	      .words = "no yes", .allowed = "yes or no"

const struct config_key config_host_keys[] = {
	{"log", VALUE_CHOICE, offsetof(struct host_config, log), .words = LOG_LEVEL_WORDS,
	 .allowed = LOG_LEVEL_WORDS},
	{"export", VALUE_CHOICE, offsetof(struct host_config, export), .words = "off com1 com2",
	 .allowed = "off, com1 or com2"},
	{"log.format", VALUE_CHOICE, offsetof(struct host_config, log_format),
	 .words = "auto text json", .allowed = "auto, text or json"},
	{"log.segments", VALUE_NUMBER, offsetof(struct host_config, log_segments), 2,
	 LOG_SEGMENTS_MAX, NULL, "a number from 2 to 64"},
	{"log.segment_size", VALUE_SIZE, offsetof(struct host_config, log_segment_bytes),
	 LOG_SEGMENT_BYTES_MIN, MIB, NULL, "a size such as 64K, from 4K to 1M in steps of 4K"},
	{"log.segment_age", VALUE_DURATION, offsetof(struct host_config, log_segment_age_ns), 0,
	 86400 * NS_PER_S, NULL, "a time such as 3600s, at most 86400s, 0s for none"},
	{"log.rate", VALUE_NUMBER, offsetof(struct host_config, log_rate), 1, 100000, NULL,
	 "a number of lines a second from 1 to 100000"},
	{"lock_after", VALUE_DURATION, offsetof(struct host_config, lock_after_ns), NS_PER_S,
	 86400 * NS_PER_S, "none", "a time such as 600s, from 1s to 86400s, or none"},
	{"id", VALUE_TEXT, offsetof(struct host_config, id), 1, CONFIG_WORD_BYTES - 1, NULL,
	 "a UUID such as 0b1f3c5e-89ab-4cde-8f01-23456789abcd"},
	{"password", VALUE_PASSWORD, offsetof(struct host_config, password), .words = NULL,
	 .allowed = PASSWORD_HASH_ALLOWED},
	{"state_key", VALUE_KEY, offsetof(struct host_config, state_key), .words = NULL,
	 .allowed = "64 hex digits that nobody can guess"},
	{NULL, VALUE_TEXT, 0, .words = NULL},
};

#define VM_FIELD(field) offsetof(struct vm_config, field)

const struct config_key config_vm_keys[] = {
	{"kernel", VALUE_TEXT, VM_FIELD(kernel), 1, CONFIG_FILE_BYTES - 1, NULL,
	 "a file name of 1 to 63 characters"},
	{"initrd", VALUE_TEXT, VM_FIELD(initrd), 0, CONFIG_FILE_BYTES - 1, NULL,
	 "a file name of at most 63 characters"},
	{"cmdline", VALUE_TEXT, VM_FIELD(cmdline), 0, CONFIG_CMDLINE_BYTES - 1, NULL,
	 "at most 1023 printable ASCII characters"},
	{"boot", VALUE_CHOICE, VM_FIELD(boot), .words = "kernel bios uefi",
	 .allowed = "kernel, bios or uefi"},
	{"firmware", VALUE_TEXT, VM_FIELD(firmware), 0, CONFIG_FILE_BYTES - 1, NULL,
	 "a file name of at most 63 characters"},
	{"boot.order", VALUE_TEXT, VM_FIELD(boot_order), 0, CONFIG_WORD_BYTES - 1, NULL,
	 "any of disk, cdrom and net, each once"},
	{"boot.once", VALUE_TEXT, VM_FIELD(boot_once), 0, CONFIG_WORD_BYTES - 1, NULL,
	 "any of disk, cdrom and net, each once"},
	{"boot.menu", VALUE_CHOICE, VM_FIELD(boot_menu), YES_OR_NO},
	{"seed", VALUE_TEXT, VM_FIELD(seed), 0, CONFIG_FILE_BYTES - 1, NULL,
	 "a file name of at most 63 characters"},
	{"smbios.uuid", VALUE_TEXT, VM_FIELD(smbios_uuid), 0, CONFIG_WORD_BYTES - 1, NULL,
	 "a UUID such as 0b1f3c5e-89ab-4cde-8f01-23456789abcd"},
	{"smbios.vendor", VALUE_TEXT, VM_FIELD(smbios_vendor), 0, CONFIG_FILE_BYTES - 1, NULL,
	 "at most 63 characters"},
	{"smbios.product", VALUE_TEXT, VM_FIELD(smbios_product), 0, CONFIG_FILE_BYTES - 1, NULL,
	 "at most 63 characters"},
	{"smbios.serial", VALUE_TEXT, VM_FIELD(smbios_serial), 0, CONFIG_FILE_BYTES - 1, NULL,
	 "at most 63 characters"},
	{"memory", VALUE_SIZE, VM_FIELD(memory_bytes), 2 * MIB, 1024ul * GIB, NULL,
	 "a size such as 128M, from 2M to 1T in steps of 4K"},
	{"vcpus", VALUE_NUMBER, VM_FIELD(vcpus), 1, 64, NULL, "a number from 1 to 64"},
	{"affinity", VALUE_CPUS, VM_FIELD(affinity), 0, CPU_MAX - 1, NULL,
	 "host CPUs such as 0-3,5 up to 255, or all"},
	{"weight", VALUE_NUMBER, VM_FIELD(weight), 1, 65535, NULL, "a number from 1 to 65535"},
	{"cap", VALUE_PERCENT, VM_FIELD(cap_percent), 1, 6400, NULL,
	 "a percentage of one CPU such as 50%, at most 100% for each vCPU, or none"},
	{"reserve", VALUE_RESERVE, VM_FIELD(reserve_budget_ns), 50 * NS_PER_US, NS_PER_S, NULL,
	 "budget/period such as 2ms/10ms, the budget from 50us up to the period, the period from "
	 "100us to 1s, or none"},
	{"autostart", VALUE_CHOICE, VM_FIELD(autostart), .words = "no yes restore",
	 .allowed = "yes, no or restore"},
	{"on_crash", VALUE_CHOICE, VM_FIELD(on_crash), .words = "hold restart destroy restore",
	 .allowed = "hold, restart, destroy or restore"},
	{"clock", VALUE_CHOICE, VM_FIELD(clock), .words = "stop jump", .allowed = "stop or jump"},
	{"stop_timeout", VALUE_DURATION, VM_FIELD(stop_timeout_ns), 0, 3600 * NS_PER_S, NULL,
	 "a time such as 30s, at most 3600s"},
	{"pages", VALUE_CHOICE, VM_FIELD(pages), .words = "auto 4k 2m 1g",
	 .allowed = "auto, 4k, 2m or 1g"},
	{"trap", VALUE_FLAGS, VM_FIELD(trap), .words = TRAP_WORDS,
	 .allowed = "none, or any of " TRAP_WORDS},
	{"preemption_timer", VALUE_CHOICE, VM_FIELD(preemption_timer), .words = "auto off",
	 .allowed = "auto or off"},
	{"unrestricted", VALUE_CHOICE, VM_FIELD(unrestricted), .words = "auto off",
	 .allowed = "auto or off"},
	{"apic_virtualization", VALUE_CHOICE, VM_FIELD(apic_virtualization), .words = "auto off",
	 .allowed = "auto or off"},
	{"tlb_flush", VALUE_CHOICE, VM_FIELD(tlb_flush), .words = "tagged full",
	 .allowed = "tagged or full"},
	{"hpet", VALUE_CHOICE, VM_FIELD(hpet), YES_OR_NO},
	{"pci", VALUE_CHOICE, VM_FIELD(pci), .words = "on off", .allowed = "on or off"},
	{"rng", VALUE_CHOICE, VM_FIELD(rng), YES_OR_NO},
	{"balloon", VALUE_CHOICE, VM_FIELD(balloon), YES_OR_NO},
	{"vsock", VALUE_CHOICE, VM_FIELD(vsock), YES_OR_NO},
	{"vsock.peers", VALUE_PEERS, VM_FIELD(vsock_peer), .words = NULL,
	 .allowed = "up to 8 different entries VM:PORT such as beta:5000, or none"},
	{"quiesce", VALUE_CHOICE, VM_FIELD(quiesce), YES_OR_NO},
	{"window", VALUE_TEXT, VM_FIELD(window), 0, CONFIG_WINDOW_BYTES - 1, NULL,
	 "a name and a size such as fuzz 64K"},
	{"overcommit", VALUE_CHOICE, VM_FIELD(overcommit), YES_OR_NO},
	{"console", VALUE_CHOICE, VM_FIELD(console), .words = "serial virtio",
	 .allowed = "serial or virtio"},
	{"port", VALUE_PORTS, VM_FIELD(port), .words = NULL,
	 .allowed = "up to 3 different names such as agent and log, or none"},
	{"channel", VALUE_TEXT, VM_FIELD(channel), 0, CONFIG_NAME_BYTES - 1, NULL,
	 "the name of one of its ports"},
	{"disk", VALUE_DISKS, VM_FIELD(disk), .words = NULL,
	 .allowed = "the name of a disk or of a volume (STORE/VOLUME), then any of ro, cdrom, "
		    "flash, scsi and optional (at most 16 disks), or none"},
	{"disk.ops", VALUE_NUMBER, VM_FIELD(disk_ops), 0, 1000000000, NULL,
	 "a number of operations a second, or 0 for no limit"},
	{"disk.bytes", VALUE_NUMBER, VM_FIELD(disk_bytes), 0, 1000000000000, NULL,
	 "a number of bytes a second, or 0 for no limit"},
	{"disk.burst", VALUE_NUMBER, VM_FIELD(disk_burst), 0, 1000000000, NULL,
	 "a number of bytes, or 0 for as many as the driver thinks right"},
	{"disk.weight", VALUE_NUMBER, VM_FIELD(disk_weight), 1, 65535, NULL,
	 "a number from 1 to 65535"},
	{"disk.undo", VALUE_SIZE, VM_FIELD(disk_undo_bytes), DISK_UNDO_MIN, DISK_UNDO_MAX, NULL,
	 "a size such as 64M, 64K to 16G, in steps of 4K"},
	{"backup", VALUE_BACKUP, VM_FIELD(backup), .words = NULL,
	 .allowed = "a store, every and a time from 1s to 366d, then any of chain with 1 to 8 "
		    "backups and keep with 1 to 64 chains, such as `spare every 24h chain 7 keep "
		    "4`, or none"},
	{"net", VALUE_NETS, VM_FIELD(net), .words = NULL,
	 .allowed = "a network's name, then any of mac=52:54:00:12:34:56, vlan=1 to 4094, "
		    "address=10.0.2.15, trunk, private, any_source and optional (at most 8 cards), "
		    "or none"},
	{"net.packets", VALUE_NUMBER, VM_FIELD(net_packets), 0, 1000000000, NULL,
	 "a number of packets a second, or 0 for no limit"},
	{"net.bytes", VALUE_NUMBER, VM_FIELD(net_bytes), 0, 1000000000000, NULL,
	 "a number of bytes a second, or 0 for no limit"},
	{"net.burst", VALUE_NUMBER, VM_FIELD(net_burst), 0, 1000000000, NULL,
	 "a number of bytes, or 0 for as many as the switch thinks right"},
	{"net.weight", VALUE_NUMBER, VM_FIELD(net_weight), 1, 65535, NULL,
	 "a number from 1 to 65535"},
	{"net.egress", VALUE_EGRESS, VM_FIELD(egress), .words = NULL,
	 .allowed =
		 "any, none, or up to 16 entries ADDRESS[/BITS][:PORT[-PORT]][/PROTOCOL] such as "
		 "10.0.2.5:443/tcp, 10.1.0.0/16 and 10.0.2.2/arp, with tcp or udp behind a port"},
	{"test_device", VALUE_CHOICE, VM_FIELD(test_device), YES_OR_NO},
	{NULL, VALUE_TEXT, 0, .words = NULL},
};

#define DISK_FIELD(field) offsetof(struct disk_config, field)

const struct config_key config_disk_keys[] = {
	{"controller", VALUE_TEXT, DISK_FIELD(controller), 1, CONFIG_WORD_BYTES - 1,
	 "memory nvme# ahci#.# ide#.# virtio# scsi#.#",
	 "memory, nvme0, ahci0.0, ide0.0, virtio0, scsi0.0 or a PCI address such as 00:04.0, or "
	 "several of these but memory"},
	{"service", VALUE_TEXT, DISK_FIELD(service), 1, CONFIG_NAME_BYTES - 1, NULL,
	 "the name of a section [service NAME]"},
	{"image", VALUE_TEXT, DISK_FIELD(image), 1, CONFIG_FILE_BYTES - 1, NULL,
	 "a file name of 1 to 63 characters"},
	{"size", VALUE_SIZE, DISK_FIELD(size_bytes), PAGE_SIZE, 1024ul * GIB, NULL,
	 "a size such as 64M, from 4K to 1T in steps of 4K"},
	{"partition", VALUE_TEXT, DISK_FIELD(partition), 1, CONFIG_WORD_BYTES - 1, NULL,
	 "a partition's name or UUID"},
	{"read_only", VALUE_CHOICE, DISK_FIELD(read_only), YES_OR_NO},
	{"restart_limit", VALUE_NUMBER, DISK_FIELD(restart_limit), 0, CONFIG_RESTART_MAX, NULL,
	 "a number of deaths in a minute from 1 to 64, or 0 for no limit"},
	{"lost", VALUE_CHOICE, DISK_FIELD(lost), .words = "wait error", .allowed = "wait or error"},
	{"dma", VALUE_CHOICE, DISK_FIELD(dma), .words = "direct copy", .allowed = "direct or copy"},
	{"encrypt", VALUE_TEXT, DISK_FIELD(encrypt), 1, CONFIG_NAME_BYTES - 1, NULL,
	 "the name of a key in the boot module skerry.keys, or of one for `disk key`"},
	{NULL, VALUE_TEXT, 0, .words = NULL},
};

#define NET_FIELD(field) offsetof(struct net_config, field)

const struct config_key config_net_keys[] = {
	{"uplink", VALUE_TEXT, NET_FIELD(uplink), 1, CONFIG_WORD_BYTES - 1, "net#",
	 "net0 or a PCI address such as 00:03.0, or several of them; for two uplinks a comma "
	 "between them"},
	{"mtu", VALUE_NUMBER, NET_FIELD(mtu), NET_MTU_MIN, NET_MTU_MAX, NULL,
	 "a number of bytes from 1280 to 9000"},
	{"restart_limit", VALUE_NUMBER, NET_FIELD(restart_limit), 0, CONFIG_RESTART_MAX, NULL,
	 "a number of deaths in a minute from 1 to 64, or 0 for no limit"},
	{"dhcp", VALUE_TEXT, NET_FIELD(dhcp), 1, CONFIG_RANGE_BYTES - 1, NULL,
	 "addresses such as 10.7.0.0/16, with /8 to /29"},
	{"dhcp.router", VALUE_TEXT, NET_FIELD(dhcp_router), 1, CONFIG_RANGE_BYTES - 1, NULL,
	 "an address such as 10.7.0.1"},
	{"dhcp.dns", VALUE_TEXT, NET_FIELD(dhcp_dns), 1, CONFIG_RANGE_BYTES - 1, NULL,
	 "an address such as 10.7.0.1"},
	{NULL, VALUE_TEXT, 0, .words = NULL},
};

#define SERVICE_FIELD(field) offsetof(struct service_config, field)

const struct config_key config_service_keys[] = {
	{"program", VALUE_TEXT, SERVICE_FIELD(program), 1, CONFIG_FILE_BYTES - 1, NULL,
	 "a file name of 1 to 63 characters"},
	{"file", VALUE_TEXT, SERVICE_FIELD(file), 1, CONFIG_FILE_BYTES - 1, NULL,
	 "a file name of 1 to 63 characters"},
	{"argument", VALUE_TEXT, SERVICE_FIELD(argument), 1, CONFIG_ARGUMENT_BYTES - 1, NULL,
	 "1 to 255 printable ASCII characters"},
	{"memory", VALUE_SIZE, SERVICE_FIELD(memory_bytes), PAGE_SIZE, 1024ul * GIB, NULL,
	 "a size such as 4M, from 4K to 1T in steps of 4K"},
	{NULL, VALUE_TEXT, 0, .words = NULL},
};

#define STORE_FIELD(field) offsetof(struct store_config, field)

const struct config_key config_store_keys[] = {
	{"disk", VALUE_TEXT, STORE_FIELD(disk), 1, CONFIG_NAME_BYTES - 1, NULL,
	 "the name of a section [disk NAME]"},
	{"memory", VALUE_SIZE, STORE_FIELD(memory_bytes), STORE_MEMORY_MIN, STORE_MEMORY_MAX, NULL,
	 "a size such as 8M, from 256K to 16G in steps of 4K"},
	{"overcommit", VALUE_CHOICE, STORE_FIELD(overcommit), YES_OR_NO},
	{"encrypted", VALUE_CHOICE, STORE_FIELD(encrypted), YES_OR_NO},
	{"lease", VALUE_DURATION, STORE_FIELD(lease_ns), 3 * NS_PER_S, 3600 * NS_PER_S, "none",
	 "a time such as 20s, from 3s to 3600s, or none"},
	{"checksum", VALUE_CHOICE, STORE_FIELD(checksum), YES_OR_NO},
	{"checksum_after", VALUE_NUMBER, STORE_FIELD(checksum_after), 1, 86400, NULL,
	 "a number of seconds from 1 to 86400"},
	{"quota", VALUE_TEXT, STORE_FIELD(quota), 1, CONFIG_QUOTAS_BYTES - 1, NULL,
	 "NAME SIZE or BEGINNING* SIZE, separated by commas"},
	{NULL, VALUE_TEXT, 0, .words = NULL},
};

const struct config_key config_channel_keys[] = {
	{"rights", VALUE_FLAGS, offsetof(struct channel_config, rights), .words = RIGHT_WORDS,
	 .allowed = "none, or any of " RIGHT_WORDS},
	{NULL, VALUE_TEXT, 0, .words = NULL},
};

static bool config_parse_reserve(const struct config_key *key, struct text text,
				 u64 *budget_and_period)
{
	struct text budget;
	struct text period;

	if (text_equal(text, "none"))
		return true;
	return config_split(text, '/', &budget, &period) &&
	       parse_duration(text_trim(budget), &budget_and_period[0]) &&
	       parse_duration(text_trim(period), &budget_and_period[1]) &&
	       budget_and_period[0] >= key->minimum && budget_and_period[1] <= key->maximum &&
	       budget_and_period[1] >= RESERVE_PERIOD_MIN_NS &&
	       budget_and_period[0] <= budget_and_period[1];
}

static bool config_parse_words(const char *words, struct text text, u64 *flags)
{
	struct text rest = text;
	struct text part;
	bool more;
	int place;

	*flags = 0;
	if (text_equal(text, "none"))
		return true;
	do {
		/* the items of a list may be separated by commas, spaces or both */
		more = config_split(text_trim(rest), ',', &part, &rest);
		for (struct text word; text_next_word(&part, &word);) {
			place = config_find_word(words, word);
			if (place < 0)
				return false;
			*flags |= BIT((u32)place);
		}
	} while (more);
	return *flags != 0;
}

static bool config_parse_choice(const char *words, struct text text, u64 *choice)
{
	int place = config_find_word(words, text);

	*choice = (u64)place;
	return place >= 0;
}

static bool config_parse_text(const struct config_key *key, struct text text, char *to)
{
	if (key->words != NULL && !config_names_devices(key->words, text))
		return false;
	for (size_t i = 0; i < text.length; i++) {
		if (!char_is_printable(text.start[i]))
			return false;
	}
	return text.length >= key->minimum && text_copy(to, key->maximum + 1, text);
}

bool config_parse_state_key(struct text text, struct state_key *key)
{
	key->given = text.length == 2 * sizeof(key->bytes);
	for (size_t i = 0; key->given && i < text.length; i++) {
		u32 digit = char_hex_value(text.start[i]);

		key->given = digit <= 15;
		key->bytes[i / 2] = (u8)((u32)key->bytes[i / 2] << 4 | digit);
	}
	return key->given;
}

/* Reads a value into `field`, which is all zero; after a failure the field may hold anything. */
static bool config_parse_value(const struct config_key *key, struct text text, void *field)
{
	u64 *number = field;

	switch (key->value) {
	case VALUE_TEXT:
		return config_parse_text(key, text, field);
	case VALUE_SIZE:
		return parse_size(text, number) && is_aligned(*number, PAGE_SIZE) &&
		       *number >= key->minimum && *number <= key->maximum;
	case VALUE_NUMBER:
		return parse_u64(text, number) && *number >= key->minimum &&
		       *number <= key->maximum;
	case VALUE_PERCENT:
		if (text_equal(text, "none"))
			return true;
		return parse_percent(text, number) && *number >= key->minimum &&
		       *number <= key->maximum;
	case VALUE_DURATION:
		if (key->words != NULL && text_equal(text, key->words))
			return true;
		return parse_duration(text, number) &&
		       ((*number >= key->minimum && *number <= key->maximum) ||
			(*number == 0 && key->words != NULL));
	case VALUE_CPUS:
		return config_parse_cpus(text, key->maximum, number);
	case VALUE_RESERVE:
		return config_parse_reserve(key, text, number);
	case VALUE_CHOICE:
		return config_parse_choice(key->words, text, number);
	case VALUE_FLAGS:
		return config_parse_words(key->words, text, number);
	case VALUE_DISKS:
		return config_parse_disks(text, field);
	case VALUE_NETS:
		return config_parse_nets(text, field);
	case VALUE_PORTS:
		return config_parse_ports(text, field);
	case VALUE_BACKUP:
		return config_parse_backup(text, field);
	case VALUE_PEERS:
		return config_parse_peers(text, field);
	case VALUE_EGRESS:
		return config_parse_egress(text, field);
	case VALUE_PASSWORD:
		return password_parse(text, field);
	case VALUE_KEY:
		return config_parse_state_key(text, field);
	}
	return false;
}

static size_t config_field_bytes(const struct config_key *key)
{
	switch (key->value) {
	case VALUE_TEXT:
		return key->maximum + 1;
	case VALUE_CPUS:
		return CONFIG_CPU_WORDS * sizeof(u64);
	case VALUE_RESERVE:
		return 2 * sizeof(u64);
	case VALUE_DISKS:
		return CONFIG_VM_DISK_MAX * sizeof(struct vm_disk);
	case VALUE_NETS:
		return CONFIG_VM_NET_MAX * sizeof(struct vm_net);
	case VALUE_PORTS:
		return (size_t)CONFIG_PORT_MAX * CONFIG_NAME_BYTES;
	case VALUE_BACKUP:
		return sizeof(struct backup_plan);
	case VALUE_PEERS:
		return VSOCK_PEERS_MAX * sizeof(struct vm_peer);
	case VALUE_EGRESS:
		return sizeof(struct net_egress_list);
	case VALUE_PASSWORD:
		return sizeof(struct password_hash);
	case VALUE_KEY:
		return sizeof(struct state_key);
	default:
		return sizeof(u64);
	}
}

static void config_unknown_key(const struct config_key *keys, struct text key, char *problem,
			       size_t size)
{
	char shown[SHOWN_BYTES];
	size_t length = format(problem, size, "there is no key \"%s\"; the keys are",
			       text_show(shown, sizeof(shown), key));

	for (; keys->name != NULL && length < size; keys++)
		length += format(problem + length, size - length, " %s", keys->name);
}

const struct config_key *config_key_find(const struct config_key *keys, struct text name)
{
	while (keys->name != NULL && !text_equal(name, keys->name))
		keys++;
	return keys->name != NULL ? keys : NULL;
}

u64 config_key_bit(const struct config_key *keys, const char *name)
{
	const struct config_key *key = config_key_find(keys, text_of(name));

	return key != NULL ? BIT((u64)(key - keys)) : 0;
}

static bool config_is_secret(const struct config_key *key)
{
	return key->value == VALUE_PASSWORD || key->value == VALUE_KEY;
}

/* Returns whether the key may stand several times in a section, each time adding to the value. */
static bool config_adds(const struct config_key *key)
{
	return key->value == VALUE_DISKS || key->value == VALUE_NETS;
}

bool config_set(const struct config_key *keys, void *target, u64 *given, struct text key,
		struct text value, char *problem, size_t size, bool *in_value)
{
	union {
		char text[CONFIG_CMDLINE_BYTES];
		u64 number[CONFIG_CPU_WORDS];
		struct vm_disk disk[CONFIG_VM_DISK_MAX];
		struct vm_net net[CONFIG_VM_NET_MAX];
		char port[CONFIG_PORT_MAX][CONFIG_NAME_BYTES];
		struct backup_plan backup;
		struct vm_peer peer[VSOCK_PEERS_MAX];
		struct net_egress_list egress;
		struct password_hash password;
		struct state_key key;
	} parsed;
	char shown[SHOWN_BYTES];
	char name[CONFIG_DISK_BYTES];
	const struct config_key *found = config_key_find(keys, key);
	u64 bit;

	/* the whole field is zeroed, as all of it is copied below */
	memset(&parsed, 0, sizeof(parsed));
	*in_value = false;
	if (found == NULL) {
		config_unknown_key(keys, key, problem, size);
		return false;
	}
	bit = BIT((u64)(found - keys));
	if (config_adds(found) && (*given & bit) != 0) {
		memcpy(&parsed, (const char *)target + found->offset, config_field_bytes(found));
	} else if (*given & bit) {
		format(problem, size, "%s is set a second time; set it once", found->name);
		return false;
	}
	*in_value = true;
	if (!config_parse_value(found, value, &parsed)) {
		text_show(shown, sizeof(shown), value);
		format(problem, size, "%s: \"%s\" is not valid; use %s", found->name,
		       !config_is_secret(found) ? shown : "...", found->allowed);
		return false;
	}
	if (found->value == VALUE_DISKS && config_disk_twice(parsed.disk, name)) {
		format(problem, size, "disk: %s is given a second time; give each disk once", name);
		return false;
	}
	memcpy((char *)target + found->offset, &parsed, config_field_bytes(found));
	*given |= bit;
	return true;
}
