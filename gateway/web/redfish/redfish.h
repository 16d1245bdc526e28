/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "gateway/base/buffer.h"

/*
 * Redfish (DSP0266) beside REST: each request below /redfish becomes one or two requests of REST,
 * which core authenticates, authorises and audits as any other, and core's answers become Redfish's
 * resources. This folder makes no decisions about access: it knows neither credentials nor roles,
 * and keeps nothing from one request to the next.
 */
enum {
	REDFISH_PATH_BYTES = 256, /* the longest path of Redfish's, with its 0 */
	REDFISH_ITEM_BYTES = 40,  /* the longest name or number in a path, with its 0 */
	REDFISH_TAG_BYTES = 96,	  /* the longest entity tag, with its 0 */
	REDFISH_HOST_BYTES = 256,
};

struct redfish;

/* One method of a resource; the table is in resource.c. */
struct redfish_row {
	const char *method;
	/* the path below /redfish, in which {} matches any segment */
	const char *path;
	/* the first request to core, "METHOD PATH", in which {} is that segment; NULL: none */
	const char *ask;
	/*
	 * Checks the request's body before core is asked, and may set the request to core. If the
	 * body is wrong, answers and returns false. NULL: the body is not read.
	 */
	bool (*check)(struct redfish *redfish);
	/*
	 * Takes core's answer, a success (NULL: it has no body, or core was not asked), and either
	 * answers or asks core for one change, whose success ends the request.
	 */
	void (*took)(struct redfish *redfish, json_t *answer);
};

/* A request of Redfish's, from its head until its answer. */
struct redfish {
	const struct redfish_row *row;
	char item[REDFISH_ITEM_BYTES]; /* the segment of the path that {} matches, or "" */
	char host[REDFISH_HOST_BYTES]; /* the host in the client's request */
	json_t *body;		       /* the request's body, an object; NULL: it has none */
	bool changing; /* core's next answer is that to the change which the row has asked for */
	bool settled;  /* the VM's state is as wanted: core may refuse the action for it */
	/* The next request to core, which is to be sent if `answered` is false. */
	char method[8], path[REDFISH_PATH_BYTES];
	json_t *sent;		       /* the body for core, or NULL */
	char match[REDFISH_TAG_BYTES]; /* If-Match, if the client has given none; or "" */
	char tag[REDFISH_TAG_BYTES];   /* the entity tag in core's last answer, or "" */
	/* The answer, valid if `answered` is true. */
	bool answered;
	unsigned status;
	struct buffer body_text; /* the answer's body */
	struct buffer headers;	 /* the answer's headers, as a list of fields */
};

/*
 * Returns the table of resources as JSON, an object for each row, for tests and documents; the
 * caller frees it. NULL: there is no memory.
 */
char *redfish_table(void);

/* Returns whether Redfish serves this path. */
bool redfish_has(const char *path);

/*
 * Begins a request; `path` is decoded, `bytes` its body of `count` bytes, `host` the header Host or
 * "". Afterwards the request is answered, or core is to be asked with `method`, `path` and `sent`.
 * Returns NULL if there is no memory.
 */
struct redfish *redfish_begin(const char *method, const char *path, const char *bytes, size_t count,
			      const char *host);
/*
 * Takes core's answer: `tag` is its header ETag, or NULL. Afterwards the request is answered, or
 * core is to be asked again.
 */
void redfish_take(struct redfish *redfish, unsigned status, const char *bytes, size_t count,
		  const char *tag);
/*
 * Returns a request that is answered already: web refuses it by itself, for the reason that `code`
 * and `detail` say. Returns NULL if there is no memory.
 */
struct redfish *redfish_refused(unsigned status, const char *code, const char *detail);
/* Frees a request; NULL is none. */
void redfish_free(struct redfish *redfish);
