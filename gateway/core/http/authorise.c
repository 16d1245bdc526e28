/* SPDX-License-Identifier: MIT */
/*
 * Decides whether an asker may do something: compares what the route needs with the asker's roles
 * and scope. The router calls it before every handler; it looks at the cache of the host, and
 * changes nothing.
 */

#include "gateway/core/http/authorise.h"

#include <string.h>

#include "gateway/base/string.h"
#include "gateway/core/host/host.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/http/request.h"
#include "gateway/core/http/route.h"
#include "gateway/core/identity/identity.h"
#include "gateway/core/identity/scope.h"

/* The name of a disk or volume that is to go into a VM's CD-ROM drive. */
#define AUTHORISE_MEDIUM "body.medium"

/*
 * Returns whether a VM of this on_crash is there after a crash: an operator can have VMs crash, and
 * may not end one. A value that Skerry may read as another one has no such word.
 */
static bool authorise_survives(const struct field *on_crash)
{
	static const char *const words[] = {"hold", "restart", "restore"};

	for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
		if (on_crash->value && !strcmp(on_crash->value, words[i]))
			return true;
	}
	return false;
}

/*
 * Returns whether all keys of body.config are among those that an operator may change while VMs
 * run. For any other key Skerry asks for the right to configure, too; `trap`, which looks into a
 * guest, and `disk.undo`, which takes memory, are refused here only. Another medium in a CD-ROM
 * drive is a change of the key `disk`.
 */
static bool authorise_run_time_keys(const struct request *request)
{
	static const char *const keys[] = {
		"weight",     "cap",	     "reserve",	     "affinity",
		"on_crash",   "autostart",   "disk.ops",     "disk.bytes",
		"disk.burst", "disk.weight", "net.packets",  "net.bytes",
		"net.burst",  "net.weight",  "stop_timeout", "quiesce",
	};
	static const char prefix[] = "body.config.";

	for (size_t i = 0; i < request->fields.count; i++) {
		const char *name = request->fields.list[i].name;
		size_t place = 0;

		if (!strcmp(name, AUTHORISE_MEDIUM))
			return false;
		if (strncmp(name, prefix, strlen(prefix)))
			continue;
		while (place < ARRAY_COUNT(keys) && strcmp(name + strlen(prefix), keys[place]))
			place++;
		if (place == ARRAY_COUNT(keys) || (!strcmp(keys[place], "on_crash") &&
						   !authorise_survives(&request->fields.list[i])))
			return false;
	}
	return true;
}

/*
 * Decides whether the asker may save a VM to the disk. Such a disk belongs to no VM: it holds other
 * VMs' saves, and with body.overwrite anything. Returns false if the request has been answered.
 */
static bool authorise_disk(struct request *request)
{
	const struct field *overwrite = fields_below(&request->fields, "body", "overwrite");

	if (strcmp(request->who.scope, "*")) {
		answer_problem(request, 403, "forbidden",
			       "what is on disks belongs to no VM, so this needs the scope *");
		return false;
	}
	if (!overwrite || overwrite->type == FIELD_FALSE || request->who.roles & ROLE_ADMIN)
		return true;
	answer_problem(request, 403, "forbidden",
		       "only the role admin may overwrite what is on a disk");
	return false;
}

/*
 * Decides about a request that would change, copy or stop the gateway's own VM. A copy holds its
 * key, users and tokens, and going back to one brings back revoked tokens; an operator may not take
 * time and network from all users of the gateway; and a gateway that is being saved could not
 * answer. Returns false if the request has been answered.
 */
