/* SPDX-License-Identifier: MIT */
/*
 * Makes the list of fields that core gets of a request: method, path, headers, query, client's
 * address. The exchange calls it; it reads the connection and writes the buffer that it is given.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/base/bytes.h"
#include "gateway/base/string.h"
#include "gateway/web/tunnel.h"
#include "gateway/web/web.h"

enum { QUERY_COUNT = 32 };

struct collect {
	struct buffer *fields;
	unsigned count;
	unsigned seen; /* a bit for each header of request_names that the request has */
	bool bad;
};

/*
 * The headers that a request may have only once: if there were two, a proxy in front of this server
 * might use the other one.
 */
static const char *const request_single[] = {
	"authorization",	 "host",	  "origin",
	"content-type",		 "if-match",	  "idempotency-key",
	"sec-fetch-site",	 "upgrade",	  "sec-websocket-key",
	"sec-websocket-version", "content-range", "range",
	"x-auth-token",		 "x-api-key",	  "x-access-token",
	"e2b-sandbox-id",
};

/*
 * Decodes %XX in place. Returns false for a wrong escape, an escaped NUL or, of a path, an escaped
 * slash.
 */
static bool request_decode(char *text, bool path)
{
	char *to = text;

	for (; *text; text++, to++) {
		unsigned value;

		*to = *text;
		if (*text != '%')
			continue;
		if (!isxdigit((unsigned char)text[1]) || !isxdigit((unsigned char)text[2]) ||
		    sscanf(text + 1, "%2x", &value) != 1 || value == 0 || (path && value == '/'))
			return false;
		*to = (char)value;
		text += 2;
	}
	*to = 0;
	return true;
}

static enum MHD_Result request_query(void *context, enum MHD_ValueKind kind, const char *key,
				     const char *value)
{
	struct collect *collect = context;
	char name[FIELD_NAME_BYTES + 1], text[4096];

	(void)kind;
	if (++collect->count > QUERY_COUNT || strlen(key) > 64 ||
	    strlen(value ? value : "") >= sizeof(text)) {
		collect->bad = true;
		return MHD_NO;
	}
	snprintf(name, sizeof(name), "query.%s", key);
	string_copy(text, sizeof(text), value ? value : "");
	if (!request_decode(name, true) || !request_decode(text, false) ||
	    !utf8_valid((uint8_t *)text, strlen(text))) {
		collect->bad = true;
		return MHD_NO;
	}
	fields_text(collect->fields, name, text);
	return MHD_YES;
}

/*
 * The headers that core reads; of a repeated header core gets the first. The indices of headers
 * that Redfish's requests carry in another form have names.
 */
enum { NAME_AUTHORIZATION, NAME_COOKIE, NAME_TYPE, NAME_MATCH, NAME_ACCEPT, NAME_IDEMPOTENCY };
static const char *const request_names[] = {
	[NAME_AUTHORIZATION] = "header.authorization",
	[NAME_COOKIE] = "header.cookie",
	[NAME_TYPE] = "header.content-type",
	[NAME_MATCH] = "header.if-match",
	[NAME_ACCEPT] = "header.accept",
	[NAME_IDEMPOTENCY] = "header.idempotency-key",
	"header.origin",
	"header.host",
	"header.prefer",
	"header.sec-fetch-site",
	"header.last-event-id",
	"header.sec-websocket-protocol",
	"header.user-agent",
	"header.content-range",
	"header.range",
};

static enum MHD_Result request_header(void *context, enum MHD_ValueKind kind, const char *key,
				      const char *value)
{
	struct collect *collect = context;

	(void)kind;
	for (size_t i = 0; i < ARRAY_COUNT(request_names); i++) {
		unsigned bit = 1u << i;

		if (strcasecmp(request_names[i] + strlen("header."), key))
			continue;
		if (value && !(collect->seen & bit) && strlen(value) <= 8192 &&
		    utf8_valid((const uint8_t *)value, strlen(value)))
			fields_text(collect->fields, request_names[i], value);
		collect->seen |= bit;
		break;
	}
	return MHD_YES;
}

struct frame {
	const char *length, *coding;
	/* the headers of request_single that came once, and twice, a bit each */
	unsigned seen, twice;
	bool bad;
};

static enum MHD_Result request_frame_header(void *context, enum MHD_ValueKind kind, const char *key,
					    const char *value)
{
	struct frame *frame = context;

	(void)kind;
	value = value ? value : "";
	for (size_t i = 0; i < ARRAY_COUNT(request_single); i++) {
		unsigned bit = 1u << i;

		/* Most other names differ in the first letter, so that is compared first. */
		if ((key[0] | 32) != request_single[i][0] || strcasecmp(request_single[i], key))
			continue;
		frame->twice |= frame->seen & bit;
		frame->seen |= bit;
	}
	if (!strcasecmp(key, "content-length")) {
		frame->bad |= frame->length != NULL;
		frame->length = value;
	} else if (!strcasecmp(key, "transfer-encoding")) {
		frame->bad |= frame->coding != NULL;
		frame->coding = value;
	}
	return MHD_YES;
}

