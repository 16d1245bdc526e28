/* SPDX-License-Identifier: MIT */
/*
 * Makes a page of HTML of a report. The handler of reports calls it; it knows no section by name:
 * each becomes a list of facts and a table. All values are hostile text: names of VMs and users,
 * and texts of Skerry or a guest.
 */
#include "gateway/core/report/html.h"

#include <stdio.h>
#include <string.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "gateway/base/bytes.h"
#include "gateway/core/report/report_row.h"

static const char html_style[] =
	"body{font:14px/1.45 system-ui,sans-serif;margin:2em auto;max-width:72em;padding:0 1em;"
	"color:#111;background:#fff}"
	"h1{font-size:1.6em}h2{font-size:1.2em;border-bottom:1px solid #999;margin-top:2em}"
	"table{border-collapse:collapse;width:100%;margin:.6em 0}"
	"th,td{border:1px solid #bbb;padding:.2em .5em;text-align:left;vertical-align:top;"
	"overflow-wrap:anywhere}th{background:#eee}table.facts{width:auto}"
	".unknown{font-style:italic;color:#6b4a00}.bad{font-weight:bold;color:#a00000}"
	"@media print{body{margin:0;max-width:none;font-size:10pt}"
	"h2{break-after:avoid}tr{break-inside:avoid}thead{display:table-header-group}}";

