/* SPDX-License-Identifier: MIT */
/* What the monitor of a VM with firmware is told of the order of boot, at each start. */
#include "tests/unit/config_fixture.h"
#include "vmm/manager/vm/process/vm_firmware.c"

static struct vm vm;
static u32 events;
static u32 starts;

bool vm_user_data_is_given(const struct vm_config *config)
{
	(void)config;
	return false;
}

void vm_user_data_settle(struct vm *of)
{
	(void)of;
}

const struct file *file_find(const char *name)
{
	(void)name;
	return NULL;
}

void log_message(enum log_level level, enum log_category category, const char *name,
		 const char *pattern, ...)
{
	(void)level, (void)category, (void)name, (void)pattern;
}

void vm_send(struct vm *to, enum vm_command command)
{
	assert_ptr_equal(to, &vm);
	assert_int_equal(command, VM_COMMAND_START);
	starts++;
}

void vm_event(const char *name, const char *uuid, enum vm_event event, const char *reason)
{
	(void)name, (void)uuid, (void)reason;
	assert_int_equal(event, EVENT_CONFIGURATION);
	events++;
}

/* Reads what a monitor that is made now is told; D, C and N are disk, cdrom and net. */
static void assert_told(const char *once, const char *order)
{
	static struct start_info info;
	struct firmware_settings settings;

	memset(&info, 0, sizeof(info));
	vm_firmware_fill(&vm, &info);
	memcpy(&settings, info.command_line, sizeof(settings));
	for (u32 i = 0; i < sizeof(settings.order); i++) {
		assert_int_equal("-DCN"[settings.once[i]], once[i]);
		assert_int_equal("-DCN"[settings.order[i]], order[i]);
	}
}

static void make(const char *keys)
{
	char text[256];

	format(text, sizeof(text), "[vm a]\nboot = bios\nfirmware = f\n%s", keys);
	assert_int_equal(parse(text), 0);
	vm = (struct vm){.config = config.vm[0], .uuid = "0b1f3c5e-89ab-4cde-8f01-23456789abcd"};
	events = 0;
	starts = 0;
}

static void start_takes_the_key(void **state)
{
	u64 bit = config_key_bit(config_vm_keys, "boot.once");

	(void)state;
	make("boot.once = net\n");
	assert_true((vm.config.given & bit) != 0);
	assert_told("NDC", "DCN");
	assert_told("NDC", "DCN"); /* a monitor that was never told to start changes nothing */
	vm_firmware_start(&vm);
	assert_int_equal(vm.config.given & bit, 0);
	assert_int_equal(vm.revision, 1);
	assert_int_equal(events, 1);
	/* UEFI firmware may have kept the order, so it is told the usual one */
	assert_told("---", "DCN");
	vm_firmware_start(&vm);
	assert_int_equal(events, 1);
	assert_int_equal(starts, 2);
}

static void rest_comes_behind(void **state)
{
	(void)state;
	make("boot.once = cdrom\nboot.order = net disk\n");
	assert_told("CND", "ND-");
	vm_firmware_start(&vm);
	assert_told("---", "ND-");
	make("boot.once = cdrom disk\nboot.order = disk\n");
	assert_told("CD-", "D--");
	make("");
	assert_told("---", "---");
	vm_firmware_start(&vm);
	assert_told("---", "---");
	assert_int_equal(vm.revision, 0);
}

/* A guest that goes on from a save does not boot: the key is for the start after that. */
static void restore_leaves_the_key(void **state)
{
	(void)state;
	make("boot.once = cdrom\n");
	vm.operation[OPERATION_SAVE].phase = SAVE_RESTORING;
	assert_told("---", "---");
	vm_firmware_start(&vm);
	assert_int_equal(starts, 1);
	assert_int_equal(events, 0);
	assert_string_equal(vm.config.boot_once, "cdrom");
	vm.operation[OPERATION_SAVE].phase = SAVE_NONE;
	assert_told("CDN", "DCN");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(start_takes_the_key),
		cmocka_unit_test(rest_comes_behind),
		cmocka_unit_test(restore_leaves_the_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
