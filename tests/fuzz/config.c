/* SPDX-License-Identifier: MIT */
/*
 * skerry.conf: any bytes. What is accepted keeps to the limits, and can be written out, key by key
 * and as `config show` does, and read back.
 */
/* Counted elsewhere: vmm/manager/log/log_names.c vmm/manager/text/text.c */
#include "tests/fuzz/fuzz.h"

#include "lib/string.c"
#include "vmm/manager/config/config.c"
#include "vmm/manager/config/config_check.c"
#include "vmm/manager/config/config_firmware.c"
#include "vmm/manager/text/guid.c"
#include "vmm/manager/config/config_keys.c"
#include "vmm/manager/config/config_lists.c"
#include "vmm/manager/config/config_net.c"
#include "vmm/manager/config/config_backup.c"
#include "vmm/manager/config/config_egress.c"
#include "vmm/manager/config/config_peers.c"
#include "vmm/manager/config/config_window.c"
#include "vmm/manager/config/config_quota.c"
#include "vmm/manager/config/config_sections.c"
#include "vmm/manager/config/config_text.c"
#include "vmm/manager/config/config_volumes.c"
#include "vmm/manager/log/log_names.c"
#include "vmm/manager/login/password.c"
#include "vmm/manager/pci/pci_address.c"
#include "vmm/manager/text/parse_address.c"
#include "vmm/manager/text/parse_number.c"
#include "vmm/manager/text/text.c"
#include "vmm/rt/crypto/hmac.c"
#include "vmm/rt/crypto/secret.c"
#include "vmm/rt/crypto/sha256.c"
#include "vmm/rt/format.c"

static u32 problem_count;

static void take_problem(void *context, const struct config_problem *problem)
{
	(void)context;
	problem_count++;
	CHECK_THAT(problem->line >= 1 && problem->column >= 1);
	CHECK_THAT(strnlen(problem->text, sizeof(problem->text)) < sizeof(problem->text));
	for (const char *c = problem->text; *c != '\0'; c++)
		CHECK_THAT(char_is_printable(*c));
}

static void check_vm(struct vm_config *vm)
{
	static struct vm_config again;
	char text[CONFIG_CMDLINE_BYTES + 64];
	char problem[256];
	bool in_value;

	CHECK_THAT(config_name_valid(text_of(vm->name)));
	if (vm->broken)
		return;
	CHECK_THAT(config_vm_check(vm, problem, sizeof(problem)));
	config_vm_init(&again);
	for (const struct config_key *key = config_vm_keys; key->name != NULL; key++) {
		if (!(vm->given >> (key - config_vm_keys) & 1))
			continue;
		config_value_text(key, vm, text, sizeof(text));
		if (text[0] == '\0') { /* `none` equals no line */
			again.given |= BIT(key - config_vm_keys);
			continue;
		}
		CHECK_THAT(config_set(config_vm_keys, &again, &again.given, text_of(key->name),
				      text_of(text), problem, sizeof(problem), &in_value));
	}
	CHECK_THAT(again.given == vm->given && again.memory_bytes == vm->memory_bytes &&
		   again.vcpus == vm->vcpus && again.weight == vm->weight &&
		   again.cap_percent == vm->cap_percent &&
		   again.reserve_budget_ns == vm->reserve_budget_ns && again.trap == vm->trap &&
		   again.pages == vm->pages);
	CHECK_THAT(memcmp(again.affinity, vm->affinity, sizeof(vm->affinity)) == 0);
	CHECK_THAT(strcmp(again.cmdline, vm->cmdline) == 0);
}

/* Appends what `config show` prints for the keys. */
static size_t write_keys(char *to, size_t size, const struct config_key *keys, const void *target)
{
	static char value[CONFIG_CMDLINE_BYTES];
	static char line[CONFIG_LINE_BYTES];
	size_t length = strlen(to);

	for (; keys->name != NULL; keys++) {
		config_value_text(keys, target, value, sizeof(value));
		if (value[0] != '\0')
			length += format(to + length, size - length, "%s\n",
					 config_line_text(keys, value, line, sizeof(line)));
	}
	CHECK_THAT(length < size);
	return length;
}

/*
 * Compares two configurations without their disks, whose numbers go by the order in which the disks
 * are named.
 */
static bool equal(const struct config_key *keys, const void *one, const void *other)
{
	for (; keys->name != NULL; keys++)
		if (keys->value != VALUE_PASSWORD && keys->value != VALUE_KEY &&
		    keys->value != VALUE_DISKS && keys->value != VALUE_NETS &&
		    memcmp((const char *)one + keys->offset, (const char *)other + keys->offset,
			   config_field_bytes(keys)) != 0)
			return false;
	return true;
}

