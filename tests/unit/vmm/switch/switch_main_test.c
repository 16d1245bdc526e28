/* SPDX-License-Identifier: MIT */
/* The switch's main loop: it hears signals also while a port is busy with nothing. */
#include "tests/unit/vmm/switch/switch_fixture.h"

unsigned int alarm(unsigned int seconds);
enum status program_bind(handle_t handle, handle_t bound_to, u64 key);

#define switch_tell_manager program_tell_manager
#define switch_give_up	    program_give_up
#define sys_object_bind	    program_bind
#define main		    program_main
#include "vmm/switch/main.c"
#undef main

#define SECONDS_MAX 20u /* the seconds of this machine: the switch does not hear signals */

static const struct start_info info = {.parameter[DRIVER_MTU] = MTU};
static struct start_entry shared_entry;
static jmp_buf out;

enum status program_bind(handle_t handle, handle_t bound_to, u64 key)
{
	assert_int_equal(handle, 1);
	assert_int_equal(bound_to, QUEUE);
	assert_int_equal(key, KEY_MANAGER);
	return STATUS_OK;
}

enum status sys_queue_create(handle_t group, handle_t *made)
{
	(void)group;
	*made = QUEUE;
	return STATUS_OK;
}

/* Returns no signal: the switch has looked for signals while there was work. */
enum status sys_queue_wait(handle_t waited, u64 deadline_tsc, u64 *key)
{
	(void)key;
	assert_int_equal(waited, QUEUE);
	assert_int_equal(deadline_tsc, 0);
	longjmp(out, 1);
}

const struct start_info *start_info = &info;

const struct start_entry *start_find(enum start_kind kind)
{
	assert_int_equal(kind, START_CHANNEL);
	return &shared_entry;
}

handle_t start_handle(enum start_kind kind)
{
	return kind == START_CHANNEL_OUT ? BELL(0) : 1;
}

void start_free_predecessor(void)
{
}

void rt_fail(const char *text)
{
	fail_msg("%s", text);
	abort();
}

size_t format_va(char *text, size_t size, const char *pattern, va_list arguments)
{
	return (size_t)vsnprintf(text, size, pattern, arguments);
}

/* A port that owes for long has its turns, in which no frame is taken. */
static void hears_without_frames(void **state)
{
	(void)state;
	attach(0);
	attach(1);
	put_plain(0, MAC(1), MAC(0), 60, 0);
	ports[0].share.deficit = -(1ll << 60);
	shared.opened = 1;
	shared_entry.offset = (u64)(uintptr_t)&shared;
	alarm(SECONDS_MAX);
	if (setjmp(out) == 0)
		program_main();
	alarm(0);
	expect_nothing(1);
	assert_int_equal(ports[0].counts->received_frames, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(hears_without_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
