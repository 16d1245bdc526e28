/* SPDX-License-Identifier: MIT */
/*
 * Parses the heads of requests and answers strictly: refuses forms that two readers could read
 * differently. The process of a client's connection calls it; it touches nothing but its arguments.
 */
#include "gateway/proxy/parse.h"

#include <string.h>
#include <strings.h>

#include "gateway/base/string.h"

enum { PARSE_LENGTH_DIGITS = 15 };

bool parse_is_token(const char *text)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	if (!*text)
		return false;
	for (; *text; text++) {
		bool letter = (*text | 0x20) >= 'a' && (*text | 0x20) <= 'z';

		if (!letter && !(*text >= '0' && *text <= '9') && !strchr(others, *text))
			return false;
	}
	return true;
}

static char parse_fold(char byte)
{
	char letter = (char)(byte | 0x20);

	if (letter >= 'a' && letter <= 'z')
		return letter;
	return !byte || (byte >= '0' && byte <= '9') ? byte : '-';
}

bool parse_is_same(const char *name, const char *other)
{
	return parse_begins(name, other) && strlen(name) == strlen(other);
}

bool parse_begins(const char *name, const char *beginning)
{
	while (*beginning && parse_fold(*name) == parse_fold(*beginning)) {
		name++;
		beginning++;
	}
	return !*beginning;
}

bool parse_name(char *name, const char *text, size_t length)
{
	if (!length || length >= PARSE_NAME_BYTES || text[0] == '-' || text[0] == '.')
		return false;
	for (size_t i = 0; i < length; i++) {
		char byte = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] | 0x20) : text[i];
		bool good = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
			    byte == '-' || byte == '_' || (byte == '.' && text[i - 1] != '.');

		if (!good)
			return false;
		name[i] = byte;
	}
	name[length] = 0;
	return true;
}

/* Removes blanks from both ends of a text. */
static char *parse_trim(char *text)
{
	char *end = text + strlen(text);

	while (*text == ' ' || *text == '\t')
		text++;
	while (end > text && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = 0;
	return text;
}

static const char *parse_line(struct parse_head *head, char *line)
{
	struct parse_field *field = head->fields + head->count;
	char *colon = strchr(line, ':');

	if (head->count == PARSE_FIELDS)
		return "a head may have up to 100 headers";
	if (!colon)
		return "each line behind the first is NAME: VALUE";
	*colon = 0;
	if (!parse_is_token(line))
		return "a header's name has letters, digits and signs such as - alone";
	field->name = line;
	field->value = parse_trim(colon + 1);
	head->count++;
	return NULL;
}

const char *parse_head(struct parse_head *head, char *bytes, size_t count)
{
	const char *wrong = NULL;
	char *end = bytes + count;

	head->count = 0;
	while (bytes < end && (*bytes == '\r' || *bytes == '\n'))
		bytes++;
	head->line = NULL;
	while (bytes < end && !wrong) {
		char *line = bytes;
		char *stop = memchr(bytes, '\r', (size_t)(end - bytes));

		if (!stop || end - stop < 2)
			return "a head ends with an empty line";
		*stop = 0;
		bytes = stop + 2;
		if (!*line)
			break;
		if (!head->line)
			head->line = line;
		else
			wrong = parse_line(head, line);
	}
	return wrong || head->line ? wrong : "a head begins with a line that is not empty";
}

/*
 * Returns the value of the only header of that name, or NULL; *count is the number of such headers.
 */
static const char *parse_find(const struct parse_head *head, const char *name, size_t *count)
{
	const char *value = NULL;

	*count = 0;
	for (size_t i = 0; i < head->count; i++) {
		if (strcasecmp(head->fields[i].name, name))
			continue;
		value = head->fields[i].value;
		++*count;
	}
	return value;
}

/* Returns whether one of the headers of that name, lists with commas, contains the word. */
static bool parse_has_word(const struct parse_head *head, const char *name, const char *word)
{
	size_t length = strlen(word);

	for (size_t i = 0; i < head->count; i++) {
		const char *at = head->fields[i].value;

		if (strcasecmp(head->fields[i].name, name))
			continue;
		while (*at) {
			size_t piece;

			at += strspn(at, " \t,");
			piece = strcspn(at, " \t,");
			if (piece == length && !strncasecmp(at, word, length))
				return true;
			at += piece;
		}
	}
	return false;
}

bool parse_is_hop(const struct parse_head *head, const char *name)
{
	static const char *const hops[] = {"connection", "keep-alive",	      "te",
					   "trailer",	 "transfer-encoding", "upgrade",
					   "expect",	 "content-length",    "http2-settings"};

	for (size_t i = 0; i < ARRAY_COUNT(hops); i++) {
		if (parse_is_same(name, hops[i]))
			return true;
	}
	return !strncasecmp(name, "proxy", 5) || parse_has_word(head, "connection", name);
}

static bool parse_digits(const char *text, size_t most, uint64_t *value)
{
	size_t length = strlen(text);

	*value = 0;
	if (!length || length > most)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		*value = *value * 10 + (uint64_t)(*text - '0');
	}
	return true;
}

