/* SPDX-License-Identifier: MIT */
/*
 * Signs reports with a key of core's own (ECDSA, P-256). The handler of reports calls it, and
 * core's main function opens the key; it reads and writes report-key.pem. The server's own key is
 * not used, as the process that has it parses bytes from strangers.
 */
#include "gateway/core/report/sign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <jansson.h>

#include "gateway/base/bytes.h"
#include "gateway/core/common/state.h"

#define SIGN_FILE "report-key.pem"
enum { SIGN_HASH = 32, SIGN_HEX = 2 * SIGN_HASH + 1 };

static gnutls_privkey_t sign_key;

/* Makes the key and writes it to its file. */
static bool sign_make(void)
{
	gnutls_x509_privkey_t key;
	gnutls_datum_t text = {0};
	bool done;

	if (gnutls_x509_privkey_init(&key) < 0)
		return false;
	done = gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
					    GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
					    0) >= 0 &&
	       gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN,
						 &text) >= 0 &&
	       state_write(SIGN_FILE, (char *)text.data, text.size);
	if (text.data)
		explicit_bzero(text.data, text.size);
	gnutls_free(text.data);
	gnutls_x509_privkey_deinit(key);
	return done;
}

static bool sign_import(char *text)
{
	gnutls_datum_t pem = {(unsigned char *)text, (unsigned)strlen(text)};
	bool done;

	if (gnutls_privkey_init(&sign_key) < 0)
		return false;
	done = gnutls_privkey_import_x509_raw(sign_key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0) >= 0 &&
	       gnutls_privkey_get_pk_algorithm(sign_key, NULL) == GNUTLS_PK_ECDSA;
	if (!done) {
		gnutls_privkey_deinit(sign_key);
		sign_key = NULL;
	}
	return done;
}

bool sign_open(bool make)
{
	char *text = NULL;
	bool done = state_read(SIGN_FILE, &text);

	if (done && !text && make)
		done = sign_make() && state_read(SIGN_FILE, &text);
	done = done && text && sign_import(text);
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
	if (!done)
		fprintf(stderr, "skerryd: %s is not there or is no key: reports are not signed\n",
			SIGN_FILE);
	return done;
}

/* Gets the public key as DER, which the caller frees, and its fingerprint. */
static bool sign_public(gnutls_datum_t *der, char fingerprint[SIGN_HEX])
{
	gnutls_pubkey_t key;
	uint8_t hash[SIGN_HASH];
	bool done;

	if (!sign_key || gnutls_pubkey_init(&key) < 0)
		return false;
	done = gnutls_pubkey_import_privkey(key, sign_key, 0, 0) >= 0 &&
	       gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, der) >= 0;
	gnutls_pubkey_deinit(key);
	if (!done)
		return false;
	done = gnutls_hash_fast(GNUTLS_DIG_SHA256, der->data, der->size, hash) >= 0;
	if (done)
		hex_write(fingerprint, hash, sizeof(hash));
	else
		gnutls_free(der->data);
	return done;
}

static json_t *sign_base64(const gnutls_datum_t *bytes)
{
	struct buffer text = {0};
	json_t *string;

	base64_add(&text, bytes->data, bytes->size);
	string = json_string(text.bytes ? text.bytes : "");
	buffer_free(&text);
	return string;
}

bool sign_bytes(const char *bytes, size_t count, struct buffer *text)
{
	gnutls_datum_t data = {(unsigned char *)(uintptr_t)bytes, (unsigned)count};
	gnutls_datum_t key = {0}, signature = {0};
	char fingerprint[SIGN_HEX], digest[SIGN_HEX];
	uint8_t hash[SIGN_HASH];
	char *line = NULL;
	json_t *object;

	if (!sign_public(&key, fingerprint))
		return false;
	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, bytes, count, hash) >= 0 &&
	    gnutls_privkey_sign_data(sign_key, GNUTLS_DIG_SHA256, 0, &data, &signature) >= 0) {
		hex_write(digest, hash, sizeof(hash));
		object = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "form", "skerry-signature-1",
				   "algorithm", "ECDSA-P256-SHA256", "sha256", digest,
				   "fingerprint", fingerprint, "key", sign_base64(&key),
				   "signature", sign_base64(&signature));
		line = json_dumps(object, JSON_COMPACT);
		json_decref(object);
	}
	buffer_text(text, line ? line : "");
	gnutls_free(signature.data);
	gnutls_free(key.data);
	free(line);
	return line != NULL && !text->failed;
}

bool sign_print(void)
{
	gnutls_datum_t der = {0}, pem = {0};
	char fingerprint[SIGN_HEX];
	bool done = sign_public(&der, fingerprint) &&
		    gnutls_pem_base64_encode2("PUBLIC KEY", &der, &pem) >= 0;

	if (done)
		printf("fingerprint %s\n%.*s", fingerprint, (int)pem.size, (char *)pem.data);
	gnutls_free(der.data);
	gnutls_free(pem.data);
	return done;
}
