/* SPDX-License-Identifier: MIT */
/*
 * Writes XML and escapes characters that a text may not contain. door's descriptions for libvirt's
 * clients are written by it; the file uses nothing but its arguments.
 */
#include "gateway/door/xml.h"

#include <string.h>

void xml_begin(struct buffer *text, const char *name)
{
	buffer_format(text, "<%s", name);
}

static void xml_escape(struct buffer *text, const char *value)
{
	for (; *value; value++) {
		switch (*value) {
		case '<':
			buffer_text(text, "&lt;");
			break;
		case '>':
			buffer_text(text, "&gt;");
			break;
		case '&':
			buffer_text(text, "&amp;");
			break;
		case '\'':
			buffer_text(text, "&apos;");
			break;
		case '"':
			buffer_text(text, "&quot;");
			break;
		default:
			/* XML 1.0 has no way to write the other control characters. */
			if ((unsigned char)*value >= ' ' || strchr("\t\n\r", *value))
				buffer_add(text, value, 1);
		}
	}
}

void xml_attribute(struct buffer *text, const char *name, const char *value)
{
	buffer_format(text, " %s='", name);
	xml_escape(text, value);
	buffer_text(text, "'");
}

void xml_close(struct buffer *text)
{
	buffer_text(text, "/>\n");
}

void xml_open(struct buffer *text)
{
	buffer_text(text, ">\n");
}

void xml_text(struct buffer *text, const char *name, const char *value)
{
	buffer_text(text, ">");
	xml_escape(text, value);
	xml_end(text, name);
}

void xml_end(struct buffer *text, const char *name)
{
	buffer_format(text, "</%s>\n", name);
}
