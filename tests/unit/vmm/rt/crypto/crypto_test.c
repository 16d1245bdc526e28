/* SPDX-License-Identifier: MIT */
/* vmm/rt/crypto against the vectors of RFC 4231, 5869 and 8439; what is changed is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/chacha20.h"
#include "lib/string.h"
#include "vmm/rt/crypto/chacha20_poly1305.c"
#include "vmm/rt/crypto/hkdf.h"
#include "vmm/rt/crypto/hmac.h"
#include "vmm/rt/crypto/poly1305.h"
#include "vmm/rt/crypto/secret.h"
#include "vmm/rt/crypto/sha256.h"

/*
 * Returns the bytes that are written in hex, in a block of exactly that size; the caller frees it.
 */
static u8 *bytes_of(const char *hex, size_t *count)
{
	u8 *bytes = malloc(strlen(hex) / 2 + (hex[0] == '\0'));

	*count = strlen(hex) / 2;
	for (size_t i = 0; i < *count; i++)
		assert_int_equal(sscanf(hex + 2 * i, "%2hhx", &bytes[i]), 1);
	return bytes;
}

static void check_hex(const u8 *bytes, size_t count, const char *expected)
{
	char shown[2 * 400 + 1] = "";

	assert_true(count <= 400);
	for (size_t i = 0; i < count; i++)
		snprintf(shown + 2 * i, 3, "%02x", bytes[i]);
	assert_string_equal(shown, expected);
}

#define SUBMISSION                                                                                 \
	"Any submission to the IETF intended by the Contributor for publication "                  \
	"as all or part of an IETF Internet-Draft or RFC and any statement made "                  \
	"within the context of an IETF activity is considered an \"IETF "                          \
	"Contribution\". Such statements include oral statements in IETF "                         \
	"sessions, as well as written and electronic communications made at any "                  \
	"time or place, which are addressed to"
#define SUNSCREEN                                                                                  \
	"Ladies and Gentlemen of the class of '99: If I could offer you only one "                 \
	"tip for the future, sunscreen would be it."
#define JABBERWOCKY                                                                                \
	"'Twas brillig, and the slithy toves\nDid gyre and gimble in the "                         \
	"wabe:\nAll mimsy were the borogoves,\nAnd the mome raths outgrabe."
#define JABBERWOCKY_KEY "1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0"

static void check_hmac(const char *key_hex, const char *text_hex, const char *expected)
{
	size_t key_count;
	size_t count;
	u8 *key = bytes_of(key_hex, &key_count);
	u8 *text = bytes_of(text_hex, &count);
	u8 digest[SHA256_BYTES];
	struct hmac_key made;

	hmac_open(&made, key, key_count);
	hmac_digest(&made, text, count, digest);
	check_hex(digest, sizeof(digest), expected);
	free(key);
	free(text);
}

