/* SPDX-License-Identifier: MIT */
/* SHA-256 and PBKDF2 against published vectors; the stored hash, and who may log in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/string.h"
#include "tests/fake_clock.h"
#include "tests/unit/fake_log.h"
#include "vmm/manager/login/login.h"
#include "vmm/manager/login/password.c"
#include "vmm/manager/login/secret_line.c"
#include "vmm/manager/text/parse_number.h"
#include "vmm/manager/text/text.h"
#include "vmm/rt/crypto/hmac.h"
#include "vmm/rt/crypto/secret.h"
#include "vmm/rt/crypto/sha256.h"
#include "vmm/rt/format.h"

static void check_hex(const u8 *bytes, const char *expected)
{
	char shown[2 * SHA256_BYTES + 1];

	for (u32 i = 0; i < SHA256_BYTES; i++)
		snprintf(shown + 2 * i, 3, "%02x", bytes[i]);
	assert_string_equal(shown, expected);
}

static void check_sha256(const char *piece, u32 times, const char *expected)
{
	size_t length = strlen(piece);
	char *all = malloc(length * times + 1);
	u8 digest[SHA256_BYTES];

	for (u32 i = 0; i < times; i++)
		memcpy(all + i * length, piece, length);
	all = realloc(all, MAX(length * times, 1ul));
	sha256_finish(sha256_initial, 0, all, length * times, digest);
	check_hex(digest, expected);
	free(all);
}

/* RFC 6234, 8.5: TEST1, TEST2_1, TEST3, TEST4; one byte of FIPS's examples; the empty text. */
static void test_sha256(void **state)
{
	(void)state;
	check_sha256("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	check_sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
		     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	check_sha256("a", 1000000,
		     "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	check_sha256("0123456701234567012345670123456701234567012345670123456701234567", 10,
		     "594847328451bdfa85056225462cc1d867d877fb388df0ce35f25ab5562bfbb5");
	check_sha256("\x19", 1, "68aa2e2ee5dff96e3355e6c7ee373e3d6a4e17f75f9518d843709c0c9bc3e3d4");
	check_sha256("", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void check_pbkdf2(const char *password, const char *salt, u32 iterations,
			 const char *expected)
{
	struct password_hash as = {.iterations = iterations, .salt_bytes = (u32)strlen(salt)};
	struct password_work work;

	memcpy(as.salt, salt, as.salt_bytes);
	password_begin(&work, text_of(password), &as);
	while (!password_step(&work, 77))
		;
	memcpy(as.hash, work.hash, SHA256_BYTES);
	check_hex(as.hash, expected);
	assert_true(password_matches(&work, &as));
	for (u32 i = 0; i < sizeof(work); i++)
		assert_int_equal(((u8 *)&work)[i], 0);
}

/* The first blocks of RFC 7914, 11; then RFC 6070's inputs, whose SHA-256 outputs are known. */
static void test_pbkdf2(void **state)
{
	(void)state;
	check_pbkdf2("passwd", "salt", 1,
		     "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc");
	check_pbkdf2("Password", "NaCl", 80000,
		     "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56");
	check_pbkdf2("password", "salt", 1,
		     "120fb6cffcf8b32c43e7225256c4f837a86548c92ccc35480805987cb70be17b");
	check_pbkdf2("password", "salt", 4096,
		     "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a");
}

static void check_bad(const char *text)
{
	struct password_hash hash = {.iterations = 7};
	char *copy = strdup(text);

	copy = realloc(copy, strlen(text) + (text[0] == '\0'));
	assert_false(password_parse((struct text){copy, strlen(text)}, &hash));
	assert_int_equal(hash.iterations, 7);
	free(copy);
}

#define SALT "00112233445566778899aabbccddeeff"
/* the hash of "open sesame" */
#define HASH "111d7870ba309c2ec0f57e584e4e314fc577046f365a791c67e56fab8127b1fa"

static void test_text(void **state)
{
	static const char good[] = "pbkdf2-sha256$1000$" SALT "$" HASH;
	char text[PASSWORD_TEXT_BYTES];
	struct password_hash hash;

	(void)state;
	assert_true(password_parse(text_of(good), &hash));
	assert_int_equal(hash.iterations, 1000);
	assert_int_equal(hash.salt_bytes, 16);
	password_text(&hash, text, sizeof(text));
	assert_string_equal(text, good);
	hash.iterations = PASSWORD_ITERATIONS_MAX;
	hash.salt_bytes = PASSWORD_SALT_BYTES_MAX;
	password_text(&hash, text, sizeof(text));
	assert_true(password_parse(text_of(text), &hash));
	for (size_t length = 0; length < sizeof(good) - 1; length++) {
		char cut[sizeof(good)] = "";

		memcpy(cut, good, length);
		check_bad(cut);
	}
	check_bad("hunter2");
	check_bad("pbkdf2-sha512$1000$" SALT "$" HASH);
	check_bad("pbkdf2-sha256$999$" SALT "$" HASH);
	check_bad("pbkdf2-sha256$1000001$" SALT "$" HASH);
	check_bad("pbkdf2-sha256$99999999999999999999$" SALT "$" HASH);
	check_bad("pbkdf2-sha256$1000$" SALT "0$" HASH);
	check_bad("pbkdf2-sha256$1000$" SALT SALT "00$" HASH);
	check_bad("pbkdf2-sha256$1000$00112233445566$" HASH);
	check_bad("pbkdf2-sha256$1000$" SALT "$" HASH "00");
	check_bad("pbkdf2-sha256$1000$" SALT "$" HASH "$");
	check_bad("pbkdf2-sha256$1000$x0112233445566778899aabbccddeeff$" HASH);
}

static enum login_state attempt(struct login *login, const char *word)
{
	enum login_state state;

	assert_int_equal(login_wait_ns(login), 0);
	login_try(login, text_of(word));
	while ((state = login_step(login)) == LOGIN_CHECKING)
		;
	return state;
}

static void test_login(void **state)
{
	static const u64 delays_s[] = {0, 0, 1, 2, 4, 8, 16, 32, 64, 64, 64};
	struct login login = {.name = "test", .open = true};
	struct login other = {.name = "other", .open = true};
	struct password_hash hash;
	char long_word[PASSWORD_LENGTH_MAX + 2];

	(void)state;
	login_require(NULL);
	login_lock(&login);
	assert_true(login.open && !login_required() && login_possible());
	assert_int_equal(attempt(&login, "anything"), LOGIN_RIGHT);
	assert_true(password_parse(text_of("pbkdf2-sha256$1000$" SALT "$" HASH), &hash));
	login_require(&hash);
	login_lock(&login);
	login_lock(&other);
	assert_false(login.open);
	for (u32 i = 0; i < ARRAY_COUNT(delays_s); i++) {
		assert_int_equal(attempt(&login, i % 2 == 0 ? "open sesam" : ""), LOGIN_WRONG);
		assert_false(login.open);
		assert_int_equal(login_wait_ns(&login), delays_s[i] * NS_PER_S);
		now += delays_s[i] * NS_PER_S;
	}
	assert_int_equal(logged_category, LOG_AUDIT);
	assert_string_equal(logged, "wrong password, 11 in a row, the next is accepted in 64 s");
	assert_int_equal(login_wait_ns(&other), 0);
	assert_int_equal(attempt(&login, "open sesame"), LOGIN_RIGHT);
	assert_true(login.open && !other.open);
	assert_int_equal(login.failures, 0);
	/* A wrong password locks what was open; one that is too long is always wrong. */
	memset(long_word, 'x', sizeof(long_word));
	long_word[PASSWORD_LENGTH_MAX + 1] = '\0';
	assert_int_equal(attempt(&login, long_word), LOGIN_WRONG);
	assert_false(login.open);
	/* A password is required, but its hash was unreadable. */
	memset(&hash, 0, sizeof(hash));
	assert_false(login_possible());
	now += NS_PER_S;
	assert_int_equal(attempt(&login, ""), LOGIN_WRONG);
	login_require(NULL);
}

/* Every single bit of the hash counts. */
static void test_compare(void **state)
{
	struct password_hash hash;

	(void)state;
	assert_true(password_parse(text_of("pbkdf2-sha256$1000$" SALT "$" HASH), &hash));
	for (u32 bit = 0; bit < 8 * SHA256_BYTES; bit++) {
		struct password_work work = {.left = 0};

		memcpy(work.hash, hash.hash, SHA256_BYTES);
		work.hash[bit / 8] ^= (u8)(1 << bit % 8);
		assert_false(password_matches(&work, &hash));
	}
}

static enum secret_event type(struct secret_line *line, const char *keys)
{
	enum secret_event event = SECRET_NONE;

	for (; *keys != '\0'; keys++)
		event = secret_line_feed(line, (u8)*keys);
	return event;
}

static void test_secret_line(void **state)
{
	struct secret_line line = {.length = 0};

	(void)state;
	secret_line_begin(&line);
	assert_int_equal(type(&line, "ab\x7f\x7f\x7f\x08"
				     "cd\x15\x01 x\xc3\xa9\r"),
			 SECRET_DONE);
	assert_int_equal(line.length, 4);
	assert_memory_equal(line.text, " x\xc3\xa9", 4);
	for (u32 i = 4; i < PASSWORD_LENGTH_MAX; i++)
		assert_int_equal(line.text[i], 0);
	secret_line_begin(&line);
	assert_int_equal(type(&line, "\n"), SECRET_NONE); /* the LF belongs to the CR before it */
	assert_int_equal(type(&line, "\n"), SECRET_DONE);
	for (u32 i = 0; i < PASSWORD_LENGTH_MAX; i++)
		type(&line, "x");
	assert_int_equal(line.length, PASSWORD_LENGTH_MAX);
	type(&line, "yz\x7f");
	assert_int_equal(line.length, PASSWORD_LENGTH_MAX + 1);
	assert_int_equal(type(&line, "\x15q\x03"), SECRET_BREAK);
	assert_int_equal(line.length, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sha256),	cmocka_unit_test(test_pbkdf2),
		cmocka_unit_test(test_text),	cmocka_unit_test(test_login),
		cmocka_unit_test(test_compare), cmocka_unit_test(test_secret_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
