/* SPDX-License-Identifier: MIT */
/* The limit on a monitor's log lines: a burst passes, a flood is cut and counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/string.h"
#include "tests/fake_clock.h"
#include "vmm/manager/text/text.h"
#include "vmm/manager/vm/vm_log.c"
#include "vmm/rt/format.h"

#define RATE 10u

static struct vm_channel channel;
static struct vm vm;
static u32 lines;   /* the lines of the monitor */
static u32 notices; /* the notices that lines were dropped */
static u64 dropped;

void log_monitor_dropped(u64 count)
{
	dropped += count;
}

void log_message(enum log_level level, enum log_category category, const char *name,
		 const char *pattern, ...)
{
	(void)level, (void)category, (void)name, (void)pattern;
	notices++;
}

void log_monitor_line(const char *name, struct text text)
{
	(void)name, (void)text;
	lines++;
}

static void write_line(void)
{
	channel.log[channel.log_written++ % CHANNEL_RING_BYTES] = 'x';
	channel.log[channel.log_written++ % CHANNEL_RING_BYTES] = '\n';
	vm_log_take(&vm);
}

static int set_up(void **state)
{
	(void)state;
	memset(&channel, 0, sizeof(channel));
	memset(&vm, 0, sizeof(vm));
	vm.channel = &channel;
	vm_log_rate_set(RATE);
	now = 1;
	lines = 0;
	notices = 0;
	dropped = 0;
	return 0;
}

/* Ten seconds' worth of lines pass at once, then none until time has passed. */
static void test_burst(void **state)
{
	(void)state;
	for (u32 i = 0; i < 3 * BURST_SECONDS * RATE; i++)
		write_line();
	assert_int_equal(lines, BURST_SECONDS * RATE);
	assert_int_equal(notices, 0);
	assert_int_equal(dropped, 2 * BURST_SECONDS * RATE);
	now += NS_PER_S;
	write_line();
	assert_int_equal(lines, BURST_SECONDS * RATE + 1);
	assert_int_equal(notices, 1);
}

/* A line a millisecond for 100 s: what reaches the log, notices included, keeps to the rate. */
static void test_flood(void **state)
{
	(void)state;
	for (u32 i = 0; i < 100000; i++) {
		write_line();
		now += NS_PER_S / 1000;
	}
	assert_in_range(lines + notices, 100 * RATE, (100 + BURST_SECONDS) * RATE);
	assert_in_range(notices, 40 * RATE, 60 * RATE);
	assert_int_equal(lines + dropped, 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_burst, set_up),
		cmocka_unit_test_setup(test_flood, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