/*
 * Checks that a request has one length, or one Transfer-Encoding that is `chunked`, and not both
 * (RFC 9112, 6.1 and 6.3): otherwise this server and a proxy could disagree about where the next
 * request begins.
 */
bool request_frame(struct MHD_Connection *connection, const char *version, uint64_t *body)
{
	struct frame frame = {0};

	*body = 0;
	MHD_get_connection_values(connection, MHD_HEADER_KIND, request_frame_header, &frame);
	if (frame.bad || frame.twice || (frame.length && frame.coding))
		return false;
	if (frame.coding) {
		*body = REQUEST_CHUNKED;
		return !strcasecmp(frame.coding, "chunked") && strcmp(version, "HTTP/1.0") != 0;
	}
	if (!frame.length)
		return true;
	for (const char *at = frame.length; *at; at++) {
		if (*at < '0' || *at > '9' || *body > REQUEST_CHUNKED / 16)
			return false;
		*body = *body * 10 + (uint64_t)(*at - '0');
	}
	return *frame.length != 0;
}

/*
 * Splits a request's target into its path and authority. Proxies send the absolute form (RFC 9112,
 * 3.2.2), whose authority counts instead of the header Host; `authority` is empty when the target
 * is a path alone. Returns false if the target is neither a path nor a URL of this server's scheme.
 */
static bool request_target(const char *url, bool tls, const char **path, char *authority,
			   size_t room)
{
	const char *scheme = tls ? "https://" : "http://";
	size_t length;

	*authority = 0;
	*path = url;
	if (*url == '/')
		return true;
	if (strncasecmp(url, scheme, strlen(scheme)))
		return false;
	url += strlen(scheme);
	length = strcspn(url, "/");
	if (length == 0 || length >= room || memchr(url, '@', length))
		return false;
	snprintf(authority, room, "%.*s", (int)length, url);
	*path = url[length] ? url + length : "/";
	return true;
}

bool request_path(struct exchange *exchange, const char *url, const char **path)
{
	return request_target(url, tunnel_has(exchange_socket(exchange->connection)), path,
			      exchange->authority, sizeof(exchange->authority));
}

static bool request_is_upgrade(struct MHD_Connection *connection)
{
	const char *upgrade = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Upgrade");
	const char *version =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Sec-WebSocket-Version");
	const char *key =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Sec-WebSocket-Key");
	char accept[29];

	return upgrade && !strcasecmp(upgrade, "websocket") && version && !strcmp(version, "13") &&
	       key && ws_accept(key, accept);
}

static void request_peer(struct MHD_Connection *connection, struct buffer *fields)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	char text[INET6_ADDRSTRLEN] = "";

	if (info && (size_t)info->connect_fd < web.connection_room &&
	    web.connections[info->connect_fd]) {
		snprintf(text, sizeof(text), "%u", web.connections[info->connect_fd]);
		fields_text(fields, "connection", text);
		return;
	}
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	if (info && info->client_addr->sa_family == AF_INET6)
		inet_ntop(AF_INET6, &((struct sockaddr_in6 *)info->client_addr)->sin6_addr, text,
			  sizeof(text));
	else if (info && info->client_addr->sa_family == AF_INET)
		inet_ntop(AF_INET, &((struct sockaddr_in *)info->client_addr)->sin_addr, text,
			  sizeof(text));
	fields_text(fields, "address", text);
}

/* Adds the client's address and the headers that are not in collect->seen yet. */
static void request_client(const struct exchange *exchange, struct collect *collect)
{
	request_peer(exchange->connection, collect->fields);
	if (*exchange->authority)
		request_header(collect, MHD_HEADER_KIND, "Host", exchange->authority);
	MHD_get_connection_values(exchange->connection, MHD_HEADER_KIND, request_header, collect);
}

bool request_query_text(const char *value, char *to, size_t room)
{
	if (strlen(value) >= room)
		return false;
	string_copy(to, room, value);
	return request_decode(to, false) && utf8_valid((uint8_t *)to, strlen(to));
}

bool request_path_text(const char *path, char *to, size_t room)
{
	if (strlen(path) >= room)
		return false;
	string_copy(to, room, path);
	return request_decode(to, true) && utf8_valid((uint8_t *)to, strlen(to));
}

/*
 * Adds REST's form of headers that Redfish has in another form: the session's token, and for
 * requests made by this folder the body's type and the condition If-Match. Headers in collect->seen
 * are not taken from the client.
 */