/* The host, services, disks, stores, networks and the first VM, as `config show` prints them. */
static size_t show(const struct config *config, bool has_vm, char *text, size_t size)
{
	size_t length;

	format(text, size, "[host]\n");
	length = write_keys(text, size, config_host_keys, &config->host);
	for (u32 i = 0; config_service(i) != NULL; i++) {
		if (!config_service(i)->section.declared || config_service(i)->section.broken)
			continue;
		format(text + length, size - length, "[service %s]\n",
		       config_service(i)->section.name);
		length = write_keys(text, size, config_service_keys, config_service(i));
	}
	for (u32 i = 0; config_disk(i) != NULL; i++) {
		if (!config_disk(i)->section.declared || config_disk(i)->section.broken)
			continue;
		format(text + length, size - length, "[disk %s]\n", config_disk(i)->section.name);
		length = write_keys(text, size, config_disk_keys, config_disk(i));
	}
	for (u32 i = 0; config_store(i) != NULL; i++) {
		if (!config_store(i)->section.declared || config_store(i)->section.broken)
			continue;
		format(text + length, size - length, "[store %s]\n", config_store(i)->section.name);
		length = write_keys(text, size, config_store_keys, config_store(i));
	}
	for (u32 i = 0; config_net(i) != NULL; i++) {
		if (!config_net(i)->section.declared || config_net(i)->section.broken)
			continue;
		format(text + length, size - length, "[net %s]\n", config_net(i)->section.name);
		length = write_keys(text, size, config_net_keys, config_net(i));
	}
	if (has_vm) {
		format(text + length, size - length, "[vm %s]\n", config->vm[0].name);
		length = write_keys(text, size, config_vm_keys, &config->vm[0]);
	}
	return length;
}

/* Checks that a configuration as shown is read back; the disks of before are forgotten. */
static void check_shown(const struct config *config)
{
	static struct config again;
	static char text[65536];
	static char shown[65536];
	bool has_vm = config->vm_count != 0 && !config->vm[0].broken;
	size_t length = show(config, has_vm, text, sizeof(text));

	config_init(&again);
	CHECK_THAT(config_parse(&again, "shown", (struct text){text, length}, take_problem, NULL) ==
		   0);
	CHECK_THAT(equal(config_host_keys, &config->host, &again.host));
	CHECK_THAT(again.vm_count == has_vm);
	if (has_vm)
		CHECK_THAT(strcmp(again.vm[0].name, config->vm[0].name) == 0 &&
			   equal(config_vm_keys, &config->vm[0], &again.vm[0]));
	show(&again, has_vm, shown, sizeof(shown));
	CHECK_THAT(strcmp(text, shown) == 0);
}

/* The hash's text parses to the same; an attempt with a wrong password ends, and fails. */
static void check_password(const struct host_config *host)
{
	struct password_hash again;
	struct password_work work;
	char text[PASSWORD_TEXT_BYTES];

	if (host->password.iterations == 0)
		return;
	CHECK_THAT(host->password_asked);
	password_text(&host->password, text, sizeof(text));
	CHECK_THAT(password_parse(text_of(text), &again));
	CHECK_THAT(memcmp(&again, &host->password, sizeof(again)) == 0);
	password_begin(&work, text_of(text), &again);
	CHECK_THAT(!password_step(&work, 2));
	work.left = 1;
	CHECK_THAT(password_step(&work, 2));
	CHECK_THAT(!password_matches(&work, &again));
}

/* Checks that a password line locks, whatever comes before it. */
static void check_lock(struct config *config, const u8 *bytes, size_t size)
{
	static const char line[] = "\npassword = x";
	char *text = malloc(size + sizeof(line));

	memcpy(text, bytes, size);
	memcpy(text + size, line, sizeof(line));
	config_init(config);
	config_parse(config, "skerry.conf", (struct text){text, size + sizeof(line) - 1},
		     take_problem, NULL);
	CHECK_THAT(config->host.password_asked);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct config config;
	struct fuzz fuzz = {bytes, size};
	u8 *copy = fuzz_rest(&fuzz, &size);
	u32 count;

	config_init(&config);
	problem_count = 0;
	count = config_parse(&config, "skerry.conf", (struct text){(const char *)copy, size},
			     take_problem, NULL);
	CHECK_THAT(count == problem_count);
	CHECK_THAT(config.vm_count <= CONFIG_VM_MAX);
	check_password(&config.host);
	for (u32 i = 0; i < config.vm_count; i++)
		check_vm(&config.vm[i]);
	check_shown(&config);
	check_lock(&config, copy, size);
	free(copy);
	return 0;
}
