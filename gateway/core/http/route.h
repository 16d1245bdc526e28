/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct request;

/* How a route depends on VMs, and so on the asker's scope. */
enum route_scope {
	SCOPE_NONE,   /* the route has to do with no VM */
	SCOPE_VM,     /* {vm} in the path: the VM has to exist and to be in scope, else 404 */
	SCOPE_NEW,    /* body.name, the name of a new VM, has to be in scope, else 403 */
	SCOPE_FILTER, /* the route shows the part that is in scope */
	SCOPE_ALL,    /* the route is about the whole host: the asker needs the scope * */
};

enum route_flag {
	ROUTE_LINK = 1,	   /* the route answers 503 while the link is lost */
	ROUTE_UPGRADE = 2, /* the route is a WebSocket; the credential may be a ticket */
	ROUTE_PUBLIC = 4,  /* the route needs no credential */
	ROUTE_LOGIN = 8,   /* the route makes a credential */
	ROUTE_SLOW = 16,   /* the route may answer 202 with an operation */
	/*
	 * the asker may change only those keys that are changed while VMs run, unless it has the
	 * role admin
	 */
	ROUTE_KEYS = 32,
	/* the route writes to a disk, which no VM owns, so authorise_disk() decides */
	ROUTE_DISK = 64,
	/*
	 * the route changes only things that belong to the asker: the audit's lines of one asker
	 * are limited
	 */
	ROUTE_OWN = 128,
	ROUTE_NAMED = 256,   /* the audit takes body.name as the object that the action is about */
	ROUTE_TO_DISK = 512, /* the audit takes body.disk as the object that the action is about */
	ROUTE_COPY = 1024,   /* the route makes a copy of a VM, or sets a VM back to one */
	/* the route changes nothing: it has a line in the audit only when it is denied */
	ROUTE_READ = 2048,
	/*
	 * the route sends input to something of the asker's own: it counts as a request, not as a
	 * change, and the audit has a line only when it is denied
	 */
	ROUTE_TYPED = 65536,
	/* body.template must be in scope; the answer is for the owner alone, and is not kept */
	ROUTE_RUN = 16384,
	/*
	 * the request's body is bytes, which come after the handler was called; web knows such
	 * routes by their path
	 */
	ROUTE_BODY = 32768,
	ROUTE_SECRET = 8192, /* the answer shows a secret once, and is not kept */
	/*
	 * the handler itself may deny, and calls router_begin(), which writes the audit's line,
	 * before it acts
	 */
	ROUTE_JUDGES = 4096,
};

/*
 * A route of the API: a row of the table from which requests are served, and from which the OpenAPI
 * file and the test of every route with every role are made.
 */
struct route {
	const char *method, *path;
	unsigned role; /* the role that is needed; if several, any of them */
	enum route_scope scope;
	unsigned flags;
	const char *action; /* the action's name in the audit; NULL: the route is not audited */
	void (*handler)(struct request *request);
	/* names of the JSON schemas of the request's and the answer's body, or NULL */
	const char *takes, *gives;
	/* names of the query's parameters, separated by blanks, or NULL */
	const char *query;
	unsigned status;
	const char *summary;
};

struct route_table {
	const struct route *list;
	size_t count;
};
/* The routes that are served; core's main sets the table before anything else. */
extern struct route_table route_table;
