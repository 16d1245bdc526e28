/* SPDX-License-Identifier: MIT */
/* Configurations as they are written: what is accepted, and where an error is. */
#include "tests/unit/config_fixture.h"

static void test_everything(void **state)
{
	const struct vm_config *vm;

	(void)state;
	assert_int_equal(parse("# all keys\r\n"
			       "[host]\n"
			       "log = debug\n"
			       "export = com2   # there\n"
			       "[vm alpha]\n"
			       "kernel = vmlinuz\n"
			       "initrd=initramfs.cpio.gz\n"
			       "cmdline = console=ttyS0 quiet # not this\n"
			       "memory = 128M\n"
			       "vcpus = 2\n"
			       "affinity = 0-3, 66\n"
			       "weight = 512\n"
			       "cap = 150%\n"
			       "reserve = 2ms/10ms\n"
			       "autostart = yes\n"
			       "on_crash = restart\n"
			       "clock = jump\n"
			       "stop_timeout = 5s\n"
			       "pages = 2m\n"
			       "trap = cr, io msr\n"
			       "preemption_timer = off\n"
			       "unrestricted = off\n"
			       "apic_virtualization = off\n"
			       "tlb_flush = full\n"
			       "hpet = yes"),
			 0);
	assert_int_equal(config.host.log, LOG_DEBUG);
	assert_int_equal(config.host.export, EXPORT_COM2);
	assert_int_equal(config.vm_count, 1);
	vm = config_find(&config, "alpha");
	assert_ptr_equal(vm, &config.vm[0]);
	assert_false(vm->broken);
	assert_string_equal(vm->kernel, "vmlinuz");
	assert_string_equal(vm->initrd, "initramfs.cpio.gz");
	assert_string_equal(vm->cmdline, "console=ttyS0 quiet");
	assert_int_equal(vm->memory_bytes, 128 * MIB);
	assert_int_equal(vm->vcpus, 2);
	assert_int_equal(vm->affinity[0], 0xf);
	assert_int_equal(vm->affinity[1], 4);
	assert_int_equal(vm->weight, 512);
	assert_int_equal(vm->cap_percent, 150);
	assert_int_equal(vm->reserve_budget_ns, 2 * NS_PER_MS);
	assert_int_equal(vm->reserve_period_ns, 10 * NS_PER_MS);
	assert_int_equal(vm->autostart, 1);
	assert_int_equal(vm->on_crash, ON_CRASH_RESTART);
	assert_int_equal(vm->clock, CLOCK_JUMP);
	assert_int_equal(vm->stop_timeout_ns, 5 * NS_PER_S);
	assert_int_equal(vm->pages, PAGES_2M);
	assert_int_equal(vm->trap, TRAP_CR | TRAP_IO | TRAP_MSR);
	assert_int_equal(vm->preemption_timer, AUTOMATIC_OFF);
	assert_int_equal(vm->unrestricted, AUTOMATIC_OFF);
	assert_int_equal(vm->apic_virtualization, AUTOMATIC_OFF);
	assert_int_equal(vm->tlb_flush, TLB_FLUSH_FULL);
	assert_int_equal(vm->hpet, 1);
}

static void test_defaults_and_quotes(void **state)
{
	(void)state;
	assert_int_equal(parse("[vm a]\nkernel = k\ncmdline = \" a # b \" # c\n"), 0);
	assert_string_equal(config.vm[0].cmdline, " a # b ");
	assert_int_equal(config.vm[0].memory_bytes, 128 * MIB);
	assert_int_equal(config.vm[0].vcpus, 1);
	assert_int_equal(config.vm[0].weight, 256);
	assert_int_equal(config.vm[0].autostart, 0);
	assert_int_equal(config.vm[0].on_crash, ON_CRASH_HOLD);
	assert_int_equal(config.vm[0].stop_timeout_ns, 30 * NS_PER_S);
	assert_int_equal(config.host.log, LOG_INFO);
	assert_int_equal(parse(""), 0);
	assert_int_equal(config.vm_count, 0);
}