/* RFC 4231, 4.2 to 4.5, 4.7 and 4.8 */
static void test_hmac(void **state)
{
	(void)state;
	check_hmac("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
		   "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	check_hmac("4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
		   "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	check_hmac(
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
		"dddddddddddddddddddd",
		"773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
	check_hmac(
		"0102030405060708090a0b0c0d0e0f10111213141516171819",
		"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
		"cdcdcdcdcdcdcdcdcdcd",
		"82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
	check_hmac(
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaaaaaaaa",
		"54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d20"
		"48617368204b6579204669727374",
		"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	check_hmac(
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaaaaaaaa",
		"5468697320697320612074657374207573696e672061206c6172676572207468616e20626c6f636b"
		"2d73697a65206b657920616e642061206c6172676572207468616e20626c6f636b2d73697a652064"
		"6174612e20546865206b6579206e6565647320746f20626520686173686564206265666f72652062"
		"65696e6720757365642062792074686520484d414320616c676f726974686d2e",
		"9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

static void check_hkdf(const char *secret_hex, const char *salt_hex, const char *info_hex,
		       const char *expected)
{
	size_t count = strlen(expected) / 2;
	size_t secret_count, salt_count, info_count;
	u8 *secret = bytes_of(secret_hex, &secret_count);
	u8 *salt = bytes_of(salt_hex, &salt_count);
	u8 *info = bytes_of(info_hex, &info_count);
	u8 *key = malloc(count);

	hkdf(secret, secret_count, salt, salt_count, info, info_count, key, count);
	check_hex(key, count, expected);
	free(secret);
	free(salt);
	free(info);
	free(key);
}

/* RFC 5869, A.1 to A.3 */
static void test_hkdf(void **state)
{
	(void)state;
	check_hkdf(
		"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c",
		"f0f1f2f3f4f5f6f7f8f9",
		"3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b88718"
		"5865");
	check_hkdf(
		"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021222324252627"
		"28292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f",
		"606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f8081828384858687"
		"88898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
		"b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7"
		"d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
		"b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac78272"
		"71cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f"
		"1d87");
	check_hkdf(
		"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
		"8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a"
		"96c8");
}

static void check_block(const char *key_hex, u32 counter, const char *nonce_hex,
			const char *expected)
{
	size_t count;
	u8 *key = bytes_of(key_hex, &count);
	u8 *nonce = bytes_of(nonce_hex, &count);
	u8 block[CHACHA20_BLOCK_BYTES];

	chacha20_block(key, counter, nonce, block);
	check_hex(block, strlen(expected) / 2, expected);
	free(key);
	free(nonce);
}

/* RFC 8439, A.1; 2.6.2 and A.4, whose keys of Poly1305 are the first halves of blocks 0 */
static void test_block(void **state)
{
	(void)state;
	check_block(
		"0000000000000000000000000000000000000000000000000000000000000000", 0,
		"000000000000000000000000",
		"76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7da41597c5157488d"
		"7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586");
	check_block(
		"0000000000000000000000000000000000000000000000000000000000000000", 1,
		"000000000000000000000000",
		"9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed29b721769ce64e43"
		"d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f");
	check_block(
		"0000000000000000000000000000000000000000000000000000000000000001", 1,
		"000000000000000000000000",
		"3aeb5224ecf849929b9d828db1ced4dd832025e8018b8160b82284f3c949aa5a8eca00bbb4a73bda"
		"d192b5c42f73f2fd4e273644c8b36125a64addeb006c13a0");
	check_block(
		"00ff000000000000000000000000000000000000000000000000000000000000", 2,
		"000000000000000000000000",
		"72d54dfbf12ec44b362692df94137f328fea8da73990265ec1bbbea1ae9af0ca13b25aa26cb4a648"
		"cb9b9d1be65b2c0924a66c54d545ec1b7374f4872e99f096");
	check_block(
		"0000000000000000000000000000000000000000000000000000000000000000", 0,
		"000000000000000000000002",
		"c2c64d378cd536374ae204b9ef933fcd1a8b2288b3dfa49672ab765b54ee27c78a970e0e955c14f3"
		"a88e741b97c286f75f8fc299e8148362fa198a39531bed6d");
	check_block("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f", 0,
		    "000000000001020304050607",
		    "8ad5a08b905f81cc815040274ab29471a833b637e3fd0da508dbb8e2fdd1a646");
	check_block("0000000000000000000000000000000000000000000000000000000000000001", 0,
		    "000000000000000000000002",
		    "ecfa254f845f647473d3cb140da9e87606cb33066c447b87bc2666dde3fbb739");
	check_block("1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0", 0,
		    "000000000000000000000002",
		    "965e3bc6f9ec7ed9560808f4d229f94b137ff275ca9b3fcbdd59deaad23310ae");
}

static void check_stream(const char *key_hex, const char *nonce_hex, const char *text,
			 const char *expected)
{
	size_t count;
	u8 *key = bytes_of(key_hex, &count);
	u8 *nonce = bytes_of(nonce_hex, &count);
	u8 *copy = malloc(strlen(text));

	memcpy(copy, text, strlen(text));
	chacha20_poly1305_apply_stream(key, nonce, copy, strlen(text));
	check_hex(copy, strlen(text), expected);
	free(key);
	free(nonce);
	free(copy);
}

/* RFC 8439, 2.4.2 and A.2, those that begin with block 1 */
static void test_stream(void **state)
{
	(void)state;
	check_stream(
		"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000000000000004a00000000", SUNSCREEN,
		"6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0bf91b65c5524733ab"
		"8f593dabcd62b3571639d624e65152ab8f530c359f0861d807ca0dbf500d6a6156a38e088a22b65e"
		"52bc514d16ccf806818ce91ab77937365af90bbf74a35be6b40b8eedf2785e42874d");
	check_stream(
		"0000000000000000000000000000000000000000000000000000000000000001",
		"000000000000000000000002", SUBMISSION,
		"a3fbf07df3fa2fde4f376ca23e82737041605d9f4f4f57bd8cff2c1d4b7955ec2a97948bd3722915"
		"c8f3d337f7d370050e9e96d647b7c39f56e031ca5eb6250d4042e02785ececfa4b4bb5e8ead0440e"
		"20b6e8db09d881a7c6132f420e52795042bdfa7773d8a9051447b3291ce1411c680465552aa6c405"
		"b7764d5e87bea85ad00f8449ed8f72d0d662ab052691ca66424bc86d2df80ea41f43abf937d3259d"
		"c4b2d0dfb48a6c9139ddd7f76966e928e635553ba76c5c879d7b35d49eb2e62b0871cdac638939e2"
		"5e8a1e0ef9d5280fa8ca328b351c3c765989cbcf3daa8b6ccc3aaf9f3979c92b3720fc88dc95ed84"
		"a1be059c6499b9fda236e7e818b04b0bc39c1e876b193bfe5569753f88128cc08aaa9b63d1a16f80"
		"ef2554d7189c411f5869ca52c5b83fa36ff216b9c1d30062bebcfd2dc5bce0911934fda79a86f6e6"
		"98ced759c3ff9b6477338f3da4f9cd8514ea9982ccafb341b2384dd902f3d1ab7ac61dd29c6f21ba"
		"5b862f3730e37cfdc4fd806c22f221");
}

/* Checks Poly1305 in one piece and, as far as that is possible, in two. */
static void check_poly1305(const char *key_hex, const void *text, size_t count,
			   const char *expected)
{
	size_t key_count;
	u8 *key = bytes_of(key_hex, &key_count);

	for (size_t first = 0; first <= count; first += POLY1305_BLOCK_BYTES) {
		struct poly1305 poly;
		u8 tag[POLY1305_TAG_BYTES];
		u8 *rest = malloc(count - first + 1);

		memcpy(rest, (const u8 *)text + first, count - first);
		rest = realloc(rest, count - first == 0 ? 1 : count - first);
		poly1305_open(&poly, key);
		poly1305_add(&poly, text, first, false);
		poly1305_add(&poly, rest, count - first, false);
		poly1305_finish(&poly, tag);
		check_hex(tag, sizeof(tag), expected);
		for (size_t i = 0; i < sizeof(poly); i++)
			assert_int_equal(((u8 *)&poly)[i], 0);
		free(rest);
	}
	free(key);
}

static void check_poly1305_hex(const char *key, const char *text_hex, const char *expected)
{
	size_t count;
	u8 *text = bytes_of(text_hex, &count);

	check_poly1305(key, text, count, expected);
	free(text);
}

#define TEXT(text) text, sizeof(text) - 1

/* RFC 8439, 2.5.2 and A.3 */
static void test_poly1305(void **state)
{
	(void)state;
	check_poly1305("85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b",
		       TEXT("Cryptographic Forum Research Group"),
		       "a8061dc1305136c6c22b8baf0c0127a9");
	check_poly1305_hex(
		"0000000000000000000000000000000000000000000000000000000000000000",
		"00000000000000000000000000000000000000000000000000000000000000000000000000000000"
		"000000000000000000000000000000000000000000000000",
		"00000000000000000000000000000000");
	check_poly1305("0000000000000000000000000000000036e5f6b5c5e06070f0efca96227a863e",
		       TEXT(SUBMISSION), "36e5f6b5c5e06070f0efca96227a863e");
	check_poly1305("36e5f6b5c5e06070f0efca96227a863e00000000000000000000000000000000",
		       TEXT(SUBMISSION), "f3477e7cd95417af89a6b8794c310cf0");
	check_poly1305(JABBERWOCKY_KEY, TEXT(JABBERWOCKY), "4541669a7eaaee61e708dc7cbcc5eb62");
	check_poly1305_hex("0200000000000000000000000000000000000000000000000000000000000000",
			   "ffffffffffffffffffffffffffffffff", "03000000000000000000000000000000");
	check_poly1305_hex("02000000000000000000000000000000ffffffffffffffffffffffffffffffff",
			   "02000000000000000000000000000000", "03000000000000000000000000000000");
	check_poly1305_hex(
		"0100000000000000000000000000000000000000000000000000000000000000",
		"fffffffffffffffffffffffffffffffff0ffffffffffffffffffffffffffffff1100000000000000"
		"0000000000000000",
		"05000000000000000000000000000000");
	check_poly1305_hex(
		"0100000000000000000000000000000000000000000000000000000000000000",
		"fffffffffffffffffffffffffffffffffbfefefefefefefefefefefefefefefe0101010101010101"
		"0101010101010101",
		"00000000000000000000000000000000");
	check_poly1305_hex("0200000000000000000000000000000000000000000000000000000000000000",
			   "fdffffffffffffffffffffffffffffff", "faffffffffffffffffffffffffffffff");
	check_poly1305_hex(
		"0100000000000000040000000000000000000000000000000000000000000000",
		"e33594d7505e43b900000000000000003394d7505e4379cd01000000000000000000000000000000"
		"000000000000000001000000000000000000000000000000",
		"14000000000000005500000000000000");
	check_poly1305_hex(
		"0100000000000000040000000000000000000000000000000000000000000000",
		"e33594d7505e43b900000000000000003394d7505e4379cd01000000000000000000000000000000"
		"0000000000000000",
		"13000000000000000000000000000000");
}

static void check_aead(const char *key_hex, const char *nonce_hex, const char *about_hex,
		       const char *text, size_t count, const char *expected, const char *tag_hex)
{
	size_t ignored;
	size_t about_count;
	u8 *key = bytes_of(key_hex, &ignored);
	u8 *nonce = bytes_of(nonce_hex, &ignored);
	u8 *about = bytes_of(about_hex, &about_count);
	u8 *copy = malloc(count);
	u8 tag[POLY1305_TAG_BYTES];

	memcpy(copy, text, count);
	chacha20_poly1305_seal(key, nonce, about, about_count, copy, count, tag);
	check_hex(copy, count, expected);
	check_hex(tag, sizeof(tag), tag_hex);
	assert_true(chacha20_poly1305_open(key, nonce, about, about_count, copy, count, tag));
	assert_memory_equal(copy, text, count);
	free(key);
	free(nonce);
	free(about);
	free(copy);
}

/* RFC 8439, 2.8.2 and A.5 */
static void test_aead(void **state)
{
	(void)state;
	check_aead(
		"808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
		"070000004041424344454647", "50515253c0c1c2c3c4c5c6c7", TEXT(SUNSCREEN),
		"d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca96712"
		"82fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58"
		"fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b6116",
		"1ae10b594f09e26a7e902ecbd0600691");
	check_aead(
		JABBERWOCKY_KEY, "000000000102030405060708", "f33388860000000000004e91",
		TEXT("Internet-Drafts are draft documents valid for a maximum of six months "
		     "and may be updated, replaced, or obsoleted by other documents at any "
		     "time. It is inappropriate to use Internet-Drafts as reference material "
		     "or to cite them other than as /\xe2\x80\x9c"
		     "work in progress./\xe2\x80\x9d"),
		"64a0861575861af460f062c79be643bd5e805cfd345cf389f108670ac76c8cb24c6cfc18755d43ee"
		"a09ee94e382d26b0bdb7b73c321b0100d4f03b7f355894cf332f830e710b97ce98c8a84abd0b9481"
		"14ad176e008d33bd60f982b1ff37c8559797a06ef4f0ef61c186324e2b3506383606907b6a7c02b0"
		"f9f6157b53c867e4b9166c767b804d46a59b5216cde7a4e99040c5a40433225ee282a1b0a06c523e"
		"af4534d7f83fa1155b0047718cbc546a0d072b04b3564eea1b422273f548271a0bb2316053fa7699"
		"1955ebd63159434ecebb4e466dae5a1073a6727627097a1049e617d91d361094fa68f0ff77987130"
		"305beaba2eda04df997b714d6c6f2c29a6ad5cb4022b02709b",
		"eead9d67890cbb22392336fea1851f38");
}

struct sealed {
	u8 key[CHACHA20_KEY_BYTES];
	u8 nonce[CHACHA20_NONCE_BYTES];
	u8 about[21];
	u8 text[77];
	u8 tag[POLY1305_TAG_BYTES];
};

/* Every single bit of what belongs to it counts, and what is refused is not decrypted. */
static void test_changed(void **state)
{
	struct sealed sealed;
	struct sealed changed;

	(void)state;
	memset(&sealed, 0x5a, sizeof(sealed));
	chacha20_poly1305_seal(sealed.key, sealed.nonce, sealed.about, sizeof(sealed.about),
			       sealed.text, sizeof(sealed.text), sealed.tag);
	for (size_t bit = 0; bit < 8 * sizeof(sealed); bit++) {
		struct sealed before;

		changed = sealed;
		((u8 *)&changed)[bit / 8] ^= (u8)(1 << bit % 8);
		before = changed;
		if (chacha20_poly1305_open(changed.key, changed.nonce, changed.about,
					   sizeof(changed.about), changed.text,
					   sizeof(changed.text), changed.tag))
			fail_msg("bit %zu may be another", bit);
		assert_memory_equal(&changed, &before, sizeof(changed));
	}
	changed = sealed;
	assert_true(chacha20_poly1305_open(changed.key, changed.nonce, changed.about,
					   sizeof(changed.about), changed.text,
					   sizeof(changed.text), changed.tag));
	/* a byte may not change sides, nor one be left out */
	changed = sealed;
	assert_false(chacha20_poly1305_open(changed.key, changed.nonce, changed.about,
					    sizeof(changed.about) - 1, changed.text,
					    sizeof(changed.text), changed.tag));
	assert_false(chacha20_poly1305_open(changed.key, changed.nonce, changed.about,
					    sizeof(changed.about), changed.text,
					    sizeof(changed.text) - 1, changed.tag));
}

static void test_forget(void **state)
{
	u8 bytes[3] = {1, 2, 3};

	(void)state;
	secret_forget(bytes + 1, 1);
	assert_memory_equal(bytes, "\1\0\3", 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hmac),	 cmocka_unit_test(test_hkdf),
		cmocka_unit_test(test_block),	 cmocka_unit_test(test_stream),
		cmocka_unit_test(test_poly1305), cmocka_unit_test(test_aead),
		cmocka_unit_test(test_changed),	 cmocka_unit_test(test_forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
