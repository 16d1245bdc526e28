/* SPDX-License-Identifier: MIT */
/*
 * The server's certificate and key, which it makes at its first start. Core's main function calls
 * it once; it writes cert.pem and key.pem.
 */
#include "gateway/core/identity/certificate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "gateway/base/bytes.h"
#include "gateway/core/common/settings.h"
#include "gateway/core/common/state.h"

enum { CERTIFICATE_DAYS = 3650 };

static bool certificate_names(gnutls_x509_crt_t certificate)
{
	static const unsigned char loopback[4] = {127, 0, 0, 1}, loopback6[16] = {[15] = 1};
	char host[256] = "skerry";
	int wrong;

	gethostname(host, sizeof(host) - 1);
	wrong = gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, host,
					      (unsigned)strnlen(host, 60));
	wrong |= gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_DNSNAME, "localhost",
						      9, GNUTLS_FSAN_SET);
	wrong |= gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_DNSNAME, host,
						      (unsigned)strlen(host), GNUTLS_FSAN_APPEND);
	for (unsigned i = 0; i < settings.name_count; i++)
		wrong |= gnutls_x509_crt_set_subject_alt_name(
			certificate, GNUTLS_SAN_DNSNAME, settings.names[i],
			(unsigned)strlen(settings.names[i]), GNUTLS_FSAN_APPEND);
	wrong |= gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_IPADDRESS, loopback,
						      4, GNUTLS_FSAN_APPEND);
	wrong |= gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_IPADDRESS, loopback6,
						      16, GNUTLS_FSAN_APPEND);
	return wrong >= 0;
}

static bool certificate_fill(gnutls_x509_crt_t certificate, gnutls_x509_privkey_t key)
{
	unsigned char serial[16];
	time_t now = time(NULL);

	/* If the clock is not set, the certificate is valid from 1970 on, which does no harm. */
	if (gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial)) < 0)
		return false;
	serial[0] &= 0x7f;
	return gnutls_x509_crt_set_version(certificate, 3) >= 0 &&
	       gnutls_x509_crt_set_serial(certificate, serial, sizeof(serial)) >= 0 &&
	       gnutls_x509_crt_set_activation_time(certificate, now - 86400) >= 0 &&
	       gnutls_x509_crt_set_expiration_time(certificate, now + CERTIFICATE_DAYS * 86400l) >=
		       0 &&
	       certificate_names(certificate) &&
	       gnutls_x509_crt_set_key_usage(certificate, GNUTLS_KEY_DIGITAL_SIGNATURE) >= 0 &&
	       gnutls_x509_crt_set_key_purpose_oid(certificate, GNUTLS_KP_TLS_WWW_SERVER, 0) >= 0 &&
	       gnutls_x509_crt_set_basic_constraints(certificate, 0, -1) >= 0 &&
	       gnutls_x509_crt_set_key(certificate, key) >= 0 &&
	       gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA256, 0) >= 0;
}

static bool certificate_save(gnutls_x509_crt_t certificate, gnutls_x509_privkey_t key)
{
	gnutls_datum_t text = {0};
	bool done;

	if (gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN,
					      &text) < 0)
		return false;
	done = state_write("key.pem", (char *)text.data, text.size);
	explicit_bzero(text.data, text.size);
	gnutls_free(text.data);
	if (!done || gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_PEM, &text) < 0)
		return false;
	done = state_write("cert.pem", (char *)text.data, text.size);
	gnutls_free(text.data);
	return done;
}

static bool certificate_make(void)
{
	gnutls_x509_crt_t certificate = NULL;
	gnutls_x509_privkey_t key = NULL;
	bool done;

	done = gnutls_x509_privkey_init(&key) >= 0 && gnutls_x509_crt_init(&certificate) >= 0 &&
	       gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
					    GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
					    0) >= 0 &&
	       certificate_fill(certificate, key) && certificate_save(certificate, key);
	if (certificate)
		gnutls_x509_crt_deinit(certificate);
	if (key)
		gnutls_x509_privkey_deinit(key);
	return done;
}

static bool certificate_fingerprint(const char *text, char *fingerprint)
{
	gnutls_datum_t pem = {(unsigned char *)(uintptr_t)text, (unsigned)strlen(text)};
	gnutls_x509_crt_t certificate;
	uint8_t hash[32];
	size_t size = sizeof(hash);
	bool done;

	if (gnutls_x509_crt_init(&certificate) < 0)
		return false;
	done = gnutls_x509_crt_import(certificate, &pem, GNUTLS_X509_FMT_PEM) >= 0 &&
	       gnutls_x509_crt_get_fingerprint(certificate, GNUTLS_DIG_SHA256, hash, &size) >= 0;
	settings.issued = done && !gnutls_x509_crt_check_issuer(certificate, certificate);
	gnutls_x509_crt_deinit(certificate);
	if (done)
		hex_write(fingerprint, hash, sizeof(hash));
	return done;
}

bool certificate_open(char **certificate, char **key, char *fingerprint)
{
	*certificate = NULL;
	if (!state_read("key.pem", key) || !state_read("cert.pem", certificate))
		return false;
	if (!*key || !*certificate) {
		free(*key);
		free(*certificate);
		if (!certificate_make() || !state_read("key.pem", key) ||
		    !state_read("cert.pem", certificate) || !*key || !*certificate) {
			fprintf(stderr, "skerryd: no certificate could be made\n");
			return false;
		}
	}
	if (certificate_fingerprint(*certificate, fingerprint))
		return true;
	fprintf(stderr, "skerryd: cert.pem is damaged\n");
	return false;
}
