/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Reads XML as libvirt's clients write it: elements, attributes, texts, the five entities that need
 * no declaration, a declaration of XML at the start and comments. There is no DTD and so no entity
 * of one's own, no CDATA and no processing instruction: a document that has any is refused.
 */
enum {
	XML_NAME_BYTES = 64,
	XML_TEXT_BYTES = 1024, /* room for the text of an item */
	XML_DEPTH = 8,
	XML_ITEMS = 512,
	XML_TEXTS_BYTES = 16384, /* room for the texts of all items */
};

/* An element or an attribute, by its path: a/b for an element, a/b@c for an attribute. */
struct xml_item {
	char path[XML_NAME_BYTES * 3];
	const char *text; /* the item's text, without the blanks around it */
};

/* The items of a document. The struct must not be copied, as the items' texts point into it. */
struct xml_items {
	size_t count, texts_count;
	struct xml_item list[XML_ITEMS];
	char texts[XML_TEXTS_BYTES];
};

/*
 * Reads a document. Returns false if it is no valid one, or is too deep, has too many items or too
 * long texts.
 */
bool xml_read(const char *text, size_t count, struct xml_items *items);
/*
 * Returns the first path of an item that is not in `known`, a list that ends with NULL; returns
 * NULL if all are.
 */
const char *xml_unknown(const struct xml_items *items, const char *const *known);
/*
 * Returns the text of the only item with that path, or NULL when there is none, or there are
 * several.
 */
const char *xml_find(const struct xml_items *items, const char *path);