/* Each line, in a VM section that has a kernel, is an error at the given column. */
static void test_values(void **state)
{
	static const struct {
		const char *line;
		u32 column;
		const char *text;
	} cases[] = {
		{"memory = 12Q", 10, "memory: \"12Q\" is not valid; use a size such as 128M"},
		{"memory = 1", 10, "memory: \""},
		{"memory = 2047K", 10, "memory: \""},
		{"memory = 2049K", 10, "memory: \""},
		{"memory = 2T", 10, "memory: \""},
		{"memory = 18446744073713745920", 10, "memory: \""}, /* 2^64 + 4M */
		{"memory = 16777216T", 10, "memory: \""},
		{"memory = ", 9, "memory: \"\" is not valid"},
		{"vcpus = 0", 9, "vcpus: \"0\" is not valid; use a number from 1 to 64"},
		{"vcpus = 65", 9, "vcpus"},
		{"weight = 65536", 10, "weight"},
		{"cap = 50", 7, "cap: \"50\" is not valid; use a percentage"},
		{"cap = 0%", 7, "cap"},
		{"reserve = 10ms/2ms", 11, "reserve"},
		{"reserve = 11ms/10ms", 11,
		 "reserve: \"11ms/10ms\" is not valid; use budget/period"},
		{"reserve = 20us/90us", 11, "reserve"},
		{"weight = -1", 10, "weight: \"-1\" is not valid; use a number from 1 to 65535"},
		{"weight = none", 10, "weight"},
		{"vcpus = 1000", 9, "vcpus: \"1000\" is not valid; use a number from 1 to 64"},
		{"reserve = 10ms", 11, "reserve"},
		{"reserve = 2ms/2s", 11, "reserve"},
		{"affinity = 3-1", 12, "affinity"},
		{"affinity = 0-256", 12, "affinity"},
		{"affinity = 1,,2", 12, "affinity"},
		{"autostart = maybe", 13,
		 "autostart: \"maybe\" is not valid; use yes, no or restore"},
		{"on_crash = explode", 12, "use hold, restart, destroy or restore"},
		{"clock = run", 9, "clock: \"run\" is not valid; use stop or jump"},
		{"stop_timeout = 30", 16, "stop_timeout"},
		{"stop_timeout = 2h", 16, "stop_timeout"},
		{"pages = 3m", 9, "use auto, 4k, 2m or 1g"},
		{"trap = cr,foo", 8, "trap"},
		{"trap = ,", 8, "trap"},
		{"cmdline = \"open", 11, "quote is not closed"},
		{"cmdline = a\tb", 11, "cmdline: \"a?b\" is not valid; use at most 1023 printable"},
		{"colour = red", 1,
		 "there is no key \"colour\"; the keys are kernel initrd cmdline"},
		{"a_key_that_is_longer_than_any_there_is = 1", 1,
		 " tlb_flush hpet pci rng balloon vsock vsock.peers quiesce window overcommit "
		 "console port "
		 "channel disk"
		 " disk.ops disk.bytes disk.burst disk.weight disk.undo backup net"
		 " net.packets net.bytes net.burst net.weight net.egress test_device"},
		{"just words", 1,
		 "\"just words\" is neither a key nor a section; write key = value"},
		{"  kernel = again", 3, "kernel is set a second time"},
		{"memory = 1\x01", 11, "the byte 0x01 is no ASCII text"},
	};
	char text[128];

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(cases); i++) {
		format(text, sizeof(text), "[vm a]\nkernel = k\n%s\n[vm b]\nkernel = k\n",
		       cases[i].line);
		assert_int_equal(parse(text), 1);
		expect_problem(0, 3, cases[i].column, cases[i].text);
		assert_int_equal(config.vm_count, 2);
		assert_true(config.vm[0].broken);
		assert_false(config.vm[1].broken);
	}
}

static void test_sections(void **state)
{
	(void)state;
	assert_int_equal(parse("kernel = k\n"), 1);
	expect_problem(0, 1, 1, "before any section");
	assert_int_equal(parse("[vm a\n"), 1);
	expect_problem(0, 1, 6, "write ]");
	assert_int_equal(parse("[guest a]\nanything = 1\n[vm b]\nkernel = k\n"), 1);
	expect_problem(0, 1, 2,
		       "there is no section [guest]; the sections are [host], [channel NAME], "
		       "[disk NAME], [net NAME], [service NAME], [store NAME] and [vm NAME]");
	assert_int_equal(config.vm_count, 1);
	assert_int_equal(parse("[vm -x]\n"), 1);
	expect_problem(0, 1, 5, "the name \"-x\" is not valid");
	assert_int_equal(parse("[vm]\n"), 1);
	assert_int_equal(parse("[vm abcdefghijklmnopqrstuvwxyz012345]\n"), 1);
	assert_int_equal(config.vm_count, 0);
}