static void request_redfish_headers(const struct exchange *exchange, struct collect *collect)
{
	const struct redfish *redfish = exchange->redfish;
	const char *token =
		MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, "X-Auth-Token");

	/* The cookie is left out: a browser would send it whichever page has made the request. */
	collect->seen |= 1u << NAME_COOKIE;
	if (token && strlen(token) <= 256 && utf8_valid((const uint8_t *)token, strlen(token))) {
		char text[300];

		snprintf(text, sizeof(text), "Bearer %s", token);
		fields_text(collect->fields, request_names[NAME_AUTHORIZATION], text);
		collect->seen |= 1u << NAME_AUTHORIZATION;
		explicit_bzero(text, sizeof(text));
	}
	if (*redfish->match &&
	    !MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, "If-Match")) {
		fields_text(collect->fields, request_names[NAME_MATCH], redfish->match);
		collect->seen |= 1u << NAME_MATCH;
	}
	/* A body from the client has the client's type; a body made here has this type. */
	if (redfish->sent && !redfish->body) {
		fields_text(collect->fields, request_names[NAME_TYPE], "application/json");
		collect->seen |= 1u << NAME_TYPE;
	}
}

bool request_fields_redfish(const struct exchange *exchange, struct buffer *fields)
{
	const struct redfish *redfish = exchange->redfish;
	struct collect collect = {.fields = fields};
	char *text = redfish->sent ? json_dumps(redfish->sent, JSON_COMPACT) : NULL;
	bool good = !redfish->sent || (text && flatten(text, strlen(text), fields));

	free(text);
	fields_text(fields, "method", redfish->method);
	fields_text(fields, "path", redfish->path);
	fields_text(fields, "redfish", "yes");
	request_redfish_headers(exchange, &collect);
	request_client(exchange, &collect);
	return good && !fields->failed && fields->count <= MESSAGE_PAYLOAD;
}

bool request_fields(const struct exchange *exchange, const char *url, const char *method,
		    struct buffer *fields, unsigned *status)
{
	struct collect collect = {.fields = fields};
	char path[1024];

	*status = MHD_HTTP_BAD_REQUEST;
	if (!request_path_text(url, path, sizeof(path)))
		return false;
	fields_text(fields, "method", method);
	fields_text(fields, "path", path);
	MHD_get_connection_values(exchange->connection, MHD_GET_ARGUMENT_KIND, request_query,
				  &collect);
	if (collect.bad)
		return false;
	request_client(exchange, &collect);
	if (exchange->streams) {
		char length[24];

		snprintf(length, sizeof(length), "%llu", (unsigned long long)exchange->length);
		fields_text(fields, "length", length);
	}
	if (!exchange->chunked && request_is_upgrade(exchange->connection))
		fields_text(fields, "upgrade", "websocket");
	if (exchange->body.count && !flatten(exchange->body.bytes, exchange->body.count, fields))
		return false;
	*status = MHD_HTTP_CONTENT_TOO_LARGE;
	return !fields->failed && fields->count <= MESSAGE_PAYLOAD;
}

const char *request_e2b_key(struct MHD_Connection *connection)
{
	const char *key = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "X-API-Key");

	if (!key)
		key = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "X-Access-Token");
	return key && strlen(key) <= 256 && utf8_valid((const uint8_t *)key, strlen(key)) ? key
											  : "";
}

bool request_fields_e2b(const struct exchange *exchange, struct buffer *fields)
{
	const struct e2b *e2b = exchange->e2b;
	struct collect collect = {.fields = fields};
	char *sent = e2b->sent ? json_dumps(e2b->sent, JSON_COMPACT) : NULL, text[300];
	bool good = !e2b->sent || (sent && flatten(sent, strlen(sent), fields));

	free(sent);
	fields_text(fields, "method", e2b->method);
	fields_text(fields, "path", e2b->path);
	if (e2b->with_file) {
		fields_text(fields, "query.path", e2b->file);
		if (*e2b->user)
			fields_text(fields, "query.user", e2b->user);
	}
	if (exchange->form)
		fields_text(fields, "length", "unknown");
	/*
	 * The client's key alone says who asks: neither a cookie, nor Authorization, by which it
	 * says who in the sandbox is to do it. Without a key this is no credential.
	 */
	snprintf(text, sizeof(text), "Bearer %s", request_e2b_key(exchange->connection));
	fields_text(fields, request_names[NAME_AUTHORIZATION], text);
	explicit_bzero(text, sizeof(text));
	if (e2b->sent || exchange->form)
		fields_text(fields, request_names[NAME_TYPE],
			    exchange->form ? "application/octet-stream" : "application/json");
	fields_text(fields, request_names[NAME_ACCEPT],
		    e2b->streams ? "text/event-stream" : "application/json");
	/* One request of E2B's may be several here, which must not be taken for the same one. */
	collect.seen = 1u << NAME_AUTHORIZATION | 1u << NAME_COOKIE | 1u << NAME_TYPE |
		       1u << NAME_ACCEPT | 1u << NAME_IDEMPOTENCY;
	request_client(exchange, &collect);
	return good && !fields->failed && fields->count <= MESSAGE_PAYLOAD;
}
