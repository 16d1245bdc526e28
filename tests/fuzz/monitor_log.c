/* SPDX-License-Identifier: MIT */
/*
 * The manager's side of a channel that a monitor gone bad fills: log lines and indices.
 */
/* Counted elsewhere: vmm/manager/text/text.c vmm/manager/log/log_ vmm/rt/crypto/sha256.c */
#include "tests/fake_clock.h"
#include "tests/fuzz/fuzz.h"

#include "lib/string.c"
#include "vmm/manager/log/log_chain.c"
#include "vmm/manager/log/log_names.c"
#include "vmm/manager/log/log_store.c"
#include "vmm/rt/crypto/sha256.c"
#include "vmm/manager/text/text.c"
#include "vmm/manager/vm/vm_log.c"
#include "vmm/rt/format.c"

static struct log_store store;
static u8 store_bytes[2 * LOG_SEGMENT_BYTES_MIN] ALIGNED(8);
static u64 lines;

void log_monitor_dropped(u64 count)
{
	CHECK_THAT(count > 0);
}

void log_message(enum log_level level, enum log_category category, const char *vm,
		 const char *pattern, ...)
{
	(void)level, (void)category, (void)vm, (void)pattern;
}

void log_monitor_line(const char *vm, struct text text)
{
	const struct log_line line = {.time_ns = now, .vm = text_of(vm), .text = text};

	CHECK_THAT(text.length > 0 && text.length <= VM_LOG_LINE_BYTES);
	lines++;
	log_store_add(&store, &line);
}

static void read_all(void)
{
	struct log_cursor cursor = {0};
	struct log_line line;
	u64 count = 0;

	for (; log_store_next(&store, &cursor, &line); count++)
		for (size_t i = 0; i < line.text.length; i++)
			CHECK_THAT(char_is_printable(line.text.start[i]));
	CHECK_THAT(count <= lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct vm_channel channel;
	static struct vm vm;
	struct fuzz fuzz = {bytes, size};
	u64 before;

	memset(&vm, 0, sizeof(vm));
	memset(&channel, 0, sizeof(channel));
	memcpy(vm.config.name, "alpha", 6);
	vm.channel = &channel;
	log_store_init(&store, store_bytes, 2, LOG_SEGMENT_BYTES_MIN, 0);
	lines = 0;
	now = 1;
	vm_log_restart(&vm.log);
	while (fuzz.left > 0) {
		u32 count = fuzz_u8(&fuzz);

		if (count & 1) {
			channel.log_written = (u32)fuzz_number(&fuzz);
		} else {
			for (u32 i = 0; i < count; i++)
				channel.log[channel.log_written++ % CHANNEL_RING_BYTES] =
					fuzz_u8(&fuzz);
		}
		now += fuzz_u8(&fuzz) * NS_PER_MS;
		before = lines;
		vm_log_take(&vm);
		CHECK_THAT(lines - before <= CHANNEL_RING_BYTES);
		CHECK_THAT(vm.log.length <= VM_LOG_LINE_BYTES);
	}
	read_all();
	return 0;
}
