/* SPDX-License-Identifier: MIT */
/*
 * The main function of the process that sends deliveries to web hooks. It has no authority, no
 * tokens and no files: core hands it each delivery, and it reports the result to core. Core starts
 * it.
 */
#include "gateway/hook/hook.h"

#include <malloc.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/gnutls.h>

#include "gateway/base/beside.h"
#include "gateway/base/fields.h"

enum { HOOK_STACK_BYTES = 256 << 10 };

static struct {
	int core;
	gnutls_certificate_credentials_t authorities;
	atomic_uint under_way;
} hook;

/* A delivery, and the bytes of core's message, into which its texts point. */
struct hook_work {
	struct hook_delivery delivery;
	struct fields fields;
	size_t count;
	char bytes[];
};

void *hook_authorities(void)
{
	return hook.authorities;
}

static void *hook_work_run(void *context)
{
	struct hook_work *work = context;
	struct delivery_result result;

	hook_send(&work->delivery, &result);
	delivery_tell(hook.core, work->delivery.id, &result);
	explicit_bzero(work, sizeof(*work) + work->count);
	free(work);
	hook.under_way--;
	return NULL;
}

static unsigned hook_read_ranges(const struct fields *fields, const char *name,
				 struct address_range *ranges)
{
	unsigned count = 0;

	for (size_t i = 0; i < fields->count && count < ADDRESS_RANGES; i++) {
		if (!strcmp(fields->list[i].name, name) &&
		    address_read_range(fields->list[i].value, &ranges[count]))
			count++;
	}
	return count;
}

/* Makes a delivery from core's message. Returns NULL if the message is no delivery. */
static struct hook_work *hook_work_make(uint32_t id, const char *bytes, size_t count)
{
	struct hook_work *work = calloc(1, sizeof(*work) + count);
	struct hook_delivery *delivery = work ? &work->delivery : NULL;

	if (!work)
		return NULL;
	work->count = count;
	memcpy(work->bytes, bytes, count);
	if (fields_read(&work->fields, work->bytes, count)) {
		delivery->id = id;
		delivery->number = fields_get(&work->fields, "number");
		delivery->url = fields_get(&work->fields, "url");
		delivery->secret = fields_get(&work->fields, "secret");
		delivery->body = fields_get(&work->fields, "body");
		delivery->time = fields_get(&work->fields, "time");
		delivery->allowed_count =
			hook_read_ranges(&work->fields, "allowed", delivery->allowed);
		delivery->own_count = hook_read_ranges(&work->fields, "own", delivery->own);
	}
	if (delivery->number && delivery->url && delivery->secret && delivery->body &&
	    delivery->time)
		return work;
	free(work);
	return NULL;
}

static void hook_begin(uint32_t id, const char *bytes, size_t count)
{
	static const struct delivery_result busy = {DELIVERY_FAILED, "too many are under way"};
	struct hook_work *work = NULL;
	pthread_attr_t attributes;
	pthread_t thread;
	bool begun;

	if (hook.under_way < HOOK_UNDER_WAY)
		work = hook_work_make(id, bytes, count);
	if (!work) {
		delivery_tell(hook.core, id, &busy);
		return;
	}
	hook.under_way++;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, HOOK_STACK_BYTES);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	begun = pthread_create(&thread, &attributes, hook_work_run, work) == 0;
	pthread_attr_destroy(&attributes);
	if (begun)
		return;
	hook.under_way--;
	free(work);
	delivery_tell(hook.core, id, &busy);
}

/* Reads the certificates of the authorities that vouch for receivers; https fails without them. */
static bool hook_read_authorities(const char *path)
{
	int count;

	if (gnutls_certificate_allocate_credentials(&hook.authorities) < 0)
		return false;
	count = *path ? gnutls_certificate_set_x509_trust_file(hook.authorities, path,
							       GNUTLS_X509_FMT_PEM)
		      : gnutls_certificate_set_x509_system_trust(hook.authorities);
	if (count <= 0)
		fprintf(stderr, "skerryd: there are no certificates by which web hooks with https "
				"could be verified\n");
	return true;
}

/* Lets the resolver read its settings now, as it can open no file later. */
static void hook_warm_up(void)
{
	struct addrinfo *found = NULL;

	if (getaddrinfo("localhost", "1", NULL, &found) == 0)
		freeaddrinfo(found);
}

int hook_main(int core, const char *authorities)
{
	beside_begin("skerryd-hook");
	/* A name server that does not answer delays one delivery by some seconds. */
	setenv("RES_OPTIONS", "timeout:3 attempts:1", 1);
	mallopt(M_ARENA_MAX, 1);
	hook.core = core;
	if (!hook_read_authorities(authorities))
		return 1;
	hook_warm_up();
	if (!hook_seccomp()) {
		fprintf(stderr, "skerryd: the system call filter of hook could not be set\n");
		return 1;
	}
	delivery_serve(core, hook_begin, &hook.under_way);
	return 0;
}
