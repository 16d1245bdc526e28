/* SPDX-License-Identifier: MIT */
/* Who gets which key of a save: never the host's, and not a second one. */
#include "tests/unit/vm_renew_fixture.h"

/* A new monitor that is being set up, and asks for the key of a save with that salt. */
static struct vm *asking(u8 salt)
{
	struct vm *vm = ready_to_save(VM_STOPPED);

	monitor_sets_up = false;
	assert_true(restore(vm));
	while (vm_is_ending(vm))
		vm_step();
	vm_step();
	assert_int_equal(channel.save_key_given, 0); /* no monitor has asked */
	memset(channel.save_salt, salt, sizeof(channel.save_salt));
	channel.save_key_wanted = 1;
	vm_step();
	return vm;
}

/*
 * A monitor is told the key of one save, its own: a second question is not answered, and in the end
 * the key is gone.
 */
static void is_told_its_key(void **state)
{
	static const u8 none[SAVE_KEY_BYTES];
	struct vm *vm = asking(0x5a);

	(void)state;
	assert_int_equal(channel.save_key_given, 1);
	assert_memory_equal(channel.save_key, key_of_save(), SAVE_KEY_BYTES);
	assert_false(holds(&channel, sizeof(channel), host_config.host.state_key.bytes));
	memset(channel.save_salt, 1, sizeof(channel.save_salt));
	channel.save_key_given = 0;
	vm_step();
	assert_int_equal(channel.save_key_given, 0);
	monitor_sets_up = true;
	channel.ready = 1;
	vm_report_take(vm);
	settle(vm);
	vm_step();
	assert_int_equal(vm->state, VM_RUNNING);
	assert_memory_equal(channel.save_key, none, SAVE_KEY_BYTES);
	channel.save_key_wanted = 1; /* nor is the key told later */
	vm_step();
	assert_int_equal(channel.save_key_given, 0);
	/* the key was forgotten while the old monitor ended */
	vm = ready_to_save(VM_STOPPED);
	monitor_sets_up = false;
	assert_true(restore(vm));
	while (vm_is_ending(vm))
		vm_step();
	host_config.host.state_key.given = false;
	channel.save_key_wanted = 1;
	vm_step();
	monitor_sets_up = true;
	assert_int_equal(channel.save_key_given, 0);
	assert_string_equal(vm->operation[OPERATION_SAVE].problem,
			    "its key was forgotten meanwhile");
	settle(vm);
	assert_int_equal(vm->state, VM_STOPPED);
}

/* Another salt, another VM or another host makes another key, and none is the host's. */
static void keys_differ(void **state)
{
	static const u8 salts[2][SAVE_SALT_BYTES] = {{1}, {2}};
	static const char *const names[] = {"alpha", "beta", "alphabeta"};
	u8 keys[12][SAVE_KEY_BYTES];
	u32 made = 0;

	(void)state;
	for (u8 host = 0; host < 2; host++) {
		host_config.host.state_key = (struct state_key){true, {host}};
		for (u32 i = 0; i < 6; i++)
			assert_true(vm_save_key_make(names[i / 2], salts[i % 2], keys[made++]));
	}
	for (u32 i = 0; i < made; i++) {
		assert_memory_not_equal(keys[i], host_config.host.state_key.bytes, 32);
		for (u32 j = 0; j < i; j++)
			assert_memory_not_equal(keys[i], keys[j], SAVE_KEY_BYTES);
	}
	host_config.host.state_key.given = false;
	assert_false(vm_save_key_make("alpha", salts[0], keys[0]));
	assert_false(vm_save_key_is_there());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_told_its_key),
		cmocka_unit_test(keys_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
