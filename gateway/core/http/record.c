/* SPDX-License-Identifier: MIT */
/*
 * Writes the lines of a request in the audit: one before its action is done, with the result later,
 * or one that says why it is denied. The router begins the line, an answer ends it; it calls
 * audit/.
 */

#include "gateway/core/http/record.h"

#include <string.h>

#include "gateway/core/audit/audit.h"
#include "gateway/core/common/name.h"
#include "gateway/core/http/request.h"
#include "gateway/core/http/route.h"

/*
 * Returns the name that a request's path or body gives for the object (VM, token, user, disk) that
 * the request is about, or NULL.
 */
static const char *record_name(const struct request *request)
{
	unsigned flags = request->route->flags;

	return *request->vm	       ? request->vm
	       : *request->item	       ? request->item
	       : flags & ROUTE_NAMED   ? request_text(request, "name")
	       : flags & ROUTE_TO_DISK ? request_text(request, "disk")
	       : flags & ROUTE_RUN     ? request_text(request, "template")
				       : NULL;
}

/*
 * Writes the object that a request is about, as the audit names it: STORE/VOLUME or STORE for a
 * route of stores, else the name in the path, or the field of the body that the route is about. A
 * name is cut to the length of a VM's name at a whole character.
 */
static const char *record_target(const struct request *request, char target[TARGET_BYTES])
{
	const char *text = record_name(request);
	size_t length = text ? strnlen(text, NAME_BYTES) : 0;
	size_t head = strlen(request->store);

	if (length == NAME_BYTES) {
		do
			length--;
		while (length && ((uint8_t)text[length] & 0xc0) == 0x80);
	}
	memcpy(target, request->store, head);
	if (head && length)
		target[head++] = '/';
	if (length)
		memcpy(target + head, text, length);
	target[head + length] = 0;
	return target;
}

void record_deny(struct request *request, const char *code)
{
	char target[TARGET_BYTES];

	if (!request->judged)
		return;
	request->judged = false;
	audit_denied(&request->who, request->route->action, record_target(request, target),
		     request_address(request), code);
}

bool record_begin(struct request *request)
{
	const struct route *route = request->route;
	const char *address = request_address(request);
	char actor[65], target[TARGET_BYTES];
	bool written;

	request->judged = false;
	record_target(request, target);
	request_actor(request, actor, sizeof(actor));
	if (route->flags & ROUTE_OWN) {
		written = audit_own(&request->who, route->action, target, address, NULL,
				    &request->audit);
	} else {
		request->audit = audit_begin(actor, route->action, target, address, NULL);
		written = request->audit != 0;
	}
	return written;
}

void record_end(struct request *request, const char *result)
{
	audit_end(request->audit, result);
	request->audit = 0;
}