static bool authorise_own(struct request *request)
{
	unsigned flags = request->route->flags;

	/*
	 * Only a person at Skerry's console may change the command line of the gateway's own VM,
	 * which can give a token all roles.
	 */
	if (flags & ROUTE_KEYS && !authorise_run_time_keys(request)) {
		answer_problem(request, 403, "own-vm",
			       "this gateway runs in the VM: change its kernel, memory, disks and "
			       "the like at Skerry's console");
		return false;
	}
	if (flags & ROUTE_COPY || request_text(request, "snapshot")) {
		answer_problem(request, 403, "own-vm",
			       "this gateway runs in the VM: copy, save and restore it at Skerry's "
			       "console, as the gateway cannot answer meanwhile, and restored it "
			       "would take tokens that were revoked since");
		return false;
	}
	if (!(flags & ROUTE_KEYS) || request->who.roles & ROLE_ADMIN)
		return true;
	answer_problem(request, 403, "own-vm",
		       "only the role admin may change the VM in which this gateway runs");
	return false;
}

/*
 * Returns why the request needs the scope of all VMs although its route is about one, or NULL.
 * Volumes of stores, and those made for backups, belong to the host: an asker whose scope is a few
 * VMs could otherwise read any volume through one of them. A VM with a machine channel has that
 * channel's rights over all VMs, and takes the channel from the VM that had it. A window is memory
 * of whichever VMs name it.
 */
static const char *authorise_needs_all(const struct request *request)
{
	for (size_t i = 0; i < request->fields.count; i++) {
		const struct field *field = &request->fields.list[i];
		bool disk = !strcmp(field->name, "body.config.disk") ||
			    !strcmp(field->name, AUTHORISE_MEDIUM);

		/* Look at all fields: the key may be there twice, spelled in another way. */
		if ((disk && strchr(field->value, '/')) ||
		    !strcmp(field->name, "body.config.backup"))
			return "volumes of stores belong to no VM, so this needs the scope *";
		if (!strcmp(field->name, "body.config.channel"))
			return "a machine channel reaches all VMs, so this needs the scope *";
		if (!strcmp(field->name, "body.config.window"))
			return "a window is shared with other VMs, so this needs the scope *";
	}
	return NULL;
}

/*
 * Decides whether the asker's scope contains what the route is about. Returns false if the request
 * has been answered.
 */
static bool authorise_scope(struct request *request)
{
	const char *name = request_text(request, "name");

	switch (request->route->scope) {
	case SCOPE_VM:
		if (host_find(request->vm) && scope_has(request->who.scope, request->vm))
			return !(request->route->flags & ROUTE_DISK) || authorise_disk(request);
		answer_problem(request, 404, "not-found", "there is no such VM");
		return false;
	case SCOPE_NEW:
		if (!name || scope_has(request->who.scope, name))
			return true;
		answer_problem(request, 403, "forbidden", "your scope does not contain this name");
		return false;
	case SCOPE_ALL:
		if (!strcmp(request->who.scope, "*"))
			return true;
		answer_problem(request, 403, "forbidden",
			       "this is about all of the machine, so it needs the scope *");
		return false;
	case SCOPE_NONE:
	case SCOPE_FILTER:
		break;
	}
	return true;
}

bool authorise(struct request *request)
{
	const struct route *route = request->route;
	const char *needs_all = authorise_needs_all(request);
	bool own = *host.own && !strcmp(request->vm, host.own) &&
		   scope_has(request->who.scope, request->vm);

	if (route->flags & ROUTE_PUBLIC)
		return true;
	if (!(request->who.roles & route->role)) {
		answer_problem(request, 403, "forbidden", "your roles do not allow this");
		return false;
	}
	if (route->flags & ROUTE_KEYS && !(request->who.roles & ROLE_ADMIN) &&
	    !authorise_run_time_keys(request)) {
		answer_problem(
			request, 403, "forbidden",
			"only the role admin may change keys that do not apply while the VM runs, "
			"have a VM destroyed when it crashes, or put another medium into a drive");
		return false;
	}
	if (needs_all && strcmp(request->who.scope, "*")) {
		answer_problem(request, 403, "forbidden", "%s", needs_all);
		return false;
	}
	if (own && !authorise_own(request))
		return false;
	return authorise_scope(request);
}
