/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct request;

/* What a route has to do with VMs, and so with the scope of who asks. */
enum route_scope {
	SCOPE_NONE,   /* nothing */
	SCOPE_VM,     /* {vm} in the path: there and in scope, else 404 */
	SCOPE_NEW,    /* body.name: in scope, else 403 */
	SCOPE_FILTER, /* shows what is in scope */
	SCOPE_ALL,    /* all of the machine: scope * */
};

enum route_flag {
	ROUTE_LINK = 1,	     /* 503 while the link is lost */
	ROUTE_UPGRADE = 2,   /* a WebSocket; credentials may be a ticket */
	ROUTE_PUBLIC = 4,    /* no credential */
	ROUTE_LOGIN = 8,     /* makes one */
	ROUTE_SLOW = 16,     /* may answer 202 with an operation */
	ROUTE_KEYS = 32,     /* only for run-time keys; others are for the role admin */
	ROUTE_DISK = 64,     /* writes to a disk; no VM owns it, so router_disk checks who may */
	ROUTE_OWN = 128,     /* changes what is of who asks alone: so many lines in the audit */
	ROUTE_NAMED = 256,   /* body.name is what the audit says that it is about */
	ROUTE_TO_DISK = 512, /* body.disk is */
	ROUTE_COPY = 1024,   /* makes a copy of a VM, or puts one in its place */
	ROUTE_READ = 2048,   /* changes nothing: has a line in the audit when it is denied */
	ROUTE_RUN = 16384, /* body.template is; its answer is the owner's alone, and is not kept */
	ROUTE_SECRET = 8192, /* its answer shows a secret once, and is not kept */
	ROUTE_JUDGES = 4096, /* its handler may deny, and calls request_begin() before it acts */
};

/*
 * The table from which requests are served, and the OpenAPI file and the test of every route with
 * every role are made.
 */
struct route {
	const char *method, *path;
	unsigned role; /* the one that is needed; several: any of them */
	enum route_scope scope;
	unsigned flags;
	const char *action; /* in the audit; NULL: is not audited */
	void (*handler)(struct request *request);
	const char *takes, *gives; /* names of schemas, or NULL */
	const char *query;	   /* parameters, separated by blanks, or NULL */
	unsigned status;
	const char *summary;
};

struct route_table {
	const struct route *list;
	size_t count;
};
/* What is served; core's main sets it before anything else. */
extern struct route_table route_table;
