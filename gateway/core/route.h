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
	ROUTE_DISK = 64,     /* writes to a disk, which is of no VM: see router_disk */
	ROUTE_OWN = 128,     /* changes what is of who asks alone: so many lines in the audit */
	ROUTE_NAMED = 256,   /* body.name is what the audit says that it is about */
	ROUTE_TO_DISK = 512, /* body.disk is */
	ROUTE_COPY = 1024,   /* makes a copy of a VM, or puts one in its place */
	ROUTE_READ = 2048,   /* changes nothing: has a line in the audit when it is denied */
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

extern const struct route routes[];
extern const size_t route_count;

/* Handlers, by what they are about. */
void api_root(struct request *request);
void api_health(struct request *request);
void api_openapi(struct request *request);
void api_me(struct request *request);
void api_me_password(struct request *request);
void api_login(struct request *request);
void api_logout(struct request *request);
void api_metrics(struct request *request);
void api_host(struct request *request);
void api_host_audit(struct request *request);
void api_host_log_rotate(struct request *request);
void api_disk_restore(struct request *request);
void api_host_reboot(struct request *request);
void api_host_poweroff(struct request *request);
void api_vms(struct request *request);
void api_vm(struct request *request);
void api_vm_create(struct request *request);
void api_vm_change(struct request *request);
void api_vm_destroy(struct request *request);
void api_vm_action(struct request *request);
void api_vm_digest(struct request *request);
void api_vm_exits(struct request *request);
void api_vm_save(struct request *request);
void api_vm_restore(struct request *request);
void api_disks(struct request *request);
void api_nets(struct request *request);
void api_backups(struct request *request);
void api_backup_begin(struct request *request);
void api_backup_cancel(struct request *request);
void api_balloon(struct request *request);
void api_balloon_aim(struct request *request);
void api_vm_inspect(struct request *request);
void api_snapshots(struct request *request);
void api_snapshot_take(struct request *request);
void api_snapshot_drop(struct request *request);
void api_snapshot_clone(struct request *request);
void api_console(struct request *request);
void api_console_socket(struct request *request);
void api_console_ticket(struct request *request);
void api_operation(struct request *request);
void api_events(struct request *request);
void api_stream(struct request *request);
void api_stream_ticket(struct request *request);
void api_log(struct request *request);
void api_audit(struct request *request);
void api_tokens(struct request *request);
void api_token_make(struct request *request);
void api_token_remove(struct request *request);
void api_users(struct request *request);
void api_user_make(struct request *request);
void api_user_change(struct request *request);
void api_user_remove(struct request *request);

/* The OpenAPI 3.1 file as text, and the table for the test of roles; the caller frees them. */
char *openapi_text(void);
char *routes_text(void);