/* Finds the body's framing, if a header gives one. */
static const char *parse_framing(const struct parse_head *head, enum body_kind *kind,
				 uint64_t *length)
{
	size_t lengths, codings;
	const char *text = parse_find(head, "content-length", &lengths);
	const char *coding = parse_find(head, "transfer-encoding", &codings);

	for (size_t i = 0; i < head->count; i++) {
		const char *name = head->fields[i].name;

		/*
		 * Some servers read Content_Length as Content-Length; no honest client sends that.
		 */
		if ((parse_is_same(name, "content-length") && strcasecmp(name, "content-length")) ||
		    (parse_is_same(name, "transfer-encoding") &&
		     strcasecmp(name, "transfer-encoding")))
			return "write Content-Length and Transfer-Encoding with a hyphen";
	}
	if (lengths + codings > 1)
		return "a body has one Content-Length or one Transfer-Encoding, not both and not "
		       "two";
	if (codings) {
		if (strcasecmp(coding, "chunked"))
			return "the only Transfer-Encoding that the proxy knows is chunked";
		*kind = BODY_CHUNKED;
	} else if (lengths) {
		if (!parse_digits(text, PARSE_LENGTH_DIGITS, length))
			return "Content-Length is a number of up to 15 digits";
		*kind = BODY_LENGTH;
	}
	return NULL;
}

/* Reads HOST[:PORT]. Returns false if the text is none. */
static bool parse_authority(const char *text, size_t length, char *host, unsigned *port)
{
	const char *colon = memchr(text, ':', length);
	size_t name = colon ? (size_t)(colon - text) : length;
	uint64_t number = 0;
	char digits[6] = "";

	if (!parse_name(host, text, name))
		return false;
	if (colon) {
		if (length - name - 1 >= sizeof(digits))
			return false;
		memcpy(digits, colon + 1, length - name - 1);
		if (!parse_digits(digits, 5, &number) || !number || number > 65535)
			return false;
	}
	*port = (unsigned)number;
	return true;
}

/* Reads http://HOST[:PORT]/PATH[?QUERY]. */
static const char *parse_url(struct parse_request *request, const char *url)
{
	static const char wrong[] =
		"ask a proxy for a whole URL: GET http://HOST/PATH HTTP/1.1, with a host's name";
	bool secure = !strncasecmp(url, "https://", 8);
	size_t scheme = secure ? 8 : 7, authority;

	if (!secure && strncasecmp(url, "http://", 7))
		return wrong;
	url += scheme;
	authority = strcspn(url, "/?#");
	if (!parse_authority(url, authority, request->host, &request->port))
		return wrong;
	if (request->port == (secure ? 443 : 80))
		request->port = 0;
	request->target = url[authority] ? url + authority : "/";
	if (*request->target != '/' || strpbrk(request->target, "#\\"))
		return "a URL's path begins with / and has no # and no backslash";
	request->path = strcspn(request->target, "?");
	return NULL;
}