static void test_duplicate_name(void **state)
{
	(void)state;
	assert_int_equal(parse("[vm a]\nkernel = one\n[vm a]\nkernel = two\n"), 1);
	expect_problem(0, 3, 5, "there is a second VM a");
	assert_int_equal(config.vm_count, 1);
	assert_string_equal(config.vm[0].kernel, "one");
	assert_false(config.vm[0].broken);
}

static void test_whole_vm(void **state)
{
	(void)state;
	assert_int_equal(parse("\n[vm a]\nmemory = 2M\n\n[vm b]\nkernel = k\n"), 1);
	expect_problem(0, 2, 1, "VM a has no kernel");
	assert_true(config.vm[0].broken);
	assert_int_equal(parse("[vm a]\nkernel = k\ncap = 101%"), 1);
	expect_problem(0, 1, 1, "at most 100% with vcpus = 1");
	assert_int_equal(parse("[vm a]\nkernel = k\nvcpus = 2\ncap = 300%"), 1);
	expect_problem(0, 1, 1, "at most 200% with vcpus = 2");
	/* The reservations of all vCPUs together have to fit under the cap. */
	assert_int_equal(parse("[vm a]\nkernel = k\nvcpus = 2\ncap = 40%\nreserve = 2ms/10ms"), 0);
	assert_int_equal(parse("[vm a]\nkernel = k\nvcpus = 2\ncap = 39%\nreserve = 2ms/10ms"), 1);
	expect_problem(0, 1, 1, "VM a: a reserve of 40% of a CPU with vcpus = 2");
}

/* The words that remove a limit. */
static void test_none(void **state)
{
	const struct vm_config *vm = &config.vm[0];

	(void)state;
	assert_int_equal(parse("[vm a]\nkernel = k\ncap = none\nreserve = none\naffinity = all"),
			 0);
	assert_int_equal(vm->cap_percent, 0);
	assert_int_equal(vm->reserve_budget_ns, 0);
	assert_int_equal(vm->affinity[0], 0);
}

static void test_limits(void **state)
{
	static char text[32 * (CONFIG_VM_MAX + 1)];
	size_t length = 0;

	(void)state;
	for (u32 i = 0; i < CONFIG_VM_MAX + 1; i++)
		length += format(text + length, sizeof(text) - length, "[vm v%u]\nkernel = k\n", i);
	assert_int_equal(parse(text), 1);
	expect_problem(0, 2 * CONFIG_VM_MAX + 1, 5, "there can be at most 1024");
	assert_int_equal(config.vm_count, CONFIG_VM_MAX);
}

static void test_escapes(void **state)
{
	(void)state;
	assert_int_equal(parse("[vm a]\nkernel=k\ncmdline = \"a \\\"b\\\" # c \\\\\" # d\n"), 0);
	assert_string_equal(config.vm[0].cmdline, "a \"b\" # c \\");
	/* A backslash before any other character stands for itself. */
	assert_int_equal(parse("[vm a]\nkernel=k\ncmdline = \"a\\b\"\n"), 0);
	assert_string_equal(config.vm[0].cmdline, "a\\b");
	assert_int_equal(parse("[vm a]\nkernel=k\ncmdline = a\\\"b\n"), 0);
	assert_string_equal(config.vm[0].cmdline, "a\\\"b");
	assert_int_equal(parse("[vm a]\nkernel=k\ncmdline = \"a\\\"\n"), 1);
	expect_problem(0, 3, 11, "a quote is not closed");
}

/* A mebibyte of noise: the number of errors reported is bounded, and nothing breaks. */
static void test_noise(void **state)
{
	static const char pieces[] = "[]=#\"\\\n vmhost:kernl0";
	static char noise[MIB];
	u32 random = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(noise); i++) {
		random = random * 1664525 + 1013904223;
		noise[i] = (char)(random >> 24);
	}
	assert_int_equal(parse_bytes(noise, sizeof(noise)), CONFIG_PROBLEMS_MAX + 1);
	/* Noise from the characters that configurations are made of. */
	for (size_t i = 0; i < sizeof(noise); i++) {
		random = random * 1664525 + 1013904223;
		noise[i] = pieces[(random >> 24) % (sizeof(pieces) - 1)];
	}
	assert_true(parse_bytes(noise, sizeof(noise)) <= CONFIG_PROBLEMS_MAX + 1);
	memset(noise, '[', sizeof(noise));
	assert_int_equal(parse_bytes(noise, sizeof(noise)), 1);
}