/* Returns the length of the UTF-8 character at `text`, which is well-formed. */
static size_t html_length(const char *text)
{
	uint8_t first = (uint8_t)*text;

	return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/*
 * Returns the code, plus 1, of a character that must be made visible, as it would change the order
 * of the text or hide in it: a control, a mark of direction, or one without a width; else 0.
 */
static uint32_t html_hidden(const char *text, size_t length)
{
	uint32_t code = (uint8_t)*text;

	if (length == 1)
		return code < ' ' || code == 127 ? code + 1 : 0;
	code &= 0x7fu >> length;
	for (size_t i = 1; i < length; i++)
		code = code << 6 | ((uint8_t)text[i] & 0x3f);
	if (code < 0xa0 || code == 0xad || code == 0x61c || code == 0x180e ||
	    (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
	    (code >= 0x2060 && code <= 0x206f) || code == 0xfeff ||
	    (code >= 0xfff0 && code <= 0xfffb) || code >= 0xe0000)
		return code + 1;
	return 0;
}

void html_text(struct buffer *page, const char *text)
{
	static const char *const entities[128] = {
		['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;", ['"'] = "&quot;", ['\''] = "&#39;",
	};
	size_t length;

	if (!utf8_valid((const uint8_t *)text, strlen(text))) {
		buffer_text(page, "(no UTF-8)");
		return;
	}
	for (; *text; text += length) {
		uint32_t hidden = html_hidden(text, length = html_length(text));

		if (hidden)
			buffer_format(page, "\\u{%x}", hidden - 1);
		else if (length == 1 && entities[(uint8_t)*text])
			buffer_text(page, entities[(uint8_t)*text]);
		else
			buffer_add(page, text, length);
	}
}

/* Adds a key of the report as a title: its underscores become blanks. */
static void html_title(struct buffer *page, const char *key)
{
	char text[64];

	snprintf(text, sizeof(text), "%s", key);
	for (char *at = text; *at; at++) {
		if (*at == '_')
			*at = ' ';
	}
	html_text(page, text);
}

/*
 * Returns the class of a word that an auditor must not overlook. No guest chooses the values of the
 * keys that are judged.
 */
static const char *html_class(const char *key, const json_t *value)
{
	const char *text = json_string_value(value);
	bool judged = !strcmp(key, "result") || !strcmp(key, "chain") || !strcmp(key, "state") ||
		      !strcmp(key, "status");

	if (json_is_null(value) || (judged && text && !strcmp(text, "unknown")))
		return "unknown";
	return judged && text &&
			       (!strcmp(text, "deviates") || !strcmp(text, "broken") ||
				!strcmp(text, "open") || !strcmp(text, "failed"))
		       ? "bad"
		       : "";
}

static void html_value(struct buffer *page, const char *key, const json_t *value)
{
	const char *class = html_class(key, value);

	if (*class)
		buffer_format(page, "<td class=\"%s\">", class);
	else
		buffer_text(page, "<td>");
	if (json_is_string(value))
		html_text(page, json_string_value(value));
	else if (json_is_integer(value))
		buffer_format(page, "%lld", (long long)json_integer_value(value));
	else if (json_is_boolean(value))
		buffer_text(page, json_is_true(value) ? "yes" : "no");
	else
		buffer_text(page, "unknown");
	buffer_text(page, "</td>");
}

static void html_facts(struct buffer *page, json_t *facts)
{
	const char *key;
	json_t *value;

	if (!json_object_size(facts))
		return;
	buffer_text(page, "<table class=\"facts\"><tbody>\n");
	json_object_foreach(facts, key, value)
	{
		buffer_text(page, "<tr><th scope=\"row\">");
		html_title(page, key);
		buffer_text(page, "</th>");
		html_value(page, key, value);
		buffer_text(page, "</tr>\n");
	}
	buffer_text(page, "</tbody></table>\n");
}

static void html_items(struct buffer *page, json_t *items)
{
	json_t *item, *value;
	const char *key;
	size_t i;

	if (!json_array_size(items))
		return;
	buffer_text(page, "<table><thead><tr>");
	json_object_foreach(json_array_get(items, 0), key, value)
	{
		buffer_text(page, "<th scope=\"col\">");
		html_title(page, key);
		buffer_text(page, "</th>");
	}
	buffer_text(page, "</tr></thead><tbody>\n");
	json_array_foreach(items, i, item)
	{
		buffer_text(page, "<tr>");
		json_object_foreach(item, key, value)
		{
			html_value(page, key, value);
		}
		buffer_text(page, "</tr>\n");
	}
	buffer_text(page, "</tbody></table>\n");
}

static void html_section(struct buffer *page, const json_t *section)
{
	buffer_text(page, "<section id=\"");
	html_text(page, row_text(section, "id"));
	buffer_text(page, "\">\n<h2>");
	html_text(page, row_text(section, "title"));
	if (!row_is(section, "status", "known"))
		buffer_format(page, " <span class=\"unknown\">(%s)</span>",
			      row_is(section, "status", "partly") ? "partly known" : "unknown");
	buffer_text(page, "</h2>\n<p>");
	html_text(page, row_text(section, "note"));
	buffer_text(page, "</p>\n");
	html_facts(page, json_object_get(section, "facts"));
	html_items(page, json_object_get(section, "items"));
	buffer_text(page, "</section>\n");
}

/* Adds the CSP that a page itself can carry: only the style with this SHA-256 is applied. */
static void html_source(struct buffer *page)
{
	uint8_t hash[32] = {0};

	gnutls_hash_fast(GNUTLS_DIG_SHA256, html_style, strlen(html_style), hash);
	buffer_text(page, "default-src 'none'; style-src 'sha256-");
	base64_add(page, hash, sizeof(hash));
	buffer_text(page, "'; base-uri 'none'; form-action 'none'");
}

void html_policy(char *policy, size_t room)
{
	struct buffer text = {0};

	html_source(&text);
	buffer_text(&text, "; frame-ancestors 'none'; sandbox");
	snprintf(policy, room, "%s", text.failed ? "default-src 'none'; sandbox" : text.bytes);
	buffer_free(&text);
}

struct buffer html_page(const json_t *report)
{
	struct buffer page = {0};
	json_t *section;
	size_t i;

	buffer_text(&page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
			   "<meta http-equiv=\"Content-Security-Policy\" content=\"");
	html_source(&page);
	buffer_text(&page, "\">\n<meta name=\"viewport\" content=\"width=device-width\">\n"
			   "<title>Report of a host of Skerry</title>\n<style>");
	buffer_text(&page, html_style);
	buffer_text(&page,
		    "</style>\n</head>\n<body>\n<h1>Report of a host of Skerry</h1>\n<p>Made ");
	html_text(&page, row_text(report, "made"));
	buffer_text(&page, " for ");
	html_text(&page, row_text(report, "asked_by"));
	buffer_text(&page,
		    ". What is not known is said to be <span class=\"unknown\">unknown</span>: "
		    "that is never a good sign.</p>\n");
	json_array_foreach(json_object_get(report, "sections"), i, section)
	{
		html_section(&page, section);
	}
	buffer_text(&page, "</body>\n</html>\n");
	return page;
}