/* Checks that the header Host names the host and the port of the URL. */
static const char *parse_host(const struct parse_request *request, const struct parse_head *head,
			      bool must)
{
	char host[PARSE_NAME_BYTES];
	unsigned port;
	size_t count;
	const char *text = parse_find(head, "host", &count);

	if (!count && !must)
		return NULL;
	if (count != 1)
		return "a request has one header Host";
	if (!parse_authority(text, strlen(text), host, &port) || strcmp(host, request->host))
		return "the header Host must name the host of the URL";
	/* A URL without a port may stand for port 80 or 443. */
	if (port != request->port && !(!request->port && (port == 80 || port == 443)) &&
	    !(request->port == 443 && !port))
		return "the header Host must name the port of the URL";
	return NULL;
}

/* Divides the first line of a request in three, at its two blanks. */
static const char *parse_words(char *line, char *words[3])
{
	static const char wrong[] = "a request begins with METHOD URL HTTP/1.1, with single blanks";

	for (int i = 0; i < 3; i++) {
		words[i] = line;
		line = strchr(line, ' ');
		if ((line == NULL) != (i == 2) || line == words[i])
			return wrong;
		if (line)
			*line++ = 0;
	}
	for (const char *at = words[1]; *at; at++) {
		if (*at <= ' ' || *at >= 127)
			return "a URL has printable ASCII alone; write other bytes as %XX";
	}
	return NULL;
}

const char *parse_request(struct parse_request *request, const struct parse_head *head)
{
	const char *wrong;
	char *words[3];
	size_t count;
	bool old;

	*request = (struct parse_request){.kind = BODY_NONE};
	wrong = parse_words(head->line, words);
	if (wrong)
		return wrong;
	if (!parse_is_token(words[0]) || strlen(words[0]) >= sizeof(request->method))
		return "a method is a word of up to 15 letters, such as GET";
	string_copy(request->method, sizeof(request->method), words[0]);
	request->tunnel = !strcmp(words[0], "CONNECT");
	/* Old libraries ask for tunnels, and only for these, by HTTP/1.0. */
	old = request->tunnel && !strcmp(words[2], "HTTP/1.0");
	if (!old && strcmp(words[2], "HTTP/1.1"))
		return "the proxy speaks HTTP/1.1";
	if (!request->tunnel)
		wrong = parse_url(request, words[1]);
	else if (!parse_authority(words[1], strlen(words[1]), request->host, &request->port) ||
		 !request->port)
		wrong = "ask for a tunnel by CONNECT HOST:PORT HTTP/1.1";
	if (!wrong)
		wrong = parse_host(request, head, !old);
	if (!wrong)
		wrong = parse_framing(head, &request->kind, &request->length);
	if (!wrong && request->tunnel && request->kind != BODY_NONE)
		wrong = "CONNECT has no body";
	request->close = parse_has_word(head, "connection", "close");
	request->expects = parse_find(head, "expect", &count) &&
			   parse_has_word(head, "expect", "100-continue");
	if (!wrong && count && !request->expects)
		wrong = "the only thing to expect is 100-continue";
	return wrong;
}

const char *parse_answer(struct parse_answer *answer, const struct parse_head *head,
			 const char *method)
{
	const char *line = head->line, *wrong;
	uint64_t status;
	char digits[4] = "";

	*answer = (struct parse_answer){.kind = BODY_CLOSE};
	if ((strncmp(line, "HTTP/1.1 ", 9) && strncmp(line, "HTTP/1.0 ", 9)) || strlen(line) < 12)
		return "the host's answer does not begin with HTTP/1.1 and a status";
	memcpy(digits, line + 9, 3);
	if (!parse_digits(digits, 3, &status) || status < 100 || status > 599 ||
	    (line[12] && line[12] != ' '))
		return "the host's answer does not begin with HTTP/1.1 and a status";
	answer->status = (unsigned)status;
	wrong = parse_framing(head, &answer->kind, &answer->length);
	if (wrong)
		return "the length of the host's answer could be read in two ways";
	answer->has_length = answer->kind == BODY_LENGTH && status >= 200 && status != 204;
	if (!strcmp(method, "HEAD") || status < 200 || status == 204 || status == 304)
		answer->kind = BODY_NONE;
	return NULL;
}