#define PASSWORD                                                                                   \
	"pbkdf2-sha256$1000$00112233445566778899aabbccddeeff$"                                     \
	"111d7870ba309c2ec0f57e584e4e314fc577046f365a791c67e56fab8127b1fa"

#define HEX_16 "00112233445566778899AABBCCDDEEff"

/* A password line locks even if it cannot be parsed; its value is never shown. */
static void test_password(void **state)
{
	char value[256];

	(void)state;
	assert_int_equal(parse("[host]\nlog = info\n"), 0);
	assert_false(config.host.password_asked);
	assert_int_equal(config.host.password.iterations, 0);
	assert_int_equal(parse("[host]\npassword = \"" PASSWORD "\" # mine\n"), 0);
	assert_true(config.host.password_asked);
	assert_int_equal(config.host.password.iterations, 1000);
	for (const struct config_key *key = config_host_keys; key->name != NULL; key++) {
		config_value_text(key, &config.host, value, sizeof(value));
		assert_null(strstr(value, "pbkdf2"));
	}
	assert_int_equal(parse("[host]\npassword = hunter2\n"), 1);
	expect_problem(0, 2, 12, "password: \"...\" is not valid; use pbkdf2-sha256$ITERATIONS$");
	assert_null(strstr(problems[0].text, "hunter2"));
	assert_non_null(strstr(problems[0].text, "command `password` makes it"));
	assert_true(config.host.password_asked);
	assert_int_equal(config.host.password.iterations, 0);
	assert_int_equal(parse("[host]\npassword = \"hunter2\n"), 1);
	assert_true(config.host.password_asked);
	assert_int_equal(parse("[host]\npassword = " PASSWORD "\npassword = x\n"), 1);
	assert_int_equal(config.host.password.iterations, 1000);
}

/* The key of saves is read whole or not at all, and shown nowhere. */
static void test_state_key(void **state)
{
	static const char *const bad[] = {
		"00112233445566778899aabbccddeeff", "x0112233445566778899aabbccddeeff" HEX_16,
		"00112233445566778899aabbccddee" HEX_16, HEX_16 HEX_16 "0", HEX_16 HEX_16 "00"};
	char value[256];
	char file[128];

	(void)state;
	assert_int_equal(parse("[host]\nlog = info\n"), 0);
	assert_false(config.host.state_key.given);
	assert_int_equal(parse("[host]\nstate_key = " HEX_16 HEX_16 "\n"), 0);
	assert_true(config.host.state_key.given);
	assert_int_equal(config.host.state_key.bytes[0], 0x00);
	assert_int_equal(config.host.state_key.bytes[1], 0x11);
	assert_int_equal(config.host.state_key.bytes[31], 0xff);
	for (const struct config_key *key = config_host_keys; key->name != NULL; key++) {
		config_value_text(key, &config.host, value, sizeof(value));
		assert_null(strstr(value, "eeff"));
	}
	for (u32 i = 0; i < ARRAY_COUNT(bad); i++) {
		snprintf(file, sizeof(file), "[host]\nstate_key = %s\n", bad[i]);
		assert_int_equal(parse(file), 1);
		expect_problem(0, 2, 13, "state_key: \"...\" is not valid; use 64 hex digits");
		assert_false(config.host.state_key.given);
	}
}

/* A malformed or misplaced password line still locks; in doubt no password unlocks. */
static void test_password_locks(void **state)
{
	static const struct {
		const char *text;
		u64 iterations;
	} cases[] = {
		{"[host]\npassword = " PASSWORD "\xc2\xa0\n", 0},
		{"[host]\n\xc2\xa0password = " PASSWORD "\n", 0},
		{"[host]\npass\xc2\xadword = " PASSWORD "\n", 0},
		{"[host]\npassword\x01 = " PASSWORD "\n", 0},
		{"[host]\npassword " PASSWORD "\n", 0},
		{"[host]\npassword: " PASSWORD "\n", 0},
		{"[host]\nPassword = " PASSWORD "\n", 0},
		{"[host]\npassword", 0},
		{"[host\npassword = " PASSWORD "\n", 0},
		{"[host] x\npassword = " PASSWORD "\n", 0},
		{"[host] password = " PASSWORD "\n", 0},
		{"[hosts]\npassword = " PASSWORD "\n", 0},
		{"\xef\xbb\xbf[host]\npassword = " PASSWORD "\n", 0},
		{"password = " PASSWORD "\n[host]\n", 0},
		{"password = x\n[host]\npassword = " PASSWORD "\n", 1000},
		{"x\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\n"
		 "[host]\npassword = " PASSWORD "\n",
		 0},
		{"[vm a]\nkernel = k\npassword = " PASSWORD "\n", 0},
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(cases); i++) {
		parse(cases[i].text);
		if (!config.host.password_asked ||
		    config.host.password.iterations != cases[i].iterations)
			fail_msg("%s", cases[i].text);
	}
	parse_bytes("p\0a\0s\0s\0w\0o\0r\0d\0=\0x\0", 20);
	assert_true(config.host.password_asked);
}

