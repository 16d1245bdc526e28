/* SPDX-License-Identifier: MIT */
/* COM3 with a password: what a terminal and a GDB get before it was given, and after a lock. */
#include "tests/unit/vmm/manager/gdb/gdb_fixture.h"

#define OPEN	       "\r\nopen: GDB may attach now\r\n"
#define ASKED	       "\r\npassword: "
#define LOCKED	       "+$E.locked: type the password at COM3 with a terminal first#"
#define SUPPORTED_MARK "PacketSize="

static struct password_hash hash;

static int set_up_password(void **state)
{
	static struct password_work work;

	asked_count = 0;
	hash = (struct password_hash){.iterations = 3, .salt_bytes = 8, .salt = "salt"};
	password_begin(&work, TEXT("open sesame"), &hash);
	while (!password_step(&work, 100))
		;
	memcpy(hash.hash, work.hash, sizeof(hash.hash));
	now = NS_PER_S;
	door = (struct login){.name = "COM3", .open = true};
	login_require(&hash);
	return set_up(state);
}

static int tear_down(void **state)
{
	(void)state;
	login_require(NULL);
	gdb_login_lock();
	return 0;
}

static void expect(const char *bytes, const char *wanted)
{
	assert_string_equal(send_raw(bytes), wanted);
}

static void test_asks(void **state)
{
	(void)state;
	assert_true(gdb_locked());
	expect("", ASKED);
	expect("close barley\r", "\r\nerror: wrong password\r\npassword: ");
	expect("\n", ""); /* the rest of the same line */
	expect("x\x15open sesame\n", OPEN);
	assert_false(gdb_locked());
	assert_int_equal(asked_count, 0);
	assert_non_null(strstr(ask("qSupported:swbreak+"), SUPPORTED_MARK));
	assert_true(gdb_holds());
}

/* The monitor is asked nothing, whatever a GDB sends; the person at a terminal goes on. */
static void test_refuses(void **state)
{
	static const char *const packets[] = {"+$?#3f", "$g#67", "$m0,8#01", "$D#44", "+$k#6b"};

	(void)state;
	send_raw("");
	for (u32 i = 0; i < ARRAY_COUNT(packets); i++) {
		const char *said = send_raw(packets[i]);

		assert_memory_equal(said, LOCKED, strlen(LOCKED));
		assert_int_equal(strlen(said), strlen(LOCKED) + 2);
		expect("+", "");
	}
	expect("\x03", ASKED);
	assert_int_equal(asked_count, 0);
	assert_false(gdb_attached());
	expect("open sesame\r", OPEN);
}

static void test_guessing_is_slow(void **state)
{
	(void)state;
	send_raw("");
	for (u32 i = 0; i < LOGIN_FREE_FAILURES; i++)
		expect("wrong one\r", "\r\nerror: wrong password\r\npassword: ");
	expect("open sesame\r", "\r\nerror: too many wrong passwords, the next is accepted in 1 s"
				"\r\npassword: ");
	now += NS_PER_S;
	expect("open sesame\r", OPEN);
}

static void open_and_attach(void)
{
	send_raw("");
	expect("open sesame\r", OPEN);
	assert_non_null(strstr(ask("qSupported:swbreak+"), SUPPORTED_MARK));
	assert_true(gdb_attached());
}

/* The guest that GDB has stopped goes on; what comes afterwards is no packet. */
static void test_lock_lets_go(void **state)
{
	(void)state;
	open_and_attach();
	gdb_lock();
	assert_false(gdb_attached());
	expect("", ASKED);
	assert_int_equal(asked.kind, QUERY_DETACH);
	asked_count = 0;
	assert_memory_equal(send_raw("$m0,8#01"), LOCKED, strlen(LOCKED));
	assert_int_equal(asked_count, 0);
	expect("open sesame\r", OPEN);
	assert_non_null(strstr(ask("qSupported:swbreak+"), SUPPORTED_MARK));
	/* a GDB that waits for a stop is told that there will be none */
	ask("vCont;c");
	assert_true(gdb_attached() && !gdb_holds());
	gdb_lock();
	expect("", "$X09#c1" ASKED);
	assert_int_equal(asked.kind, QUERY_DETACH);
}

/* An answer that the monitor gives after the lock is not shown. */
static void test_lock_between(void **state)
{
	const char *said;

	(void)state;
	open_and_attach();
	monitor_hangs = true;
	assert_string_equal(ask("m0,8"), "");
	gdb_lock();
	monitor_hangs = false;
	said = send_raw("");
	assert_string_equal(said, "$E01#a6" ASKED);
	assert_int_equal(asked.kind, QUERY_DETACH);
	assert_false(gdb_attached());
}

/* A new `gdb NAME` asks again, and so does another one. */
static void test_opened_again(void **state)
{
	(void)state;
	open_and_attach();
	gdb_close();
	send_raw("");
	assert_null(gdb_vm());
	assert_null(gdb_open(&the_vm));
	assert_true(gdb_locked());
	expect("", ASKED);
	/* closed while the password is being checked: nothing goes on */
	login_try(&door, TEXT("open sesame"));
	gdb_close();
	assert_int_equal(gdb_deadline(), ~0ull);
}

static void test_no_password(void **state)
{
	(void)state;
	login_require(NULL);
	gdb_close();
	send_raw("");
	assert_null(gdb_open(&the_vm));
	assert_false(gdb_locked());
	assert_non_null(strstr(ask("qSupported:swbreak+"), SUPPORTED_MARK));
}

/* A password that cannot be read opens nothing. */
static void test_unreadable(void **state)
{
	(void)state;
	hash.iterations = 0;
	send_raw("");
	expect("open sesame\r",
	       "\r\nerror: the password in the configuration cannot be read\r\npassword: ");
	assert_true(gdb_locked());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_asks, set_up_password, tear_down),
		cmocka_unit_test_setup_teardown(test_refuses, set_up_password, tear_down),
		cmocka_unit_test_setup_teardown(test_guessing_is_slow, set_up_password, tear_down),
		cmocka_unit_test_setup_teardown(test_lock_lets_go, set_up_password, tear_down),
		cmocka_unit_test_setup_teardown(test_lock_between, set_up_password, tear_down),
		cmocka_unit_test_setup_teardown(test_opened_again, set_up_password, tear_down),
		cmocka_unit_test_setup_teardown(test_no_password, set_up_password, tear_down),
		cmocka_unit_test_setup_teardown(test_unreadable, set_up_password, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
