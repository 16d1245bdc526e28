/* SPDX-License-Identifier: MIT */
/*
 * Verifies the signature of a report over its exact bytes (ECDSA, P-256, SHA-256). The command
 * `report` calls it; it reads the report and the file beside it, and trusts neither.
 */
#include "gateway/cli/report_signature.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

enum { SIGNATURE_BYTES = 4096 };

void report_signature_path(const char *path, char beside[REPORT_PATH_BYTES])
{
	if (snprintf(beside, REPORT_PATH_BYTES, "%s.sig", path) >= REPORT_PATH_BYTES)
		cli_die(CLI_USAGE, "the name of the file is too long");
}

/* Decodes a member in base64, which the caller frees; its data are NULL if it is none. */
static gnutls_datum_t report_signature_member(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	gnutls_datum_t base64 = {(unsigned char *)(uintptr_t)text,
				 text ? (unsigned)strlen(text) : 0};
	gnutls_datum_t bytes = {0};

	if (!text || gnutls_base64_decode2(&base64, &bytes) < 0)
		return (gnutls_datum_t){0};
	return bytes;
}

static bool report_signature_is(const json_t *object, const char *name, const char *wanted)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text && !strcmp(text, wanted);
}

/*
 * Reads the key of a signature, and computes its fingerprint. Returns false if it is not one of
 * ECDSA with the curve P-256.
 */
static bool report_signature_key(gnutls_pubkey_t key, const gnutls_datum_t *der,
				 char fingerprint[REPORT_FINGERPRINT_BYTES])
{
	gnutls_ecc_curve_t curve = GNUTLS_ECC_CURVE_INVALID;
	gnutls_datum_t x = {0}, y = {0};
	uint8_t hash[32];
	bool done;

	if (!der->data || gnutls_pubkey_import(key, der, GNUTLS_X509_FMT_DER) < 0 ||
	    gnutls_pubkey_get_pk_algorithm(key, NULL) != GNUTLS_PK_ECDSA)
		return false;
	done = gnutls_pubkey_export_ecc_raw(key, &curve, &x, &y) >= 0 &&
	       curve == GNUTLS_ECC_CURVE_SECP256R1 &&
	       gnutls_hash_fast(GNUTLS_DIG_SHA256, der->data, der->size, hash) >= 0;
	gnutls_free(x.data);
	gnutls_free(y.data);
	for (size_t i = 0; done && i < sizeof(hash); i++)
		snprintf(fingerprint + 2 * i, 3, "%02x", hash[i]);
	return done;
}

static const char *report_signature_judge(const char *bytes, size_t count, const json_t *object,
					  char fingerprint[REPORT_FINGERPRINT_BYTES])
{
	gnutls_datum_t der = report_signature_member(object, "key");
	gnutls_datum_t signature = report_signature_member(object, "signature");
	gnutls_datum_t data = {(unsigned char *)(uintptr_t)bytes, (unsigned)count};
	gnutls_pubkey_t key;
	const char *wrong = NULL;

	if (gnutls_pubkey_init(&key) < 0)
		cli_die(CLI_FAILED, "there is no memory");
	if (!report_signature_is(object, "form", "skerry-signature-1") ||
	    !report_signature_is(object, "algorithm", "ECDSA-P256-SHA256") || !signature.data ||
	    !report_signature_key(key, &der, fingerprint))
		wrong = "its signature is not one that skerryd makes";
	else if (gnutls_pubkey_verify_data2(key, GNUTLS_SIGN_ECDSA_SHA256, 0, &data, &signature) <
		 0)
		wrong = "the signature is wrong: the file is not what was signed";
	gnutls_pubkey_deinit(key);
	gnutls_free(der.data);
	gnutls_free(signature.data);
	return wrong;
}

const char *report_signature_check(const char *bytes, size_t count, const char *signature,
				   char fingerprint[REPORT_FINGERPRINT_BYTES])
{
	json_t *object = json_loads(signature, JSON_REJECT_DUPLICATES, NULL);
	const char *wrong;

	fingerprint[0] = 0;
	wrong = report_signature_judge(bytes, count, object, fingerprint);
	json_decref(object);
	return wrong;
}

/* Reads a file of at most `most` bytes, which the caller frees. Ends the program on failure. */
static char *report_signature_read(const char *path, size_t most, size_t *count)
{
	FILE *file = fopen(path, "re");
	char *bytes = malloc(most + 1);

	if (!file || !bytes)
		cli_die(CLI_FAILED, "%s: %s", path, strerror(errno));
	*count = fread(bytes, 1, most + 1, file);
	if (ferror(file) || *count > most)
		cli_die(CLI_FAILED, "%s: it cannot be read, or has more than %zu bytes", path,
			most);
	fclose(file);
	bytes[*count] = 0;
	return bytes;
}

enum cli_exit report_signature_verify(const struct cli *cli, const char *path)
{
	char beside[REPORT_PATH_BYTES], fingerprint[REPORT_FINGERPRINT_BYTES];
	char *bytes, *signature;
	const char *wrong;
	size_t count, length;

	report_signature_path(path, beside);
	bytes = report_signature_read(path, HTTP_BODY_LIMIT, &count);
	signature = report_signature_read(beside, SIGNATURE_BYTES, &length);
	wrong = report_signature_check(bytes, count, signature, fingerprint);
	free(bytes);
	free(signature);
	if (wrong) {
		cli_say("%s: %s", path, wrong);
		return CLI_NOT_TRUSTED;
	}
	if (cli->fingerprint && strcasecmp(cli->fingerprint, fingerprint)) {
		cli_say("%s: it is signed by another key: %s", path, fingerprint);
		return CLI_NOT_TRUSTED;
	}
	printf("%s is as it was signed by the key %s\n", path, fingerprint);
	if (cli->fingerprint)
		return CLI_OK;
	cli_say("nobody has said whose key that is: compare it with `skerryd report-key DIR` on "
		"the gateway's host, and give it with --fingerprint");
	return CLI_NOT_TRUSTED;
}
