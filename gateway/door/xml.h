/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/base/buffer.h"

/*
 * Writes XML, an element a line: xml_begin() and its attributes, then either xml_close() for an
 * empty element, xml_text() for one that holds a text, or xml_open(), what is in it, xml_end().
 */
void xml_begin(struct buffer *text, const char *name);
void xml_attribute(struct buffer *text, const char *name, const char *value);
void xml_close(struct buffer *text);
void xml_open(struct buffer *text);
void xml_text(struct buffer *text, const char *name, const char *value);
void xml_end(struct buffer *text, const char *name);
