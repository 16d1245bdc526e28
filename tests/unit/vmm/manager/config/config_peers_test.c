/* SPDX-License-Identifier: MIT */
/* The key `vsock.peers`: what is read and shown, and what is wrong with the rest. */
#include "tests/unit/config_fixture.h"

#define VM "[vm a]\nkernel = k\nvsock = yes\n"

static void read_and_shown(void **state)
{
	static const char *const values[] = {
		"none",
		"beta:5000",
		"beta:1, beta:2, gamma:4294967294, not-there:22",
		"b:1, c:1, d:1, e:1, f:1, g:1, h:1, i:1",
	};
	const struct config_key *key = config_key_find(config_vm_keys, text_of("vsock.peers"));
	char longest[CONFIG_CMDLINE_BYTES] = "";
	char value[CONFIG_CMDLINE_BYTES];
	char text[2 * CONFIG_CMDLINE_BYTES];

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(values); i++) {
		snprintf(text, sizeof(text), VM "vsock.peers = %s\n", values[i]);
		assert_int_equal(parse(text), 0);
		config_value_text(key, &config.vm[0], value, sizeof(value));
		assert_string_equal(value, values[i]);
	}
	assert_int_equal(parse(VM "vsock.peers =  beta:5000 ,gamma:6000\n"), 0);
	assert_string_equal(config.vm[0].vsock_peer[1].name, "gamma");
	assert_int_equal(config.vm[0].vsock_peer[1].port, 6000);
	assert_int_equal(config.vm[0].vsock_peer[2].port, 0);
	for (u32 i = 0; i < VSOCK_PEERS_MAX; i++)
		format(longest + strlen(longest), sizeof(longest) - strlen(longest),
		       "%sa-name-of-thirty-one-characters:42949672%02u", i > 0 ? ", " : "", i);
	snprintf(text, sizeof(text), VM "vsock.peers = %s\n", longest);
	assert_int_equal(parse(text), 0);
	config_value_text(key, &config.vm[0], value, sizeof(value));
	assert_string_equal(value, longest);
}

static void mistakes(void **state)
{
	static const char *const bad[] = {
		"",
		",",
		"beta",
		"beta:",
		":5000",
		"beta:0",
		"beta:-1",
		"beta:ssh",
		"beta:4294967295", /* VMADDR_PORT_ANY */
		"beta:4294967296",
		"beta:18446744073709556616", /* 2^64 + 5000 */
		"beta:5000:5001",
		"beta:5000-5001",
		"beta 5000",
		"beta:5000 gamma:5000",
		"beta:5000,",
		"none, beta:5000",
		"beta:5000, none",
		"beta:5000, gamma:1, beta:5000",
		"be/ta:5000",
		"a-name-of-thirty-two-characters-:5000",
		"b:1, c:1, d:1, e:1, f:1, g:1, h:1, i:1, j:1",
	};
	char text[256];

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(bad); i++) {
		snprintf(text, sizeof(text), VM "vsock.peers = %s\n", bad[i]);
		if (parse(text) != 1 ||
		    strstr(problems[0].text, " is not valid; use up to 8 different entries "
					     "VM:PORT such as beta:5000, or none") == NULL)
			fail_msg("vsock.peers = %s: %s", bad[i],
				 problem_count != 0 ? problems[0].text : "taken");
		assert_true(config.vm[0].broken);
	}
}

static void not_without_a_device(void **state)
{
	(void)state;
	assert_int_equal(parse("[vm a]\nkernel = k\nvsock.peers = beta:5000\n"), 1);
	assert_string_equal(problems[0].text,
			    "VM a: vsock.peers needs a socket device; set vsock = yes");
	assert_int_equal(parse("[vm a]\nkernel = k\nvsock.peers = none\n"), 0);
	assert_int_equal(parse(VM "vsock.peers = beta:1, a:5000\n"), 1);
	assert_string_equal(problems[0].text,
			    "VM a: vsock.peers names the VM itself; name another VM, as its "
			    "programs need no peer to talk to each other");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_and_shown),
		cmocka_unit_test(mistakes),
		cmocka_unit_test(not_without_a_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
