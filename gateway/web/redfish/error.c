/* SPDX-License-Identifier: MIT */
/*
 * Makes Redfish errors (DSP0266, 8.6): either this folder's own, or a translation of a problem with
 * which core has answered. The functions of resources and the way of a request call it; it answers
 * the request.
 */
#include "gateway/web/redfish/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/string.h"
#include "gateway/web/redfish/answer.h"

#define ERROR_REGISTRY "Base.1.8."

/*
 * Answers with an error; `oem`, which may be NULL, is REST's description beside it, and is taken
 * over.
 */
static void error_send(struct redfish *redfish, unsigned status, const char *message,
		       const char *related, const char *text, json_t *oem)
{
	char id[80], pointer[96];
	json_t *info, *error;

	snprintf(id, sizeof(id), ERROR_REGISTRY "%s", message);
	snprintf(pointer, sizeof(pointer), "#/%s", related ? related : "");
	info = json_pack("{s:s, s:s, s:s, s:[], s:s, s:s}", "@odata.type",
			 "#Message.v1_1_1.Message", "MessageId", id, "Message", text, "MessageArgs",
			 "Severity", status >= 500 ? "Critical" : "Warning", "Resolution", text);
	if (related)
		json_object_set_new(info, "RelatedProperties", json_pack("[s]", pointer));
	if (oem)
		json_object_set_new(info, "Oem", json_pack("{s:o}", "Skerry", oem));
	error = json_pack("{s:{s:s, s:s, s:[o]}}", "error", "code", id, "message", text,
			  "@Message.ExtendedInfo", info);
	redfish->tag[0] = 0;
	redfish_answer(redfish, status, error);
}

void redfish_error(struct redfish *redfish, unsigned status, const char *message,
		   const char *related, const char *format, ...)
{
	char text[400];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	error_send(redfish, status, message, related, text, NULL);
}

/* Returns the name of the message of Redfish's registry Base that says most of a status of REST. */
static const char *error_message(unsigned status)
{
	static const struct {
		unsigned status;
		const char *message;
	} messages[] = {
		{401, "NoValidSession"},       {403, "InsufficientPrivilege"},
		{404, "ResourceMissingAtURI"}, {409, "ResourceInUse"},
		{412, "PreconditionFailed"},   {429, "ServiceTemporarilyUnavailable"},
		{500, "InternalError"},	       {503, "ServiceTemporarilyUnavailable"},
	};

	for (size_t i = 0; i < ARRAY_COUNT(messages); i++) {
		if (messages[i].status == status)
			return messages[i].message;
	}
	return "GeneralError";
}

void redfish_problem(struct redfish *redfish, unsigned status, json_t *problem)
{
	const char *detail = json_string_value(json_object_get(problem, "detail"));
	json_t *oem = json_pack("{s:O*, s:O*, s:O*}", "code", json_object_get(problem, "code"),
				"request_id", json_object_get(problem, "request_id"),
				"allowed_states", json_object_get(problem, "allowed_states"));
	const char *message = error_message(status);

	/*
	 * REST's status for an argument that it cannot use (422) is a bad request (400) in Redfish.
	 */
	error_send(redfish, status == 422 ? 400 : status, message, NULL,
		   detail ? detail : "the gateway gave no reason", oem);
}

bool redfish_only(struct redfish *redfish, json_t *object, const char *const *known)
{
	const char *name;
	json_t *value;

	json_object_foreach(object, name, value)
	{
		const char *const *each = known;

		while (*each && strcmp(*each, name))
			each++;
		if (*each || *name == '@')
			continue;
		redfish_error(redfish, 400, "PropertyUnknown", NULL,
			      "\"%.64s\" is no member that can be set here", name);
		return false;
	}
	return true;
}

bool redfish_word(struct redfish *redfish, json_t *object, const char *name,
		  const char *const *words, const char **word)
{
	json_t *value = json_object_get(object, name);
	const char *text = json_string_value(value);
	char list[200] = "";

	*word = NULL;
	if (!value)
		return true;
	for (size_t i = 0; words[i]; i++) {
		if (text && !strcmp(words[i], text)) {
			*word = words[i];
			return true;
		}
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", i ? ", " : "",
			 words[i]);
	}
	redfish_error(redfish, 400, text ? "PropertyValueNotInList" : "PropertyValueTypeError",
		      name, "\"%s\" must be one of: %s", name, list);
	return false;
}
