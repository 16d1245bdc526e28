/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/address.h"
#include "gateway/base/delivery.h"
#include "gateway/base/hook_url.h"

/*
 * The process that sends alerts to web hooks. Core hands it each delivery with all that it needs,
 * and gets the result; the process keeps nothing.
 */
enum {
	HOOK_UNDER_WAY = 64,   /* the most deliveries at a time, each in a thread */
	HOOK_LIMIT_MS = 10000, /* the time limit from the first connection to the answer's status */
	HOOK_BODY_BYTES = 4096,
	HOOK_ANSWER_BYTES = 4096, /* the most bytes of an answer that are read */
};

/* One delivery; its texts belong to the caller. */
struct hook_delivery {
	uint32_t id;
	const char *number; /* the delivery's number for the receiver, the same at each attempt */
	const char *url, *secret, *body, *time;
	struct address_range allowed[ADDRESS_RANGES], own[ADDRESS_RANGES];
	unsigned allowed_count, own_count;
};

/* The process's main function; `authorities` is a file of certificates, "": those of the system. */
int hook_main(int core, const char *authorities);
/* Sets the filter of system calls. Returns false if it could not be set. */
bool hook_seccomp(void);

/* Sends one delivery; the calling thread waits for the result. */
void hook_send(const struct hook_delivery *delivery, struct delivery_result *result);
/*
 * Returns a socket that is connected to the URL's host, at an address that was checked, or -1 with
 * the reason in *result. Gives up at `until_ms`, by clock_ms().
 */
int hook_connect(const struct hook_delivery *delivery, const struct hook_url *url,
		 int64_t *until_ms, struct delivery_result *result);
/* Waits until the socket can be read from or written to. Returns false when the time is over. */
bool hook_wait(int fd, short events, int64_t until_ms);
/* The certificates by which receivers are verified: a gnutls_certificate_credentials_t. */
void *hook_authorities(void);
