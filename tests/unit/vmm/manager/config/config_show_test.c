/* SPDX-License-Identifier: MIT */
/* Configurations as they are shown: `config show`, `vm set`. */
#include "tests/unit/config_fixture.h"

/*
 * Chooses any number of disks; their numbers are those that the first section to name them would
 * get.
 */
static void choose_disks(struct vm_config *vm)
{
	u32 count = (u32)rand() % (CONFIG_VM_DISK_MAX + 1);
	char name[CONFIG_NAME_BYTES];

	config_sections_init();
	for (u32 i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "a-disk.with_a_long_name-%u", i);
		vm->disk[i].number = (u8)(config_disk_number(text_of(name)) + 1);
		vm->disk[i].flags = (u8)(rand() % 4);
	}
}

/* Chooses networks in the same way, after choose_disks. */
static void choose_nets(struct vm_config *vm)
{
	u32 count = (u32)rand() % (CONFIG_VM_NET_MAX + 1);
	char name[CONFIG_NAME_BYTES];

	for (u32 i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "net-%u", (u32)rand() % 4);
		vm->net[i] = (struct vm_net){
			.number = (u8)(config_net_number(text_of(name)) + 1),
			.flags = (u8)(rand() % 16),
			.vlan = (u16)(rand() % 4095),
			.address = rand() % 2 != 0 ? 10 | (u32)(rand() % 0xffffff) << 8 : 0,
			.mac = rand() % 2 != 0 ? (u64)rand() << 16 | 2 : 0,
		};
	}
}

/* A configuration as shown parses to the same one, whatever its strings contain. */
static void test_shown_again(void **state)
{
	static const char pieces[] = "ab \"\"\\\\##=[]~";
	static struct vm_config vm;
	static char file[16384];
	char value[CONFIG_CMDLINE_BYTES];
	char line[CONFIG_LINE_BYTES];
	u64 given = 0;

	(void)state;
	srand(5);
	for (u32 round = 0; round < 2000; round++) {
		size_t length = (size_t)snprintf(file, sizeof(file), "[vm alpha]\n");
		u32 text_length = (u32)rand() % (round % 10 == 0 ? 1024 : 12);

		memset(&vm, 0, sizeof(vm));
		config_vm_init(&vm);
		string_copy(vm.name, sizeof(vm.name), "alpha");
		strcpy(vm.kernel, round % 2 == 0 ? "a # b" : "\"k\\");
		for (u32 i = 0; i < text_length; i++)
			vm.cmdline[i] = pieces[(size_t)rand() % (sizeof(pieces) - 1)];
		vm.weight = (u64)rand() % 65535 + 1;
		vm.trap = (u64)rand() % 32;
		vm.affinity[0] = (u64)rand();
		vm.memory_bytes = ((u64)rand() % 100000 + 512) * 4096;
		vm.stop_timeout_ns = (u64)rand();
		vm.reserve_budget_ns = (u64)rand() % 1000000 + 50000;
		vm.reserve_period_ns = 1000000000 - (u64)rand() % 500000;
		if (rand() % 2 != 0)
			snprintf(vm.window, sizeof(vm.window), "w%u %uK", (u32)rand() % 4,
				 8u << rand() % 10);
		choose_disks(&vm);
		choose_nets(&vm);
		for (u32 i = 0; i < round % (CONFIG_PORT_MAX + 1); i++)
			snprintf(vm.port[i], sizeof(vm.port[i]), "port-%u", i);
		string_copy(vm.channel, sizeof(vm.channel), vm.port[0]);
		for (u32 i = 0; config_vm_keys[i].name != NULL; i++) {
			config_value_text(&config_vm_keys[i], &vm, value, sizeof(value));
			if (value[0] == '\0')
				continue;
			given |= BIT(i);
			length += (size_t)snprintf(
				file + length, sizeof(file) - length, "%s # c\n",
				config_line_text(&config_vm_keys[i], value, line, sizeof(line)));
		}
		if (parse(file) != 0)
			fail_msg("%s%s", file, problems[0].text);
		assert_int_equal(config.vm_count, 1);
		config.vm[0].given = 0;
		assert_memory_equal(&config.vm[0], &vm, sizeof(vm));
	}
	for (u32 i = 0; config_vm_keys[i].name != NULL; i++) {
		if (strcmp(config_vm_keys[i].name, "initrd") != 0 &&
		    strcmp(config_vm_keys[i].name, "firmware") != 0 &&
		    strcmp(config_vm_keys[i].name, "boot.order") != 0 &&
		    strcmp(config_vm_keys[i].name, "boot.once") != 0 &&
		    strcmp(config_vm_keys[i].name, "seed") != 0 &&
		    strcmp(config_vm_keys[i].name, "backup") != 0 &&
		    strncmp(config_vm_keys[i].name, "smbios.", 7) != 0 &&
		    strcmp(config_vm_keys[i].name, "cap") != 0)
			assert_true((given & BIT(i)) != 0);
	}
}

/* Each value as shown parses to the same value. */
static void test_round_trip(void **state)
{
	static struct vm_config again;
	char problem[224];
	char value[CONFIG_CMDLINE_BYTES];
	bool in_value;

	(void)state;
	assert_int_equal(parse("[vm a]\nkernel = k\nmemory = 1536M\naffinity = 0,2-5,255\n"
			       "reserve = 1500us/1s\ncap = 7%\ntrap = dr exceptions\n"
			       "stop_timeout = 0s\npages = 1g\n"),
			 0);
	config_vm_init(&again);
	string_copy(again.name, sizeof(again.name), "a");
	for (const struct config_key *key = config_vm_keys; key->name != NULL; key++) {
		config_value_text(key, &config.vm[0], value, sizeof(value));
		if (value[0] == '\0')
			continue;
		assert_true(config_set(config_vm_keys, &again, &again.given, text_of(key->name),
				       text_of(value), problem, sizeof(problem), &in_value));
	}
	again.given = config.vm[0].given;
	assert_memory_equal(&again, &config.vm[0], sizeof(again));
}

static void expect_text(const char *name, const char *text)
{
	char value[CONFIG_CMDLINE_BYTES];

	for (const struct config_key *key = config_vm_keys; key->name != NULL; key++) {
		if (strcmp(key->name, name) != 0)
			continue;
		config_value_text(key, &config.vm[0], value, sizeof(value));
		assert_string_equal(value, text);
		return;
	}
	fail_msg("no key %s", name);
}

static void test_texts(void **state)
{
	(void)state;
	assert_int_equal(parse("[vm a]\nkernel = k\ncap = 50%\n"), 0);
	expect_text("cap", "50%");
	expect_text("affinity", "all");
	expect_text("trap", "none");
	expect_text("reserve", "");
	expect_text("initrd", "");
	assert_int_equal(parse("[vm a]\nkernel = k\naffinity = 5,0,2-4\ntrap = exceptions dr\n"
			       "reserve = 1500us/1s\nmemory = 2048M\n"),
			 0);
	expect_text("cap", "");
	expect_text("affinity", "0,2-5");
	expect_text("trap", "dr exceptions");
	expect_text("reserve", "1500us/1s");
	expect_text("memory", "2G");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shown_again),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
