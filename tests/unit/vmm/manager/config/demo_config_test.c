/* SPDX-License-Identifier: MIT */
/* The demonstration's configurations: each card has its address; the service VM is apart. */
#include "tests/unit/config_fixture.h"

#define GUESTS	"iso/guests/skerry.conf"
#define SERVICE "gateway/image/skerry.conf"

static char text[16384];

/* Reads the files, one behind the other, as `make service` puts them. */
static void read_files(const char *const *paths, u32 count)
{
	size_t length = 0;

	for (u32 i = 0; i < count; i++) {
		FILE *file = fopen(paths[i], "r");

		assert_non_null(file);
		length += fread(text + length, 1, sizeof(text) - 1 - length, file);
		fclose(file);
	}
	text[length] = '\0';
	assert_int_equal(parse(text), 0);
}

/* Checks that the address that the guest is told to use is the one that its card may send from. */
static void check_address(const struct vm_config *vm, const struct vm_net *card)
{
	const u8 *byte = (const u8 *)&card->address;
	char cmdline[CONFIG_CMDLINE_BYTES + 2];
	char word[40];

	snprintf(cmdline, sizeof(cmdline), "%s ", vm->cmdline);
	snprintf(word, sizeof(word), " address=%u.%u.%u.%u ", byte[0], byte[1], byte[2], byte[3]);
	if (card->address == 0 || strstr(cmdline, word) == NULL)
		fail_msg("%s: its card's address is not that of its command line:%s", vm->name,
			 word);
}

static void check_addresses(u32 vms)
{
	assert_int_equal(config.vm_count, vms);
	for (u32 i = 0; i < vms; i++) {
		assert_int_not_equal(config.vm[i].net[0].number, 0);
		assert_int_equal(config.vm[i].net[1].number, 0);
		check_address(&config.vm[i], &config.vm[i].net[0]);
	}
}

static void guests(void **state)
{
	static const char *const paths[] = {GUESTS};

	(void)state;
	read_files(paths, ARRAY_COUNT(paths));
	check_addresses(2);
}

static void service(void **state)
{
	static const char *const paths[] = {GUESTS, SERVICE};
	const struct vm_config *web;

	(void)state;
	read_files(paths, ARRAY_COUNT(paths));
	check_addresses(3);
	web = config_find(&config, "web");
	assert_non_null(web);
	assert_string_equal(web->channel, "skerry");
	for (u32 i = 0; i < config.vm_count; i++)
		if (&config.vm[i] != web)
			assert_int_not_equal(config.vm[i].net[0].number, web->net[0].number);
	assert_string_equal(config_net(web->net[0].number - 1u)->uplink, "net1");
	assert_string_equal(config_net(config.vm[0].net[0].number - 1u)->uplink, "net0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(guests),
		cmocka_unit_test(service),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
