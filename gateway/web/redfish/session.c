/* SPDX-License-Identifier: MIT */
/*
 * Sessions: a login of REST that answers with a token, and the view that the token's holder has of
 * it. The table of resources names the functions; passwords and tokens pass through to core, which
 * knows them.
 */
#include <string.h>

#include "gateway/web/redfish/answer.h"
#include "gateway/web/redfish/error.h"
#include "gateway/web/redfish/serve.h"
#include "gateway/web/redfish/vm.h"

#define SESSIONS REDFISH_ROOT "/SessionService/Sessions"
/* All sessions have this name, as each client sees only its own. */
#define OWN "own"
/*
 * The first characters of the gateway's tokens; clients without support for tokens may give one as
 * a password.
 */
#define TOKEN "sky_"

bool redfish_session_check(struct redfish *redfish)
{
	static const char *const known[] = {"UserName", "Password", NULL};
	const char *user = json_string_value(json_object_get(redfish->body, "UserName"));
	const char *password = json_string_value(json_object_get(redfish->body, "Password"));

	if (!redfish_only(redfish, redfish->body, known))
		return false;
	if (!user || !password) {
		redfish_error(redfish, 400, "PropertyMissing", user ? "Password" : "UserName",
			      "a session needs \"UserName\" and \"Password\", which are texts");
		return false;
	}
	redfish->sent = strncmp(password, TOKEN, strlen(TOKEN))
				? json_pack("{s:s, s:s, s:b}", "user", user, "password", password,
					    "cookie", 0)
				: json_pack("{s:s, s:b}", "token", password, "cookie", 0);
	return true;
}

/* Returns the asker's session; `me` is the answer of /v1/me. */
static json_t *session_make(json_t *me)
{
	json_t *session =
		redfish_resource("Session.v1_3_0", OWN, "The session that asks", SESSIONS "/" OWN);

	json_object_set_new(session, "UserName", json_string(redfish_text(me, "name")));
	return session;
}

void redfish_session_made(struct redfish *redfish, json_t *answer)
{
	redfish_header(redfish, "X-Auth-Token", redfish_text(answer, "token"));
	redfish_header(redfish, "Location", SESSIONS "/" OWN);
	redfish_answer(redfish, 201, session_make(answer));
}

void redfish_session_list(struct redfish *redfish, json_t *answer)
{
	json_t *list = redfish_collection("SessionCollection", "Sessions", SESSIONS);

	(void)answer;
	redfish_member(list, OWN);
	redfish_answer(redfish, 200, list);
}

void redfish_session_show(struct redfish *redfish, json_t *answer)
{
	redfish_answer(redfish, 200, session_make(answer));
}

void redfish_session_ended(struct redfish *redfish, json_t *answer)
{
	(void)answer;
	redfish_done(redfish);
}
