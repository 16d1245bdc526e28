/* SPDX-License-Identifier: MIT */
/*
 * Reads the XML that libvirt's clients send, into a list of its elements and attributes. Procedures
 * that take a description call it; it looks at its arguments and nothing else.
 */
#include "gateway/door/xml_reader.h"

#include <stdio.h>
#include <string.h>

#include "gateway/base/string.h"

struct xml_reader {
	const char *at, *end;
	struct xml_items *items;
	struct xml_item *open[XML_DEPTH];
	size_t depth;
	bool done; /* the first element has ended */
};

static bool xml_blank(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static void xml_skip_blanks(struct xml_reader *reader)
{
	while (reader->at < reader->end && xml_blank(*reader->at))
		reader->at++;
}

/* Takes the text if it comes next. */
static bool xml_take(struct xml_reader *reader, const char *text)
{
	size_t length = strlen(text);

	if ((size_t)(reader->end - reader->at) < length || memcmp(reader->at, text, length) != 0)
		return false;
	reader->at += length;
	return true;
}

/*
 * Skips everything up to the given text, and the text itself; returns false if the text does not
 * come.
 */
static bool xml_take_until(struct xml_reader *reader, const char *text)
{
	const char *found =
		memmem(reader->at, (size_t)(reader->end - reader->at), text, strlen(text));

	if (found)
		reader->at = found + strlen(text);
	return found;
}

static bool xml_take_name(struct xml_reader *reader, char name[XML_NAME_BYTES])
{
	size_t count = 0;

	while (reader->at < reader->end &&
	       ((*reader->at >= 'a' && *reader->at <= 'z') ||
		(*reader->at >= 'A' && *reader->at <= 'Z') || *reader->at == '_' ||
		(count &&
		 ((*reader->at >= '0' && *reader->at <= '9') || strchr("-.:", *reader->at))))) {
		if (count + 1 == XML_NAME_BYTES)
			return false;
		name[count++] = *reader->at++;
	}
	name[count] = 0;
	return count;
}

/* Takes one character or entity of a text, and adds it to the present item's text. */
static bool xml_take_character(struct xml_reader *reader, size_t *count)
{
	struct xml_items *items = reader->items;
	static const struct {
		const char *entity;
		char is;
	} entities[] = {
		{"&lt;", '<'}, {"&gt;", '>'}, {"&amp;", '&'}, {"&apos;", '\''}, {"&quot;", '"'}};
	char byte = *reader->at;

	if (byte == '&') {
		size_t i = 0;

		while (i < ARRAY_COUNT(entities) && !xml_take(reader, entities[i].entity))
			i++;
		if (i == ARRAY_COUNT(entities))
			return false;
		byte = entities[i].is;
	} else {
		reader->at++;
	}
	if (!byte || *count + 1 == XML_TEXT_BYTES ||
	    items->texts_count + *count + 1 == XML_TEXTS_BYTES)
		return false;
	items->texts[items->texts_count + (*count)++] = byte;
	return true;
}

/* Stores the text of an item, `count` bytes. */
static void xml_keep_text(struct xml_items *items, struct xml_item *item, size_t count)
{
	if (!count)
		return;
	item->text = items->texts + items->texts_count;
	items->texts_count += count;
	items->texts[items->texts_count++] = 0;
}

/* Adds an item below the innermost open element; returns NULL if there is no room. */
static struct xml_item *xml_add(struct xml_reader *reader, const char *mark, const char *name)
{
	struct xml_items *items = reader->items;
	struct xml_item *item = &items->list[items->count];
	int length;

	if (items->count == XML_ITEMS)
		return NULL;
	length = snprintf(item->path, sizeof(item->path), "%s%s%s",
			  reader->depth ? reader->open[reader->depth - 1]->path : "",
			  reader->depth ? mark : "", name);
	item->text = "";
	items->count++;
	return length > 0 && (size_t)length < sizeof(item->path) ? item : NULL;
}

/* Takes an attribute, which belongs to the innermost open element. */
static bool xml_take_attribute(struct xml_reader *reader)
{
	char name[XML_NAME_BYTES], quote;
	struct xml_item *item;
	size_t count = 0;

	if (!xml_take_name(reader, name) || !(item = xml_add(reader, "@", name)))
		return false;
	xml_skip_blanks(reader);
	if (!xml_take(reader, "="))
		return false;
	xml_skip_blanks(reader);
	if (reader->at == reader->end || (*reader->at != '\'' && *reader->at != '"'))
		return false;
	quote = *reader->at++;
	while (reader->at < reader->end && *reader->at != quote) {
		if (*reader->at == '<' || !xml_take_character(reader, &count))
			return false;
	}
	xml_keep_text(reader->items, item, count);
	return reader->at < reader->end && xml_take(reader, quote == '"' ? "\"" : "'");
}

/* Reads the start tag of an element, behind its "<". */
static bool xml_take_begin(struct xml_reader *reader)
{
	char name[XML_NAME_BYTES];
	struct xml_item *item;

	if (reader->done || reader->depth == XML_DEPTH || !xml_take_name(reader, name) ||
	    !(item = xml_add(reader, "/", name)))
		return false;
	reader->open[reader->depth++] = item;
	for (;;) {
		bool blank = reader->at < reader->end && xml_blank(*reader->at);

		xml_skip_blanks(reader);
		if (xml_take(reader, ">"))
			return true;
		if (xml_take(reader, "/>")) {
			reader->depth--;
			reader->done = !reader->depth;
			return true;
		}
		if (!blank || !xml_take_attribute(reader))
			return false;
	}
}

/* Reads the end tag of an element, behind its "</". */
static bool xml_take_end(struct xml_reader *reader)
{
	char name[XML_NAME_BYTES];
	const char *path, *last;

	if (!reader->depth || !xml_take_name(reader, name))
		return false;
	path = reader->open[--reader->depth]->path;
	last = strrchr(path, '/');
	reader->done = !reader->depth;
	xml_skip_blanks(reader);
	return !strcmp(last ? last + 1 : path, name) && xml_take(reader, ">");
}

/* Reads the text up to the next "<" as that of the innermost open element. */
static bool xml_take_text(struct xml_reader *reader)
{
	struct xml_item *item = reader->depth ? reader->open[reader->depth - 1] : NULL;
	size_t count;

	xml_skip_blanks(reader);
	if (reader->at == reader->end || *reader->at == '<')
		return true;
	/* A text in pieces, with elements between them, is not supported. */
	if (!item || *item->text)
		return false;
	count = 0;
	while (reader->at < reader->end && *reader->at != '<') {
		if (!xml_take_character(reader, &count))
			return false;
	}
	while (count && xml_blank(reader->items->texts[reader->items->texts_count + count - 1]))
		count--;
	xml_keep_text(reader->items, item, count);
	return true;
}

bool xml_read(const char *text, size_t count, struct xml_items *items)
{
	struct xml_reader reader = {.at = text, .end = text + count, .items = items};

	items->count = 0;
	items->texts_count = 0;
	xml_skip_blanks(&reader);
	if (xml_take(&reader, "<?xml ") && !xml_take_until(&reader, "?>"))
		return false;
	while (xml_take_text(&reader)) {
		if (reader.at == reader.end)
			return reader.done;
		if (xml_take(&reader, "<!--")) {
			if (!xml_take_until(&reader, "-->"))
				return false;
		} else if (xml_take(&reader, "</")) {
			if (!xml_take_end(&reader))
				return false;
		} else if (!xml_take(&reader, "<") || !xml_take_begin(&reader)) {
			return false;
		}
	}
	return false;
}

const char *xml_unknown(const struct xml_items *items, const char *const *known)
{
	for (size_t i = 0; i < items->count; i++) {
		const char *const *each = known;

		while (*each && strcmp(*each, items->list[i].path) != 0)
			each++;
		if (!*each)
			return items->list[i].path;
	}
	return NULL;
}

const char *xml_find(const struct xml_items *items, const char *path)
{
	const char *text = NULL;

	for (size_t i = 0; i < items->count; i++) {
		if (strcmp(items->list[i].path, path) != 0)
			continue;
		if (text)
			return NULL;
		text = items->list[i].text;
	}
	return text;
}