/* `password` in comments, names and values does not lock, nor do other keys. */
static void test_password_not_asked(void **state)
{
	(void)state;
	assert_int_equal(parse("[host]\n# password = x\nlog = info # password = y\n"
			       "[vm password]\nkernel = password\ncmdline = password=1\n"),
			 0);
	assert_false(config.host.password_asked);
	parse("[vm a\n[host] x\nhost password = x\npass = x\n");
	assert_false(config.host.password_asked);
}

/* Lines below an unreadable heading do not belong to the section before it. */
static void test_heading_unreadable(void **state)
{
	(void)state;
	assert_int_equal(parse("[vm a]\nkernel = k\n[vm b\xc3\xbc]\nkernel = l\n"
			       "[vm c]\nkernel = m"),
			 1);
	expect_problem(0, 3, 6, "the byte 0xc3 is no ASCII text; leave it out");
	assert_int_equal(config.vm_count, 2);
	assert_string_equal(config.vm[0].kernel, "k");
	assert_false(config.vm[0].broken || config.vm[1].broken);
	assert_int_equal(parse("\xef\xbb\xbf[vm a]\nkernel = k\n[vm b]\nkernel = l\n"), 1);
	assert_int_equal(config.vm_count, 1);
}

/* The time for which nothing may be typed is at least a second, or none. */
static void test_lock_after(void **state)
{
	static const char *const bad[] = {"10ms", "1ns", "86401s", "600", "never", "-1s", ""};
	char line[64];

	(void)state;
	assert_int_equal(parse("[host]\nlock_after = 600s\n"), 0);
	assert_int_equal(config.host.lock_after_ns, 600 * NS_PER_S);
	assert_int_equal(parse("[host]\nlog = info\n"), 0);
	assert_int_equal(config.host.lock_after_ns, 0);
	assert_int_equal(parse("[host]\nlock_after = none\n"), 0);
	assert_int_equal(config.host.lock_after_ns, 0);
	assert_int_equal(parse("[host]\nlock_after = 0s\n"), 0);
	for (u32 i = 0; i < ARRAY_COUNT(bad); i++) {
		snprintf(line, sizeof(line), "[host]\nlock_after = %s\n", bad[i]);
		assert_int_equal(parse(line), 1);
		expect_problem(0, 2, 14 - (bad[i][0] == '\0'), "use a time such as 600s, from 1s");
	}
	assert_int_equal(parse("[host]\nid = 0b1f3c5e-89ab-4cde-8f01-23456789abcd\n"), 0);
	assert_string_equal(config.host.id, "0b1f3c5e-89ab-4cde-8f01-23456789abcd");
	/* what other durations accept stays as it was */
	assert_int_equal(parse("[host]\nlog.segment_age = none\n"), 1);
}

int main(void)
{
	/* clang-format off */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything),     cmocka_unit_test(test_defaults_and_quotes),
		cmocka_unit_test(test_values),	       cmocka_unit_test(test_sections),
		cmocka_unit_test(test_duplicate_name), cmocka_unit_test(test_whole_vm),
		cmocka_unit_test(test_limits),	       cmocka_unit_test(test_noise),
		cmocka_unit_test(test_escapes),	       cmocka_unit_test(test_none),
		cmocka_unit_test(test_state_key),
		cmocka_unit_test(test_password),       cmocka_unit_test(test_password_locks),
		cmocka_unit_test(test_password_not_asked),
		cmocka_unit_test(test_heading_unreadable),
		cmocka_unit_test(test_lock_after),
	};
	/* clang-format on */

	return cmocka_run_group_tests(tests, NULL, NULL);
}
