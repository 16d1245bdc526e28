/* SPDX-License-Identifier: MIT */
/* The drive with cloud-init's files: what is on its CD with a text, and when the text is gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/string.h"
#include "vmm/monitor/life/seed_open.c"
#include "vmm/monitor/load/seed.c"
#include "vmm/rt/format.h"

#define TEXT_BYTES 5000u

static struct vm_channel channel;
static struct start_info info;
const struct start_info *start_info = &info;
static void *mapped[8];
static u32 mapped_count;

const struct firmware_settings *firmware_settings(void)
{
	return (const struct firmware_settings *)(const void *)info.command_line;
}

enum status memory_map(u64 bytes, u64 *at)
{
	assert_true(mapped_count < ARRAY_COUNT(mapped));
	mapped[mapped_count] = calloc(1, bytes);
	*at = (u64)(uintptr_t)mapped[mapped_count++];
	return STATUS_OK;
}

/* Makes the drive of a VM with these flags, and with a text of TEXT_BYTES or none. */
static const struct virtio_blk *open_seed(struct machine *machine, u64 flags, const u8 *text)
{
	struct firmware_settings settings = {.seed_bytes = TEXT_BYTES, .name = "web"};

	memcpy(info.command_line, &settings, sizeof(settings));
	info.parameter[MONITOR_FLAGS] = flags;
	machine->channel = &channel;
	if (text != NULL)
		machine->job.initrd = (struct load_file){.bytes = text, .size = TEXT_BYTES};
	assert_int_equal(seed_open(machine), STATUS_OK);
	return machine->seed;
}

/* A CD whose text is gone is as long as it was, as a saved state says how long it is. */
static void test_size(void **state)
{
	static struct machine with, gone;
	static u8 text[TEXT_BYTES];
	const struct virtio_blk *before;
	const struct virtio_blk *after;

	(void)state;
	memset(text, 'x', sizeof(text));
	before = open_seed(&with, 0, text);
	after = open_seed(&gone, MONITOR_SEED_GONE, NULL);
	assert_int_equal(after->medium_sectors, before->medium_sectors);
	assert_memory_equal(before->medium + 2048 * seed_text_first(), text, sizeof(text));
	assert_memory_equal(after->medium + 2048 * seed_text_first(), "#cloud-config\n\n", 15);
	assert_null(memchr(after->medium + 2048 * seed_text_first(), 'x', TEXT_BYTES));
	for (u32 i = 0; i < mapped_count; i++)
		free(mapped[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_size)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
